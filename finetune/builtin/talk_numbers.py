"""Numeric attributes in conversation: what they are called, their usual numbers and units, and what is less of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """How people speak of one kind of number.

    names: what the attribute is called. draw: a usual number. units: the number with its unit; {n} is the number.
    lower, higher: less and more of it than what was shown, after "something". much, little: too much and too little.
    bare: whether a number without a unit is understood as one of this kind.
    """

    names: tuple[str, ...]
    draw: Callable[[random.Random], float]
    units: tuple[str, ...]
    lower: tuple[str, ...]
    higher: tuple[str, ...]
    much: str
    little: str
    bare: bool = False


_PRICES = (
    5,
    8,
    10,
    12,
    15,
    20,
    25,
    30,
    35,
    40,
    45,
    50,
    60,
    70,
    75,
    80,
    90,
    100,
    120,
    150,
    180,
    200,
    250,
    300,
    400,
    500,
)
ROUND = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 150, 200, 250, 300, 400, 500)
"""Numbers of which a fifth is easily told: the only ones after "around"."""


def _price(rng: random.Random) -> float:
    draw = rng.random()
    if draw < 0.75:
        return rng.choice(_PRICES)
    return rng.randint(3, 999) if draw < 0.95 else rng.randint(3, 99) + 0.5


NUMBERS = {
    "price": Number(
        ("price", "price", "price", "cost", "price_eur"),
        _price,
        (
            "{n} euros",
            "€{n}",
            "{n} €",
            "${n}",
            "{n} dollars",
            "£{n}",
            "{n} pounds",
            "{n} quid",
            "{n} bucks",
            "{n} eur",
            "{n}",
            "{n}",
            "{n}",
            "{n}",
        ),
        ("cheaper", "cheaper", "a bit cheaper", "less expensive", "more affordable", "much cheaper", "less pricey"),
        ("more expensive", "pricier", "more upmarket", "a bit more expensive", "dearer"),
        "too expensive",
        "too cheap",
        bare=True,
    ),
    "year": Number(
        ("year", "year", "released", "year_published"),
        lambda rng: rng.randint(1930, 2025) if rng.random() < 0.5 else rng.randint(193, 202) * 10,
        ("{n}",),
        ("older", "earlier", "a bit older", "less recent"),
        ("newer", "more recent", "later", "a little newer"),
        "too new",
        "too old",
        bare=True,
    ),
    "rating": Number(
        ("rating", "stars", "score"),
        lambda rng: rng.choice((2, 3, 3.5, 4, 4, 4.5)),
        ("{n} stars", "a rating of {n}", "{n} stars"),
        ("lower rated", "less praised"),
        ("better rated", "higher rated", "better reviewed"),
        "too highly rated",
        "too poorly rated",
    ),
    "pages": Number(
        ("pages", "page_count"),
        lambda rng: rng.randint(2, 16) * 50 if rng.random() < 0.7 else rng.randint(60, 900),
        ("{n} pages",),
        ("shorter", "thinner", "less long"),
        ("longer", "thicker", "a bit longer"),
        "too long",
        "too short",
    ),
    "minutes": Number(
        ("minutes", "duration", "runtime", "duration_minutes"),
        lambda rng: rng.choice((10, 15, 20, 30, 45, 60, 75, 90, 100, 120, 150, 180)),
        ("{n} minutes", "{n} min", "{n} mins"),
        ("shorter", "quicker", "a bit shorter"),
        ("longer", "a bit longer"),
        "too long",
        "too short",
    ),
    "weight": Number(
        ("weight", "weight_kg"),
        lambda rng: rng.choice((1, 1.5, 2, 3, 4, 5, 8, 10, 12, 20)),
        ("{n} kg", "{n} kilos", "{n}kg"),
        ("lighter", "a bit lighter", "less heavy"),
        ("heavier", "more solid"),
        "too heavy",
        "too light",
    ),
    "size": Number(
        ("height", "width", "size", "diameter", "height_cm"),
        lambda rng: rng.choice((10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150)),
        ("{n} cm", "{n} centimetres", "{n}cm"),
        ("smaller", "a bit smaller", "less big"),
        ("bigger", "larger", "a bit larger"),
        "too big",
        "too small",
    ),
    "speed": Number(
        ("tempo", "bpm", "speed"),
        lambda rng: rng.randint(6, 18) * 10,
        ("{n} bpm",),
        ("slower", "a bit slower"),
        ("faster", "a bit faster"),
        "too fast",
        "too slow",
    ),
}
"""By kind; what is of no kind is spoken of by its own name."""

SAME_KIND = (("pages", "minutes"), ("weight", "size"))
"""Kinds that share "shorter" or have alike units: never two of them in one catalogue."""

MOST = (
    "under {q}",
    "under {q}",
    "below {q}",
    "less than {q}",
    "up to {q}",
    "at most {q}",
    "no more than {q}",
    "not more than {q}",
    "not over {q}",
    "{q} at most",
    "{q} or less",
    "{q} max",
    "max {q}",
    "maximum {q}",
)
LEAST = (
    "over {q}",
    "above {q}",
    "more than {q}",
    "at least {q}",
    "from {q}",
    "{q} or more",
    "min {q}",
    "no less than {q}",
)
BETWEEN = (
    "between {a} and {q}",
    "between {a} and {q}",
    "from {a} to {q}",
    "{a} to {q}",
    "{a}-{q}",
    "{a} - {q}",
    "over {a} but under {q}",
)
AROUND = ("around {q}", "about {q}", "roughly {q}", "approximately {q}", "around {q}")
_YEAR = {
    "most": ("before {q}", "until {q}", "from before {q}", "no later than {q}", "{q} or older", "older than {q}"),
    "least": (
        "after {q}",
        "since {q}",
        "from {q} on",
        "from {q} onwards",
        "newer than {q}",
        "{q} or later",
        "at least {q}",
        "no older than {q}",
        "{q} or newer",
    ),
    "between": ("between {a} and {q}", "from {a} to {q}", "{a}-{q}", "from between {a} and {q}"),
}
_PRICE_MOST = ("for {q} at most", "for less than {q}", "cheaper than {q}", "for under {q}", "within {q}", "budget {q}")


IN_WORDS = {
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    10: "ten",
    15: "fifteen",
    20: "twenty",
    30: "thirty",
    40: "forty",
    50: "fifty",
    60: "sixty",
    100: "a hundred",
    200: "two hundred",
}
"""Numbers that people write out now and then."""


def typed(rng: random.Random, number: float) -> str:
    """40, now and then in words: "forty"."""
    word = IN_WORDS.get(int(number)) if number == int(number) else None
    return word if word and rng.random() < 0.1 else short(number)


def short(number: float) -> str:
    """40, 4.5: as people write it."""
    return f"{number:g}"


def bound_phrase(rng: random.Random, kind: str, name: str, low: float | None, high: float | None) -> str:
    """Words for a bound after a noun: "under 40 euros", "from 2015 on", "with a tempo between 90 and 120"."""
    if kind == "year":
        if low is not None and high is not None and low % 10 == 0 and high == low + 9:
            return f"from the {decade(rng, int(low))}"
        sides = "between" if low is not None and high is not None else "most" if low is None else "least"
        return rng.choice(_YEAR[sides]).format(a=short(low or 0), q=short(high or low or 0))
    number = NUMBERS.get(kind)
    unit = rng.choice(number.units) if number else "{n}"
    if low is not None and high is not None:
        around = round((low + high) / 2, 2)
        if is_around(low, high):
            phrase = rng.choice(AROUND).format(q=unit.format(n=_typed_with(rng, unit, around)))
        else:
            unit = unit if "of" not in unit else "{n} stars"
            phrase = rng.choice(BETWEEN).format(a=short(low), q=unit.format(n=short(high)))
    elif high is not None:
        ways = (*MOST, *_PRICE_MOST) if kind == "price" else MOST
        phrase = rng.choice(ways).format(q=unit.format(n=short(high)))
    else:
        phrase = rng.choice(LEAST).format(q=unit.format(n=_typed_with(rng, unit, low or 0)))
    if number is None or (unit == "{n}" and not number.bare):
        return rng.choice((f"with a {spoken_name(name)} {_of(phrase)}", f"{spoken_name(name)} {phrase}"))
    return phrase


def _typed_with(rng: random.Random, unit: str, number: float) -> str:
    """A number in words only where its unit is a word, too: no "€forty"."""
    return typed(rng, number) if unit.startswith("{n} ") and unit[4].isalpha() else short(number)


def _of(phrase: str) -> str:
    return f"of {phrase}" if not phrase.startswith(("between", "under", "over", "below", "above")) else phrase


def is_around(low: float, high: float) -> bool:
    """Whether two bounds are a fifth to either side of a round number, which is what "around" means."""
    middle = (low + high) / 2
    return middle in ROUND and abs(low - 0.8 * middle) < 1e-6


def decade(rng: random.Random, start: int) -> str:
    """ "90s", "1990s", "90's"."""
    brief = f"{start % 100:02d}s"
    return rng.choice((brief, f"{start}s", f"{brief[:-1]}'s")) if start < 2000 and start >= 1930 else f"{start}s"


_SAID = {
    "released": "release year",
    "year_published": "year",
    "duration_minutes": "duration",
    "minutes": "length",
    "stars": "rating",
    "page_count": "number of pages",
    "pages": "number of pages",
    "bpm": "tempo",
}


def spoken_name(name: str) -> str:
    """An attribute's name as people say it."""
    return _SAID.get(name, name.replace("_", " ").removesuffix(" eur").removesuffix(" kg").removesuffix(" cm"))
