"""The learned retriever: items that the towers expect a user to want next."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.retrievers import recency, strongest
from retrieval.store_state import BEHAVIOUR

if TYPE_CHECKING:
    from retrieval.retrievers import Query
    from retrieval.shelf import Shelf
    from retrieval.store import Hit, VectorStore
    from retrieval.store_state import TowersRecord
    from retrieval.towers import Towers
    from retrieval.vectors import Vector
    from retrieval.workspace import Workspace

_NEWCOMERS = 2_000


def towers_folder(workspace: Workspace) -> Path:
    """Where a workspace's towers are kept, each under its version."""
    return workspace.path / "towers"


class ServedTowers:
    """The towers whose vectors count in the store: loaded when they are needed, and again when others are published."""

    def __init__(self, store: VectorStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._guard = threading.Lock()
        self._loaded: tuple[str, Towers] | None = None

    def of(self, record: TowersRecord) -> Towers:
        """The towers of that record. Raises WeightsError when they are missing or damaged, and still count."""
        with self._guard:
            if self._loaded is None or self._loaded[0] != record.version:
                from retrieval.towers import load_towers

                self._loaded = record.version, load_towers(self._folder, record.version)
            return self._loaded[1]


class BehaviouralRetriever:
    """Items that the towers expect the user to want next, after all that is in the history: also the last click.

    Without a history, and without towers that fit the store's encoder, it has nothing to say. Raises WeightsError when
    the towers' weights are missing or damaged.
    """

    name = "behavioural"

    def __init__(self, store: VectorStore, folder: Path) -> None:
        """folder: where the towers are kept, see `towers_folder`."""
        self._store = store
        self._towers = ServedTowers(store, folder)

    def search(self, query: Query, k: int) -> list[Hit]:
        if not query.history or k < 1:
            return []
        return self._store.steadily(lambda towers: [] if towers is None else self._search(towers, query, k))

    def _search(self, towers: TowersRecord, query: Query, k: int) -> list[Hit]:
        known = {event.item_id for event in query.history}
        wish = self._towers.of(towers).user_vector(query.history, self._store.get(BEHAVIOUR, list(known)))
        if wish is None:
            return []
        return self._store.search(BEHAVIOUR, wish, k, allowed=query.allowed, exclude=query.exclude | known)

    def known(self) -> frozenset[str] | None:
        """The items that the towers have seen somebody want; None without towers."""
        record = self._store.towers
        return None if record is None else self._towers.of(record).known

    def explain(self, query: Query, item_id: str) -> str | None:
        """The item of the history whose vector is most like this one's, later ones counting more."""
        weights = recency(query.history)
        vectors = {key: _direction(each) for key, each in self._store.get(BEHAVIOUR, [item_id, *weights]).items()}
        item = vectors.pop(item_id, None)
        if item is None:
            return None
        return strongest({key: weights[key] * float(vector @ item) for key, vector in vectors.items()})


def _direction(vector: Vector) -> Vector:
    """Without the last dimension, which only fills up the length."""
    return vector[:-1]


class NewcomerRetriever:
    """Of what nobody had wanted when the towers were trained, the newest 2,000, the items that suit the user most.

    By their content they are behind what many want, and would stay there: nobody wants what nobody is shown.
    """

    name = "newcomers"

    def __init__(self, behavioural: BehaviouralRetriever, shelf: Shelf) -> None:
        self._behavioural = behavioural
        self._shelf = shelf
        self._made: tuple[object, object, frozenset[str]] = (None, None, frozenset())

    def search(self, query: Query, k: int) -> list[Hit]:
        newcomers = self._newcomers() if query.history else frozenset()
        allowed = newcomers if query.allowed is None else newcomers & query.allowed
        return self._behavioural.search(replace(query, allowed=allowed), k) if allowed else []

    def explain(self, query: Query, item_id: str) -> str | None:
        return self._behavioural.explain(query, item_id)

    def _newcomers(self) -> frozenset[str]:
        known, newest = self._behavioural.known(), self._shelf.newest_first()
        if known is None:
            return frozenset()
        for_known, for_newest, newcomers = self._made
        if known is not for_known or newest is not for_newest:  # both stay the same objects until they change
            newcomers = frozenset(islice((item_id for item_id in newest if item_id not in known), _NEWCOMERS))
            self._made = known, newest, newcomers
        return newcomers
