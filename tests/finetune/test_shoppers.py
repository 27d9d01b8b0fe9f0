"""Shoppers have tastes of their kind, and offers their days."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from finetune.builtin.products import products
from finetune.builtin.shoppers import (
    DAYS,
    click_chance,
    liking,
    make_offers,
    make_shoppers,
    random_tastes,
)

GOODS = list(products(200, seed=3))
OFFERS = make_offers(GOODS, seed=3)
SHOPPERS = make_shoppers(90, seed=3)


def test_each_shopper_depends_on_the_seed_and_its_number_alone():
    assert make_shoppers(5, seed=3) == SHOPPERS[:5]
    assert make_shoppers(5, seed=4) != SHOPPERS[:5]


def test_some_tastes_change():
    changed = [shopper for shopper in SHOPPERS if len(shopper.phases) == 2]
    assert 15 <= len(changed) <= 40
    assert all(shopper.tastes(0) != shopper.tastes(DAYS) for shopper in changed)


def test_some_offers_arrive_late_and_some_never():
    days = [offer.arrival_day for offer in OFFERS]
    assert all(day == int(day) for day in days)
    assert 8 <= sum(0 < day <= DAYS for day in days) <= 45
    assert 1 <= sum(day > DAYS for day in days) <= 15


def test_random_tastes_are_those_of_their_kind():
    drawn = [random_tastes(random.Random(number)) for number in range(300)]
    assert random_tastes(random.Random(7)) == drawn[7]
    kinds = Counter(kind for kind, _ in drawn)
    assert kinds["visual"] > kinds["both"] > kinds["textual"] > 30
    for kind, tastes in drawn:
        assert (tastes.look > 2 * tastes.text) == (kind == "visual")
        assert (tastes.text > 2 * tastes.look) == (kind == "textual")


def test_a_liked_colour_counts_more_to_who_goes_by_looks():
    tastes = dict(random_tastes(random.Random(number)) for number in range(50))

    def gain(kind):
        own = tastes[kind]
        best = max(own.colours, key=lambda colour: own.colours[colour])
        product = next(p for p in GOODS if p.look.colour == best and p.look.accent not in own.colours)
        return liking(own, product) - liking(replace(own, colours={}), product)

    assert gain("visual") > gain("both") > gain("textual") > 0


def test_the_chance_of_a_click_rises_with_the_pull_and_is_never_sure():
    pulls = np.linspace(-3.0, 12.0, 40)
    chances = click_chance(pulls)
    assert np.all(np.diff(chances) >= 0)
    assert 0 < chances[0] < 0.02
    assert 0.95 < chances[-1] < 1
    assert [click_chance(float(pull)) for pull in pulls] == pytest.approx(list(chances))
