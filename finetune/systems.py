"""What is evaluated: anything that ranks the catalogue for users of whom some history is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from finetune.event_table import Ints, Mask
    from finetune.splits import Queries

Scores = npt.NDArray[np.float32]

BATCH_CELLS = 8_000_000
"""So many scores are computed at a time: 32 MB."""


class System(Protocol):
    """Ranks items for users; made of what was known before it is asked."""

    @property
    def name(self) -> str: ...

    def rank(self, queries: Queries, k: int) -> Ints:
        """(n_queries, k) item rows, best first; -1 where nothing is left to say.

        Only what can be recommended, and nothing that the user has seen.
        """
        ...


class Scorer(ABC):
    """A system that gives each item a score.

    on_shelf: (n_items,) the items that may be recommended.
    """

    name: str

    def __init__(self, on_shelf: Mask) -> None:
        self._on_shelf = on_shelf

    @abstractmethod
    def scores(self, queries: Queries) -> Scores:
        """(n_queries, n_items) float32, higher is better, -inf where there is nothing to say; the caller may write."""

    def rank(self, queries: Queries, k: int) -> Ints:
        """As `System.rank`; of equal scores the first in the catalogue first."""
        ranked = [np.zeros((0, k), dtype=np.int64)]
        size = max(1, BATCH_CELLS // max(1, len(self._on_shelf)))
        for begin in range(0, len(queries), size):
            batch = queries.take(np.arange(begin, min(begin + size, len(queries))))
            ranked.append(top_rows(self.allowed_scores(batch), k))
        return np.concatenate(ranked)

    def allowed_scores(self, queries: Queries) -> Scores:
        """The scores, -inf for what is not on the shelf and for what the user has seen."""
        scores = self.scores(queries)
        scores[~self.allowed(queries)] = -np.inf
        return scores

    def allowed(self, queries: Queries) -> Mask:
        """(n_queries, n_items) what is on the shelf and not seen by the user."""
        allowed = np.tile(self._on_shelf, (len(queries), 1))
        allowed[np.repeat(np.arange(len(queries)), np.diff(queries.seen_starts)), queries.seen] = False
        return allowed


def top_rows(scores: Scores, k: int) -> Ints:
    """(n, k) columns of the highest scores, best first, of equal ones the smaller first; -1 for -inf and beyond.

    scores: (n, n_items) float32 without NaN.
    """
    kept = min(k, scores.shape[1])
    keys = _ordered_keys(scores)
    if kept < scores.shape[1]:
        keys = np.partition(keys, scores.shape[1] - kept, axis=1)[:, scores.shape[1] - kept :]
    keys = np.sort(keys, axis=1)[:, ::-1]
    columns = (np.uint64(0xFFFFFFFF) - (keys & np.uint64(0xFFFFFFFF))).astype(np.int64)
    said = np.take_along_axis(scores, columns, axis=1) > -np.inf
    rows = np.full((len(scores), k), -1, dtype=np.int64)
    rows[:, :kept] = np.where(said, columns, -1)
    return rows


def _ordered_keys(scores: Scores) -> npt.NDArray[np.uint64]:
    """Different unsigned numbers in the order of the scores; of equal scores the smaller column has the larger."""
    scores = np.ascontiguousarray(scores, dtype=np.float32) + np.float32(0)  # -0 becomes 0
    bits = scores.view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000)).astype(np.uint64)
    columns = np.arange(scores.shape[1], dtype=np.uint64)
    return (ordered << np.uint64(32)) | (np.uint64(0xFFFFFFFF) - columns)
