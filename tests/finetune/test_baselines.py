"""Baselines: what each must find in a log with two tastes, and what none may do."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from finetune import baselines
from finetune.baselines import BASELINES, Ease, ItemKnn, Known, UserKnn, fit_baseline
from finetune.event_table import read_events
from finetune.metrics import target_accuracy
from finetune.sampled import sampled_not_comparable
from finetune.splits import Split, leave_one_out
from finetune.systems import Scorer, top_rows
from retrieval.errors import SettingsError
from retrieval.types import Event
from tests.finetune.logs import event, workspace_of

LEARNING = tuple(name for name in BASELINES if name not in ("random", "popularity"))
EACH = 12


def two_tastes(seed: int = 0, users: int = 60) -> list[Event]:
    """Half of the users want 8 of the 12 items a0 to a11, the others of b0 to b11, in any order."""
    rng = np.random.default_rng(seed)
    return [
        event(f"u{user}", f"{'ab'[user % 2]}{item}", minute)
        for user in range(users)
        for minute, item in enumerate(rng.permutation(EACH)[:8])
    ]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    items = [f"{taste}{number}" for taste in "ab" for number in range(EACH)] + ["nobody's"]
    with workspace_of(tmp_path_factory.mktemp("log") / "w", items, two_tastes()) as workspace:
        return leave_one_out(read_events(workspace))


@pytest.mark.parametrize("name", LEARNING)
def test_each_finds_the_taste(split: Split, name: str) -> None:
    system, _ = fit_baseline(name, split, seed=0)
    lists = system.rank(split.test.queries, 5)
    first = np.array([item_id[0] for item_id in split.table.item_ids])
    taste = np.array([split.table.user_ids[user] for user in split.test.queries.user])
    expected = np.array(["ab"[int(user[1:]) % 2] for user in taste])
    assert (first[lists] == expected[:, None]).mean() > 0.9
    assert target_accuracy(lists, split.test.target)["recall@5"].mean() > 0.8  # five are left of the taste


@pytest.mark.parametrize("name", BASELINES)
def test_nothing_seen_nothing_twice_nothing_withdrawn(tmp_path: Path, name: str) -> None:
    items = [f"{taste}{number}" for taste in "ab" for number in range(EACH)]
    with workspace_of(tmp_path / "w", items, two_tastes(1)) as workspace:
        workspace.items.withdraw(["a3", "b5"])
        split = leave_one_out(read_events(workspace))
    queries = split.test.queries
    lists = fit_baseline(name, split, seed=0)[0].rank(queries, 10)
    for place, row in enumerate(lists.tolist()):
        named = [item for item in row if item >= 0]
        seen = queries.seen[queries.seen_starts[place] : queries.seen_starts[place + 1]]
        assert len(named) == len(set(named)) > 0
        assert not set(named) & set(seen.tolist())
        assert split.table.on_shelf[named].all()
        assert row == named + [-1] * (10 - len(named)), "what is left open is at the end"


@pytest.mark.parametrize("name", BASELINES)
def test_lists_longer_than_the_catalogue_end_early(split: Split, name: str) -> None:
    system, _ = fit_baseline(name, split, seed=0)
    lists = system.rank(split.test.queries, 99)
    assert lists.shape == (len(split.test), 99)
    assert (lists[:, split.table.n_items :] == -1).all()
    assert (system.rank(split.test.queries, 3) == lists[:, :3]).all() or name == "random"


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "random"])
def test_what_nobody_wants_is_not_proposed(split: Split, name: str) -> None:
    lists = fit_baseline(name, split, seed=0)[0].rank(split.test.queries, 99)
    assert split.table.item_ids.index("nobody's") not in lists


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_seed_the_same_lists(split: Split, name: str) -> None:
    first, again = (fit_baseline(name, split, seed=3)[0].rank(split.test.queries, 5) for _ in range(2))
    assert (first == again).all()


@pytest.mark.parametrize("name", BASELINES)
def test_cut_into_batches_it_is_the_same(split: Split, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_baseline(name, split, seed=0)[0].rank(split.test.queries, 5)
    monkeypatch.setattr("finetune.systems.BATCH_CELLS", 7 * split.table.n_items)
    assert (fit_baseline(name, split, seed=0)[0].rank(split.test.queries, 5) == whole).mean() > 0.999


@pytest.mark.parametrize("name", BASELINES)
def test_no_validation_cases_and_one_user(tmp_path: Path, name: str) -> None:
    with workspace_of(tmp_path / "w", "abc", [event("u", "a", 0), event("u", "b", 1)]) as workspace:
        split = leave_one_out(read_events(workspace))
    system, dials = fit_baseline(name, split, seed=0)
    assert dict(dials) == {dial: values[0] for dial, values in BASELINES[name].grid.items()}
    assert system.rank(split.test.queries, 5).shape == (1, 5)


def test_dials_are_chosen_on_validation_cases_never_on_test(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Watched(Ease):
        def rank(self, queries, k):  # type: ignore[no-untyped-def]
            asked.append(queries)
            return super().rank(queries, k)

    monkeypatch.setitem(BASELINES_BY_NAME, "ease", baselines.Recipe(Watched, {"l2": (1.0, 1e6)}))
    fit_baseline("ease", split, seed=0)
    assert len(asked) == 2
    for queries in asked:
        assert queries.lengths().tolist() == split.validation.queries.lengths().tolist()


BASELINES_BY_NAME = dict(BASELINES)


@pytest.fixture(autouse=True)
def _own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "BASELINES", BASELINES_BY_NAME)


def random_baskets(seed: int = 0, users: int = 30, items: int = 10) -> np.ndarray:
    return (np.random.default_rng(seed).random((users, items)) < 0.4).astype(np.float32)


def known(baskets: np.ndarray) -> Known:
    return Known(scipy.sparse.csr_matrix(baskets), np.ones(baskets.shape[1], dtype=bool), 0)


def scores_of(scorer: Scorer, split_like: np.ndarray) -> np.ndarray:
    """Scores for histories given as rows of ones."""

    class Asked:
        def __len__(self) -> int:
            return len(split_like)

        def matrix(self) -> scipy.sparse.csr_matrix:
            return scipy.sparse.csr_matrix(split_like)

    return scorer.scores(Asked())  # type: ignore[arg-type]


@pytest.mark.parametrize("at_once", [3, 512])
def test_ease_is_the_least_squares_solution_without_self_weights(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Column by column: ridge regression of an item on all others."""
    monkeypatch.setattr(baselines, "_ROWS_AT_ONCE", at_once)
    wants = random_baskets()
    found = scores_of(Ease(known(wants), l2=3.0), np.eye(10, dtype=np.float32))
    expected = np.zeros((10, 10))
    for item in range(10):
        others = np.delete(np.arange(10), item)
        gram = wants[:, others].T @ wants[:, others] + 3.0 * np.eye(9)
        expected[others, item] = np.linalg.solve(gram, wants[:, others].T @ wants[:, item])
    assert np.abs(found - expected).max() < 1e-5


