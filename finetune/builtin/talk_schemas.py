"""Catalogues to talk about: invented ones, the drawn shop, the built-in shop's own, and a few that people know."""

from __future__ import annotations

import random

from finetune.builtin import words
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS
from finetune.builtin.products import BRANDS, MATERIALS, OCCASIONS, ROOMS, STYLES
from finetune.builtin.queries import phrases
from finetune.builtin.schemas import Field, Schema, random_schema, shop_schema

_LANGUAGES = phrases("English|French|German|Italian|Spanish|Japanese|Korean|Swedish|Danish|Hindi|Portuguese|Polish")
_COUNTRIES = phrases("France|Italy|Japan|Spain|Canada|India|Mexico|Norway|Brazil|Korea|Ireland|Morocco|Greece")
_MOODS = phrases("dark|funny|slow|tense|warm|sad|light-hearted|dreamy|romantic|thoughtful|cheerful|calm|energetic")
_MUSIC = phrases("jazz|rock|folk|classical|hip hop|soul|techno|blues|country|reggae|pop|metal|ambient|funk")
_BOOKS = phrases("crime|fantasy|biography|poetry|history|travel|horror|romance|essays|children's|science|cookbook")
_DISHES = phrases("soup|salad|curry|stew|cake|pie|lasagne|sandwich|risotto|omelette|casserole|tart|pudding|pizza|dip")
_DIETS = phrases("vegan|vegetarian|gluten-free|dairy-free|low-carb|nut-free|halal|kosher")
_GADGETS = phrases("laptop|phone|tablet|headphones|camera|speaker|keyboard|monitor|printer|router|e-reader|smartwatch")
_PORTS = phrases("wifi|bluetooth|usb-c|hdmi|fingerprint reader|touchscreen|noise cancelling|backlight|card reader")
_FORMATS = phrases("hardcover|paperback|ebook|audiobook|large print")
_SECTIONS = phrases("sports|politics|business|culture|science|health|travel|technology|local|weather|opinion|world")


def talk_schema(rng: random.Random, *, held_out: bool = False) -> Schema:
    """A catalogue to talk about. held_out: one of words that training never uses."""
    if held_out:
        return random_schema(rng, held_out=True)
    draw = rng.random()
    if draw < 0.4:
        return random_schema(rng)
    if draw < 0.52:
        return shop_schema(rng)
    return builtin_shop(rng) if draw < 0.82 else _known(rng)


def builtin_shop(rng: random.Random) -> Schema:
    """The built-in shop's attributes with all their values."""
    fields = [
        Field("category", CATEGORIES),
        Field("colour", COLOURS),
        Field("pattern", PATTERNS),
        Field("accent", COLOURS),
        Field("material", tuple(dict.fromkeys(value for values in MATERIALS.values() for value in values))),
        Field("style", STYLES),
        Field("room", tuple(dict.fromkeys(value for values in ROOMS.values() for value in values))),
        Field("occasion", OCCASIONS),
        Field("brand", tuple(BRANDS)),
    ]
    if rng.random() < 0.2:
        head, *rest = fields
        rng.shuffle(rest)
        fields = [head, *rest]
    titles = "product" if rng.random() < 0.7 else "shop"
    return Schema(tuple(fields), ("price",), shop=True, titles=titles)


def _known(rng: random.Random) -> Schema:
    """Films, books, music, food, gadgets or news, with the attributes that such catalogues have."""
    people = tuple(words.invented_name(rng) for _ in range(10))
    makers = tuple(words.invented_word(rng).capitalize() for _ in range(8))
    fields, extra = rng.choice(
        (
            (
                (
                    Field("genre", words.GENRES),
                    Field("director", people),
                    Field("language", _LANGUAGES),
                    Field("mood", _MOODS),
                    Field("country", _COUNTRIES),
                ),
                ("year", "minutes", "rating"),
            ),
            (
                (
                    Field("genre", _BOOKS),
                    Field("author", people),
                    Field("format", _FORMATS),
                    Field("language", _LANGUAGES),
                ),
                ("year", "pages", "rating", "price"),
            ),
            (
                (
                    Field("genre", _MUSIC),
                    Field("artist", people),
                    Field("mood", _MOODS),
                    Field("instrument", phrases("piano|guitar|violin|drums|flute|harp|cello|trumpet")),
                ),
                ("year", "speed"),
            ),
            (
                (
                    Field("type", _DISHES),
                    Field("diet", _DIETS),
                    Field("ingredients", words.FOODS, many=True),
                    Field("cuisine", tuple(f"{word}" for word in _LANGUAGES[1:])),
                ),
                ("minutes", "rating"),
            ),
            (
                (
                    Field("type", _GADGETS),
                    Field("brand", makers),
                    Field("colour", COLOURS),
                    Field("features", _PORTS, many=True),
                ),
                ("price", "weight", "size", "rating"),
            ),
            ((Field("section", _SECTIONS), Field("topic", words.TOPICS), Field("author", people)), ("year",)),
        )
    )
    return Schema(fields, extra, titles=rng.choice(("story", "story", "invented")))
