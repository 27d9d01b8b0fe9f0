"""The log follows the planted tastes and what was asked for."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from finetune.builtin.oracle import POSITIVE
from finetune.builtin.products import products
from finetune.builtin.shoppers import DAYS, START, liking, make_offers, make_shoppers
from finetune.builtin.visits import Wish, simulate
from retrieval.types import EventType

GOODS = list(products(200, seed=3))
OFFERS = make_offers(GOODS, seed=3)
SHOPPERS = make_shoppers(130, seed=3)
LOG = simulate(SHOPPERS, OFFERS, events=1200, seed=3)
EVENTS = LOG.events
PRODUCT = {product.item_id: product for product in GOODS}


def test_the_same_seed_gives_the_same_log():
    assert simulate(SHOPPERS, OFFERS, events=1200, seed=3) == LOG
    assert simulate(SHOPPERS, OFFERS, events=1200, seed=4) != LOG


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
    by = {shopper.user_id: shopper for shopper in SHOPPERS}

    def mean(kinds):
        values = [
            liking(by[e.user_id].tastes((e.timestamp - START).days), PRODUCT[e.item_id])
            for e in EVENTS
            if e.type in kinds
        ]
        return sum(values) / len(values)

    assert mean(POSITIVE) > mean({EventType.VIEW}) + 1
    assert mean({EventType.DISLIKE}) < mean(POSITIVE) - 1


def test_nothing_is_met_before_it_arrives_and_what_never_arrives_is_never_met():
    arrival = {offer.product.item_id: offer.arrival_day for offer in OFFERS}
    met = {event.item_id for event in EVENTS}
    assert all(arrival[event.item_id] <= (event.timestamp - START) / timedelta(days=1) for event in EVENTS)
    assert any(arrival[item_id] > 0 for item_id in met)
    assert not {item_id for item_id, day in arrival.items() if day > DAYS} & met


def test_every_event_belongs_to_a_list_that_was_shown():
    assert all(event.session_id and event.request_id and event.position is not None for event in EVENTS)
    positions = Counter(event.position for event in EVENTS)
    assert positions[0] > positions[12]


def test_appealing_products_are_met_more_often():
    met = Counter(event.item_id for event in EVENTS)
    by_appeal = sorted((o for o in OFFERS if o.arrival_day < 0), key=lambda offer: offer.appeal)
    third = len(by_appeal) // 3
    low, high = (sum(met[o.product.item_id] for o in some) for some in (by_appeal[:third], by_appeal[-third:]))
    assert high > 1.5 * low


def test_who_asks_for_something_is_shown_just_that():
    met = defaultdict(set)
    for event in EVENTS:
        met[event.request_id].add(event.item_id)
    assert 100 < len(LOG.wishes) < len(met)
    attributes = Counter()
    for request_id, wish in LOG.wishes.items():
        assert wish.request_id == request_id
        goods = [PRODUCT[item_id] for item_id in met[request_id]]
        assert {product.look.category for product in goods} == {wish.category}
        for product in goods:
            values = {**product.row(), "pattern": product.look.pattern}
            assert not wish.attribute or values[wish.attribute] == wish.value
        attributes[wish.attribute] += 1
    assert attributes[""] > 50
    assert min(attributes["colour"], attributes["pattern"], attributes["style"]) > 5


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        (Wish("1", "socks"), "a pair of socks"),
        (Wish("1", "umbrella", "colour", "red"), "a red umbrella"),
        (Wish("1", "mug", "pattern", "stripes"), "a striped mug"),
        (Wish("1", "mug", "room", "garden"), "a mug for the garden"),
        (Wish("1", "hat", "occasion", "beach"), "a hat for the beach"),
        (Wish("1", "umbrella", "occasion", "rainy days"), "an umbrella for rainy days"),
        (Wish("1", "chair", "material", "oak"), "an oak chair"),
    ],
)
def test_a_wish_in_words(wish, text):
    assert wish.text == text
