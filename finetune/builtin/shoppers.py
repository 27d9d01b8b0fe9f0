"""Simulated shoppers: what they like, how that changes, and how likely they click.

A shopper's liking of a product is a sum: category, look (colour, accent, pattern), what only the text says (material,
style, room or occasion), price.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS
from finetune.builtin.products import MATERIALS, STYLES, Product, places

Pull = TypeVar("Pull", float, NDArray[np.float64])

START = datetime(2025, 11, 1, tzinfo=UTC)
DAYS = 365
WINDOW_DAY = 262
"""From this day on, the events of test shoppers are what a recommender must foresee."""
APPEAL_SHARE = 0.35
"""What a product's general appeal adds to each shopper's own liking."""
LATE_SHARE, NEVER_SHARE = 0.12, 0.03
"""Shares of the products that arrive late in the year, and so late that nobody has seen them yet."""

_THRESHOLD, _TEMPERATURE = 4.5, 0.33
_CHANCE_CLICK, _SLIP = 0.006, 0.024
"""Shares of clicks on what nobody likes, and of missing clicks on what is surely wanted."""


@dataclass(frozen=True, slots=True)
class Tastes:
    """Points for each value that a product may have; what is not listed counts nothing.

    look, text: how much the shopper goes by what is seen and by what is read. price: liked euros, as a natural
    logarithm over the category's usual price.
    """

    categories: Mapping[str, float]
    colours: Mapping[str, float]
    patterns: Mapping[str, float]
    materials: Mapping[str, float]
    styles: Mapping[str, float]
    places: Mapping[str, float]
    price: float
    look: float
    text: float


@dataclass(frozen=True, slots=True)
class Shopper:
    """Somebody with tastes that may change once. phases: (first whole day, tastes), the first from day 0."""

    user_id: str
    kind: str
    phases: tuple[tuple[float, Tastes], ...]
    activity: float

    def tastes(self, day: float) -> Tastes:
        return next(tastes for start, tastes in reversed(self.phases) if start <= day)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product in the shop: from which whole day on, and how appealing it is to everybody."""

    product: Product
    arrival_day: float
    appeal: float


def liking(tastes: Tastes, product: Product) -> float:
    """How much a shopper of these tastes likes the product: the planted truth, without popularity and chance."""
    look = product.look
    seen = tastes.colours.get(look.colour, 0) + 0.5 * tastes.colours.get(look.accent, 0)
    seen += tastes.patterns.get(look.pattern, 0)
    read = tastes.materials.get(product.material, 0) + tastes.styles.get(product.style, 0)
    read += tastes.places.get(product.place, 0)
    price = 0.8 * abs(off_price(product) - tastes.price)
    return tastes.categories.get(look.category, 0) + tastes.look * seen + tastes.text * read - price


def off_price(product: Product) -> float:
    """How dear the product is for its category: the natural logarithm of its price over the usual one."""
    return math.log(product.price_cents / product.usual_price_cents)


def click_chance(pull: Pull) -> Pull:
    """How probably a product that is looked at is clicked, 0 to 1; one value, or an array of any shape.

    pull: `liking` plus APPEAL_SHARE times the offer's appeal.
    """
    return _CHANCE_CLICK + (1 - _SLIP - _CHANCE_CLICK) * keenness(pull)


def keenness(pull: Pull) -> Pull:
    """0 to 1: where the pull lies between what leaves a shopper cold and what is surely wanted."""
    value: Pull = 1 / (1 + np.exp((_THRESHOLD - pull) / _TEMPERATURE))
    return value


def random_tastes(rng: random.Random) -> tuple[str, Tastes]:
    """The kind of a new shopper (visual, textual or both) and tastes of that kind."""
    kind = rng.choices(("visual", "textual", "both"), weights=(5, 2, 3))[0]
    return kind, _tastes(kind, rng)


def make_shoppers(count: int, *, seed: int) -> list[Shopper]:
    """The first `count` shoppers of this seed; each depends on the seed and its number alone."""
    return [_shopper(number, seed) for number in range(count)]


def make_offers(products: Sequence[Product], *, seed: int) -> list[Offer]:
    """The products with their days of arrival and their appeal."""
    return [_offer(product, random.Random(f"{seed}/offer/{product.item_id}")) for product in products]  # noqa: S311


def _offer(product: Product, rng: random.Random) -> Offer:
    fate = rng.random()
    day = -1.0
    if fate < NEVER_SHARE:
        day = DAYS + 1.0
    elif fate < NEVER_SHARE + LATE_SHARE:
        day = float(rng.randrange(200, 355))
    return Offer(product, day, round(rng.gauss(0, 0.6), 3))


def _shopper(number: int, seed: int) -> Shopper:
    rng = random.Random(f"{seed}/shopper/{number}")  # noqa: S311
    kind, tastes = random_tastes(rng)
    phases = [(0.0, tastes)]
    if rng.random() < 0.3:
        phases.append((float(rng.randrange(60, 230)), _drifted(tastes, kind, rng)))
    return Shopper(f"u{number + 1:04d}", kind, tuple(phases), round(rng.lognormvariate(0, 0.5), 3))


def _tastes(kind: str, rng: random.Random) -> Tastes:
    favourites = rng.sample(CATEGORIES, 5)
    materials = sorted({material for category in favourites for material in MATERIALS[category]})
    rooms = sorted({place for category in favourites for place in places(category)})
    return Tastes(
        categories={name: round(1.9 - 0.25 * rank + rng.gauss(0, 0.1), 2) for rank, name in enumerate(favourites)},
        colours=_points(COLOURS, (1.3, 1.0, 0.7, -1.0, -0.8), rng),
        patterns=_points(PATTERNS, (1.6, 1.1, -1.1, -0.9), rng),
        materials=_points(materials, (1.1, 0.8, 0.6, -0.9), rng),
        styles=_points(STYLES, (1.2, 0.8, -0.9), rng),
        places=_points(rooms, (1.0, 0.6, -0.6), rng),
        price=round(rng.gauss(0, 0.25), 2),
        look=round({"visual": 1.25, "textual": 0.2, "both": 0.85}[kind] * rng.uniform(0.9, 1.1), 2),
        text=round({"visual": 0.35, "textual": 1.35, "both": 0.85}[kind] * rng.uniform(0.9, 1.1), 2),
    )


def _points(values: Sequence[str], points: Sequence[float], rng: random.Random) -> dict[str, float]:
    chosen = rng.sample(list(values), min(len(values), len(points)))
    return {value: round(point * rng.uniform(0.85, 1.15), 2) for value, point in zip(chosen, points, strict=False)}


def _drifted(tastes: Tastes, kind: str, rng: random.Random) -> Tastes:
    """Tastes later in the year: other categories, and a new favourite colour and pattern, or style and material."""
    new = _tastes(kind, rng)
    if rng.random() < 0.5:
        return replace(tastes, categories=new.categories, colours=new.colours, patterns=new.patterns)
    return replace(tastes, categories=new.categories, styles=new.styles, materials=new.materials, places=new.places)
