"""Intervals and tests: as wide as they should be, by users and not by cases."""

import math

import numpy as np
import pytest

from finetune.bootstrap import Bootstrap, holm


def test_an_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    (found,) = Bootstrap(np.arange(400)).estimates(values[:, None])
    assert found.mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.02)
    assert found.high == pytest.approx(values.mean() + half, abs=0.02)


def test_cases_of_a_user_are_drawn_together() -> None:
    """Ten equal cases of each of 50 users say no more than one each."""
    each = np.random.default_rng(1).normal(0, 1, 50)
    (alone,) = Bootstrap(np.arange(50)).estimates(each[:, None])
    (repeated,) = Bootstrap(np.repeat(np.arange(50), 10)).estimates(np.repeat(each, 10)[:, None])
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high))
    (careless,) = Bootstrap(np.arange(500)).estimates(np.repeat(each, 10)[:, None])
    assert careless.high - careless.low < (alone.high - alone.low) / 2


def test_users_with_more_cases_weigh_more() -> None:
    (found,) = Bootstrap(np.array([5, 5, 5, 9])).estimates(np.array([1.0, 1, 1, 0])[:, None])
    assert found.mean == 0.75


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        users = np.repeat(np.arange(60), 3)
        values = rng.normal(0, 1, 60)[users] + rng.normal(0, 1, 180)
        (found,) = Bootstrap(users, draws=400).estimates(values[:, None])
        held += found.low <= 0 <= found.high
    assert 0.9 <= held / 200 <= 0.98


def test_cases_without_a_value_do_not_count() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    one, none = Bootstrap(np.arange(3)).estimates(values)
    assert one.mean == 2
    assert all(math.isnan(each) for each in (none.mean, none.low, none.high))


def test_one_user_gives_a_mean_and_no_interval() -> None:
    (found,) = Bootstrap(np.zeros(4, dtype=int)).estimates(np.arange(4.0)[:, None])
    assert found.mean == 1.5
    assert math.isnan(found.low)
    (test,) = Bootstrap(np.zeros(4, dtype=int)).differences(np.ones((4, 1)), np.zeros((4, 1)))
    assert test.mean == 1
    assert all(math.isnan(each) for each in (test.low, test.high, test.p))


def test_equal_systems_differ_by_nothing() -> None:
    values = np.random.default_rng(3).random((50, 1))
    (found,) = Bootstrap(np.arange(50)).differences(values, values)
    assert (found.mean, found.low, found.high, found.p, found.relative) == (0, 0, 0, 1, 0)


def test_a_difference_is_seen_through_what_both_have_in_common() -> None:
    """Users differ much and the systems little, but always the same way."""
    rng = np.random.default_rng(4)
    common = rng.normal(10, 5, 100)
    better = common + 0.2 + rng.normal(0, 0.1, 100)
    bootstrap = Bootstrap(np.arange(100))
    (found,) = bootstrap.differences(better[:, None], common[:, None])
    assert 0.15 < found.low < found.mean < found.high < 0.25
    assert found.p < 0.001
    assert found.relative == pytest.approx(found.mean / common.mean())
    one, other = bootstrap.estimates(np.column_stack([better, common]))
    assert one.low < other.high, "the intervals of both overlap"


def test_p_is_as_often_small_as_it_says() -> None:
    rng = np.random.default_rng(5)
    p_values = []
    for _ in range(200):
        values = rng.normal(0, 1, (80, 2))
        p_values.append(Bootstrap(np.arange(80), draws=300).differences(values[:, :1], values[:, 1:])[0].p)
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.1
    assert 0.4 <= np.mean(np.array(p_values) <= 0.5) <= 0.6


def test_the_same_seed_the_same_interval() -> None:
    values = np.random.default_rng(6).random((30, 1))
    first, again, other = (Bootstrap(np.arange(30), seed=seed).estimates(values) for seed in (0, 0, 1))
    assert first == again != other


def test_holm_raises_p_step_by_step() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    raised = holm([math.nan, 0.02])
    assert math.isnan(raised[0])
    assert raised[1] == 0.02
    assert holm([]) == []
