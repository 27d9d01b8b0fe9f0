"""The log follows the planted tastes."""

from collections import Counter
from datetime import timedelta

import pytest

from finetune.builtin.products import products
from finetune.builtin.shoppers import (
    DAYS,
    START,
    liking,
    make_offers,
    make_shoppers,
    oracle_ndcg,
    simulate,
)
from retrieval.types import EventType

GOODS = list(products(200, seed=3))
OFFERS = make_offers(GOODS, seed=3)
SHOPPERS = make_shoppers(90, seed=3)
EVENTS = simulate(SHOPPERS, OFFERS, events=1200, seed=3)
POSITIVE = {EventType.CLICK, EventType.LIKE, EventType.BUY}


def test_the_same_seed_gives_the_same_log_and_each_shopper_stands_alone():
    assert simulate(SHOPPERS, OFFERS, events=1200, seed=3) == EVENTS
    assert make_shoppers(5, seed=3) == SHOPPERS[:5]
    assert simulate(SHOPPERS, OFFERS, events=1200, seed=4) != EVENTS


def test_there_are_as_many_events_as_asked_for_oldest_first():
    assert len(EVENTS) == 1200
    times = [event.timestamp for event in EVENTS]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] < START + timedelta(days=DAYS + 1)


def test_more_events_than_the_shoppers_leave_are_refused():
    with pytest.raises(ValueError, match="99999 were asked for; make more shoppers"):
        simulate(SHOPPERS, OFFERS, events=99_999, seed=3)


def test_what_is_clicked_was_liked_better_than_what_was_only_viewed():
    of = {product.item_id: product for product in GOODS}
    by = {shopper.user_id: shopper for shopper in SHOPPERS}

    def mean(kinds):
        values = [
            liking(by[e.user_id].tastes((e.timestamp - START).days), of[e.item_id]) for e in EVENTS if e.type in kinds
        ]
        return sum(values) / len(values)

    assert mean(POSITIVE) > mean({EventType.VIEW}) + 1
    assert mean({EventType.DISLIKE}) < mean(POSITIVE) - 1


def test_nothing_is_met_before_it_arrives_and_some_is_never_met():
    arrival = {offer.product.item_id: offer.arrival_day for offer in OFFERS}
    for event in EVENTS:
        day = (event.timestamp - START) / timedelta(days=1)
        assert arrival[event.item_id] <= day
    late = {item for item, day in arrival.items() if 0 < day <= DAYS}
    never = {item for item, day in arrival.items() if day > DAYS}
    assert late
    assert never
    assert not never & {event.item_id for event in EVENTS}


def test_some_tastes_change():
    changed = [shopper for shopper in SHOPPERS if len(shopper.phases) == 2]
    assert 15 <= len(changed) <= 40
    one = changed[0]
    assert one.tastes(0) != one.tastes(DAYS)


def test_every_event_belongs_to_a_list_that_was_shown():
    assert all(event.session_id and event.request_id and event.position is not None for event in EVENTS)
    positions = Counter(event.position for event in EVENTS)
    assert positions[0] > positions[12]


def test_the_oracle_beats_looks_blind_and_popularity_orders():
    oracle = oracle_ndcg(SHOPPERS, OFFERS, EVENTS)
    popular = Counter(event.item_id for event in EVENTS)
    by_popularity = oracle_ndcg(SHOPPERS, OFFERS, EVENTS, score=lambda _, offer: popular[offer.product.item_id])
    assert 0.3 < oracle < 0.85
    assert by_popularity < oracle / 2
