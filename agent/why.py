"""Deletion evidence: what, taken away from what is known and asked, changes the place of a recommended item.

A reason says what speaks for an item; this says what its place in fact hung on (as the comprehensiveness of DeYoung et
al. 2020): each part is taken away by itself, and the whole list is found and put in order anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.rerank import Ranked
    from retrieval.retrievers import Query

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Part:
    """Something that can be taken away. label: in words. query: what is asked without it."""

    label: str
    query: Query
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What taking a part away does. item_id: of the liked item that it is, None for a part of the request.

    place: of the recommended item in the list without the part, from 1; None where it is not among those compared.
    """

    label: str
    item_id: str | None
    place: int | None


@dataclass(frozen=True, slots=True)
class Why:
    """What an item's place hangs on.

    place: among those compared, from 1; None where it is not. deletions: the parts without which its place is another
    one, the most telling first: those without which it is gone, then those without which it falls furthest.
    tried: how many parts were taken away.
    """

    item_id: str
    place: int | None
    deletions: tuple[Deletion, ...]
    tried: int


def why(item_id: str, query: Query, parts: Sequence[Part], rank: Callable[[Query], Sequence[Ranked]]) -> Why:
    """Take each part away in turn. rank: finds and orders candidates, in several threads at once.

    One pass for the list as it is, and one for each part; an engine that batches answers them together.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="why") as threads:
        lists = list(threads.map(rank, [query, *(part.query for part in parts)]))
    places = [_place(item_id, ranked) for ranked in lists]
    deletions = [
        Deletion(part.label, part.item_id, place)
        for part, place in zip(parts, places[1:], strict=True)
        if place != places[0]
    ]
    return Why(item_id, places[0], tuple(sorted(deletions, key=_last_first)), len(parts))


def _place(item_id: str, ranked: Sequence[Ranked]) -> int | None:
    return next((place for place, entry in enumerate(ranked, start=1) if entry.candidate.item_id == item_id), None)


def _last_first(deletion: Deletion) -> float:
    return float("-inf") if deletion.place is None else -float(deletion.place)
