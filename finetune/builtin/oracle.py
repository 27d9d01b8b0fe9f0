"""How well somebody who knows the planted tastes foresees the log: the most that a recommender can reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.likings import Likings, Sight
from finetune.builtin.shoppers import APPEAL_SHARE, DAYS, START, WINDOW_DAY, Offer, Shopper
from finetune.builtin.visits import Log, Wish
from retrieval.types import Event, EventType

POSITIVE = frozenset([EventType.CLICK, EventType.LIKE, EventType.BUY])
WINDOW_START = START + timedelta(days=WINDOW_DAY)

Score = Callable[[Shopper], NDArray[np.float64]]
"""What ranks the offers for a shopper: (n_offers,), higher is better."""


def planted(offers: Sequence[Offer], *, sight: Sight = Sight.ALL) -> Score:
    """The planted liking at the window's start, and appeal; partly blind where asked for."""
    likings = Likings([offer.product for offer in offers])
    appeals = APPEAL_SHARE * np.array([offer.appeal for offer in offers])
    return lambda shopper: likings.of(shopper.tastes(WINDOW_DAY), sight=sight) + appeals


def popular(offers: Sequence[Offer], events: Sequence[Event]) -> Score:
    """How often the offer was met before the window, the same for everybody."""
    met = Counter(event.item_id for event in events if event.timestamp < WINDOW_START)
    counts = np.array([met[offer.product.item_id] for offer in offers], dtype=np.float64)
    return lambda _: counts


def met_before_window(shoppers: Sequence[Shopper], events: Sequence[Event]) -> dict[str, set[str]]:
    """Per shopper, the items of all events before the window."""
    met: dict[str, set[str]] = {shopper.user_id: set() for shopper in shoppers}
    for event in events:
        if event.user_id in met and event.timestamp < WINDOW_START:
            met[event.user_id].add(event.item_id)
    return met


def wanted_in_window(shoppers: Sequence[Shopper], events: Sequence[Event]) -> dict[str, set[str]]:
    """Per shopper, the items that were clicked, liked or bought in the window and not met before it."""
    past = met_before_window(shoppers, events)
    wanted: dict[str, set[str]] = {shopper.user_id: set() for shopper in shoppers}
    for event in events:
        if event.user_id in wanted and event.timestamp >= WINDOW_START and event.type in POSITIVE:
            wanted[event.user_id].add(event.item_id)
    return {user_id: items - past[user_id] for user_id, items in wanted.items()}


def first_wishes(shoppers: Sequence[Shopper], log: Log) -> dict[str, Wish]:
    """Per shopper, the first request of the window whose list had something wanted in it; only those with one."""
    wanted = wanted_in_window(shoppers, log.events)
    wishes: dict[str, Wish] = {}
    for event in log.events:
        if (
            event.timestamp >= WINDOW_START
            and event.type in POSITIVE
            and event.item_id in wanted.get(event.user_id, ())
        ):
            wish = log.wishes.get(event.request_id or "")
            if wish is not None:
                wishes.setdefault(event.user_id, wish)
    return wishes


def oracle_ndcg(
    shoppers: Sequence[Shopper], offers: Sequence[Offer], events: Sequence[Event], score: Score, *, k: int = 10
) -> float:
    """Mean NDCG@k of foreseeing each shopper's clicks, likes and buys of the window; 0 if there are none.

    Ranked are all offers that have arrived by the year's end and that the shopper has not met before the window.
    """
    arrived = np.array([offer.arrival_day <= DAYS for offer in offers])
    item_ids = np.array([offer.product.item_id for offer in offers])
    past = met_before_window(shoppers, events)
    foreseen = wanted_in_window(shoppers, events)
    values = []
    for shopper in shoppers:
        wanted = foreseen[shopper.user_id]
        if wanted:
            open_to = arrived & ~np.isin(item_ids, list(past[shopper.user_id]))
            best = np.argsort(-np.where(open_to, score(shopper), -np.inf), kind="stable")[:k]
            values.append(_ndcg(np.isin(item_ids[best], list(wanted)), len(wanted), k))
    return float(np.mean(values)) if values else 0.0


def _ndcg(hits: NDArray[np.bool_], relevant: int, k: int) -> float:
    discounts = 1 / np.log2(np.arange(k) + 2)
    return float(discounts[: len(hits)][hits].sum() / discounts[: min(k, relevant)].sum())
