"""What the text leaves out is read off pictures, as the rest of the catalogue teaches it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from retrieval.builtin import SHOP_FOLDER
from retrieval.encoders import open_encoder
from retrieval.errors import StoreError
from retrieval.indexing import index_catalog
from retrieval.picture_values import (
    FILE,
    LEAST_ITEMS,
    Glance,
    Reader,
    fit_readers,
    learn_to_read,
    load_readers,
    save_readers,
    told_texts,
)
from retrieval.store import open_store
from retrieval.types import Item
from retrieval.workspace import Workspace

COLOURS = ("blue", "green", "red")


def planted(count: int, seed: int = 0) -> tuple[dict[str, dict[str, str]], dict[str, np.ndarray]]:
    """Items whose pictures show their colour and nothing of who made them."""
    rng = np.random.default_rng(seed)
    colour = {f"i{n}": COLOURS[n % 3] for n in range(count)}
    maker = {f"i{n}": str(rng.choice(["Ada", "Bo"])) for n in range(count)}
    vectors = {}
    for item_id, value in colour.items():
        row = rng.normal(size=16) + 6 * np.eye(16)[COLOURS.index(value)]
        vectors[item_id] = (row / np.linalg.norm(row)).astype(np.float32)
    return {"colour": colour, "maker": maker}, vectors


def test_only_what_pictures_show_is_read() -> None:
    told, vectors = planted(150)
    (reader,) = fit_readers(told, vectors)
    assert (reader.attribute, reader.values) == ("colour", COLOURS)
    assert reader.accuracy > 0.9
    unseen, rows = planted(60, seed=1)
    read = reader.read(np.stack(list(rows.values())))
    assert np.mean([one == other for one, other in zip(read, unseen["colour"].values(), strict=True)]) > 0.9


def test_what_could_be_either_is_not_read() -> None:
    undecided = Reader("colour", COLOURS, np.zeros((3, 16), np.float32), np.zeros(3, np.float32), 0.9, 0.0)
    assert undecided.read(np.ones((1, 16), np.float32)) == [None]


def test_too_few_items_teach_nothing() -> None:
    told, vectors = planted(LEAST_ITEMS - 1)
    assert fit_readers(told, vectors) == []
    assert fit_readers({"colour": dict.fromkeys(vectors, "red")}, vectors) == []


def test_lists_numbers_and_prose_are_no_values_to_read() -> None:
    items = [
        Item("1", "One", {"colour": "red", "rooms": ("hall",), "year": 1990, "about": "x" * 80}),
        Item("2", "Two", {"colour": "blue", "rooms": "hall"}),
    ]
    assert told_texts(items) == {"colour": {"1": "red", "2": "blue"}}


def test_readers_come_back_as_they_were_kept(tmp_path: Path) -> None:
    told, vectors = planted(150)
    (reader,) = fit_readers(told, vectors)
    save_readers(tmp_path, [reader], encoder="e1")
    (again,) = load_readers(tmp_path, encoder="e1")
    rows = np.stack(list(vectors.values()))
    assert (again.attribute, again.values, again.accuracy) == ("colour", COLOURS, reader.accuracy)
    assert again.read(rows) == reader.read(rows)
    assert load_readers(tmp_path, encoder="e2") == ()
    assert load_readers(tmp_path / "nothing", encoder="e1") == ()


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a tensor in sight")
    with pytest.raises(StoreError, match="tastemaker index"):
        load_readers(tmp_path, encoder="e1")


@pytest.fixture(scope="module")
def half_told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 products of the built-in shop; every second one does not tell its colour."""
    folder = tmp_path_factory.mktemp("half-told")
    rows = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text().splitlines()[:240]]
    for number, row in enumerate(rows):
        picture = folder / row["image"]
        picture.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHOP_FOLDER / row["image"], picture)
        row.pop("video", None)
        if number % 2:
            row["true_colour"] = row.pop("colour")
    kept = [{name: value for name, value in row.items() if name != "true_colour"} for row in rows]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    (folder / "truth.json").write_text(
        json.dumps({row["id"]: row["true_colour"] for row in rows if "true_colour" in row})
    )
    return folder


def test_indexing_learns_to_read(half_told: Path, tmp_path: Path) -> None:
    truth = json.loads((half_told / "truth.json").read_text())
    with Workspace.create(tmp_path / "shop") as workspace:
        index_catalog(workspace, half_told / "items.jsonl", encoder=open_encoder())
        with open_store(workspace) as store:
            items = list(workspace.items.all())
            glance = Glance(workspace, store)
            seen = glance.seen(items)
            read = {item_id: values["colour"] for item_id, values in seen.items() if "colour" in values}
            assert set(read) <= set(truth)  # what the text tells is not read again
            assert len(read) > 0.8 * len(truth)
            assert np.mean([truth[item_id] == value for item_id, value in read.items()]) > 0.8
            assert not {"brand", "style", "material"} & {name for values in seen.values() for name in values}

            for damage in (lambda path: path.write_bytes(b"nothing"), Path.unlink):
                damage(workspace.path / FILE)
                assert glance.seen(items) == {}
            learn_to_read(workspace, store, encoder=str(workspace.settings.encoder_fingerprint))
            assert glance.seen(items) == seen
