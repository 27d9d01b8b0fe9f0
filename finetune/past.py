"""A workspace as it was: the same catalogue and vectors, and only those events that may be known.

What is not to be known does not exist in it, so nothing that is learned or served there can have seen it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from retrieval.picture_values import FILE as PICTURE_VALUES
from retrieval.store import open_store
from retrieval.store_state import CONTENT_SPACES
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.event_table import EventTable, Mask
    from retrieval.store import VectorStore
    from retrieval.types import Event


def past_workspace(source: Workspace, store: VectorStore, folder: Path, known: Iterable[Event]) -> Workspace:
    """A new workspace in the folder with the source's settings, items and content vectors, and a log of these events.

    store: the source's. known: in the order of the source's log, which stays the order among equal times. The database
    and the vectors are the folder's own wherever the source keeps its; pictures, encoders and what reads values off
    pictures, which no event teaches, are the source's, by a link.
    Raises WorkspaceError when the folder holds something already.
    """
    settings = source.settings.model_copy(update={"database_url": None, "chroma_url": None})
    past = Workspace.create(folder, settings)
    try:
        (folder / "media").rmdir()
        (folder / "media").symlink_to((source.path / "media").resolve(), target_is_directory=True)
        past.encoders_folder.symlink_to(source.encoders_folder.resolve(), target_is_directory=True)
        if (source.path / PICTURE_VALUES).exists():
            (folder / PICTURE_VALUES).symlink_to((source.path / PICTURE_VALUES).resolve())
        past.items.upsert(source.items.all(withdrawn=True))
        on_shelf = frozenset(source.items.ids())
        past.items.withdraw(item_id for item_id in source.items.ids(withdrawn=True) if item_id not in on_shelf)
        _copy_vectors(store, past)
        past.log.add(known)
    except BaseException:
        past.close()
        raise
    return past


def known_events(source: Workspace, table: EventTable, past: Mask) -> Iterator[Event]:
    """The source's events at these places of its table, in the order of the log.

    past: (n_events,) of the table. What was logged after the table was read is left out.
    """
    kept = np.zeros(table.n_logged, dtype=np.bool_)
    kept[table.log_place[past]] = True
    logged = source.log.events(until=table.newest_row)
    return (event for event, keep in zip(logged, kept.tolist(), strict=True) if keep)


def _copy_vectors(store: VectorStore, past: Workspace) -> None:
    """Those that say what items are; the space of behaviour was learned from events, and is not taken along."""
    with open_store(past) as copy:
        if store.encoder is None:
            return
        copy.claim(store.encoder)
        known = frozenset(past.items.ids(withdrawn=True))  # more may be indexed meanwhile
        for space in CONTENT_SPACES:
            vectors = store.get(space, [item_id for item_id in store.item_ids(space) if item_id in known])
            if vectors:
                copy.upsert(space, list(vectors), np.stack(list(vectors.values())))
