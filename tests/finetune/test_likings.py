"""Likings of all products at once are the planted ones, and partly blind ones leave out what is not seen."""

from dataclasses import replace

import numpy as np
import pytest

from finetune.builtin.likings import Likings, Sight
from finetune.builtin.products import products
from finetune.builtin.shoppers import liking, make_shoppers

GOODS = list(products(200, seed=3))
LIKINGS = Likings(GOODS)


@pytest.mark.parametrize("shopper", make_shoppers(6, seed=5), ids=lambda shopper: shopper.kind)
def test_they_are_what_liking_gives_one_by_one(shopper):
    for _, tastes in shopper.phases:
        one_by_one = [liking(tastes, product) for product in GOODS]
        np.testing.assert_allclose(LIKINGS.of(tastes), one_by_one)


def test_who_sees_what_is_told_misses_pattern_and_accent_of_the_silent_products():
    tastes = make_shoppers(1, seed=5)[0].phases[0][1]
    told, whole = LIKINGS.of(tastes, sight=Sight.TOLD), LIKINGS.of(tastes)
    for row, product in enumerate(GOODS):
        look = product.look
        hinted = tastes.patterns.get(look.pattern, 0) + 0.5 * tastes.colours.get(look.accent, 0)
        missed = 0.0 if product.tells_all else tastes.look * hinted
        assert whole[row] - told[row] == pytest.approx(missed)


def test_who_sees_nothing_likes_as_one_to_whom_looks_are_nothing():
    tastes = make_shoppers(1, seed=5)[0].phases[0][1]
    np.testing.assert_allclose(LIKINGS.of(tastes, sight=Sight.NONE), LIKINGS.of(replace(tastes, look=0.0)))


def test_products_are_found_by_value():
    assert [p for p, has in zip(GOODS, LIKINGS.having("category", "rug"), strict=True) if has] == [
        product for product in GOODS if product.look.category == "rug"
    ]
    kitchen = LIKINGS.having("room", "kitchen")
    assert [bool(has) for has in kitchen] == [product.place == "kitchen" for product in GOODS]
    assert not LIKINGS.having("pattern", "tartan").any()
