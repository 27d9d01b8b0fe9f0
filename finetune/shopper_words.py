"""How simulated shoppers put things: their own ways, which no template of the built-in model's training shares.

In a template, {np} is a thing with what it should be, {what} a value or several, {n} the number of a shown item and
{nth} its place in words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

OPENINGS = (
    "{np}, got something?",
    "we could use {np}",
    "time for {np}",
    "my place lacks {np}",
    "{np} would make my day",
    "help, where is {np}",
    "after much thought: {np}",
    "on the hunt for {np} today",
    "{np} is what brings me here",
    "in the mood for {np}",
    "hunting down {np}",
    "trying to track down {np}",
    "{np}, if such a beast exists",
)
VALUES = (
    "make it {what}",
    "{what} would suit me better",
    "would {what} be an option",
    "let's go for {what}",
    "thinking of {what}",
    "{what} it is",
    "closer if {what}",
    "now only {what}",
    "{what} is more like it",
    "must be {what}, actually",
    "none of them {what}? {what} or nothing",
    "you are warm; {what} and you have me",
)
REFUSALS = (
    "too many {what}, drop those",
    "no {what}, thank heaven",
    "spare me {what}",
    "anything but {what}",
    "leave out {what}",
    "do without {what}",
    "skip {what}",
    "had enough {what} by now",
)
CHEAPER = (
    "that is more than I can spend",
    "a bit pricey, all of it",
    "my purse says cheaper",
    "too dear for me",
    "kinder on the wallet",
    "what about less expensive ones",
    "can we go lower in price",
)
DEARER = (
    "it may cost more than that",
    "a notch pricier",
    "too cheap, go up in price",
    "more expensive is fine with me",
    "I can spend more than that",
)
LIKENESSES = (
    "number {n} is warm, but {what}",
    "like number {n}, only {what}",
    "{nth} comes close; same again but {what}",
    "{nth} in all respects, only {what}",
)
OTHERS = ("keep going", "what more have you got", "hmm, others?", "not quite, next ones", "no luck so far", "more")
ANSWERS = ("{what}, I think", "{what}", "the word is {what}", "{what} of course")
YES = ("yes", "ok, go ahead", "fine, do that", "sure")

_NTH = ("the first", "the second", "the third", "the fourth", "the fifth", "the sixth", "the seventh", "the eighth")
_SLIPS = 0.12
_ANYTHING = "something"
_WORD = re.compile(r"[a-z]{5,}")

_PATTERNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "plain": ("plain", "unpatterned and plain"),
        "stripes": ("stripy", "striped", "with stripes"),
        "dots": ("dotted", "with dots", "polka-dotted"),
        "checks": ("checked", "with checks", "check-patterned"),
        "zigzag": ("zigzag", "zig-zag", "with a zigzag"),
        "floral": ("floral", "flowery", "with flowers"),
        "diamonds": ("with diamonds", "diamond-patterned"),
        "leaves": ("with leaves", "leafy"),
    }
)
_AFTER = MappingProxyType(
    {
        "room": ("for the {}", "to go in the {}"),
        "occasion": ("for {}", "to use for {}"),
        "brand": ("by {}", "from {}"),
        "accent": ("with {} accents", "with a {} accent"),
        "colour": ("in {}", "{}"),
        "material": ("in {}", "of {}", "made from {}"),
        "director": ("directed by {}",),
        "actors": ("starring {}", "with {}"),
    }
)
_BEFORE = frozenset(("colour", "style", "material", "genres", "genre"))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A value in words. text: by itself, as after "make it". before: whether it stands before the thing it is about."""

    text: str
    before: bool


def spoken(attribute: str, value: str, rng: random.Random, *, alone: bool = True) -> Spoken:
    """One of the ways to say a value; alone: not before a noun."""
    if attribute == "pattern" and value in _PATTERNS:
        text = rng.choice(_PATTERNS[value])
        return Spoken(text, not text.startswith("with") and " and " not in text)
    if attribute in _BEFORE and not (alone and attribute in _AFTER):
        return Spoken(value, True)
    return Spoken(rng.choice(_AFTER.get(attribute, ("{}",))).format(value), False)


def thing(head: str, told: Sequence[tuple[str, str]], rng: random.Random) -> str:
    """A thing with what it should be: "a red mug with stripes"; told: attributes and values."""
    parts = [spoken(attribute, value, rng, alone=False) for attribute, value in told]
    before = [part.text for part in parts if part.before]
    after = [part.text for part in parts if not part.before]
    if head == _ANYTHING:
        return " ".join([head, *before, *after])
    text = " ".join([*before, head, *after])
    return text if head.endswith("s") else f"{'an' if text[:1].lower() in 'aeiou' else 'a'} {text}"


def named(attribute: str, value: str, rng: random.Random) -> str:
    """A value as a thing that one can have too much of: "stripy ones", "wool"."""
    if attribute in ("pattern", "style", "colour", "genres", "genre"):
        said = spoken(attribute, value, rng, alone=False)
        return f"{said.text} ones" if said.before else f"ones {said.text}"
    return value


def listed(told: Sequence[tuple[str, str]], rng: random.Random) -> str:
    """Values in words, joined: "in blue and with stripes"."""
    return " and ".join(spoken(attribute, value, rng).text for attribute, value in told)


def nth(place: int) -> str:
    """The place of a shown item, from 1, in words."""
    return _NTH[place - 1] if place <= len(_NTH) else f"number {place}"


def typed(text: str, rng: random.Random) -> str:
    """The text as it may be typed: now and then a capital, no full stop, and a slip of the pen."""
    if rng.random() < _SLIPS:
        text = _slipped(text, rng)
    return text[:1].upper() + text[1:] if rng.random() < 0.5 else text


def _slipped(text: str, rng: random.Random) -> str:
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    match rng.randrange(3):
        case 0:
            return f"{text[:at]}{text[at + 1]}{text[at]}{text[at + 2 :]}"
        case 1:
            return text[:at] + text[at + 1 :]
        case _:
            return text[:at] + text[at] + text[at:]
