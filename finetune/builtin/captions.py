"""Sentences about looks, with what each of them tells: what the image encoder is taught to agree with."""

from __future__ import annotations

import random
from dataclasses import dataclass

from finetune.builtin.drawing.look import Look
from finetune.builtin.products import product_with
from finetune.builtin.wording import (
    CATEGORY_WORDS,
    COLOUR_WORDS,
    PATTERN_ADJECTIVES,
    PATTERN_NOUNS,
    form,
    with_article,
)
from retrieval.passages import passage
from retrieval.types import AttributeValue, Item, Money

TOLD = ("category", "shape", "colour", "accent", "pattern")
"""The attributes that a caption may tell, in the order of `Caption.told`."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence, and for each of TOLD whether it tells it: another look fits if it agrees in all that is told."""

    text: str
    told: tuple[bool, bool, bool, bool, bool]


_FULL = (
    "{a_colour} {form} with {accent} {noun}",
    "{a_adjective} {form} in {colour} and {accent}",
    "{form}, {colour} with {noun} in {accent}",
    "{noun} in {accent} on {a_colour} {form}",
    "the {form} is {colour} and has {accent} {noun}",
    "a picture of {a_colour} {form}, {adjective}, with {accent}",
    "{colour} {form}, pattern: {pattern}, accent: {accent}",
)
_FULL_PLAIN = (
    "a plain {colour} {form} with {accent} trim",
    "{form} in solid {colour} with {accent} details",
    "{colour} {form} without a pattern, {accent} edges",
    "a plain {form}, {colour} and {accent}",
)
_PARTS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (
        frozenset({"category", "colour", "pattern"}),
        ("{a_colour} {adjective} {word}", "{adjective} {word} in {colour}", "{word}, {colour}, {adjective}"),
    ),
    (
        frozenset({"category", "colour"}),
        ("{a_colour} {word}", "{word} in {colour}", "I am looking for {a_colour} {word}"),
    ),
    (
        frozenset({"category", "pattern"}),
        ("{a_adjective} {word}", "{word} with a {pattern} pattern", "{adjective} {word}s"),
    ),
    (frozenset({"category", "accent"}), ("{word} with {accent} details", "{word} with a touch of {accent}")),
    (frozenset({"category", "shape"}), ("{a_form}", "{form}")),
    (frozenset({"category"}), ("{a_word}", "{word}", "a picture of {a_word}")),
    (frozenset({"colour", "pattern"}), ("something {colour} and {adjective}", "{adjective}, {colour}")),
    (frozenset({"pattern"}), ("something {adjective}", "{pattern} pattern")),
    (frozenset({"colour"}), ("something {colour}", "in {colour}")),
)
_WEIGHTS = (5, 4, 3, 2, 2, 2, 2, 1, 1)


def full_caption(look: Look, rng: random.Random) -> Caption:
    """Everything that can be seen, in one sentence."""
    text = rng.choice(_FULL_PLAIN if look.pattern == "plain" else _FULL).format(**_words(look, rng))
    return Caption(text, (True, True, True, True, True))


def short_caption(look: Look, rng: random.Random) -> Caption:
    """What a person might type: one to three attributes."""
    (told, templates) = rng.choices(_PARTS, weights=_WEIGHTS)[0]
    text = rng.choice(templates).format(**_words(look, rng))
    return Caption(text, _mask(told))


def product_caption(look: Look, rng: random.Random) -> Caption:
    """A whole catalogue entry as the text encoder gets it, with much that cannot be seen, and without some that can."""
    product = product_with(look, rng)
    row: dict[str, AttributeValue] = {
        name: value for name, value in product.row().items() if name not in ("id", "title", "price", "currency")
    }
    row["price"] = Money(product.price_cents, "EUR")
    text = passage(Item(item_id="", title=product.title, attributes=row))
    told = {"category", "shape", "colour"} | ({"accent", "pattern"} if product.tells_all else set())
    return Caption(text, _mask(frozenset(told)))


def captions(look: Look, rng: random.Random, count: int) -> list[Caption]:
    """Mostly short captions, some full ones, and now and then a product entry (they are long, and slow to embed)."""
    kinds = rng.choices((short_caption, full_caption, product_caption), weights=(190, 9, 1), k=count)
    return [kind(look, rng) for kind in kinds]


def _mask(told: frozenset[str]) -> tuple[bool, bool, bool, bool, bool]:
    category, shape, colour, accent, pattern = (name in told for name in TOLD)
    return category, shape, colour, accent, pattern


def _words(look: Look, rng: random.Random) -> dict[str, str]:
    adjective = rng.choice(PATTERN_ADJECTIVES[look.pattern])
    colour = rng.choice(COLOUR_WORDS[look.colour])
    word, shape = rng.choice(CATEGORY_WORDS[look.category]), form(look.category, look.shape)
    return {
        "form": shape,
        "a_form": with_article(shape),
        "word": word,
        "a_word": with_article(word),
        "colour": colour,
        "a_colour": with_article(colour),
        "accent": rng.choice(COLOUR_WORDS[look.accent]),
        "pattern": look.pattern,
        "adjective": adjective,
        "a_adjective": with_article(adjective),
        "noun": rng.choice(PATTERN_NOUNS.get(look.pattern, ("trim",))),
    }
