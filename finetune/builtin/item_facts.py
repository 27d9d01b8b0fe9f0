"""What a prompt tells of an item, by text or picture, and how each fact is said as the end of a sentence."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

from agent.prompts import clean, describe, value_text
from finetune.builtin.drawing.look import PATTERNS
from finetune.builtin.schemas import LOOKS
from finetune.builtin.synonyms import with_article
from finetune.builtin.things import Thing
from finetune.builtin.value_phrases import kind_of

PROSE = ("plot", "description", "summary", "code")
"""Attributes of which nobody is told in a sentence."""

_PLURAL = ("stripes", "dots", "checks", "diamonds", "leaves")
_Choice = TypeVar("_Choice")
_VERBS = {
    "colour": "is {v}",
    "accent": "has {v} accents",
    "material": "is made of {v}",
    "style": "is {v} in style",
    "room": "is for the {v}",
    "occasion": "is meant for {v}",
    "brand": "is by {v}",
    "by": "is by {v}",
}


def told_facts(thing: Thing, max_chars: int) -> dict[str, str]:
    """Attributes and their values as a prompt shows them: what a picture alone shows, and what is not cut off."""
    text = describe(thing.item, max_chars)
    facts = {}
    for name, value in thing.item.attributes.items():
        piece = clean(f"{name} {value_text(value)}", max_chars)
        if name not in PROSE and (f"; {piece};" in text or text.endswith(f"; {piece}»")):
            facts[name] = value_text(value)
    if thing.picture_row is not None:
        seen = {name: thing.values[name][0] for name in LOOKS if name in thing.values and name not in facts}
        return seen | facts
    return facts


def verb_phrase(name: str, value: str, *, several: bool = False) -> str:
    """ "is made of oak", "costs 20.00 EUR": a fact after its subject; for several, "are made of oak"."""
    if name == "category":
        text = f"is of the category {value}" if several else f"is {with_article(value)}"
    elif name == "price":
        text = f"costs {value}"
    elif name == "year":
        text = f"is from {value}"
    elif name == "pattern" and value in PATTERNS:
        text = "is plain" if value == "plain" else f"has {value}" if value in _PLURAL else f"has a {value} pattern"
    elif name.endswith("s") and not name.endswith("ss"):
        text = f"has {value} among its {name}"
    else:
        text = _VERBS.get(kind_of(name), f"has the {name} {{v}}").format(v=value)
    return _of_several(text) if several else text


def _of_several(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{ {'is': 'are', 'has': 'have', 'costs': 'cost'}[first] } {rest}".replace(" among its ", " among their ")


def chosen(title: str, choices: Sequence[_Choice]) -> _Choice:
    """One of the choices, always the same for a title: variety that is no chance."""
    return choices[zlib.crc32(title.encode()) % len(choices)]


def same_and_other(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The attributes that both tell alike, and those that both tell differently, in the order of the first."""
    both = [name for name in one if name in other]
    return [name for name in both if one[name] == other[name]], [name for name in both if one[name] != other[name]]
