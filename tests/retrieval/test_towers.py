"""Trained towers on the disk and in use: whole, of the right catalogue, and never quietly wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.errors import WeightsError
from retrieval.towers import TowerFacts, Towers, load_towers, save_towers
from retrieval.two_towers import TowerSettings, TwoTowers, gap_classes
from retrieval.types import Event, EventType

KNOWN = ("a", "b", "c")
START = datetime(2026, 1, 1, tzinfo=UTC)


def towers(seed: int = 0, **changed: object) -> Towers:
    torch.manual_seed(seed)
    settings = TowerSettings(fusion="concat", width=8, length=4, **changed)  # type: ignore[arg-type]
    return Towers(TwoTowers(settings, len(KNOWN), 5, 5), TowerFacts(settings, KNOWN, "words-1", 5, 0.5, {"seed": seed}))


def vectors(made: Towers, *item_ids: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    texts = {item_id: rng.normal(size=5).astype(np.float32) for item_id in item_ids}
    return dict(zip(item_ids, made.item_vectors(item_ids, texts, {}), strict=True))


def wants(*item_ids: str, kind: EventType = EventType.CLICK, hours: int = 1) -> list[Event]:
    return [Event("u", item_id, kind, START + timedelta(hours=hours * n)) for n, item_id in enumerate(item_ids)]


def test_what_was_saved_is_loaded_and_says_the_same(tmp_path: Path) -> None:
    made = towers()
    again = load_towers(tmp_path, save_towers(made, tmp_path))
    assert again.facts == made.facts
    items = vectors(made, "a", "b", "new")
    for item_id, vector in vectors(again, "a", "b", "new").items():
        np.testing.assert_array_equal(vector, items[item_id])
    history = wants("a", "new")
    np.testing.assert_array_equal(again.user_vector(history, items), made.user_vector(history, items))


def test_id_counts_for_known_items_and_content_for_all() -> None:
    made = towers()
    texts = {item_id: np.ones(5, dtype=np.float32) for item_id in ("a", "b", "x", "y")}
    a, b, x, y = made.item_vectors(("a", "b", "x", "y"), texts, {})
    np.testing.assert_allclose(x, y, atol=1e-6)
    assert not np.allclose(a, b)
    assert not np.allclose(a, x)
    (other,) = made.item_vectors(("x",), {"x": -np.ones(5, dtype=np.float32)}, {})
    assert not np.allclose(x, other)


def test_order_of_the_history_and_its_end_matter() -> None:
    made = towers()
    items = vectors(made, "a", "b", "c")
    there, back = made.user_vector(wants("a", "b"), items), made.user_vector(wants("b", "a"), items)
    assert there is not None
    assert not np.allclose(there, back)
    assert np.linalg.norm(there) == pytest.approx(1)
    long = wants("c", "c", "a", "b", "c", "a")
    np.testing.assert_allclose(made.user_vector(long, items), made.user_vector(long[-4:], items), atol=1e-6)


def test_history_without_a_vector_says_nothing() -> None:
    made = towers()
    items = vectors(made, "a")
    assert made.user_vector([], items) is None
    assert made.user_vector(wants("gone"), items) is None
    np.testing.assert_array_equal(
        made.user_vector(wants("gone", "a"), items), made.user_vector(wants("x", "a")[1:], items)
    )


def test_times_and_types_are_read_where_they_are_set() -> None:
    plain, timed, typed = towers(), towers(times=True), towers(types=True)
    for made, reads_times, reads_types in ((plain, False, False), (timed, True, False), (typed, False, True)):
        items = vectors(made, "a", "b")
        before = made.user_vector(wants("a", "b"), items)
        assert np.allclose(before, made.user_vector(wants("a", "b", hours=900), items)) is not reads_times
        assert np.allclose(before, made.user_vector(wants("a", "b", kind=EventType.BUY), items)) is not reads_types


def test_gaps_are_classes_of_powers_of_two() -> None:
    assert gap_classes([-5, 0, 1, 2, 3, 4, 3600, 1e12]) == [0, 0, 1, 2, 2, 3, 12, 31]


def cut(weights: Path, facts: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-20])
    del facts


def lose(weights: Path, facts: Path) -> None:
    facts.unlink()
    del weights


def age(weights: Path, facts: Path) -> None:
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "format": 99}))
    del weights


def swap(weights: Path, facts: Path) -> None:
    """Those of another catalogue, under this one's name."""
    version = save_towers(towers(seed=1), weights.parent)
    (weights.parent / f"{version}.safetensors").replace(weights)
    (weights.parent / f"{version}.json").replace(facts)


def reshape(weights: Path, facts: Path) -> None:
    described = json.loads(facts.read_text())
    described["settings"]["width"] = 16
    facts.write_text(json.dumps(described))
    del weights


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (cut, "SHA-256 .* it is damaged"),
        (lose, "cannot be read"),
        (age, "has format 99, expected 1"),
        (swap, "another catalogue's, or of another time"),
        (reshape, "does not fit"),
    ],
)
def test_harm_is_told_with_what_to_do(tmp_path: Path, harm: Callable[[Path, Path], None], told: str) -> None:
    version = save_towers(towers(), tmp_path)
    harm(tmp_path / f"{version}.safetensors", tmp_path / f"{version}.json")
    with pytest.raises(WeightsError, match=rf"(?s){told}.*run tastemaker finetune towers again"):
        load_towers(tmp_path, version)
