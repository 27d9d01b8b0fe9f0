"""Merging: the retrievers' lists as one list of candidates."""

from __future__ import annotations

import heapq
import math
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
    return _candidates(lists, k, lambda name, rank, _: weights[name] / (RRF_CONSTANT + rank + 1), lambda score: score)


def fuse_taste(lists: Lists, blend: Blend, k: int) -> list[Candidate]:
    """The k best of all that was found, by the blend; a score is the probability that it is the one wanted next."""
    strengths = blend.strengths(lists)
    logits = {item_id: sum(parts.values()) for item_id, parts in strengths.items()}
    highest = max(logits.values(), default=0.0)
    total = sum(math.exp(logit - highest) for logit in logits.values())

    def probability(logit: float) -> float:
        return math.exp(logit - highest) / total

    return _candidates(lists, k, lambda name, _, item_id: strengths.get(item_id, {}).get(name, 0.0), probability)


def fuse_request(lists: Lists, weights: Mapping[str, float], blend: Blend, taste: float, k: int) -> list[Candidate]:
    """As `fuse`, but the retrievers that the blend weighs speak with one voice: its order, of the weight `taste`."""
    strengths = blend.strengths({name: hits for name, hits in lists.items() if name in blend.weights})
    sums = {item_id: sum(parts.values()) for item_id, parts in strengths.items()}
    order = sorted(sums, key=lambda item_id: (-sums[item_id], item_id))
    shares = {item_id: taste / (RRF_CONSTANT + rank + 1) for rank, item_id in enumerate(order)}

    def share(name: str, rank: int, item_id: str) -> float:
        if name not in blend.weights:
            return weights[name] / (RRF_CONSTANT + rank + 1)
        parts = strengths.get(item_id, {})
        said = sums.get(item_id, 0.0)
        return shares[item_id] * (parts.get(name, 0.0) / said if said else 1 / len(parts)) if parts else 0.0

    return _candidates(lists, k, share, lambda score: score)


def _candidates(
    lists: Lists, k: int, share: Callable[[str, int, str], float], score: Callable[[float], float]
) -> list[Candidate]:
    """The k best. share: what a retriever's rank (from 0) of an item adds to its sum; score: what a sum is told as."""
    parts: defaultdict[str, list[tuple[float, str, int, float]]] = defaultdict(list)
    for name, hits in lists.items():
        for rank, hit in enumerate(hits):
            parts[hit.item_id].append((share(name, rank, hit.item_id), name, rank, hit.score))
    sums = {item_id: sum(part[0] for part in shares) for item_id, shares in parts.items()}
    best = heapq.nsmallest(k, sums, key=lambda item_id: (-sums[item_id], item_id))
    return [Candidate(item_id, score(sums[item_id]), _by_share(parts[item_id])) for item_id in best]


def _by_share(parts: Sequence[tuple[float, str, int, float]]) -> tuple[Found, ...]:
    ordered = sorted(parts, key=lambda part: (-part[0], part[1]))
    return tuple(Found(name, rank, score) for _, name, rank, score in ordered)
