"""Figures: their intervals, and whether they reach what was asked of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from finetune.builtin.figures import Figure, drawn, gain, mean, share


def test_a_share_and_its_interval() -> None:
    """Of 400 even draws half are hits: the binomial interval is .451 to .549."""
    hits = np.arange(400) % 2 * 1.0
    value, low, high = mean(hits)
    assert value == 0.5
    assert low == pytest.approx(0.451, abs=0.01)
    assert high == pytest.approx(0.549, abs=0.01)


def test_rows_count_by_what_they_hold() -> None:
    value, low, high = share(np.array([9.0, 0.0]), np.array([9.0, 1.0]))
    assert value == 0.9
    assert (low, high) == (0.0, 1.0)


def test_a_gain_is_drawn_in_pairs() -> None:
    """Ten percent for everybody is ten percent in every draw, however much people differ."""
    base = np.random.default_rng(0).random(50)
    assert gain(1.1 * base, base) == pytest.approx((10.0, 10.0, 10.0))


def test_nothing_has_no_value_and_one_row_no_interval() -> None:
    assert all(math.isnan(end) for end in mean(np.array([])))
    value, low, high = drawn((np.array([3.0]),), lambda sums: sums[:, 0])
    assert value == 3.0
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("x", 0.9, floor=0.8, aim=0.92), "floor"),
        (Figure("x", 0.93, floor=0.8, aim=0.92), "aim"),
        (Figure("x", 0.7, floor=0.8, aim=0.92), "below"),
        (Figure("x", 0.7), "reported"),
        (Figure("x", 30, aim=60), "below"),
        (Figure("x", math.nan, floor=0.8), "below"),
        (Figure("x", 12, floor=15, aim=5, lower_is_better=True), "floor"),
        (Figure("x", 16, floor=15, aim=5, lower_is_better=True), "below"),
        (Figure("x", 25, -1, 50, floor=8, aim=20, sure=True), "below"),
        (Figure("x", 25, 1, 50, floor=8, aim=20, sure=True), "aim"),
    ],
)
def test_verdicts(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict
