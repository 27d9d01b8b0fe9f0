"""The product itself under test: the candidates that a workspace serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finetune.event_table import rebuilt
from retrieval.retrievers import HISTORY, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from finetune.event_table import Ints
    from finetune.splits import Queries
    from retrieval.candidates import CandidateFinder

_TOLD_EVERY = 50


class FinderSystem:
    """The candidates for a user who says nothing: the retrievers' fused list, as `CandidateFinder.find` gives it.

    finder: of a past workspace. The history is the query's, which may be longer than what that workspace's log holds.
    """

    def __init__(self, name: str, finder: CandidateFinder, *, tell: Callable[[str], None]) -> None:
        self.name = name
        self._finder = finder
        self._tell = tell

    def rank(self, queries: Queries, k: int) -> Ints:
        row_of = {item_id: row for row, item_id in enumerate(queries.item_ids)}
        ranked = np.full((len(queries), k), -1, dtype=np.int64)
        for place in range(len(queries)):
            found = self._finder.search(as_query(queries, place), k)
            ranked[place, : len(found)] = [row_of[candidate.item_id] for candidate in found]
            if place % _TOLD_EVERY == 0:
                self._tell(f"{place:,} of {len(queries):,} cases")
        return ranked


def as_query(queries: Queries, place: int) -> Query:
    """The query as `CandidateFinder.query` would make it at that moment."""
    user_id = queries.user_ids[queries.user[place]]
    begin, end = int(queries.starts[place]), int(queries.starts[place + 1])
    history = tuple(
        rebuilt(
            user_id,
            queries.item_ids[queries.item[at]],
            int(queries.kind[at]),
            int(queries.time_us[at]),
            float(queries.rating[at]),
        )
        for at in range(max(begin, end - HISTORY), end)
    )
    seen = queries.seen[queries.seen_starts[place] : queries.seen_starts[place + 1]]
    return Query(user_id=user_id, history=history, exclude=frozenset(queries.item_ids[row] for row in seen.tolist()))
