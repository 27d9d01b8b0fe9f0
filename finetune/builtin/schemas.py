"""Catalogues of which lists and texts are drawn: their attributes, and the values these can have.

Two kinds. The drawn shop has pictures, and some of its attributes are left out of the text, so that only the picture
shows them. All others are invented anew for every list: attribute names, values, titles and prose vary without end, so
that the only way to rank their items is to compare words, which is what carries over to catalogues that nobody has
seen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from finetune.builtin import words
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS

Want = tuple[str, str]
"""An attribute's name and the value of it that somebody wants."""


LOOKS = ("category", "colour", "pattern", "accent")
"""The attributes that a picture of the drawn shop shows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute of a catalogue: its name and the values it can have. many: each item has a list of values."""

    name: str
    values: tuple[str, ...]
    many: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """What the items of one catalogue look like.

    fields: attributes that tastes and requests are about. extra: names of further ones, filled with anything.
    shop: a drawn shop, whose items have a look. titles: "values", "invented", "story" or "name".
    """

    fields: tuple[Field, ...]
    extra: tuple[str, ...] = ()
    shop: bool = False
    titles: str = "invented"
    held_out: bool = False


def shop_schema(rng: random.Random, *, most: int = 8) -> Schema:
    """The drawn shop: looks, and some attributes that only the text tells; at most so many of them."""
    told = (
        Field("material", words.MATERIALS),
        Field("style", words.STYLES),
        Field(rng.choice(("room", "occasion")), words.OCCASIONS),
        Field("brand", tuple(words.invented_word(rng).capitalize() for _ in range(12))),
    )
    looks = (
        Field("category", CATEGORIES),
        Field("colour", COLOURS),
        Field("pattern", PATTERNS),
        Field("accent", COLOURS),
    )
    fields = looks + tuple(rng.sample(told, rng.randint(1, 4)))
    if most < len(fields):
        return Schema(tuple(rng.sample(fields, most)), shop=True, titles="shop")
    return Schema(fields, rng.choice((("price",), ("price", "description"))), shop=True, titles="shop")


def held_out_schema(rng: random.Random) -> Schema:
    """A catalogue of attributes, values and words that training never has."""
    return random_schema(rng, held_out=True)


def random_schema(rng: random.Random, *, held_out: bool = False, most: int = 5) -> Schema:
    """A catalogue that has never been: a few attributes with values of English or invented words."""
    names = rng.sample(list(dict.fromkeys(words.ATTRIBUTE_NAMES)), rng.randint(min(2, most), most))
    if rng.random() < 0.2:
        names[0] = words.invented_word(rng, held_out=held_out)
    fields = tuple(_random_field(rng, name, held_out) for name in names)
    if most < 5:
        return Schema(fields, titles=rng.choice(("invented", "values")), held_out=held_out)
    if rng.random() < 0.35:
        fields = (*fields, Field("plot", story_values(held_out), many=True))
    extra = tuple(rng.sample(("year", "price", "author", "plot", "code", "rating"), rng.randint(0, 2)))
    titles = rng.choice(("values", "invented", "story", "name", "story"))
    return Schema(fields, tuple(e for e in extra if e not in names), titles=titles, held_out=held_out)


def story_values(held_out: bool) -> tuple[str, ...]:
    pool = (*words.STORY_NOUNS, *words.STORY_ADJECTIVES)
    return tuple(dict.fromkeys(word for word in pool if words.is_held_out(word) == held_out))


def _random_field(rng: random.Random, name: str, held_out: bool) -> Field:
    pool = words.catalogue_words(held_out=held_out)
    count = rng.randint(4, 12)
    draw = rng.random()
    if draw < 0.25:
        values = [words.invented_word(rng, held_out=held_out) for _ in range(count)]
    elif draw < 0.4:
        values = [" ".join(rng.sample(pool, 2)) for _ in range(count)]
    elif draw < 0.5 and not held_out:
        values = [str(rng.randint(1920, 2026)) for _ in range(count)]
    elif draw < 0.6:
        values = [words.invented_name(rng) for _ in range(count)]
    else:
        values = rng.sample(pool, count)
    if rng.random() < 0.3:
        values = [value[:1].upper() + value[1:] for value in values]
    if rng.random() < 0.25:
        return Field(_plural(name), tuple(dict.fromkeys(values)), many=True)
    return Field(name, tuple(dict.fromkeys(values)))


def _plural(name: str) -> str:
    if name.endswith("s"):
        return name
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("ch", "sh", "x")) else f"{name}s"
