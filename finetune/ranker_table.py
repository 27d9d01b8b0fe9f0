"""Features of lists as columns of one scale, and fitted weights of the columns as those of a ranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.features import PLAIN, RELEVANCE
from agent.ranker import Weight
from finetune.ranker_lists import RankerCase

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RankerTable:
    """names: of the columns. alpha: of the plain score, log_prob + alpha * log_prior.

    means, scales: (1 + n_columns,), first the plain score's; a column that never varies has the scale 1.
    """

    names: tuple[str, ...]
    alpha: float
    means: Floats
    scales: Floats

    @classmethod
    def of(cls, cases: Sequence[RankerCase], *, alpha: float) -> RankerTable:
        """The table whose columns have mean 0 and standard deviation 1 over these lists."""
        found = sorted({name for case in cases for row in case.rows for name in row if name.startswith(RELEVANCE)})
        names = (*PLAIN, *found)
        raw = np.concatenate([_raw(case, names, alpha) for case in cases])
        spread = raw.std(axis=0)
        return cls(names, alpha, raw.mean(axis=0), np.where(spread > 1e-12, spread, 1.0))

    @property
    def retrievers(self) -> tuple[str, ...]:
        """Those that found something."""
        return tuple(name.removeprefix(RELEVANCE) for name in self.names if name.startswith(RELEVANCE))

    def features(self, case: RankerCase) -> Floats:
        """(n_items, 1 + n_columns) of the list, first the plain score."""
        features: Floats = (_raw(case, self.names, self.alpha) - self.means) / self.scales
        return features

    def weights(self, fitted: Floats) -> dict[str, Weight]:
        """The ranker's weights that order lists as the columns' do; the plain score's goes to what it is made of.

        fitted: (1 + n_columns,).
        """
        values = dict(zip(self.names, fitted[1:].tolist(), strict=True))
        scales = dict(zip(self.names, self.scales[1:].tolist(), strict=True))
        of_plain = float(fitted[0] / self.scales[0])
        values["log_prob"] += of_plain * scales["log_prob"]
        values["log_prior"] += of_plain * self.alpha * scales["log_prior"]
        means = self.means[1:].tolist()
        return {name: Weight(values[name], mean, scales[name]) for name, mean in zip(self.names, means, strict=True)}


def _raw(case: RankerCase, names: Sequence[str], alpha: float) -> Floats:
    rows = [(row["log_prob"] + alpha * row["log_prior"], *(row.get(name, 0.0) for name in names)) for row in case.rows]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 1 + len(names))
