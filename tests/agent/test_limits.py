"""Pictures tell an attribute that items do not tell, where the catalogue itself shows that they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.dialogue_state import DialogueState
from agent.facets import FacetCounts
from agent.limits import Limits, limits_of
from retrieval.picture_values import Glance, learn_to_read
from retrieval.shelf import Shelf
from retrieval.store import VectorStore, open_store
from retrieval.store_state import EncoderRecord
from retrieval.types import Item
from retrieval.vectors import Vectors
from retrieval.workspace import Workspace

PATTERNS = ("checks", "dots", "stripes")
MAKERS = ("Ann", "Ben", "Cleo")
PER_PATTERN = 40
DIMENSIONS = 16


def pictures() -> Vectors:
    """(120, 16) of length 1: pictures of a pattern lie around one direction; who made a thing shows nowhere."""
    rng = np.random.default_rng(5)
    middles = np.eye(DIMENSIONS, dtype=np.float32)[: len(PATTERNS)].repeat(PER_PATTERN, axis=0)
    vectors = middles + 0.15 * rng.standard_normal(middles.shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def things() -> list[Item]:
    """Of each pattern the first ten do not tell it; of all, every second one does not tell its maker."""
    items = []
    for number in range(len(PATTERNS) * PER_PATTERN):
        told = {} if number % PER_PATTERN < 10 else {"pattern": PATTERNS[number // PER_PATTERN]}
        told |= {} if number % 2 else {"maker": MAKERS[number % 3]}
        items.append(Item(f"{number:03d}", f"Thing {number}", told, images=("a" * 64,)))
    return items


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, VectorStore]]:
    folder: Path = tmp_path_factory.mktemp("looks") / "shop"
    with Workspace.create(folder) as workspace, open_store(workspace) as store:
        items = things()
        workspace.items.upsert(items)
        store.claim(EncoderRecord("drawn", "f" * 64, DIMENSIONS))
        store.upsert("image", [item.item_id for item in items], pictures())
        workspace.save(workspace.settings.model_copy(update={"encoder_fingerprint": "f" * 64}))
        learn_to_read(workspace, store, encoder="f" * 64)
        yield workspace, store


def limits(shop: tuple[Workspace, VectorStore], state: DialogueState) -> Limits:
    workspace, store = shop
    facets = FacetCounts(workspace.items.all()).facets()
    shelf = Shelf(workspace.items)
    return limits_of(
        state, facets, Glance(workspace, store), lambda w: shelf.item_ids() if w is None else shelf.matching(w)
    )


def passing(shop: tuple[Workspace, VectorStore], state: DialogueState) -> set[int]:
    found = limits(shop, state)
    assert found.where is not None
    return {int(item_id) for item_id in Shelf(shop[0].items).matching(found.where) - found.exclude}


def test_what_tells_no_pattern_passes_by_its_picture(shop: tuple[Workspace, VectorStore]) -> None:
    found = passing(shop, DialogueState(want={"pattern": ("dots",)}))
    assert found <= set(range(40, 80))
    assert set(range(50, 80)) <= found
    assert len(found & set(range(40, 50))) >= 9


def test_what_may_show_an_avoided_pattern_stays_out(shop: tuple[Workspace, VectorStore]) -> None:
    found = passing(shop, DialogueState(avoid={"pattern": ("dots",)}))
    assert not found & set(range(40, 80))
    assert len(found) >= 75


def test_of_what_pictures_do_not_show_silence_is_no_value(shop: tuple[Workspace, VectorStore]) -> None:
    state = DialogueState(want={"maker": ("Ann",)})
    assert limits(shop, state) == Limits("`maker` in ('Ann')")
    assert {number % 6 for number in passing(shop, state)} == {0}


def test_other_constraints_hold_too(shop: tuple[Workspace, VectorStore]) -> None:
    found = passing(shop, DialogueState(want={"pattern": ("dots",), "maker": ("Ann",)}))
    assert found
    assert all(number % 6 == 0 and 40 <= number < 80 for number in found)


def test_without_constraints_nothing_is_left_out(shop: tuple[Workspace, VectorStore]) -> None:
    assert limits(shop, DialogueState(query="something")) == Limits(None)


def test_only_what_pictures_show_is_readable(shop: tuple[Workspace, VectorStore]) -> None:
    assert Glance(*shop).readable(["pattern", "maker", "price", "nothing"]) == {"pattern"}
