"""A year of visits: what shoppers ask for, what the shop shows them, and what they do with it.

Lists are like those of a shop's own search: by popularity, novelty, relevance and chance; upper places are looked at
more often. What shoppers click follows their liking, with noise.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.likings import Likings
from finetune.builtin.products import MATERIALS, ROOMS, places
from finetune.builtin.shoppers import APPEAL_SHARE, DAYS, START, Offer, Shopper, Tastes, click_chance, keenness
from finetune.builtin.wording import PATTERN_ADJECTIVES, PURPOSES, with_article
from retrieval.types import Event, EventType

_LIST = 18
_VISITS = 8.0
_LOOKS_ON = 0.96
"""How many of those who look at a place also look at the next one."""
_VIEWS = 0.05
"""How many of the products that are looked at and not clicked leave a view."""
_RELEVANCE, _NOISE, _NEW = 0.7, 0.4, 0.5
"""What a list is ordered by, beside the products' appeal: liking, chance, novelty."""
_HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 8, 7, 5, 5, 6, 8, 10, 14, 16, 14, 8, 3)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a shopper asked the shop for.

    request_id: of the list that was shown for it. attribute, value: what else it should be, such as colour and red;
    both empty where any of the category will do.
    """

    request_id: str
    category: str
    attribute: str = ""
    value: str = ""

    @property
    def text(self) -> str:
        """The wish in words: "a striped mug", "a mug for the garden"."""
        match self.attribute:
            case "":
                return with_article(self.category)
            case "room":
                return f"{with_article(self.category)} for the {self.value}"
            case "occasion":
                return f"{with_article(self.category)} for {PURPOSES.get(self.value, self.value)}"
            case "pattern":
                return with_article(f"{PATTERN_ADJECTIVES[self.value][0]} {self.category}")
            case _:
                return with_article(f"{self.value} {self.category}")


@dataclass(frozen=True, slots=True)
class Log:
    """What a year left: the events, oldest first, and what was asked for, by request."""

    events: list[Event]
    wishes: dict[str, Wish]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A list that a shopper answered to: what was asked for and what was done."""

    wish: Wish | None
    events: list[Event]


class Shop:
    """The offers as arrays in their order, (n_offers,) each."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.offers = offers
        self.likings = Likings([offer.product for offer in offers])
        self.arrival_days = np.array([offer.arrival_day for offer in offers])
        self.appeals = np.array([offer.appeal for offer in offers])

    def shown(
        self,
        liked: NDArray[np.float64],
        day: float,
        wish: Wish | None,
        known: NDArray[np.bool_],
        chance: np.random.Generator,
    ) -> NDArray[np.intp]:
        """The list for somebody who likes the offers so much: numbers of offers, best first, few of the known ones.

        With a wish it has only what was asked for.
        """
        there = (self.arrival_days <= day) & (~known | (chance.random(len(known)) < 0.25))
        if wish is not None:
            there &= self.likings.having("category", wish.category)
            if wish.attribute:
                there &= self.likings.having(wish.attribute, wish.value)
        rows = np.flatnonzero(there)
        luck = chance.random(len(rows))
        scores = self.appeals[rows] + _RELEVANCE * liked[rows] + _NOISE * np.log((luck + 1e-12) / (1 - luck))
        scores += np.where((self.arrival_days[rows] > 0) & (day - self.arrival_days[rows] < 30), _NEW, 0.0)
        return rows[np.argsort(-scores, kind="stable")[:_LIST]]


def simulate(shoppers: Sequence[Shopper], offers: Sequence[Offer], *, events: int, seed: int) -> Log:
    """A year's log of `events` events.

    Raises ValueError when the shoppers leave fewer events than asked for.
    """
    shop = Shop(offers)
    visits = [visit for shopper in shoppers for visit in _visits(shopper, shop, seed)]
    random.Random(f"{seed}/keep").shuffle(visits)  # noqa: S311
    kept: list[Event] = []
    wishes: list[Wish] = []
    for visit in visits:
        for shown in visit:
            some = shown.events[: events - len(kept)]
            kept += some
            if some and shown.wish is not None:
                wishes.append(shown.wish)
    if len(kept) < events:
        raise ValueError(
            f"{len(shoppers)} shoppers left {len(kept)} events, {events} were asked for; make more shoppers"
        )
    kept.sort(key=lambda event: (event.timestamp, event.user_id, event.position or 0))
    return _numbered(kept, wishes)


def _visits(shopper: Shopper, shop: Shop, seed: int) -> Iterator[list[_Shown]]:
    """The shopper's visits in order of time, each the lists that were answered to."""
    rng = random.Random(f"{seed}/visits/{shopper.user_id}")  # noqa: S311
    chance = np.random.default_rng(rng.getrandbits(64))
    liked = [(start, shop.likings.of(tastes)) for start, tastes in shopper.phases]
    known = np.zeros(len(shop.offers), dtype=bool)
    for day in sorted(rng.uniform(0, DAYS) for _ in range(max(5, round(_VISITS * shopper.activity)))):
        now = next(values for start, values in reversed(liked) if start <= day)
        visit = _Visit(shopper, day, shop, now, rng)
        lists = [visit.look_through(known, chance) for _ in range(rng.choices((1, 2, 3), weights=(6, 3, 1))[0])]
        known[sorted(visit.met)] = True
        answered = [shown for shown in lists if shown.events]
        if answered:
            yield answered


