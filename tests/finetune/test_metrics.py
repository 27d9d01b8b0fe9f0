"""Metrics: the same numbers as a known library, and by hand where there is none."""

from __future__ import annotations

import ir_measures
import numpy as np
import pytest
import scipy.sparse
from ir_measures import RR, P, R, Success, nDCG

from finetune.metrics import (
    CUTOFFS,
    DEPTH,
    accuracy,
    co_occurrence_diversity,
    content_diversity,
    coverage,
    hits,
    mae,
    novelty,
    popularity_lift,
    rmse,
    target_accuracy,
)

ITEMS = 60
NAMES = {"recall": R, "precision": P, "ndcg": nDCG, "mrr": RR, "hit_rate": Success}


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_is_that_of_ir_measures(seed: int) -> None:
    """Random lists, some cut short, with one to thirty relevant items each."""
    rng = np.random.default_rng(seed)
    cases = 40
    lists = np.stack([rng.permutation(ITEMS)[:DEPTH] for _ in range(cases)])
    for case in range(0, cases, 3):
        lists[case, rng.integers(1, DEPTH) :] = -1
    relevant = [rng.permutation(ITEMS)[: rng.integers(1, 31)] for _ in range(cases)]
    pairs = np.array([(case, item) for case, items in enumerate(relevant) for item in items])
    ours = accuracy(hits(lists, pairs[:, 0], pairs[:, 1], ITEMS), np.array([len(items) for items in relevant]))

    qrels = [ir_measures.Qrel(str(case), str(item), 1) for case, item in pairs]
    run = [
        ir_measures.ScoredDoc(str(case), str(item), float(DEPTH - rank))
        for case in range(cases)
        for rank, item in enumerate(lists[case])
        if item >= 0
    ]
    measures = {f"{name}@{cutoff}": measure @ cutoff for name, measure in NAMES.items() for cutoff in CUTOFFS}
    theirs = {
        (each.measure, int(each.query_id)): each.value for each in ir_measures.iter_calc(measures.values(), qrels, run)
    }
    for name, measure in measures.items():
        expected = [theirs[measure, case] for case in range(cases)]
        assert np.abs(ours[name] - expected).max() < 1e-9, name


def test_one_target_makes_recall_the_hit_rate() -> None:
    lists = np.array([[4, 2, 7, 1, 0, 9, 8, 3, 5, 6], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    found = target_accuracy(lists, np.array([2, 99]))
    assert found["recall@10"].tolist() == found["hit_rate@10"].tolist() == [1, 0]
    assert found["ndcg@10"].tolist() == [1 / np.log2(3), 0]
    assert found["mrr@5"].tolist() == [0.5, 0]
    assert found["precision@5"].tolist() == [0.2, 0]


def test_lists_longer_than_the_catalogue_are_cut_short_and_counted_as_they_are() -> None:
    lists = np.full((1, DEPTH), -1)
    lists[0, :3] = [2, 0, 1]
    found = target_accuracy(lists, np.array([1]))
    assert found["ndcg@20"].tolist() == [0.5]
    assert found["precision@20"].tolist() == [1 / 20]


def test_minus_one_is_never_right() -> None:
    lists = np.full((2, DEPTH), -1)
    assert not hits(lists, np.array([0, 1]), np.array([ITEMS - 1, 0]), ITEMS).any()


def test_coverage_is_the_share_of_the_shelf_that_is_named() -> None:
    on_shelf = np.array([True, True, True, True, False])
    assert coverage(np.array([[0, 1], [1, -1]]), on_shelf) == 0.5
    assert coverage(np.full((1, 2), -1), on_shelf) == 0


def test_novelty_is_self_information_in_bits() -> None:
    popularity = np.array([7, 3, 0])
    found = novelty(np.array([[0, 1], [2, -1], [-1, -1]]), popularity, n_users=7)
    assert found[:2].tolist() == [0.5, 3.0]
    assert np.isnan(found[2])


def test_popularity_lift_is_relative_to_what_the_user_wants() -> None:
    popularity = np.array([8, 4, 2, 0])
    histories = scipy.sparse.csr_matrix(np.array([[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]))
    found = popularity_lift(np.array([[0, 0], [2, -1], [0, 0]]), popularity, histories)
    assert found[:2].tolist() == [1.0, 1.0]
    assert np.isnan(found[2])


def test_diversity_by_content() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [np.nan, np.nan]], dtype=np.float32)
    found = content_diversity(np.array([[0, 1, -1], [0, 2, 3], [0, 1, 2], [3, -1, -1]]), vectors)
    assert np.allclose(found[:3], [1, 0, 2 / 3])
    assert np.isnan(found[3])


def test_diversity_by_who_wants_the_items() -> None:
    baskets = scipy.sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0]], dtype=np.float32))
    found = co_occurrence_diversity(np.array([[0, 1, -1], [0, 2, -1], [0, 3, -1], [0, -1, -1]]), baskets)
    assert np.allclose(found[:3], [0, 1 - 1 / np.sqrt(2), 1], atol=1e-6)
    assert np.isnan(found[3])


def test_rating_errors() -> None:
    assert rmse(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == pytest.approx(np.sqrt(2))
    assert mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 1
    with pytest.raises(ValueError, match="expected one or more, and as many"):
        rmse(np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match=r"\(1,\) predictions and \(2,\) ratings"):
        mae(np.zeros(1), np.zeros(2))
