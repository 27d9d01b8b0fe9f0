"""How often a key may ask, by a clock that the test turns."""

from __future__ import annotations

import pytest

from retrieval.errors import BusyError
from ui.throttle import Rate, Throttle


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    clock = Clock()
    throttle = Throttle(Rate(per_minute=30, burst=3), clock)
    for _ in range(3):
        throttle.check("ann")
    with pytest.raises(BusyError, match="more than 3 at once or 30 a minute; try again in 2 s"):
        throttle.check("ann")
    clock.now_s += 1.9
    with pytest.raises(BusyError, match="try again in 1 s"):
        throttle.check("ann")
    clock.now_s += 0.1
    throttle.check("ann")
    with pytest.raises(BusyError):
        throttle.check("ann")


def test_each_key_has_its_own_share() -> None:
    throttle = Throttle(Rate(per_minute=1, burst=1), Clock())
    throttle.check("ann")
    throttle.check("ben")
    with pytest.raises(BusyError):
        throttle.check("ann")


def test_a_long_rest_gives_no_more_than_a_burst() -> None:
    clock = Clock()
    throttle = Throttle(Rate(per_minute=60, burst=2), clock)
    throttle.check("ann")
    clock.now_s += 3600
    throttle.check("ann")
    throttle.check("ann")
    with pytest.raises(BusyError):
        throttle.check("ann")


def test_keys_do_not_pile_up() -> None:
    throttle = Throttle(Rate(per_minute=1, burst=1), Clock())
    throttle.check("first")
    for number in range(10_000):
        throttle.check(str(number))
    throttle.check("first")  # its bucket is gone, so that it has a new one