def test_item_knn_by_cosine() -> None:
    wants = random_baskets(1)
    unit = wants / np.linalg.norm(wants, axis=0)
    cosines = unit.T @ unit
    found = scores_of(ItemKnn(known(wants), similarity="cosine", neighbours=10), wants)
    assert np.allclose(np.where(np.isfinite(found), found, 0), wants @ cosines, atol=1e-5)


def test_user_knn_by_hand() -> None:
    wants, asked = random_baskets(2), random_baskets(3, users=4)
    near = (asked / np.linalg.norm(asked, axis=1, keepdims=True)) @ (
        wants / np.linalg.norm(wants, axis=1, keepdims=True)
    ).T
    least = np.sort(near, axis=1)[:, -5][:, None]
    expected = np.where(near >= least, near, 0) @ wants
    found = scores_of(UserKnn(known(wants), neighbours=5, weights="plain"), asked)
    assert np.allclose(np.where(np.isfinite(found), found, 0), expected, atol=1e-5)


def test_ease_refuses_a_catalogue_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "EASE_ITEMS", 5)
    with pytest.raises(SettingsError, match="all wanted items, 10; expected at most 5: leave ease out of --systems"):
        Ease(known(random_baskets()), l2=1.0)


def test_ease_needs_the_memory_of_one_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "_ROWS_AT_ONCE", 100)
    baskets = known(random_baskets(users=200, items=1_500))
    tracemalloc.start()
    try:
        Ease(baskets, l2=10.0)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * 1_500**2 * 4
    finally:
        tracemalloc.stop()


def test_the_highest_scores_first_and_of_equal_ones_the_first() -> None:
    scores = np.array([[0.5, -1, 0.5, -np.inf, 2, -0.0, 0.0]], dtype=np.float32)
    assert top_rows(scores, 9).tolist() == [[4, 0, 2, 5, 6, 1, -1, -1, -1]]
    assert top_rows(scores, 2).tolist() == [[4, 0]]
    rng = np.random.default_rng(0)
    many = rng.integers(-3, 4, (50, 40)).astype(np.float32)
    assert (top_rows(many, 12) == np.argsort(-many, axis=1, kind="stable")[:, :12]).all()


def test_the_sampled_protocol_flatters(split: Split) -> None:
    """By chance the target is among the first 5 of 6; among all items it is not."""
    system, _ = fit_baseline("random", split, seed=0)
    sampled = sampled_not_comparable(system, split.test, negatives=5)
    assert sampled["recall@5"].mean() == pytest.approx(5 / 6, abs=0.15)
    full = target_accuracy(system.rank(split.test.queries, 20), split.test.target)
    assert full["recall@5"].mean() < 0.6
