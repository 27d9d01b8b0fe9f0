"""What the oracle foresees, on logs whose answers are known."""

from datetime import timedelta

import numpy as np
import pytest

from finetune.builtin.likings import Sight
from finetune.builtin.oracle import WINDOW_START, first_wishes, oracle_ndcg, planted, popular, wanted_in_window
from finetune.builtin.products import products
from finetune.builtin.shoppers import DAYS, Offer, make_offers, make_shoppers
from finetune.builtin.visits import Log, Wish, simulate
from retrieval.types import Event, EventType

GOODS = list(products(200, seed=3))
OFFERS = [Offer(product, -1.0, 0.0) for product in GOODS]
SHOPPER = make_shoppers(1, seed=3)[0]
IDS = [product.item_id for product in GOODS]


def event(item_id, days, kind=EventType.CLICK, request_id=None):
    return Event(SHOPPER.user_id, item_id, kind, WINDOW_START + timedelta(days=days), request_id=request_id)


def by_row(shopper):
    """The first product first."""
    return -np.arange(len(GOODS), dtype=np.float64)


def test_only_new_positive_items_of_the_window_are_wanted():
    events = [event(IDS[0], -1, EventType.VIEW), event(IDS[0], 1), event(IDS[1], 1), event(IDS[2], 1, EventType.VIEW)]
    assert wanted_in_window([SHOPPER], events) == {SHOPPER.user_id: {IDS[1]}}


def test_what_was_met_before_takes_no_place():
    events = [event(IDS[0], -1), event(IDS[1], 1), event(IDS[2], 2)]
    assert oracle_ndcg([SHOPPER], OFFERS, events, by_row) == 1


def test_a_lower_place_is_worth_less():
    assert oracle_ndcg([SHOPPER], OFFERS, [event(IDS[2], 1)], by_row) == pytest.approx(1 / np.log2(4))
    assert oracle_ndcg([SHOPPER], OFFERS, [event(IDS[10], 1)], by_row) == 0
    assert oracle_ndcg([SHOPPER], OFFERS, [event(IDS[0], -1)], by_row) == 0  # nobody wants anything


def test_what_never_arrives_takes_no_place():
    offers = [Offer(GOODS[0], DAYS + 1.0, 0.0), *OFFERS[1:]]
    assert oracle_ndcg([SHOPPER], offers, [event(IDS[1], 1)], by_row) == 1


def test_the_first_wish_whose_list_had_something_wanted():
    events = [event(IDS[0], -1, request_id="1"), event(IDS[0], 1, request_id="2"), event(IDS[1], 2, request_id="3")]
    events += [event(IDS[2], 3, request_id="4")]
    wishes = {number: Wish(number, "lamp") for number in ("1", "2", "3", "4")}
    assert first_wishes([SHOPPER], Log(events, wishes)) == {SHOPPER.user_id: wishes["3"]}
    assert first_wishes([SHOPPER], Log(events, {})) == {}


def test_who_knows_the_tastes_beats_who_is_partly_blind_and_popularity():
    offers, shoppers = make_offers(GOODS, seed=3), make_shoppers(230, seed=3)
    events = simulate(shoppers, offers, events=2600, seed=3).events
    whole, told, none = (oracle_ndcg(shoppers, offers, events, planted(offers, sight=sight)) for sight in Sight)
    assert 0.4 < whole < 0.85
    assert whole > 1.05 * told
    assert told > 1.3 * none
    assert none > oracle_ndcg(shoppers, offers, events, popular(offers, events))
