"""Shown items as people speak of them: "the second one", "number 3", "the last", "this", or words of a title."""

from __future__ import annotations

import random
from collections.abc import Sequence

from finetune.builtin.noun_phrases import NUMBER_WORDS

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_SMALL = frozenset(["a", "an", "the", "of", "in", "and", "or", "with", "for", "to", "on", "by"])


def reference(rng: random.Random, shown: Sequence[str], items: Sequence[int]) -> str:
    """Words for the items of these places, from 1; for none "it" or "that", which may be any."""
    if not items:
        return rng.choice(("it", "that", "this", "this one", "that one", "all this"))
    if len(items) == 1:
        return _one(rng, shown, items[0])
    if len(items) == len(shown) == 2 and rng.random() < 0.5:
        return rng.choice(("both", "these two", "the two", "both of them", "those two"))
    if tuple(items) == tuple(range(1, len(items) + 1)) and rng.random() < 0.5:
        return f"the first {NUMBER_WORDS[len(items) - 1]}"
    if tuple(items) == tuple(range(len(shown) - len(items) + 1, len(shown) + 1)) and rng.random() < 0.5:
        return f"the last {NUMBER_WORDS[len(items) - 1]}"
    return _joined(rng, several(rng, shown, items), "and")


def several(rng: random.Random, shown: Sequence[str], items: Sequence[int]) -> list[str]:
    """Words for each of several items, all in the same way, so that "1 and 3" is not "1 and the third"."""
    if rng.random() < 0.3:
        return [str(item) for item in items]
    style = rng.randrange(5)
    return [_one(rng, shown, item, style) for item in items]


def either(rng: random.Random, shown: Sequence[str], items: Sequence[int]) -> str:
    """ "1 or 3"."""
    return _joined(rng, several(rng, shown, items), "or")


def _joined(rng: random.Random, told: Sequence[str], word: str) -> str:
    joint = rng.choice((" & ", f" {word} ", f" {word} ")) if word == "and" else f" {word} "
    return f"{', '.join(told[:-1])}{joint}{told[-1]}"


def _one(rng: random.Random, shown: Sequence[str], item: int, style: int | None = None) -> str:
    title = shown[item - 1]
    if len(shown) == 1 and rng.random() < 0.55:
        return rng.choice(("it", "this", "this one", "that one", "that"))
    style = rng.randrange(5) if style is None else style
    if style == 0:
        return rng.choice(
            (f"number {item}", f"no. {item}", f"#{item}", f"number {NUMBER_WORDS[item - 1]}", f"option {item}")
        )
    if style == 1:
        if item == len(shown) > 1 and rng.random() < 0.5:
            return rng.choice(("the last one", "the last", "the very last one"))
        ordinal = rng.choice((_ORDINALS[item - 1], _ORDINALS[item - 1], numbered(item)))
        return rng.choice((f"the {ordinal}", f"the {ordinal} one", f"the {ordinal} one"))
    words = _telling(shown, item)
    if style == 2 and words:
        word = rng.choice(words)
        return rng.choice((f"the {word}", f"the {word} one", word if word[:1].isupper() else f"the {word} one"))
    plain = shown.count(title) == 1
    if plain and style in (2, 3):
        return title
    if plain:
        return title if title.startswith(("The ", "A ")) else f"the {title}"
    return f"the {_ORDINALS[item - 1]} one"


def numbered(item: int) -> str:
    """ "2nd"."""
    return f"{item}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(item, 'th') }"


def _telling(shown: Sequence[str], item: int) -> list[str]:
    """Words of a title that no other title shown has."""
    others = {word.lower() for place, title in enumerate(shown, start=1) if place != item for word in title.split()}
    return [word for word in shown[item - 1].split() if word.lower() not in others | _SMALL and word.isalpha()]
