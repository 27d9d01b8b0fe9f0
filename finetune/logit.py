"""The conditional logit: weights of features that make what was chosen out of a list most likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One list: (n_items, n_features) finite, and the row of what was chosen."""

    features: Floats
    chosen: int


def fit_logit(choices: Sequence[Choice], *, start: Floats, lowest: Floats, penalties: Floats) -> Floats:
    """(n_features,) weights w of the lowest mean of -log softmax(features @ w)[chosen], plus penalties @ w².

    start, lowest, penalties: (n_features,); no weight is below its lowest, -inf where it may be anything. The loss is
    convex (McFadden 1974), so there is one best. Expects at least one choice, and no empty list.
    """
    starts = np.concatenate([[0], np.cumsum([len(choice.features) for choice in choices])])
    features = np.concatenate([choice.features for choice in choices])
    chosen = starts[:-1] + [choice.chosen for choice in choices]
    of_list = np.repeat(np.arange(len(choices)), np.diff(starts))

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = features @ weights
        logits -= np.maximum.reduceat(logits, starts[:-1])[of_list]
        chances = np.exp(logits)
        totals = np.add.reduceat(chances, starts[:-1])
        surprise = float(np.log(totals).sum() - logits[chosen].sum())
        gradient = (chances / totals[of_list]) @ features - features[chosen].sum(axis=0)
        penalty = float(penalties @ weights**2)
        return surprise / len(choices) + penalty, gradient / len(choices) + 2 * penalties * weights

    bounds = [(low, None) for low in lowest.tolist()]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x, dtype=np.float64)


def log_likelihood(choices: Sequence[Choice], weights: Floats) -> float:
    """The mean log-probability of what was chosen, 0 or less."""
    total = 0.0
    for choice in choices:
        logits = choice.features @ weights
        total += float(logits[choice.chosen] - np.logaddexp.reduce(logits))
    return total / len(choices)
