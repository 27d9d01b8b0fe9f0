"""LightGBM's lambdarank on the features of the ranker: what trees make of them, to compare with and to learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TREES = 100
LEAVES = 7
LEAST_IN_LEAF = 20
STEP = 0.05


def lambdarank_scores(
    fitted_on: Sequence[tuple[Floats, int]], asked: Sequence[Floats], *, seed: int
) -> list[Floats] | None:
    """By asked list (n_items,) scores, higher is better; None where LightGBM is not installed.

    fitted_on: lists of features (n_items, n_features), and the row of what was chosen. asked: features alone.
    Burges 2010, in small trees for few lists.
    """
    try:
        import lightgbm
    except ImportError:
        return None
    features = np.concatenate([rows for rows, _ in fitted_on])
    labels = np.concatenate([np.arange(len(rows)) == chosen for rows, chosen in fitted_on]).astype(np.int32)
    data = lightgbm.Dataset(features, labels, group=[len(rows) for rows, _ in fitted_on])
    settings = {
        "objective": "lambdarank",
        "lambdarank_truncation_level": 10,
        "num_leaves": LEAVES,
        "min_data_in_leaf": LEAST_IN_LEAF,
        "learning_rate": STEP,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
    trees = lightgbm.train(settings, data, num_boost_round=TREES)
    return [np.asarray(trees.predict(rows) if len(rows) else [], dtype=np.float64) for rows in asked]
