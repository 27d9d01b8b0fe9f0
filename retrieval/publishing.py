"""New towers become what counts: every item gets its behaviour vector by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.embedding import behaviour_hashes, behaviour_vectors
from retrieval.store_state import BEHAVIOUR, TowersRecord

if TYPE_CHECKING:
    from retrieval.store import VectorStore
    from retrieval.towers import Towers
    from retrieval.workspace import Workspace


def publish_towers(workspace: Workspace, store: VectorStore, towers: Towers, version: str) -> TowersRecord:
    """Give every item that is not withdrawn its vector by the towers, and make these count, all at once.

    version: under which `save_towers` has kept them in the workspace.
    Items that are indexed meanwhile get theirs when the catalogue is indexed next.
    Raises EncoderMismatchError when they were trained on another encoder's vectors, WorkspaceLockedError, StoreError.
    """
    items = workspace.items.all()
    vectors = behaviour_vectors(towers, store, [item.item_id for item in items])
    record = TowersRecord(version, towers.dimensions, towers.facts.encoder)
    rows = np.stack(list(vectors.values())) if vectors else np.zeros((0, towers.dimensions), dtype=np.float32)
    learned = store.publish_towers(record, list(vectors), rows)
    hashes = behaviour_hashes(learned, [item for item in items if item.item_id in vectors])
    workspace.items.mark_embedded(BEHAVIOUR, hashes)
    return record
