"""The waiting line: who is served when, and the place that those who wait are told."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from retrieval.errors import BusyError
from ui.line import Line


class Held:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.go.wait(60)
        return "done"


def hold(line: Line) -> tuple[Held, Future[str]]:
    """Work that is being done."""
    held = Held()
    future = line.submit(held)
    assert held.begun.wait(60)
    return held, future


def test_those_who_wait_see_their_place_change() -> None:
    line = Line(at_once=1)
    first, first_done = hold(line)
    second = Held()
    told: dict[str, list[int]] = {"second": [], "third": []}
    second_done = line.submit(second, on_place=told["second"].append)
    third_done = line.submit(lambda: "third", on_place=told["third"].append)
    assert told == {"second": [1], "third": [2]}
    first.go.set()
    assert first_done.result(60) == "done"
    assert second.begun.wait(60)
    assert told == {"second": [1], "third": [2, 1]}
    second.go.set()
    assert (second_done.result(60), third_done.result(60)) == ("done", "third")
    assert told == {"second": [1], "third": [2, 1]}
    line.close()


def test_nobody_waits_while_somebody_is_free() -> None:
    line = Line(at_once=2)
    first, _ = hold(line)
    told: list[int] = []
    assert line.submit(lambda: "served", on_place=told.append).result(60) == "served"
    assert told == []
    first.go.set()
    line.close()


def test_who_leaves_makes_room_for_those_behind() -> None:
    line = Line(at_once=1)
    first, _ = hold(line)
    told: list[int] = []
    leaves = line.submit(lambda: "never")
    stays = line.submit(lambda: "served", on_place=told.append)
    assert leaves.cancel()
    assert told == [2, 1]
    first.go.set()
    assert stays.result(60) == "served"
    line.close()


def test_too_many_are_sent_away() -> None:
    line = Line(at_once=1, most_waiting=1)
    first, _ = hold(line)
    waits = line.submit(lambda: "served")
    with pytest.raises(BusyError, match="1 others are waiting already"):
        line.submit(lambda: "never")
    first.go.set()
    assert waits.result(60) == "served"
    assert line.run(lambda: "served again") == "served again"
    line.close()


def test_what_goes_wrong_reaches_who_asked_and_frees_the_place() -> None:
    line = Line(at_once=1)
    with pytest.raises(ZeroDivisionError):
        line.run(lambda: 1 // 0)
    assert line.run(lambda: "served") == "served"
    line.close()
