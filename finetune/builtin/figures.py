"""A measured figure of the built-in shop and models: what it is, how sure it is, and what was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From the sums of the columns, (n_draws, n_columns), to the figure of each draw, (n_draws,)."""

DRAWS = 2_000
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    value: NaN where there was nothing to measure. low, high: its bootstrap 95% interval, None where it has none.
    floor, aim: what it must and what it should reach, None where it is only reported; where lower is better, the most
    that is allowed. sure: whether the whole interval must lie above 0 for the floor. n: over how many cases.
    command: what prints it. note: what else is to be known, such as how it was counted.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    aim: float | None = None
    unit: str = ""
    n: int = 0
    command: str = ""
    note: str = ""
    lower_is_better: bool = False
    sure: bool = False

    @property
    def verdict(self) -> str:
        """Whether it reaches its "aim", its "floor", is "below" both, or is "reported" only."""
        if self.floor is None and self.aim is None:
            return "reported"
        if self.aim is not None and self._reaches(self.aim):
            return "aim"
        return "floor" if self.floor is not None and self._reaches(self.floor) else "below"

    def _reaches(self, wanted: float) -> bool:
        if self.sure and (self.low is None or not self.low > 0):
            return False
        return self.value <= wanted if self.lower_is_better else self.value >= wanted


def drawn(columns: Sequence[Floats], statistic: Statistic, *, seed: int = 0) -> tuple[float, float, float]:
    """A statistic of summed columns, with the 95% interval of drawing their rows anew; NaN where nothing is there.

    columns: each (n_rows,), a row for each user, list or picture that is drawn as a whole. The same rows and the same
    seed give the same draws, so that two systems are compared in pairs.
    """
    table = np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
    rows = len(table)
    if not rows:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    sums = []
    for start in range(0, DRAWS, _AT_ONCE):
        picks = rng.integers(0, rows, (min(_AT_ONCE, DRAWS - start), rows))
        sums.append(np.stack([np.bincount(row, minlength=rows) for row in picks]) @ table)
    with np.errstate(invalid="ignore", divide="ignore"):
        found, values = statistic(table.sum(axis=0, keepdims=True)), statistic(np.concatenate(sums))
    known = values[np.isfinite(values)]
    if rows < 2 or not len(known):
        return float(found[0]), float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(found[0]), float(low), float(high)


def share(hits: Floats, of: Floats) -> tuple[float, float, float]:
    """sum(hits) / sum(of) with its interval. hits, of: (n_rows,)."""
    return drawn((hits, of), lambda sums: sums[:, 0] / sums[:, 1])


def mean(values: Floats) -> tuple[float, float, float]:
    """The mean with its interval. values: (n_rows,)."""
    return share(values, np.ones(len(values)))


def gain(values: Floats, base: Floats) -> tuple[float, float, float]:
    """By how many percent the sum of `values` exceeds that of `base`, with its interval. Both (n_rows,), in pairs."""
    return drawn((values, base), lambda sums: 100 * (sums[:, 0] / sums[:, 1] - 1))
