"""What users want, in memory: who wants what, how many want an item, and which items are wanted together."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from retrieval.interactions import InteractionLog


_FIRST_ROWS = 1_024

_CHANGED_BASKETS = 1_000
"""So many are looked at beside the matrix of all baskets, before it is made anew."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Items that were ever wanted, and a score for each: (n_items,) float64."""

    item_ids: tuple[str, ...]
    scores: npt.NDArray[np.float64]


class Behaviour:
    """The log's baskets, kept up to date: a new like counts at the next `refresh`, at the cost of that user alone."""

    def __init__(self, log: InteractionLog) -> None:
        self._log = log
        self._guard = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._version = -1
        self._newest_row = 0
        self._item_ids: list[str] = []
        self._names: tuple[str, ...] = ()
        self._row_of: dict[str, int] = {}
        self._user_row_of: dict[str, int] = {}
        self._baskets: list[npt.NDArray[np.int64]] = []
        self._users_of: list[set[int]] = []
        self._matrix: csr_array | None = None
        self._changed: set[int] = set()
        self._counts = np.zeros(_FIRST_ROWS, dtype=np.float64)

    def refresh(self) -> None:
        """Read what the log has got since the last time, at a cost that does not grow with the log.

        Impressions change nothing.
        """
        with self._guard:
            if self._log.version == self._version:
                return
            activity = self._log.activity(self._newest_row)
            if self._newest_row and activity.version - self._version != activity.events:
                self._clear()  # rows that were committed out of turn; read everything again
                activity = self._log.activity()
            users = activity.users if self._newest_row else None
            changed = self._log.user_baskets(users)
            for user_id in changed if users is None else users:
                self._replace(user_id, changed.get(user_id, ()))
            self._newest_row, self._version = activity.newest_row, activity.version

    def popularity(self) -> Scored:
        """How many users want each item."""
        with self._guard:
            return self._scored(self._counts[: len(self._item_ids)].copy())

    def wanted_by(self, item_ids: Sequence[str]) -> list[int]:
        """How many users want each of these items."""
        with self._guard:
            return [len(self._users(item_id)) for item_id in item_ids]

    def related(self, weights: Mapping[str, float]) -> Scored:
        """The weighted sum of each item's cosine to the given ones; a given item scores 0.

        The cosine of two items is the number of users who want both over the root of the product of how many want
        each (Sarwar et al. 2001, on wants instead of ratings).
        """
        with self._guard:
            given = [(self._row_of[item_id], weight) for item_id, weight in weights.items() if item_id in self._row_of]
            counts = np.maximum(self._counts[: len(self._item_ids)], 1)
            shares = np.zeros(len(counts))
            for row, weight in given:
                shares[row] = weight / math.sqrt(counts[row])
            scores = self._together(shares) / np.sqrt(counts)
            scores[[row for row, _ in given]] = 0
            return self._scored(scores)

    def _together(self, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(n_items,): B'B times the items' shares, (n_items,), where B is the matrix of users' baskets.

        Baskets that have changed since the matrix was made count as they are now, and not as they are in it.
        """
        if len(self._changed) > _CHANGED_BASKETS:
            self._matrix, self._changed = self._all_baskets(), set()
        changed = [self._baskets[row] for row in self._changed]
        items = np.concatenate([np.zeros(0, dtype=np.int64), *changed])
        owners = np.repeat(np.arange(len(changed)), [len(basket) for basket in changed])
        of_owner = np.bincount(owners, weights=shares[items], minlength=len(changed))
        sums = np.bincount(items, weights=of_owner[owners], minlength=len(shares)).astype(np.float64, copy=False)
        if self._matrix is not None:
            n_users, n_items = self._matrix.shape
            of_user = self._matrix @ shares[:n_items]
            of_user[[row for row in self._changed if row < n_users]] = 0
            sums[:n_items] += self._matrix.T @ of_user
        return sums

    def _all_baskets(self) -> csr_array:
        """(n_users, n_items): 1 where the user wants the item."""
        from scipy.sparse import csr_array

        starts = np.concatenate([[0], np.cumsum([len(basket) for basket in self._baskets])])
        items = np.concatenate(self._baskets)
        shape = len(self._baskets), len(self._item_ids)
        return csr_array((np.ones(len(items)), items, starts), shape=shape)

    def cosine(self, item_id: str, other_id: str) -> float:
        """The cosine of two items, 0 to 1; 0 for an item that nobody wants."""
        with self._guard:
            users, others = self._users(item_id), self._users(other_id)
            return len(users & others) / math.sqrt(len(users) * len(others)) if users and others else 0.0

    def _users(self, item_id: str) -> set[int]:
        row = self._row_of.get(item_id)
        return set() if row is None else self._users_of[row]

    def _scored(self, scores: npt.NDArray[np.float64]) -> Scored:
        if len(self._names) != len(self._item_ids):
            self._names = tuple(self._item_ids)
        return Scored(self._names, scores)

    def _replace(self, user_id: str, basket: tuple[str, ...]) -> None:
        user = self._user_row_of.setdefault(user_id, len(self._baskets))
        if user == len(self._baskets):
            self._baskets.append(np.zeros(0, dtype=np.int64))
        for row in self._baskets[user].tolist():
            self._users_of[row].discard(user)
            self._counts[row] -= 1
        rows = [self._row(item_id) for item_id in basket]
        for row in rows:
            self._users_of[row].add(user)
            self._counts[row] += 1
        self._baskets[user] = np.array(rows, dtype=np.int64)
        self._changed.add(user)

    def _row(self, item_id: str) -> int:
        row = self._row_of.setdefault(item_id, len(self._item_ids))
        if row == len(self._item_ids):
            self._item_ids.append(item_id)
            self._users_of.append(set())
            if row == len(self._counts):
                self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        return row
