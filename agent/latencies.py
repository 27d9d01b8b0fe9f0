"""How long the latest answers took, in this process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

KEPT = 2000


class Latencies:
    """Milliseconds of the latest 2,000 answers, by stage and in total. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timings: deque[Mapping[str, float]] = deque(maxlen=KEPT)

    def add(self, timings_ms: Mapping[str, float]) -> None:
        with self._lock:
            self._timings.append(timings_ms)

    def latest(self) -> tuple[Mapping[str, float], ...]:
        """Each answer's milliseconds as `Recommendations.timings_ms` has them, oldest first."""
        with self._lock:
            return tuple(self._timings)
