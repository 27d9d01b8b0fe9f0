from collections.abc import Mapping

import numpy as np
import pytest

from retrieval.vectors import Vector, VectorCache, best, exact_top


def vectors(*item_ids: str) -> dict[str, Vector]:
    return {item_id: np.array([len(item_id), ord(item_id[0])], dtype=np.float32) for item_id in item_ids}


class Shelf:
    """Counts what is fetched from it."""

    def __init__(self, known: Mapping[str, Vector]) -> None:
        self.known = dict(known)
        self.asked: list[list[str]] = []

    def fetch(self, item_ids: list[str]) -> dict[str, Vector]:
        self.asked.append(item_ids)
        return {item_id: self.known[item_id] for item_id in item_ids if item_id in self.known}


def test_vectors_are_fetched_once_and_absence_is_remembered() -> None:
    shelf, cache = Shelf(vectors("a", "bb")), VectorCache()
    kept, rows, matrix = cache.rows(["bb", "none", "a"], shelf.fetch)
    assert list(kept) == ["bb", "a"]
    np.testing.assert_array_equal(matrix[rows], [[2, 98], [1, 97]])
    cache.rows(["a", "none", "bb"], shelf.fetch)
    assert shelf.asked == [["bb", "none", "a"]]


def test_what_is_forgotten_is_fetched_again_beside_the_old() -> None:
    shelf, cache = Shelf(vectors("a", "bb")), VectorCache()
    _, old_rows, old = cache.rows(["a"], shelf.fetch)
    shelf.known["a"] = np.array([7, 7], dtype=np.float32)
    cache.forget(["a", "unheard of"])
    _, rows, matrix = cache.rows(["a"], shelf.fetch)
    np.testing.assert_array_equal(matrix[rows], [[7, 7]])
    np.testing.assert_array_equal(old[old_rows], [[1, 97]])


def test_the_matrix_grows_and_sheds_what_is_forgotten() -> None:
    names = [f"{row}" for row in range(3_000)]
    shelf, cache = Shelf(vectors(*names)), VectorCache()
    for _ in range(5):
        _, rows, matrix = cache.rows(names, shelf.fetch)
        np.testing.assert_array_equal(matrix[rows], list(shelf.known.values()))
        cache.forget(names)
    assert len(matrix) < 3 * len(names)


def test_no_vectors_at_all_are_no_hits() -> None:
    kept, rows, matrix = VectorCache().rows(["a"], lambda item_ids: {})
    assert exact_top(matrix, rows, kept, np.ones(2, dtype=np.float32), 5) == []


@pytest.mark.parametrize(("k", "expected"), [(0, ""), (1, "b"), (2, "ba"), (3, "bac"), (9, "bacd")])
def test_the_best_come_first_and_ties_by_id(k: int, expected: str) -> None:
    found = best(["d", "c", "b", "a"], np.array([0.0, 1.0, 2.0, 1.0]), k)
    assert "".join(item_id for item_id, _ in found) == expected


def test_exact_top_is_a_full_sort() -> None:
    chance = np.random.default_rng(1)
    matrix = chance.normal(size=(2_000, 8)).astype(np.float32)
    rows = chance.permutation(2_000)[:1_300]
    query = matrix[0]
    found = exact_top(matrix, rows, [str(row) for row in rows], query, 50)
    order = rows[np.argsort(-(matrix[rows] @ query))][:50]
    assert [item_id for item_id, _ in found] == [str(row) for row in order]
