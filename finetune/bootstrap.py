"""How sure a figure is: intervals and paired tests by drawing users anew, all cases of a user together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from finetune.event_table import Floats, Ints

DRAWS = 2_000
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over cases with its 95% interval; the interval is NaN where fewer than two users give values."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one system's mean exceeds another's, with the 95% interval and the two-sided p of no difference.

    relative: the difference over the other's mean, NaN where that is 0.
    """

    mean: float
    low: float
    high: float
    p: float
    relative: float


class Bootstrap:
    """Draws users with replacement, as many as there are; the same draws for all that is asked of it.

    user: (n_cases,) whose case each is.
    """

    def __init__(self, user: Ints, *, draws: int = DRAWS, seed: int = 0) -> None:
        self._users, self._of = np.unique(user, return_inverse=True)
        self._draws = draws
        self._seed = seed

    def estimates(self, values: Floats) -> list[Estimate]:
        """Means of each column, over the cases that have a value. values: (n_cases, n_columns), NaN where none."""
        sums, counts = self._by_user(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums.sum(axis=0) / counts.sum(axis=0)
        drawn = self._drawn_means(sums, counts)
        enough = (counts > 0).sum(axis=0) > 1
        return [
            Estimate(float(mean), *(_interval(column) if sure else (float("nan"), float("nan"))))
            for mean, column, sure in zip(means, drawn.T, enough, strict=True)
        ]

    def differences(self, values: Floats, others: Floats) -> list[Difference]:
        """Means of values - others by column, (n_cases, n_columns) each, over the cases where both have one.

        p: the share of draws whose difference strays from the observed one by at least the observed one's size
        (Efron & Tibshirani 1993, 16.4: the draws centred on no difference); the observed one counts as a draw.
        """
        gains = values - others
        found = self.estimates(gains)
        drawn = self._drawn_means(*self._by_user(gains))
        bases = self.estimates(np.where(np.isnan(gains), np.nan, others))
        differences = []
        for each, base, column in zip(found, bases, drawn.T, strict=True):
            met = column[~np.isnan(column)]
            # Sums in another order differ in their last digit, and equal lists must not look different for it.
            strays = int((np.abs(met - each.mean) >= abs(each.mean) - 1e-12).sum())
            p = float("nan") if np.isnan(each.low) else (1 + strays) / (1 + len(met))
            relative = each.mean / base.mean if base.mean else float("nan")
            differences.append(Difference(each.mean, each.low, each.high, p, relative))
        return differences

    def _by_user(self, values: Floats) -> tuple[Floats, Floats]:
        """(n_users, n_columns) sums and counts of the values that there are."""
        there = ~np.isnan(values)
        sums = np.zeros((len(self._users), values.shape[1]))
        counts = np.zeros_like(sums)
        np.add.at(sums, self._of, np.where(there, values, 0.0))
        np.add.at(counts, self._of, there.astype(np.float64))
        return sums, counts

    def _drawn_means(self, sums: Floats, counts: Floats) -> Floats:
        """(draws, n_columns) of the means; NaN for a draw that met no value."""
        rng = np.random.default_rng(self._seed)
        users = len(self._users)
        means = []
        for begin in range(0, self._draws, _AT_ONCE):
            drawn = rng.integers(0, users, (min(_AT_ONCE, self._draws - begin), users))
            times = np.stack([np.bincount(row, minlength=users) for row in drawn]).astype(np.float64)
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append((times @ sums) / (times @ counts))
        return np.concatenate(means)


def holm(p_values: list[float]) -> list[float]:
    """The p values of several tests, raised so that the chance of any false alarm stays what p says (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    raised = [float("nan")] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        raised[place] = highest
    return raised


def _interval(drawn: Floats) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return float(low), float(high)
