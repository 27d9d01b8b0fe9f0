"""Simulated shoppers: what they like, how that changes, and the log that it leaves.

A shopper's liking of a product is a sum: category, look (colour, accent, pattern), what only the text says (material,
style, room or occasion), price. Shoppers see lists like those of a shop's own search: by popularity and chance,
the upper places looked at more often. What they click follows their liking, with noise.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS
from finetune.builtin.products import MATERIALS, STYLES, Product, places
from retrieval.types import Event, EventType

Pull = TypeVar("Pull", float, NDArray[np.float64])

START = datetime(2025, 11, 1, tzinfo=UTC)
DAYS = 365
WINDOW_DAY = 292
"""From this day on, the events of test shoppers are what a recommender must foresee."""
APPEAL_SHARE = 0.35
"""What a product's general appeal adds to each shopper's own liking."""
LATE_SHARE, NEVER_SHARE = 0.12, 0.03
"""Shares of the products that arrive late in the year, and so late that nobody has seen them yet."""

_LIST = 18
_THRESHOLD, _TEMPERATURE = 3.55, 0.33
_CHANCE_CLICK, _SLIP = 0.006, 0.024
"""Shares of clicks on what nobody likes, and of missing clicks on what is surely wanted."""
_HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 8, 7, 5, 5, 6, 8, 10, 14, 16, 14, 8, 3)


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
    """Somebody with tastes that may change once. phases: (first day, tastes), the first from day 0."""

    user_id: str
    kind: str
    phases: tuple[tuple[float, Tastes], ...]
    activity: float

    def tastes(self, day: float) -> Tastes:
        return next(tastes for start, tastes in reversed(self.phases) if start <= day)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product in the shop: from which day on, and how appealing it is to everybody."""

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
    off_price = abs(math.log(product.price_cents / product.usual_price_cents) - tastes.price)
    return tastes.categories.get(look.category, 0) + tastes.look * seen + tastes.text * read - 0.8 * off_price


def click_chance(pull: Pull) -> Pull:
    """How probably a product that is looked at is clicked, 0 to 1; one value, or an array of any shape.

    pull: `liking` plus APPEAL_SHARE times the offer's appeal.
    """
    return _CHANCE_CLICK + (1 - _SLIP - _CHANCE_CLICK) * keenness(pull)


def keenness(pull: Pull) -> Pull:
    """0 to 1: where the pull lies between what leaves a shopper cold and what is surely wanted."""
    return 1 / (1 + np.exp((_THRESHOLD - pull) / _TEMPERATURE))


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


def simulate(shoppers: Sequence[Shopper], offers: Sequence[Offer], *, events: int, seed: int) -> list[Event]:
    """A year's log of `events` events, oldest first.

    Raises ValueError when the shoppers leave fewer events than asked for.
    """
    visits = [visit for shopper in shoppers for visit in _visits(shopper, offers, seed)]
    rng = random.Random(f"{seed}/keep")  # noqa: S311
    rng.shuffle(visits)
    kept: list[Event] = []
    for visit in visits:
        kept += visit[: events - len(kept)]
    if len(kept) < events:
        raise ValueError(
            f"{len(shoppers)} shoppers left {len(kept)} events, {events} were asked for; make more shoppers"
        )
    kept.sort(key=lambda event: (event.timestamp, event.user_id, event.position or 0))
    return _numbered(kept)


def _offer(product: Product, rng: random.Random) -> Offer:
    fate = rng.random()
    day = -1.0
    if fate < NEVER_SHARE:
        day = DAYS + 1.0
    elif fate < NEVER_SHARE + LATE_SHARE:
        day = round(rng.uniform(0.55, 0.97) * DAYS, 1)
    return Offer(product, day, round(rng.gauss(0, 0.6), 3))


def _shopper(number: int, seed: int) -> Shopper:
    rng = random.Random(f"{seed}/shopper/{number}")  # noqa: S311
    kind, tastes = random_tastes(rng)
    phases = [(0.0, tastes)]
    if rng.random() < 0.3:
        phases.append((round(rng.uniform(90, 270), 1), _drifted(tastes, kind, rng)))
    return Shopper(f"u{number + 1:04d}", kind, tuple(phases), round(rng.lognormvariate(0, 0.5), 3))