class _Visit:
    """One visit, list by list; met: numbers of the offers that it left an event on."""

    def __init__(
        self, shopper: Shopper, day: float, shop: Shop, liked: NDArray[np.float64], rng: random.Random
    ) -> None:
        self._shopper, self._day, self._shop, self._liked, self._rng = shopper, day, shop, liked, rng
        hour = rng.choices(range(24), weights=_HOURS)[0]
        self._time = START + timedelta(days=int(day), hours=hour, minutes=rng.uniform(0, 60))
        self._lists = 0
        self.met: set[int] = set()

    def look_through(self, known: NDArray[np.bool_], chance: np.random.Generator) -> _Shown:
        """The next list, asked for in three cases of four, and what is done with it."""
        self._lists += 1
        request = f"{self._shopper.user_id}/{self._day}/{self._lists}"
        tastes = self._shopper.tastes(self._day)
        wish = random_wish(tastes, self._rng, request_id=request) if self._rng.random() < 0.75 else None
        events: list[Event] = []
        rows = self._shop.shown(self._liked, self._day, wish, known, chance)
        pulls = self._liked[rows] + APPEAL_SHARE * self._shop.appeals[rows]
        looked, luck = chance.random((2, len(rows)))
        seen = looked < _LOOKS_ON ** np.arange(len(rows))
        clicked = luck < click_chance(pulls)
        for position in np.flatnonzero(seen & (clicked | (luck > 1 - _VIEWS))):
            row, pull = int(rows[position]), float(pulls[position])
            self.met.add(row)
            for kind in _reactions(pull, bool(clicked[position]), self._rng):
                events.append(self._event(row, kind, request, int(position)))
        return _Shown(wish, events)

    def _event(self, row: int, kind: EventType, request: str, position: int) -> Event:
        self._time += timedelta(seconds=self._rng.uniform(3, 90))
        return Event(
            self._shopper.user_id,
            self._shop.offers[row].product.item_id,
            kind,
            self._time.replace(microsecond=0),
            session_id=f"{self._shopper.user_id}/{self._day}",
            request_id=request,
            position=position,
        )


def random_wish(tastes: Tastes, rng: random.Random, *, request_id: str = "") -> Wish:
    """A category that the shopper likes and, half of the time, one more liked value."""
    names = list(tastes.categories)
    category = rng.choices(names, weights=[math.exp(1.5 * tastes.categories[name]) for name in names])[0]
    if rng.random() < 0.5:
        return Wish(request_id, category)
    place_kind = "room" if category in ROOMS else "occasion"
    liked = (
        *(("colour", value, tastes.look * points) for value, points in tastes.colours.items()),
        *(("pattern", value, tastes.look * points) for value, points in tastes.patterns.items()),
        *(("material", value, tastes.text * tastes.materials.get(value, 0)) for value in MATERIALS[category]),
        *(("style", value, tastes.text * points) for value, points in tastes.styles.items()),
        *((place_kind, value, tastes.text * tastes.places.get(value, 0)) for value in places(category)),
    )
    attribute, value, _ = rng.choices(liked, weights=[max(0.0, points) for _, _, points in liked])[0]
    return Wish(request_id, category, attribute, value)


def _reactions(pull: float, clicked: bool, rng: random.Random) -> list[EventType]:
    """What somebody does with a product that pulls this much, from the first look on."""
    if not clicked:
        return [EventType.VIEW, EventType.DISLIKE] if pull < 2.0 and rng.random() < 0.6 else [EventType.VIEW]
    if rng.random() < 0.75 * keenness(pull):
        return [EventType.CLICK, EventType.LIKE if rng.random() < 0.5 else EventType.BUY]
    return [EventType.CLICK, EventType.DISLIKE] if pull < 2.5 and rng.random() < 0.4 else [EventType.CLICK]


def _numbered(events: list[Event], wishes: Sequence[Wish]) -> Log:
    """Sessions and requests under numbers, in order of time."""
    sessions = _numbers(event.session_id for event in events)
    requests = _numbers(event.request_id for event in events)
    numbered = [
        replace(event, session_id=sessions[event.session_id], request_id=requests[event.request_id]) for event in events
    ]
    renamed = (replace(wish, request_id=requests[wish.request_id]) for wish in wishes)
    return Log(numbered, {wish.request_id: wish for wish in renamed})


def _numbers(names: Iterable[str | None]) -> dict[str | None, str]:
    return {name: str(number) for number, name in enumerate(dict.fromkeys(names), start=1)}
