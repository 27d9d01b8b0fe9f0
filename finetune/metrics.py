"""What a list of recommendations is worth, case by case.

Lists are (n_cases, depth) item rows, best first, -1 where the system had nothing more to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from finetune.sparse import counts, weighted_columns

if TYPE_CHECKING:
    from finetune.event_table import Floats, Ints, Mask
    from finetune.sparse import Csr
    from retrieval.vectors import Vectors

CUTOFFS = (5, 10, 20)
DEPTH = max(CUTOFFS)

Hits = npt.NDArray[np.bool_]


def hits(lists: Ints, case: Ints, item: Ints, n_items: int) -> Hits:
    """(n_cases, depth) where a list names an item that is relevant to its case.

    case, item: (n_relevant,) pairs of a case and an item row that is relevant to it.
    """
    keys = np.arange(len(lists))[:, None] * n_items + lists
    return np.isin(keys, case * n_items + item) & (lists >= 0)


def accuracy(found: Hits, n_relevant: Ints) -> dict[str, Floats]:
    """Recall, precision, NDCG, MRR and hit rate at each cutoff, each (n_cases,) 0 to 1.

    found: (n_cases, depth) from `hits`. n_relevant: (n_cases,) how many items are relevant to each case, 1 or more;
    with one, recall is the hit rate. NDCG: gain 1, discount 1/log2(rank + 1), ranks from 1, over that of the best
    possible list (Jaervelin & Kekaelaeinen 2002). Precision divides by the cutoff also where the list is shorter.
    """
    values: dict[str, Floats] = {}
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    best = np.concatenate([[0.0], np.cumsum(discounts)])
    for cutoff in CUTOFFS:
        top = found[:, :cutoff]
        count = top.sum(axis=1)
        first = np.argmax(top, axis=1)
        values[f"recall@{cutoff}"] = count / n_relevant
        values[f"precision@{cutoff}"] = count / cutoff
        values[f"ndcg@{cutoff}"] = top @ discounts[: top.shape[1]] / best[np.minimum(n_relevant, cutoff)]
        values[f"mrr@{cutoff}"] = np.where(count > 0, 1 / (first + 1), 0.0)
        values[f"hit_rate@{cutoff}"] = (count > 0).astype(np.float64)
    return values


def target_accuracy(lists: Ints, target: Ints) -> dict[str, Floats]:
    """`accuracy` of lists of which each should name one item. target: (n_cases,) item rows."""
    return accuracy(lists == target[:, None], np.ones(len(target), dtype=np.int64))


def coverage(lists: Ints, on_shelf: Mask) -> float:
    """The share of the items that can be recommended which any list names, 0 to 1."""
    named = np.unique(lists[lists >= 0])
    return float(on_shelf[named].sum() / max(1, on_shelf.sum()))


def novelty(lists: Ints, popularity: Ints, n_users: int) -> Floats:
    """(n_cases,) mean self-information in bits of what a list names: -log2 of the share of users who want the item.

    popularity: (n_items,) users of the past who want each item; one is added to both numbers, so that what nobody wants
    has a share (Zhou et al. 2010). NaN for an empty list.
    """
    bits = -np.log2((popularity + 1) / (n_users + 1))
    return _mean_over(lists, bits)


def popularity_lift(lists: Ints, popularity: Ints, histories: Csr) -> Floats:
    """(n_cases,) by how much of itself a list's mean popularity exceeds that of what its user wants: 0 is no bias.

    histories: (n_cases, n_items) 1 where wanted. After Abdollahpouri et al. 2019, by case instead of by group of users.
    NaN for an empty list or history.
    """
    wanted = histories @ popularity.astype(np.float64)
    lengths = np.diff(histories.indptr)
    with np.errstate(invalid="ignore", divide="ignore"):
        lift = _mean_over(lists, popularity.astype(np.float64)) / (wanted / lengths) - 1
    return np.where(np.isfinite(lift), lift, np.nan)


def content_diversity(lists: Ints, vectors: Vectors) -> Floats:
    """(n_cases,) 1 - the mean cosine of two items of a list.

    vectors: (n_items, dimensions) of length 1, NaN where an item has none. Pairs without vectors do not
    count; NaN for a list without a pair.
    """
    diversity = np.full(len(lists), np.nan)
    for begin in range(0, len(lists), 1024):
        rows = lists[begin : begin + 1024]
        shown = np.where((rows >= 0)[:, :, None], vectors[rows], np.nan)
        cosines = np.einsum("nid,njd->nij", shown, shown)
        diversity[begin : begin + 1024] = 1 - _mean_of_pairs(cosines)
    return diversity


def co_occurrence_diversity(lists: Ints, baskets: Csr) -> Floats:
    """(n_cases,) 1 - the mean cosine of two items of a list, by who wants them. baskets: (n_users, n_items) 1 or 0.

    An item that nobody wants has cosine 0 to all. NaN for a list without a pair.
    """
    items = weighted_columns(baskets, 1 / np.sqrt(np.maximum(counts(baskets), 1)))
    cosines = (items.T @ items).tocsr()
    left, right = np.triu_indices(lists.shape[1], 1)
    pairs = np.stack([lists[:, left], lists[:, right]])
    found = np.asarray(cosines[pairs[0].ravel(), pairs[1].ravel()]).reshape(pairs[0].shape)
    return 1 - _nan_mean(np.where((pairs >= 0).all(axis=0), found, np.nan))


def rmse(predicted: Floats, rating: Floats) -> float:
    """Root of the mean squared error. Raises ValueError for no ratings."""
    return float(np.sqrt(np.mean((_checked(predicted, rating)) ** 2)))


def mae(predicted: Floats, rating: Floats) -> float:
    """Mean absolute error. Raises ValueError for no ratings."""
    return float(np.mean(np.abs(_checked(predicted, rating))))


def _checked(predicted: Floats, rating: Floats) -> Floats:
    if not len(rating) or predicted.shape != rating.shape:
        raise ValueError(f"{predicted.shape} predictions and {rating.shape} ratings; expected one or more, and as many")
    return predicted - rating


def _mean_over(lists: Ints, values: Floats) -> Floats:
    return _nan_mean(np.where(lists >= 0, values[lists], np.nan))


def _mean_of_pairs(square: npt.NDArray[np.floating]) -> Floats:
    """(n,) mean of what is above the diagonals of (n, k, k), NaN left out."""
    left, right = np.triu_indices(square.shape[1], 1)
    return _nan_mean(square[:, left, right])


def _nan_mean(values: npt.NDArray[np.floating]) -> Floats:
    """(n,) means along the rows, NaN left out; NaN for a row without a value."""
    count = (~np.isnan(values)).sum(axis=1)
    total = np.nansum(values, axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
