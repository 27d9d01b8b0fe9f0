"""What everybody compares with: simple recommenders, made of baskets, whose dials are chosen on validation cases."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from finetune.metrics import target_accuracy
from finetune.sparse import counts, keep_largest, unit_rows, weighted_columns
from finetune.systems import Scorer
from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from finetune.event_table import Ints, Mask
    from finetune.sparse import Csr
    from finetune.splits import Part, Queries, Split
    from finetune.systems import Scores

_log = logging.getLogger(__name__)

TUNING_CASES = 5_000
"""So many validation cases at most choose the dials."""

_ALS_WANTS_A_THREAD = 100_000
"""With fewer wants in all, threads of `implicit` wait for each other for longer than they work."""

EASE_ITEMS = 25_000
"""The closed form inverts a matrix of items by items: 2.5 GB at this many."""

_ROWS_AT_ONCE = 512

Dials = Mapping[str, float | str]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a baseline is made of.

    baskets: (n_users, n_items) 1 where a user wants an item. on_shelf: (n_items,) what may be recommended.
    """

    baskets: Csr
    on_shelf: Mask
    seed: int


class RandomOrder(Scorer):
    """Any order: what chance reaches."""

    name = "random"

    def __init__(self, known: Known) -> None:
        super().__init__(known.on_shelf)
        self._rng = np.random.default_rng(known.seed)

    def scores(self, queries: Queries) -> Scores:
        return self._rng.random((len(queries), len(self._on_shelf)), dtype=np.float32)


class Popularity(Scorer):
    """The items that most users want, the same for everybody; it cannot rank what nobody wants."""

    name = "popularity"

    def __init__(self, known: Known) -> None:
        super().__init__(known.on_shelf)
        wants = counts(known.baskets)
        self._wants = np.where(wants > 0, wants, -np.inf).astype(np.float32)

    def scores(self, queries: Queries) -> Scores:
        return np.tile(self._wants, (len(queries), 1))


class ItemKnn(Scorer):
    """Items near those that the user wants, by who wants them (`implicit`; Sarwar et al. 2001).

    similarity: cosine, tfidf or bm25. neighbours: kept for each item.
    """

    name = "item-knn"

    def __init__(self, known: Known, *, similarity: str, neighbours: int) -> None:
        from implicit.nearest_neighbours import ItemItemRecommender

        super().__init__(known.on_shelf)
        model = ItemItemRecommender(K=neighbours)
        model.fit(_weighted(known.baskets, similarity), show_progress=False)
        self._near = model.similarity.astype(np.float32)

    def scores(self, queries: Queries) -> Scores:
        return _only_positive((queries.matrix() @ self._near).toarray())


class UserKnn(Scorer):
    """What those want who want the same, weighted by the cosine of their baskets to the user's.

    neighbours: users that speak for one. Item frequency tempers what is shared: a basket is weighted by
    log(n_users / users who want the item), as in tf-idf, or plainly.
    """

    name = "user-knn"

    def __init__(self, known: Known, *, neighbours: int, weights: str) -> None:
        super().__init__(known.on_shelf)
        wants = np.maximum(counts(known.baskets), 1)
        self._weights = np.log(max(2, known.baskets.shape[0]) / wants) if weights == "idf" else np.ones(len(wants))
        self._baskets = known.baskets
        self._directions = unit_rows(weighted_columns(known.baskets, self._weights)).T.tocsr()
        self._neighbours = neighbours

    def scores(self, queries: Queries) -> Scores:
        near = unit_rows(weighted_columns(queries.matrix(), self._weights)) @ self._directions
        keep_largest(near, self._neighbours)
        return _only_positive((near @ self._baskets).toarray())


class Als(Scorer):
    """Matrix factorisation of implicit wants by alternating least squares (`implicit`; Hu, Koren & Volinsky 2008).

    A user's factors are solved from the query's history. alpha: the weight of a want over a missing one.
    """

    name = "als"

    def __init__(
        self,
        known: Known,
        *,
        factors: int,
        alpha: float,
    ) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        super().__init__(known.on_shelf)
        self._known = counts(known.baskets) > 0
        threads = 1 if known.baskets.nnz < _ALS_WANTS_A_THREAD else 0
        with _one_thread():
            self._model = AlternatingLeastSquares(
                factors=factors,
                regularization=0.1,
                alpha=alpha,
                iterations=15,
                random_state=known.seed,
                num_threads=threads,
            )
            self._model.fit(known.baskets, show_progress=False)

    def scores(self, queries: Queries) -> Scores:
        with _one_thread():
            users = self._model.recalculate_user(np.arange(len(queries)), queries.matrix())
        scores: Scores = users @ self._model.item_factors.T
        scores[:, ~self._known] = -np.inf
        return scores


