"""What pictures let one expect of an attribute that an item does not tell, learned from the items that tell it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from agent.dialogue import Facet
    from retrieval.store import VectorStore
    from retrieval.types import Item
    from retrieval.vectors import Vectors
    from retrieval.workspace import Workspace

_MOST_VALUES = 50
_LEAST_TOLD, _LEAST_OF_A_VALUE = 40, 8
_MOST_LEARNED = 4_000
_PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0)
_RIGHT, _READ = 0.985, 0.4
"""Least share of what is read that must be right, and least share of items that must be read with that certainty."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A ridge regression from pictures, (dimensions,), to values: scores = (picture - middle) @ weights + shares.

    lead: by how much the best score must exceed the next one for the best value to be sure.
    """

    values: tuple[str, ...]
    middle: Vectors
    weights: Vectors
    shares: Vectors
    lead: float

    def contradicting(self, pictures: Vectors, want: Sequence[str], avoid: Sequence[str]) -> list[bool]:
        """Which pictures do not surely show a wanted value, or may well show an avoided one."""
        scores = (pictures - self.middle) @ self.weights + self.shares
        wanted, avoided = self._columns(want), self._columns(avoid)
        out = np.zeros(len(pictures), dtype=np.bool_)
        if want:
            out |= ~(_best(scores, wanted) >= _best(scores, ~wanted) + self.lead)
        if avoid:
            out |= _best(scores, avoided) > _best(scores, ~avoided) - self.lead
        return list(out.tolist())

    def _columns(self, some: Sequence[str]) -> NDArray[np.bool_]:
        return np.array([value in some for value in self.values])


class Looks:
    """Reads attributes off pictures, where the catalogue itself shows that pictures tell them.

    An attribute is readable when some items with pictures tell it and others do not, and when the told values follow
    from the pictures: each judged by a rule that was learned from the others (leave-one-out). Safe in several threads.
    """

    def __init__(self, workspace: Workspace, store: VectorStore) -> None:
        self._workspace = workspace
        self._store = store
        self._guard = threading.Lock()
        self._version: int | None = None
        self._readings: dict[str, _Reading | None] = {}

    def readable(self, facets: Sequence[Facet], names: Collection[str]) -> frozenset[str]:
        """Which of the named attributes pictures tell of items that do not. Raises StoreError."""
        with self._guard:
            self._follow()
            return frozenset(f.name for f in facets if f.name in names and self._reading(f) is not None)

    def contradicting(
        self, facet: Facet, item_ids: Sequence[str], *, want: Sequence[str], avoid: Sequence[str]
    ) -> frozenset[str]:
        """Those of the items whose pictures do not surely show a wanted value, or may well show an avoided one.

        An item without a picture shows no wanted value. Raises StoreError.
        """
        with self._guard:
            self._follow()
            reading = self._reading(facet)
        if reading is None:
            return frozenset()
        pictures = self._store.get("image", item_ids)
        out = set(item_ids) - pictures.keys() if want else set()
        if pictures:
            judged = reading.contradicting(np.stack(list(pictures.values())), want, avoid)
            out |= {item_id for item_id, contradicts in zip(pictures, judged, strict=True) if contradicts}
        return frozenset(out)

    def _follow(self) -> None:
        version = self._workspace.items.version
        if version != self._version:
            self._version, self._readings = version, {}

    def _reading(self, facet: Facet) -> _Reading | None:
        if facet.name not in self._readings:
            self._readings[facet.name] = self._learned(facet)
        return self._readings[facet.name]

    def _learned(self, facet: Facet) -> _Reading | None:
        if facet.numeric or len(facet.values) > _MOST_VALUES:
            return None
        pictured = [item for item in self._workspace.items.all() if item.images]
        told = {item.item_id: value for item in pictured if (value := _only_value(item, facet.name))}
        silent = any(facet.name not in item.attributes for item in pictured)
        counts = Counter(told.values())
        known = {item_id: value for item_id, value in told.items() if counts[value] >= _LEAST_OF_A_VALUE}
        if not silent or len(known) < _LEAST_TOLD or len(set(known.values())) < 2:
            return None
        step = -(-len(known) // _MOST_LEARNED)
        pictures = self._store.get("image", list(known)[::step])
        return _fitted(np.stack(list(pictures.values())), [known[key] for key in pictures]) if pictures else None


def _only_value(item: Item, name: str) -> str | None:
    value = item.attributes.get(name)
    return value if isinstance(value, str) else None


def _fitted(pictures: Vectors, told: Sequence[str]) -> _Reading | None:
    """Learned from pictures, (n, dimensions), and their values; None where the values do not follow from them."""
    values = tuple(sorted(set(told)))
    wanted = np.eye(len(values), dtype=np.float32)[[values.index(value) for value in told]]
    middle, shares = pictures.mean(axis=0), wanted.mean(axis=0)
    centred, apart = pictures - middle, wanted - shares
    best: tuple[float, float, Vectors] | None = None
    for penalty in _PENALTIES:
        inverse = np.linalg.inv(centred.T @ centred + penalty * np.eye(pictures.shape[1], dtype=np.float32))
        weights = inverse @ (centred.T @ apart)
        # What each would be told without itself, by the hat matrix (Hastie et al. 2009, 7.10).
        own = np.einsum("ij,ij->i", centred @ inverse, centred) + 1 / len(told)
        without = apart - (apart - centred @ weights) / np.maximum(1 - own, 1e-6)[:, None] + shares
        read, lead = _certainty(without, wanted)
        if best is None or read > best[0]:
            best = read, lead, weights.astype(np.float32)
    if best is None or best[0] < _READ:
        return None
    return _Reading(values, middle, best[2], shares, best[1])


def _certainty(scores: Vectors, wanted: Vectors) -> tuple[float, float]:
    """The largest share of items that can be read rightly enough, and the lead that their best score then has.

    scores, wanted: (n, n_values), the latter 1 for the told value and 0 for others.
    """
    ordered = np.sort(scores, axis=1)
    leads = ordered[:, -1] - ordered[:, -2]
    surest = np.argsort(-leads)
    right = (scores.argmax(axis=1) == wanted.argmax(axis=1))[surest]
    shares = np.cumsum(right) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero(shares >= _RIGHT)
    return (float(enough[-1] + 1) / len(right), float(leads[surest[enough[-1]]])) if len(enough) else (0.0, np.inf)


def _best(scores: NDArray[np.floating[Any]], columns: NDArray[np.bool_]) -> NDArray[np.floating[Any]]:
    """(n,) the highest of each row's scores in these columns; minus infinity where there are none."""
    best: NDArray[np.floating[Any]] = np.where(columns, scores, -np.inf).max(axis=1)
    return best
