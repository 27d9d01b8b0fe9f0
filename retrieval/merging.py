"""Merging: the retrievers' lists as one list of candidates."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from retrieval.types import Candidate, Found

if TYPE_CHECKING:
    from retrieval.blend import Blend
    from retrieval.store import Hit

Lists = Mapping[str, Sequence["Hit"]]
"""By retriever what it found, best first."""

RRF_CONSTANT = 60
"""The k of reciprocal-rank fusion (Cormack et al. 2009)."""


def fuse(lists: Lists, weights: Mapping[str, float], k: int) -> list[Candidate]:
    """The k best of all that was found, by the sum of weight / (60 + rank) over the retrievers, ranks from 1.

    The retriever that gave most to a candidate's score comes first in it. Equal scores in the order of their ids.
    """
    return _candidates(lists, k, lambda name, rank, _: weights[name] / (RRF_CONSTANT + rank + 1))


def fuse_blended(lists: Lists, weights: Mapping[str, float], blend: Blend, taste: float, k: int) -> list[Candidate]:
    """As `fuse`, but the retrievers that the blend weighs speak with one voice: its order, of the weight `taste`.

    What only retrievers of weight 0 have found comes behind everything else.
    """
    strengths = blend.strengths({name: hits for name, hits in lists.items() if name in blend.weights})
    sums = {item_id: total for item_id, parts in strengths.items() if (total := sum(parts.values())) > 0}
    order = sorted(sums, key=lambda item_id: (-sums[item_id], item_id))
    shares = {item_id: taste / (RRF_CONSTANT + rank + 1) / sums[item_id] for rank, item_id in enumerate(order)}

    def share(name: str, rank: int, item_id: str) -> float:
        if name not in blend.weights:
            return weights[name] / (RRF_CONSTANT + rank + 1)
        return shares[item_id] * strengths[item_id].get(name, 0.0) if item_id in shares else 0.0

    return _candidates(lists, k, share)


def _candidates(lists: Lists, k: int, share: Callable[[str, int, str], float]) -> list[Candidate]:
    """The k best. share: what a retriever's rank (from 0) of an item adds to its score."""
    parts: defaultdict[str, list[tuple[float, str, int, float]]] = defaultdict(list)
    for name, hits in lists.items():
        for rank, hit in enumerate(hits):
            parts[hit.item_id].append((share(name, rank, hit.item_id), name, rank, hit.score))
    sums = {item_id: sum(part[0] for part in shares) for item_id, shares in parts.items()}
    best = heapq.nsmallest(k, sums, key=lambda item_id: (-sums[item_id], item_id))
    return [Candidate(item_id, sums[item_id], _by_share(parts[item_id])) for item_id in best]


def _by_share(parts: Sequence[tuple[float, str, int, float]]) -> tuple[Found, ...]:
    ordered = sorted(parts, key=lambda part: (-part[0], part[1]))
    return tuple(Found(name, rank, score) for _, name, rank, score in ordered)