def _tastes(kind: str, rng: random.Random) -> Tastes:
    favourites = rng.sample(CATEGORIES, 5)
    materials = sorted({material for category in favourites for material in MATERIALS[category]})
    rooms = sorted({place for category in favourites for place in places(category)})
    return Tastes(
        categories={name: round(1.9 - 0.25 * rank + rng.gauss(0, 0.1), 2) for rank, name in enumerate(favourites)},
        colours=_points(COLOURS, (1.3, 1.0, 0.7, -1.0, -0.8), rng),
        patterns=_points(PATTERNS, (1.3, 0.9, -1.0, -0.8), rng),
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


def _visits(shopper: Shopper, offers: Sequence[Offer], seed: int) -> Iterator[list[Event]]:
    """The shopper's visits in order of time, each the events that it left."""
    rng = random.Random(f"{seed}/visits/{shopper.user_id}")  # noqa: S311
    count = max(4, round(8.4 * shopper.activity))
    known: set[str] = set()
    for day in sorted(rng.uniform(0, DAYS) for _ in range(count)):
        events = _visit(shopper, day, offers, known, rng)
        known.update(event.item_id for event in events)
        if events:
            yield events


def _visit(shopper: Shopper, day: float, offers: Sequence[Offer], known: set[str], rng: random.Random) -> list[Event]:
    tastes = shopper.tastes(day)
    time = START + timedelta(days=int(day), hours=rng.choices(range(24), weights=_HOURS)[0], minutes=rng.uniform(0, 60))
    events: list[Event] = []

    def leave(offer: Offer, kind: EventType, position: int, list_number: int) -> None:
        nonlocal time
        time += timedelta(seconds=rng.uniform(3, 90))
        request = f"{shopper.user_id}/{day}/{list_number}"
        events.append(
            Event(
                shopper.user_id,
                offer.product.item_id,
                kind,
                time.replace(microsecond=0),
                session_id=f"{shopper.user_id}/{day}",
                request_id=request,
                position=position,
            )
        )

    for list_number in range(rng.choices((1, 2, 3), weights=(6, 3, 1))[0]):
        for position, offer in enumerate(_list(tastes, day, offers, known, rng)):
            if rng.random() > 0.96**position:
                continue
            for kind in _reactions(liking(tastes, offer.product) + APPEAL_SHARE * offer.appeal, rng):
                leave(offer, kind, position, list_number)
    return events


def _list(tastes: Tastes, day: float, offers: Sequence[Offer], known: set[str], rng: random.Random) -> list[Offer]:
    """What the shop shows: mostly a category that the shopper asks for, by popularity, relevance and chance."""
    wanted = None
    if rng.random() < 0.75:
        names = list(tastes.categories)
        wanted = rng.choices(names, weights=[math.exp(1.5 * tastes.categories[name]) for name in names])[0]
    there = [
        offer
        for offer in offers
        if offer.arrival_day <= day
        and (wanted is None or offer.product.look.category == wanted)
        and (offer.product.item_id not in known or rng.random() < 0.25)
    ]
    scored: list[tuple[float, int]] = []
    for row, offer in enumerate(there):
        fresh = 0.5 if 0 <= day - offer.arrival_day < 30 and offer.arrival_day > 0 else 0.0
        scored.append((offer.appeal + fresh + 0.3 * liking(tastes, offer.product) + rng.gauss(0, 0.7), row))
    scored.sort(reverse=True)
    return [there[row] for _, row in scored[:_LIST]]


def _reactions(pull: float, rng: random.Random) -> list[EventType]:
    """What somebody does with a product that pulls this much."""
    if rng.random() > click_chance(pull):
        if rng.random() < 0.05:
            return [EventType.VIEW, EventType.DISLIKE] if pull < 0.4 and rng.random() < 0.6 else [EventType.VIEW]
        return []
    done = [EventType.CLICK]
    if rng.random() < 0.75 * keenness(pull):
        done.append(EventType.LIKE if rng.random() < 0.5 else EventType.BUY)
    elif pull < 1.0 and rng.random() < 0.4:
        done.append(EventType.DISLIKE)
    return done


def _numbered(events: list[Event]) -> list[Event]:
    """Sessions and requests under short names, in order of time."""
    names: dict[str, str] = {}

    def short(kind: str, long: str | None) -> str:
        return names.setdefault(f"{kind}{long}", f"{kind}{len(names) + 1}")

    return [
        replace(event, session_id=short("s", event.session_id), request_id=short("r", event.request_id))
        for event in events
    ]


def oracle_ndcg(
    shoppers: Sequence[Shopper],
    offers: Sequence[Offer],
    events: Sequence[Event],
    *,
    score: Callable[[Shopper, Offer], float] | None = None,
    k: int = 10,
) -> float:
    """Mean NDCG@k of foreseeing each shopper's clicks, likes and buys from WINDOW_DAY on; 0 if there are none.

    score: what ranks the products that the shopper has not met before; by default the planted liking and appeal.
    """
    since = START + timedelta(days=WINDOW_DAY)
    positive = {EventType.CLICK, EventType.LIKE, EventType.BUY}
    values = []
    for shopper in shoppers:
        mine = [event for event in events if event.user_id == shopper.user_id]
        before = {event.item_id for event in mine if event.timestamp < since}
        wanted = {event.item_id for event in mine if event.timestamp >= since and event.type in positive} - before
        if not wanted:
            continue
        open_offers = [o for o in offers if o.arrival_day <= DAYS and o.product.item_id not in before]
        rank = score or _planted
        best = sorted(open_offers, key=lambda offer: rank(shopper, offer), reverse=True)[:k]
        gain = sum(1 / math.log2(place + 2) for place, o in enumerate(best) if o.product.item_id in wanted)
        values.append(gain / sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted)))))
    return sum(values) / max(1, len(values))


def _planted(shopper: Shopper, offer: Offer) -> float:
    return liking(shopper.tastes(WINDOW_DAY), offer.product) + APPEAL_SHARE * offer.appeal
