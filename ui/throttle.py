"""How often one session may ask: a bucket of tokens each, which fills up again with time."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.errors import BusyError

_KEPT = 10_000
"""So many buckets are kept; the one that was used longest ago goes first, and it is full again by then."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often: per_minute in the long run, burst at once, 1 or more."""

    per_minute: float = 60.0
    burst: int = 20

    def times(self, factor: int) -> Rate:
        """So many times as often."""
        return Rate(self.per_minute * factor, self.burst * factor)


class Throttle:
    """Lets each key through as often as the rate allows. Safe to call from many threads."""

    def __init__(self, rate: Rate | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that only grow."""
        self._rate = rate or Rate()
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Count one request of the key. Raises BusyError, which counts nothing, when there were too many."""
        now, per_s = self._clock(), self._rate.per_minute / 60
        with self._lock:
            tokens, then = self._buckets.get(key, (float(self._rate.burst), now))
            tokens = min(float(self._rate.burst), tokens + (now - then) * per_s)
            allowed = tokens >= 1
            self._buckets[key] = (tokens - 1 if allowed else tokens), now
            self._buckets.move_to_end(key)
            while len(self._buckets) > _KEPT:
                self._buckets.popitem(last=False)
        if not allowed:
            wait_s = math.ceil((1 - tokens) / per_s)
            raise BusyError(
                f"these were too many requests, more than {self._rate.burst} at once or {self._rate.per_minute:g} a "
                f"minute; try again in {wait_s} s"
            )
