"""Rating prediction: how near a guess comes to the ratings that are held back, where a log has ratings.

Asked for are the last ratings of each user, or of the log, whatever their value: not what the ranking cases ask for,
which are wanted items and so rated well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from finetune.bootstrap import Bootstrap, Estimate
from finetune.metrics import rmse
from finetune.sparse import keep_largest, values_at
from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from finetune.event_table import EventTable, Floats, Ints, Mask
    from finetune.sparse import Csr

_SWEEPS = 15
_GRID: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0)
_NEIGHBOURS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Some ratings: (n,) rows of users and items, and values."""

    user: Ints
    item: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.value)

    def at(self, places: Ints | Mask) -> Ratings:
        return Ratings(self.user[places], self.item[places], self.value[places])


@dataclass(frozen=True, slots=True)
class RatingRow:
    """One predictor's errors, and what was chosen on validation ratings."""

    system: str
    rmse: Estimate
    mae: Estimate
    chosen: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RatingResult:
    """How well ratings are predicted. scale: lowest and highest rating; predictions are kept within.

    left_out: ratings outside a scale that was given.
    """

    n_cases: int
    n_users: int
    scale: tuple[float, float]
    left_out: int
    rows: tuple[RatingRow, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Biases:
    """mean + user's bias + item's bias, fitted by least squares; `l2` counts as so many ratings without a bias
    (Koren, Bell & Volinsky 2009, equation 5)."""

    mean: float
    user: Floats
    item: Floats

    @classmethod
    def fit(cls, known: Ratings, n_users: int, n_items: int, l2: float) -> _Biases:
        mean = float(known.value.mean())
        user, item = np.zeros(n_users), np.zeros(n_items)
        for _ in range(_SWEEPS):
            item = _shrunk_means(known.item, known.value - mean - user[known.user], n_items, l2)
            user = _shrunk_means(known.user, known.value - mean - item[known.item], n_users, l2)
        return cls(mean, user, item)

    def predict(self, asked: Ratings) -> Floats:
        return self.mean + self.user[asked.user] + self.item[asked.item]


@dataclass(frozen=True, slots=True, eq=False)
class _Neighbours:
    """Biases, and what the user's ratings of similar items leave unexplained (Koren 2008, section 2.2), pulled
    towards nothing where few are similar.

    residuals: (n_users, n_items). similar: (n_items, n_items) shrunk cosines of the nearest items.
    """

    biases: _Biases
    residuals: Csr
    similar: Csr

    @classmethod
    def fit(cls, known: Ratings, biases: _Biases, shrinkage: float) -> _Neighbours:
        shape = len(biases.user), len(biases.item)
        rest = known.value - biases.predict(known)
        residuals = scipy.sparse.csr_matrix((rest, (known.user, known.item)), shape=shape)
        rated = scipy.sparse.csr_matrix((np.ones(len(known)), (known.user, known.item)), shape=shape)
        products, together = (residuals.T @ residuals).tocoo(), (rated.T @ rated).tocsr()
        lengths = np.sqrt(np.maximum(np.asarray(residuals.multiply(residuals).sum(axis=0)).ravel(), 1e-12))
        common = values_at(together, products.row, products.col)
        cosines = products.data / (lengths[products.row] * lengths[products.col]) * common / (common + shrinkage)
        cosines[(products.row == products.col) | (cosines < 0)] = 0
        similar = scipy.sparse.csr_matrix((cosines, (products.row, products.col)), shape=products.shape)
        keep_largest(similar, _NEIGHBOURS)
        return cls(biases, residuals, similar)

    def predict(self, asked: Ratings) -> Floats:
        near, rated = self.similar[asked.item], self.residuals[asked.user]
        told: Floats = np.asarray(near.multiply(rated).sum(axis=1)).ravel()
        weight: Floats = np.asarray(near.multiply(rated != 0).sum(axis=1)).ravel()
        return self.biases.predict(asked) + told / (weight + 1)


def check_scale(scale: tuple[float, float]) -> None:
    """Raises SettingsError unless this is a lowest and a highest rating."""
    if not -math.inf < scale[0] < scale[1] < math.inf:
        raise SettingsError(f"the rating scale is {scale[0]:g} to {scale[1]:g}; expected a lower and a higher number")


def rating_prediction(
    table: EventTable,
    hidden: Mask,
    *,
    last: int | None,
    share: float = 0.1,
    scale: tuple[float, float] | None = None,
    seed: int = 0,
) -> RatingResult | None:
    """Errors of the mean, of biases, and of biases with item neighbours; None for a log with too few ratings.

    last: so many ratings of each user are asked for, those before them in validation; None asks for the last `share` of
    the log's. A user's first rating is never asked for. Of several ratings of an item the last counts. hidden:
    (n_items,) items whose ratings are not learned from. scale: the lowest and highest rating, what is seen unless
    given; others are left out. Raises SettingsError for a scale that is none.
    """
    places = _rated(table)
    inside = np.ones(len(places), dtype=np.bool_)
    if scale is not None:
        check_scale(scale)
        inside = (table.rating[places] >= scale[0]) & (table.rating[places] <= scale[1])
    places = places[inside]
    age = _ages(table, places, last, share)
    everything = Ratings(table.user[places], table.item[places], table.rating[places])
    first = np.concatenate([[True], everything.user[1:] != everything.user[:-1]])[: len(places)]
    open_items = ~hidden[everything.item]
    test, past = everything.at((age == 0) & ~first), everything.at(((age > 0) | first) & open_items)
    asked, before = everything.at((age == 1) & ~first), everything.at(((age > 1) | first) & open_items)
    if not len(test) or not len(past):
        return None
    limits = scale or (float(past.value.min()), float(past.value.max()))
    chosen = _chosen(before, asked, table, limits)
    bootstrap = Bootstrap(test.user, seed=seed)
    rows = tuple(
        _row(name, np.clip(predicted, *limits), test, bootstrap, dials)
        for name, predicted, dials in _predictions(past, test, table, chosen)
    )
    return RatingResult(len(test), len(np.unique(test.user)), limits, int((~inside).sum()), rows)


def _rated(table: EventTable) -> Ints:
    """Places of the last rating of each pair of user and item."""
    places = np.flatnonzero(~np.isnan(table.rating))[::-1]
    _, newest = np.unique(table.user[places] * table.n_items + table.item[places], return_index=True)
    return np.sort(places[newest])


def _ages(table: EventTable, places: Ints, last: int | None, share: float) -> Ints:
    """0 for ratings that are asked for in the test, 1 for those in validation, more for those before."""
    if last is None:
        newest_first = np.argsort(np.argsort(-table.log_place[places], kind="stable"))
        return newest_first // max(1, round(share * len(places)))
    users = table.user[places]
    return (np.searchsorted(users, users, side="right") - 1 - np.arange(len(users))) // last


def _chosen(before: Ratings, asked: Ratings, table: EventTable, limits: tuple[float, float]) -> tuple[float, float]:
    """The l2 and the shrinkage of the least RMSE on validation ratings."""
    if not len(before) or not len(asked):
        return _GRID[1], _GRID[2]

    def error(dials: tuple[float, float]) -> float:
        biases = _Biases.fit(before, table.n_users, table.n_items, dials[0])
        return rmse(np.clip(_Neighbours.fit(before, biases, dials[1]).predict(asked), *limits), asked.value)

    return min(product(_GRID, (10.0, 100.0)), key=error)


def _predictions(
    past: Ratings, test: Ratings, table: EventTable, chosen: tuple[float, float]
) -> list[tuple[str, Floats, Mapping[str, float]]]:
    l2, shrinkage = chosen
    biases = _Biases.fit(past, table.n_users, table.n_items, l2)
    neighbours = _Neighbours.fit(past, biases, shrinkage)
    return [
        ("mean", np.full(len(test), past.value.mean()), {}),
        ("biases", biases.predict(test), {"l2": l2}),
        ("biases + item-knn", neighbours.predict(test), {"l2": l2, "shrinkage": shrinkage}),
    ]


def _row(name: str, predicted: Floats, test: Ratings, bootstrap: Bootstrap, dials: Mapping[str, float]) -> RatingRow:
    errors = predicted - test.value
    squared, absolute = bootstrap.estimates(np.column_stack([errors**2, np.abs(errors)]))
    root = Estimate(*(float(np.sqrt(each)) for each in (squared.mean, squared.low, squared.high)))
    return RatingRow(name, root, absolute, dials)


def _shrunk_means(of: Ints, values: Floats, count: int, l2: float) -> Floats:
    """(count,) sums of the values by row, over their number and l2."""
    return np.bincount(of, values, count) / (np.bincount(of, minlength=count) + l2)