class Ease(Scorer):
    """A linear model from wants to wants without self-weights, in closed form (Steck 2019, equation 8).

    l2: the regularisation lambda. Raises SettingsError for more than EASE_ITEMS wanted items.
    """

    name = "ease"

    def __init__(self, known: Known, *, l2: float) -> None:
        super().__init__(known.on_shelf)
        self._known = np.flatnonzero(counts(known.baskets) > 0)
        if fault := ease_fault(len(self._known)):
            raise SettingsError(f"{fault}: leave ease out of --systems")
        wanted = known.baskets[:, self._known]
        weights = _products(wanted)
        weights[np.diag_indices_from(weights)] += l2
        _invert(weights)
        weights /= -np.diag(weights)  # column by column
        weights[np.diag_indices_from(weights)] = 0
        self._weights = weights

    def scores(self, queries: Queries) -> Scores:
        scores = np.full((len(queries), len(self._on_shelf)), -np.inf, dtype=np.float32)
        scores[:, self._known] = queries.matrix()[:, self._known] @ self._weights
        return scores


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a baseline is made: its class, and the values that each of its dials may take."""

    make: Callable[..., Scorer]
    grid: Mapping[str, Sequence[float | str]]


BASELINES: Mapping[str, Recipe] = MappingProxyType(
    {
        RandomOrder.name: Recipe(RandomOrder, {}),
        Popularity.name: Recipe(Popularity, {}),
        ItemKnn.name: Recipe(ItemKnn, {"similarity": ("cosine", "tfidf", "bm25"), "neighbours": (20, 100, 400)}),
        UserKnn.name: Recipe(UserKnn, {"neighbours": (25, 100, 400), "weights": ("plain", "idf")}),
        Als.name: Recipe(Als, {"factors": (32, 64, 128), "alpha": (1.0, 10.0, 40.0)}),
        Ease.name: Recipe(Ease, {"l2": (30.0, 100.0, 300.0, 1000.0)}),
    }
)


def ease_fault(wanted: int) -> str | None:
    """Why ease cannot be made of so many wanted items, or None."""
    if wanted <= EASE_ITEMS:
        return None
    return f"ease inverts a matrix of all wanted items, {wanted:,}; expected at most {EASE_ITEMS:,}"


def fit_baseline(name: str, split: Split, *, seed: int) -> tuple[Scorer, Dials]:
    """The baseline, made of the test part's past with the dials that had the best NDCG@10 on validation cases.

    Without validation cases the first value of each dial is taken.
    """
    recipe = BASELINES[name]
    dials = _chosen(recipe, split, seed)
    return recipe.make(Known(split.baskets(split.test), split.table.on_shelf, seed), **dials), dials


def _chosen(recipe: Recipe, split: Split, seed: int) -> Dials:
    grid = [dict(zip(recipe.grid, values, strict=True)) for values in product(*recipe.grid.values())]
    if len(grid) == 1 or not len(split.validation):
        return grid[0]
    known = Known(split.baskets(split.validation), split.table.on_shelf, seed)
    asked = np.random.default_rng(seed).permutation(len(split.validation))[:TUNING_CASES]

    def ndcg(dials: Dials) -> float:
        scorer = recipe.make(known, **dials)
        value = _mean_ndcg(scorer, split.validation, np.sort(asked))
        _log.info("%s %s: validation NDCG@10 %.4f", scorer.name, dict(dials), value)
        return value

    return max(grid, key=ndcg)


def _mean_ndcg(scorer: Scorer, part: Part, asked: Ints) -> float:
    lists = scorer.rank(part.queries.take(asked), 10)
    return float(target_accuracy(lists, part.target[asked])["ndcg@10"].mean())


def _one_thread() -> AbstractContextManager[object]:
    """The threads of `implicit` and those of the linear algebra would wait for each other."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits


def _weighted(baskets: Csr, similarity: str) -> Csr:
    """(n_users, n_items) weights of which the columns' products are the similarities of items."""
    from implicit.nearest_neighbours import bm25_weight, normalize, tfidf_weight

    wanted_by = baskets.T.tocsr()
    if similarity == "bm25":
        return bm25_weight(wanted_by, K1=1.2, B=0.75).T.tocsr()
    return normalize(tfidf_weight(wanted_by) if similarity == "tfidf" else wanted_by).T.tocsr()


def _only_positive(scores: Scores) -> Scores:
    """Nothing is known of an item without a neighbour."""
    scores = scores.astype(np.float32, copy=False)
    scores[scores <= 0] = -np.inf
    return scores


def _products(rows: Csr) -> Scores:
    """(n_columns, n_columns) float32 products of the columns with each other."""
    products = np.empty((rows.shape[1], rows.shape[1]), dtype=np.float32)
    columns = rows.T.tocsr()
    for begin in range(0, len(products), _ROWS_AT_ONCE):
        some = slice(begin, begin + _ROWS_AT_ONCE)
        products[some] = (columns[some] @ rows).toarray()
    return products


def _invert(matrix: Scores) -> None:
    """Make a symmetric positive definite matrix, (n, n) float32 row by row in memory, its inverse; in place.

    A second matrix of this size would be as much memory again.
    """
    from scipy.linalg import lapack

    columns = matrix.T  # as LAPACK wants it; the matrix is symmetric
    _, fault = lapack.spotrf(columns, lower=1, overwrite_a=1)
    _, failed = lapack.spotri(columns, lower=1, overwrite_c=1)
    if fault or failed:
        raise SettingsError("the items' co-occurrences cannot be inverted; choose a larger l2")
    for begin in range(0, len(matrix), _ROWS_AT_ONCE):  # the half above the diagonal is the inverse's
        end = min(begin + _ROWS_AT_ONCE, len(matrix))
        matrix[begin:end, :begin] = matrix[:begin, begin:end].T
        corner = np.triu(matrix[begin:end, begin:end])
        matrix[begin:end, begin:end] = corner + np.triu(corner, 1).T
