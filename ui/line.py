"""A waiting line for work that only a few can get at the same time, in which everybody sees their place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from retrieval.errors import BusyError

T = TypeVar("T")

AT_ONCE = 2
"""How many are served at the same time."""
MOST_WAITING = 1000
"""How many may wait; whoever comes after them is sent away with a sentence."""


class _Ticket:
    """One who waits, and what they were told last."""

    def __init__(self, on_place: Callable[[int], object] | None) -> None:
        self._on_place = on_place
        self._told: int | None = None

    def tell(self, place: int) -> None:
        if self._on_place is not None and place != self._told:
            self._told = place
            self._on_place(place)


class Line:
    """Does work in the order in which it came, a few at a time. Safe to use from many threads."""

    def __init__(self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="answer")
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self._idle = at_once
        self._waiting: list[_Ticket] = []

    def submit(self, work: Callable[[], T], *, on_place: Callable[[int], object] | None = None) -> Future[T]:
        """The work's result, once it is its turn. Cancelling the future leaves the line.

        on_place: is told the place in the line, 1 for the next, whenever it changes; nothing where nobody waits. It is
        called under the line's lock: it must be quick, and not come back here.
        Raises BusyError when too many wait.
        """
        ticket = _Ticket(on_place)
        with self._lock:
            if len(self._waiting) >= self._most_waiting + self._idle:
                raise BusyError(f"{self._most_waiting} others are waiting already; try again in a minute")
            self._waiting.append(ticket)
            future = self._pool.submit(self._serve, ticket, work)
            self._tell()
        future.add_done_callback(lambda done: self._leave(ticket) if done.cancelled() else None)
        return future

    def run(self, work: Callable[[], T]) -> T:
        """Wait for one's turn, and return the work's result. Raises BusyError, and what the work raises."""
        return self.submit(work).result()

    def close(self) -> None:
        """Serve those who wait no more, and wait for those who are being served."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _serve(self, ticket: _Ticket, work: Callable[[], T]) -> T:
        with self._lock:
            self._idle -= 1
            self._waiting.remove(ticket)
            self._tell()
        try:
            return work()
        finally:
            with self._lock:
                self._idle += 1

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                self._tell()

    def _tell(self) -> None:
        """Tell everybody their place; whoever is about to be served has none."""
        for number, ticket in enumerate(self._waiting):
            if (place := number + 1 - self._idle) > 0:
                ticket.tell(place)
