"""New towers become what counts: every item gets its behaviour vector by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.chroma_access import WAIT_S
from retrieval.embedding import behaviour_hashes, behaviour_vectors
from retrieval.locks import alone
from retrieval.store_state import BEHAVIOUR, TowersRecord

if TYPE_CHECKING:
    from retrieval.store import VectorStore
    from retrieval.towers import Towers
    from retrieval.workspace import Workspace


def publish_towers(
    workspace: Workspace, store: VectorStore, towers: Towers, version: str, *, wait_s: float = WAIT_S
) -> TowersRecord:
    """Give every item that is not withdrawn its vector by the towers, and make these count, all at once.

    version: under which `save_towers` has kept them in the workspace.
    wait_s: how long to wait for whoever is indexing. An item whose content is still to be embedded, as a run that was
    killed leaves it, gets its vector by what it had, and the one by its content when the catalogue is indexed next.
    Raises EncoderMismatchError when they were trained on another encoder's vectors, WorkspaceLockedError, StoreError.
    """
    record = TowersRecord(version, towers.dimensions, towers.facts.encoder)
    with alone(workspace.path, doing="is publishing towers in", wait_s=wait_s):
        vectors = behaviour_vectors(towers, store, workspace.items.ids())
        rows = np.stack(list(vectors.values())) if vectors else np.zeros((0, towers.dimensions), dtype=np.float32)
        learned = store.publish_towers(record, list(vectors), rows)
        texts, images = (workspace.items.embedded(space) for space in ("text", "image"))
        workspace.items.mark_embedded(BEHAVIOUR, behaviour_hashes(learned, vectors, texts, images))
    return record
