"""Retrievers: each proposes items for a query in its own way, or has nothing to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from retrieval.encoders import record_of
from retrieval.store import Hit
from retrieval.vectors import best

if TYPE_CHECKING:
    from PIL.Image import Image

    from retrieval.behaviour import Behaviour, Scored
    from retrieval.encoders import Encoder
    from retrieval.shelf import Shelf
    from retrieval.store import VectorStore
    from retrieval.types import Event

HISTORY = 50
"""So many of the last wanted items retrievers are told."""

RECENT = 20
"""So many of the last wanted items speak for a user."""

HALF_LIFE = 5.0
"""An item counts half as much as the one that was wanted so many items later."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for.

    image: an opened picture. history: the user's positive events, oldest first.
    allowed: only these items; None is all. exclude: never these.
    """

    text: str | None = None
    image: Image | None = None
    user_id: str | None = None
    history: tuple[Event, ...] = ()
    allowed: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()


@runtime_checkable
class Retriever(Protocol):
    """Finds items for a query. Safe to use from several threads."""

    @property
    def name(self) -> str: ...

    def search(self, query: Query, k: int) -> list[Hit]:
        """At most k different items, best first, of the allowed and none of the excluded; [] for nothing to say."""
        ...


@runtime_checkable
class ThroughHistory(Protocol):
    """A retriever that proposes items through those of the user's history."""

    def explain(self, query: Query, item_id: str) -> str | None:
        """The item of the history that speaks most for this one; None where none does."""
        ...


class SemanticRetriever:
    """Items whose text means what the query's text means.

    Raises EncoderMismatchError when the vectors are of another encoder.
    """

    name = "semantic"

    def __init__(self, store: VectorStore, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        store.expect(record_of(encoder))

    def search(self, query: Query, k: int) -> list[Hit]:
        if query.text is None or not query.text.strip():
            return []
        vector = self._encoder.embed_text([query.text])[0]
        return self._store.search("text", vector, k, allowed=query.allowed, exclude=query.exclude)


class VisualRetriever:
    """Items whose pictures look like the query's picture. Raises EncoderMismatchError as SemanticRetriever does."""

    name = "visual"

    def __init__(self, store: VectorStore, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        store.expect(record_of(encoder))

    def search(self, query: Query, k: int) -> list[Hit]:
        if query.image is None or not self._encoder.sees:
            return []
        vector = self._encoder.embed_pictures([query.image])[0]
        return self._store.search("image", vector, k, allowed=query.allowed, exclude=query.exclude)


class HistoryRetriever:
    """Items that are, in text and picture, like what the user wanted lately."""

    name = "history"

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    def search(self, query: Query, k: int) -> list[Hit]:
        weights = recency(query.history)
        vectors = self._store.get("content", list(weights))
        if not vectors:
            return []
        shares = np.array([weights[item_id] for item_id in vectors], dtype=np.float32)
        wish = shares @ np.stack(list(vectors.values()))
        if float(np.linalg.norm(wish)) < 1e-6:
            return []  # wants that cancel out point nowhere
        wish /= np.linalg.norm(wish)
        return self._store.search("content", wish, k, allowed=query.allowed, exclude=query.exclude | weights.keys())

    def explain(self, query: Query, item_id: str) -> str | None:
        weights = recency(query.history)
        vectors = self._store.get("content", [item_id, *weights])
        item = vectors.pop(item_id, None)
        if item is None:
            return None
        return strongest({key: weights[key] * float(vector @ item) for key, vector in vectors.items()})


class CoOccurrenceRetriever:
    """Items that are wanted by those who wanted what the user wanted lately."""

    name = "co-occurrence"

    def __init__(self, behaviour: Behaviour, shelf: Shelf) -> None:
        self._behaviour = behaviour
        self._shelf = shelf

    def search(self, query: Query, k: int) -> list[Hit]:
        weights = recency(query.history)
        if not weights:
            return []
        self._behaviour.refresh()
        return _top(self._behaviour.related(weights), query, self._shelf, k)

    def explain(self, query: Query, item_id: str) -> str | None:
        self._behaviour.refresh()
        weights = recency(query.history)
        return strongest({key: weight * self._behaviour.cosine(key, item_id) for key, weight in weights.items()})


class PopularRetriever:
    """Items that most users want; of equally wanted ones, the catalogue's smaller id first."""

    name = "popular"

    def __init__(self, behaviour: Behaviour, shelf: Shelf) -> None:
        self._behaviour = behaviour
        self._shelf = shelf

    def search(self, query: Query, k: int) -> list[Hit]:
        self._behaviour.refresh()
        return _top(self._behaviour.popularity(), query, self._shelf, k)


class NewestRetriever:
    """Items that came into the catalogue last: for when nothing is asked, and nobody has done anything yet."""

    name = "newest"

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def search(self, query: Query, k: int) -> list[Hit]:
        allowed = query.allowed
        fitting = (
            item_id
            for item_id in self._shelf.newest_first()
            if item_id not in query.exclude and (allowed is None or item_id in allowed)
        )
        return [Hit(item_id, 1 / (rank + 1)) for rank, item_id in enumerate(islice(fitting, max(0, k)))]


def recency(history: tuple[Event, ...]) -> dict[str, float]:
    """Weights of the last wanted items, summing to 1: each half of the one HALF_LIFE items newer."""
    newest_first = list(dict.fromkeys(event.item_id for event in reversed(history)))[:RECENT]
    weights = {item_id: 0.5 ** (age / HALF_LIFE) for age, item_id in enumerate(newest_first)}
    total = sum(weights.values())
    return {item_id: weight / total for item_id, weight in weights.items()}


def strongest(contributions: Mapping[str, float]) -> str | None:
    """The item that contributed most; None where none did."""
    return next((item_id for item_id, value in sorted(contributions.items(), key=_by_value) if value > 0), None)


def _by_value(pair: tuple[str, float]) -> tuple[float, str]:
    return -pair[1], pair[0]


def _top(scored: Scored, query: Query, shelf: Shelf, k: int) -> list[Hit]:
    """The k best items with a score above 0 that may be shown; equal scores in the order of their ids."""
    if k < 1:
        return []
    may_be_shown = shelf.item_ids() if query.allowed is None else shelf.item_ids() & query.allowed
    scores, item_ids = scored.scores, scored.item_ids
    positive = np.flatnonzero(scores > 0)
    wanted = k + len(query.exclude)
    while True:  # a few of the best are enough, unless most of them may not be shown
        first = _highest(scores, positive, wanted)
        rows = [row for row in first if item_ids[row] in may_be_shown and item_ids[row] not in query.exclude]
        if len(rows) >= k or len(first) == len(positive):
            break
        wanted = 4 * len(first)
    found = best([item_ids[row] for row in rows], scores[rows], k)
    return [Hit(item_id, score) for item_id, score in found]


def _highest(scores: npt.NDArray[np.float64], rows: npt.NDArray[np.intp], k: int) -> list[int]:
    """Of the rows those of the k highest scores, and of the scores that equal the last of these."""
    if k < len(rows):
        some = scores[rows]
        rows = rows[some >= np.partition(some, len(some) - k)[len(some) - k]]
    return list(rows.tolist())
