"""Vectors in memory: the ones that were needed, and exact search over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]  # (dimensions,)
Vectors = npt.NDArray[np.float32]  # (n, dimensions)
Rows = npt.NDArray[np.intp]

_ABSENT = -1
_FIRST_ROWS = 1_024
_BLOCK_ROWS = 512


class VectorCache:
    """The vectors of one space by item, fetched when they are first asked for.

    That an item has no vector is remembered too. Rows are never written twice, so that a search may go on reading
    a matrix while another thread adds to it.
    """

    def __init__(self) -> None:
        self._row_of: dict[str, int] = {}
        self._matrix: Vectors = np.zeros((0, 0), dtype=np.float32)
        self._used = 0

    def forget(self, item_ids: Iterable[str]) -> None:
        """The items have changed: ask for them again."""
        for item_id in item_ids:
            self._row_of.pop(item_id, None)
        if self._used > _FIRST_ROWS + 2 * len(self._row_of):  # mostly rows of forgotten items
            self._row_of, self._matrix, self._used = {}, np.zeros((0, 0), dtype=np.float32), 0

    def rows(
        self, item_ids: Sequence[str], fetch: Callable[[list[str]], Mapping[str, Vector]]
    ) -> tuple[Sequence[str], Rows, Vectors]:
        """Which of the items have a vector, the row of each, and the matrix that the rows are in."""
        known: list[int | None] = list(map(self._row_of.get, item_ids))
        if None in known:
            missing = [item_id for item_id, row in zip(item_ids, known, strict=True) if row is None]
            self._add(missing, fetch(missing))
            known = list(map(self._row_of.get, item_ids))
        rows = np.array(known, dtype=np.intp)
        if len(rows) and rows.min() == _ABSENT:
            kept = np.flatnonzero(rows != _ABSENT)
            return [item_ids[i] for i in kept.tolist()], rows[kept], self._matrix
        return item_ids, rows, self._matrix

    def _add(self, item_ids: Sequence[str], vectors: Mapping[str, Vector]) -> None:
        end = self._used + len(vectors)
        if vectors and end > len(self._matrix):
            dimensions = len(next(iter(vectors.values())))
            grown = np.zeros((max(_FIRST_ROWS, end, 2 * len(self._matrix)), dimensions), dtype=np.float32)
            grown[: self._used] = self._matrix[: self._used] if self._used else 0
            self._matrix = grown
        for item_id in item_ids:
            vector = vectors.get(item_id)
            if vector is None:
                self._row_of[item_id] = _ABSENT
                continue
            self._matrix[self._used] = vector
            self._row_of[item_id] = self._used
            self._used += 1


def exact_top(matrix: Vectors, rows: Rows, item_ids: Sequence[str], vector: Vector, k: int) -> list[tuple[str, float]]:
    """The k items of the highest dot product, best first; equal scores in the order of their ids.

    rows: (n,) where in the matrix the item_ids (n,) are.
    """
    return best(item_ids, _scores(matrix, rows, vector), k) if len(rows) else []


def best(item_ids: Sequence[str], scores: npt.NDArray[np.floating[Any]], k: int) -> list[tuple[str, float]]:
    """The k items of the highest score, best first; equal scores in the order of their ids. scores: (n_items,)."""
    if k <= 0:
        return []
    rows = np.arange(len(scores))
    if k < len(scores):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        rows = np.flatnonzero(scores >= threshold)
    ranked = sorted((-float(scores[row]), item_ids[row]) for row in rows.tolist())
    return [(item_id, -negative) for negative, item_id in ranked[:k]]


def _scores(matrix: Vectors, rows: Rows, vector: Vector) -> Vector:
    """Dot products of these rows, gathered in blocks that stay in the processor's cache: two to four times faster."""
    scores = np.empty(len(rows), dtype=np.float32)
    block = np.empty((_BLOCK_ROWS, matrix.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        some = rows[start : start + _BLOCK_ROWS]
        gathered = np.take(matrix, some, axis=0, out=block[: len(some)], mode="clip")
        np.dot(gathered, vector, out=scores[start : start + len(some)])
    return scores
