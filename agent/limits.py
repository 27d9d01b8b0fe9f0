"""Which items a conversation's constraints let through, those that do not tell an attribute included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from agent.dialogue_state import quoted
from agent.facets import number_of

if TYPE_CHECKING:
    from agent.dialogue import Facet
    from agent.dialogue_state import DialogueState
    from retrieval.picture_values import Glance
    from retrieval.types import Item


@dataclass(frozen=True, slots=True)
class Limits:
    """where: a filter. exclude: ids of items that pass it, and that are not wanted all the same."""

    where: str | None
    exclude: frozenset[str] = frozenset()


def limits_of(
    state: DialogueState, facets: Sequence[Facet], glance: Glance, matching: Callable[[str | None], frozenset[str]]
) -> Limits:
    """What the state's constraints let through.

    An item that tells another value than a wanted one stays out, and so does one that tells an avoided value. One that
    does not tell the attribute is judged by its picture, where the catalogue shows that pictures tell it ("pattern"):
    it passes if that surely shows a wanted value, and stays out if it may show an avoided one. Of other attributes
    silence is no value: what tells no director was not directed by the one who is wanted.
    """
    named = {*state.want, *state.avoid}
    readable = glance.readable(named)
    where, exclude = state.where(untold=readable), set[str]()
    for facet in (facet for facet in facets if facet.name in readable):
        silent = sorted(matching(f"{'' if where is None else f'({where}) and '}`{facet.name}` is missing"))
        want, avoid = state.want.get(facet.name, ()), state.avoid.get(facet.name, ())
        exclude |= glance.contradicting(facet.name, silent, want=want, avoid=avoid)
    return Limits(where, frozenset(exclude))


def at_end(items: Iterable[Item], extremes: Mapping[str, str], k: int) -> str:
    """The filter of the k items with the lowest or highest numbers; of those that tell none, where too few tell it.

    extremes: lowest or highest, by attribute; the first one counts most.
    """
    kept = sorted(items, key=lambda item: (from_end(item, extremes), item.item_id))[:k]
    return f"id in ({quoted(item.item_id for item in kept)})"


def from_end(item: Item, extremes: Mapping[str, str]) -> tuple[float, ...]:
    """What items are sorted by for the lowest, or highest, to come first; last where a number is not told."""
    numbers = ((number_of(item.attributes[name]) if name in item.attributes else None) for name in extremes)
    signs = (1.0 if end == "lowest" else -1.0 for end in extremes.values())
    return tuple(inf if number is None else sign * number for number, sign in zip(numbers, signs, strict=True))
