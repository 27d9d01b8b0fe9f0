"""What is offered where a wish lets nothing through, or says too little: parts to leave out, values to choose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from agent.dialogue import Facet
from agent.dialogue_state import Chip, DialogueState

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

SOFTEN = "soften"
"""Key of the offer to look for what comes near."""

_MOST_OFFERS, _MOST_VALUES, _NAMED = 3, 50, 4
_LEAST_TOLD = 0.8


def relaxations(
    state: DialogueState, before: AbstractSet[str], fitting: Callable[[DialogueState], int]
) -> tuple[Chip, ...]:
    """What to leave out of a state that lets nothing through, the best first; each is enough by itself.

    before: keys of the constraints that stood before. fitting: how many items a state lets through. Rather not the
    first one, which says what things are; then rather a new one, then the one that hides most. Where none is enough,
    the offer is to look for what comes near.
    """
    counted = [
        (place > 0, chip.key not in before, fitting(state.without(chip.key)), chip)
        for place, chip in enumerate(state.constraints())
    ]
    enough = sorted((each for each in counted if each[2]), key=lambda each: each[:3], reverse=True)
    offers = tuple(Chip(chip.key, f"without {chip.label} ({count:,})") for _, _, count, chip in enough[:_MOST_OFFERS])
    return offers or (Chip(SOFTEN, "what comes near"),)


def choices(
    facets: Sequence[Facet], counts: Callable[[str], Mapping[str, int]], items: int
) -> tuple[str, tuple[Chip, ...]]:
    """The attribute to ask for and its most common values: the first that nearly all items tell, with few values.

    In a catalogue's order that is what says what things are. Empty where there is none such.
    """
    for facet in facets:
        if 2 < len(facet.values) <= _MOST_VALUES:
            found = counts(facet.name)
            if sum(found.values()) >= _LEAST_TOLD * items:
                return facet.name, value_offers(facet.name, list(found))
    return "", ()


def value_offers(name: str, values: Sequence[str]) -> tuple[Chip, ...]:
    """The first few of an attribute's values, to choose."""
    return tuple(Chip(_pick(name, value), value) for value in values[:_NAMED])


def picked(key: str) -> tuple[str, str] | None:
    """The attribute and value of a key that `choices` gave."""
    try:
        told = json.loads(key)
    except ValueError:
        return None
    return (str(told[1]), str(told[2])) if isinstance(told, list) and len(told) == 3 and told[0] == "pick" else None


def _pick(name: str, value: str) -> str:
    return json.dumps(("pick", name, value), separators=(",", ":"), ensure_ascii=False)
