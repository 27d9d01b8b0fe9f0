"""Behaviour vectors of items: by new towers for all of them, and as items are indexed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.behavioural import towers_folder
from retrieval.errors import EncoderMismatchError, WorkspaceLockedError
from retrieval.indexing import index_catalog
from retrieval.locks import alone
from retrieval.publishing import publish_towers
from retrieval.store import VectorStore, open_store
from retrieval.towers import Towers, load_towers
from retrieval.types import Item
from retrieval.vectors import Vector, Vectors
from retrieval.workspace import Workspace
from tests.retrieval.planted import plant_towers, publish
from tests.retrieval.test_indexing import shop_rows, write
from tests.retrieval.words import WordEncoder

TASTES = {"i0": "leather", "i2": "leather"}


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def workspace(tmp_path: Path, encoder: WordEncoder) -> Iterator[Workspace]:
    """Four lamps, indexed, with towers that know the first and the third; served."""
    with Workspace.create(tmp_path / "w") as workspace, open_store(workspace, serve=True) as store:
        index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
        publish(workspace, store, encoder, TASTES)
        yield workspace


@pytest.fixture
def store(workspace: Workspace) -> Iterator[VectorStore]:
    with open_store(workspace) as store:
        yield store


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of which items the item tower is asked for vectors."""
    asked: list[str] = []
    make = Towers.item_vectors

    def item_vectors(
        towers: Towers, item_ids: Sequence[str], texts: Mapping[str, Vector], images: Mapping[str, Vector]
    ) -> Vectors:
        asked.extend(item_ids)
        return make(towers, item_ids, texts, images)

    monkeypatch.setattr(Towers, "item_vectors", item_vectors)
    return asked


def vectors(store: VectorStore) -> dict[str, Vector]:
    return store.get("behaviour", sorted(store.item_ids("behaviour")))


def test_every_item_has_the_vector_that_the_towers_give_it(workspace: Workspace, store: VectorStore) -> None:
    assert store.towers is not None
    towers = load_towers(towers_folder(workspace), store.towers.version)
    item_ids = workspace.items.ids()
    expected = towers.item_vectors(item_ids, store.get("text", item_ids), store.get("image", item_ids))
    np.testing.assert_allclose(list(vectors(store).values()), expected, atol=1e-6)


def test_what_is_published_is_not_made_again(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder, asked: list[str]
) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    assert asked == []


def test_new_and_changed_items_get_theirs_from_content_as_they_are_indexed(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder, asked: list[str]
) -> None:
    before = vectors(store)
    rows = [*shop_rows(), {"id": "cold", "title": "green mug"}, {"id": "twin", "title": "white lamp 3", "price": 3}]
    rows[1]["title"] = "blue mug"
    index_catalog(workspace, write(tmp_path / "c", rows), encoder=encoder)
    assert asked == ["i1", "cold", "twin"]
    after = vectors(store)
    assert sorted(after) == ["cold", "i0", "i1", "i2", "i3", "twin"]
    assert not np.allclose(before["i1"], after["i1"], atol=1e-3)
    assert np.array_equal(before["i2"], after["i2"])
    np.testing.assert_allclose(after["twin"], after["i3"], atol=1e-6, err_msg="the same words, so the same vector")


def test_a_run_that_was_cut_off_makes_what_is_missing(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder, asked: list[str]
) -> None:
    before = vectors(store)
    workspace.items.forget_embedded("behaviour", ["i1"])
    store.delete("behaviour", ["i2"])
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    assert asked == ["i1", "i2"]
    after = vectors(store)
    assert sorted(after) == sorted(before)
    np.testing.assert_allclose(list(after.values()), list(before.values()), atol=1e-6)


def test_other_towers_make_every_vector_anew(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder, asked: list[str]
) -> None:
    folder = towers_folder(workspace)
    version = plant_towers(folder, encoder, {"i1": "warm"}, reads=True)
    publish_towers(workspace, store, load_towers(folder, version), version)
    assert asked == ["i0", "i1", "i2", "i3"]
    workspace.items.forget_embedded("behaviour")  # as if it had been killed before it could tell
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    assert asked[4:] == ["i0", "i1", "i2", "i3"]


def test_content_that_was_still_to_be_embedded_is_not_taken_for_what_the_vector_says(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder
) -> None:
    """An index run that is killed between the item table and the vectors, then new towers, then the run again."""
    rows = shop_rows()
    rows[1]["title"] = "blue mug"
    changed = replace(workspace.items.get("i1"), title="blue mug")
    workspace.items.upsert([changed])
    publish(workspace, store, encoder, {"i2": "warm"})
    stale = vectors(store)["i1"]
    index_catalog(workspace, write(tmp_path / "c", rows), encoder=encoder)
    assert store.towers is not None
    towers = load_towers(towers_folder(workspace), store.towers.version)
    (expected,) = towers.item_vectors(["i1"], store.get("text", ["i1"]), {})
    assert not np.allclose(expected, stale, atol=1e-3)
    np.testing.assert_allclose(vectors(store)["i1"], expected, atol=1e-6)


def test_towers_are_not_published_while_somebody_makes_vectors(
    workspace: Workspace, store: VectorStore, encoder: WordEncoder
) -> None:
    before = store.towers
    folder = towers_folder(workspace)
    version = plant_towers(folder, encoder, {"i1": "warm"}, reads=True)
    towers = load_towers(folder, version)
    with alone(workspace.path), pytest.raises(WorkspaceLockedError, match=f"process {os.getpid()} is indexing"):
        publish_towers(workspace, store, towers, version, wait_s=0.1)
    assert store.towers == before


def test_withdrawn_items_lose_theirs_and_get_it_back(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder
) -> None:
    before = vectors(store)
    index_catalog(workspace, write(tmp_path / "c", shop_rows(2)), encoder=encoder, sync=True)
    assert sorted(vectors(store)) == ["i0", "i1"]
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    np.testing.assert_allclose(vectors(store)["i2"], before["i2"], atol=1e-6)


def test_items_that_the_towers_can_say_nothing_of_have_none(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder
) -> None:
    workspace.items.add_missing([Item("bare", "bare")])
    publish(workspace, store, encoder, TASTES, reads=False)
    index_catalog(workspace, write(tmp_path / "c", shop_rows(9)), encoder=encoder)
    assert sorted(vectors(store)) == ["i0", "i2"]


def test_without_their_weights_indexing_goes_on_and_says_so(
    workspace: Workspace, store: VectorStore, tmp_path: Path, encoder: WordEncoder
) -> None:
    for path in towers_folder(workspace).iterdir():
        path.unlink()
    report = index_catalog(workspace, write(tmp_path / "c", shop_rows(5)), encoder=encoder)
    assert report.added == 1
    assert "new and changed items get no behaviour vector" in report.warnings[0]
    assert "tastemaker finetune towers" in report.warnings[0]
    assert sorted(vectors(store)) == ["i0", "i1", "i2", "i3"]


def test_towers_of_another_encoder_are_not_published(
    workspace: Workspace, store: VectorStore, encoder: WordEncoder
) -> None:
    record = store.towers
    with pytest.raises(EncoderMismatchError, match="another encoder"):
        publish(workspace, store, WordEncoder("wide"), TASTES)
    assert store.towers == record
