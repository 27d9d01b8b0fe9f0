"""A workspace's own image encoder: what it learns from a catalogue, and what it refuses."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from finetune.builtin import own_encoder
from finetune.builtin.catalog_lesson import catalog_lesson, held_out, shared_values
from finetune.builtin.own_encoder import LEAST_PICTURES, check_enough, settings_for, train_own_encoder
from finetune.builtin.train_image_encoder import Settings
from retrieval.encoders import OWN, open_encoder
from retrieval.errors import CatalogError, StoreError, WeightsError
from retrieval.types import Item
from retrieval.workspace import Workspace

COLOURS = {"crimson": (200, 30, 40), "navy": (20, 30, 110), "lime": (150, 220, 60), "amber": (250, 180, 20)}
SHORT = Settings(
    steps=20, batch=24, muon_rate=0.01, adam_rate=1e-3, warm_up=4, first_lesson=False, last_steps=0, report_every=10
)


def write_catalog(folder: Path, count: int, *, pictures: bool = True) -> Path:
    """Rings and bars in four colours; words for them that no drawn product has."""
    rng = random.Random(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(count):
        kind, (colour, rgb) = rng.choice(("gasket", "girder")), rng.choice(list(COLOURS.items()))
        row = {"id": str(number), "title": f"{colour} {kind}", "kind": kind, "finish": colour, "maker": "Vo"}
        if pictures:
            picture = Image.new("RGB", (96, 96), "white")
            pen, x, y = ImageDraw.Draw(picture), rng.randrange(20, 40), rng.randrange(20, 40)
            if kind == "gasket":
                pen.ellipse([x, y, x + 40, y + 40], outline=rgb, width=9)
            else:
                pen.rectangle([x, y, x + 12, y + 50], fill=rgb)
            picture.save(folder / "images" / f"{number}.png")
            row["image"] = f"images/{number}.png"
        rows.append(json.dumps(row))
    catalog = folder / "items.jsonl"
    catalog.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return catalog


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with an encoder of its own, what training told of it, and its catalogue."""
    folder = tmp_path_factory.mktemp("own")
    catalog = write_catalog(folder / "catalog", LEAST_PICTURES + 40)
    told = []
    with Workspace.create(folder / "workspace") as workspace:
        found = train_own_encoder(
            workspace, catalog, settings=SHORT, tell=lambda what, done, total: told.append((what, done, total))
        )
    return workspace, found, told


def test_it_tells_the_catalogue_apart_better_than_before(trained):
    _, found, told = trained
    assert (found.pictures, found.held) == (216, 24)
    assert found.better
    assert found.after > 0.7  # chance is 10 in 24
    assert told[-1] == ("pictures trained on", 20 * 24, 20 * 24)
    assert ("pictures read", 240, 240) in told


def test_a_word_of_the_catalogue_finds_its_pictures(trained):
    workspace, found, _ = trained
    encoder = open_encoder(found.name, own=workspace.encoders_folder)
    assert encoder.name == found.name
    assert encoder.fingerprint != open_encoder().fingerprint
    pictures = [Image.open(workspace.path.parent / "catalog" / "images" / f"{number}.png") for number in range(60)]
    rows = (workspace.path.parent / "catalog" / "items.jsonl").read_text().splitlines()[:60]
    titles = [json.loads(row)["title"] for row in rows]
    scores = encoder.embed_text(["amber girder"])[0] @ encoder.embed_pictures(pictures).T
    assert titles[int(np.argmax(scores))] == "amber girder"


def test_nothing_is_left_of_a_training_that_ended(trained):
    workspace, found, _ = trained
    names = sorted(path.name for path in workspace.encoders_folder.iterdir())
    assert names == [f"{found.name}.json", f"{found.name}.safetensors"]
    assert found.name.startswith(OWN)


def test_damaged_weights_are_refused_by_their_checksum(trained, tmp_path):
    workspace, found, _ = trained
    for suffix in (".json", ".safetensors"):
        data = (workspace.encoders_folder / f"{found.name}{suffix}").read_bytes()
        (tmp_path / f"{found.name}{suffix}").write_bytes(data if suffix == ".json" else data[:-5])
    with pytest.raises(WeightsError, match=r"has SHA-256 \w{64}, expected .*index CATALOG --train-encoder"):
        open_encoder(found.name, own=tmp_path)
    with pytest.raises(WeightsError, match=r"cannot be read.*--train-encoder"):
        open_encoder(f"{OWN}gone", own=tmp_path)


@pytest.mark.parametrize(
    ("count", "pictures", "said"), [(30, False, "has no pictures"), (30, True, "has 30 items with a picture")]
)
def test_too_few_pictures_are_refused_with_how_many_are_needed(tmp_path, count, pictures, said):
    catalog = write_catalog(tmp_path / "catalog", count, pictures=pictures)
    with (
        Workspace.create(tmp_path / "workspace") as workspace,
        pytest.raises(CatalogError, match=rf"{said}.*expected at least {LEAST_PICTURES} items"),
    ):
        train_own_encoder(workspace, catalog)
    check_enough(LEAST_PICTURES, catalog)


def test_a_full_disk_leaves_the_workspace_as_it_was(tmp_path, monkeypatch):
    catalog = write_catalog(tmp_path / "catalog", 20)
    monkeypatch.setattr(own_encoder, "LEAST_PICTURES", 20)

    def full(tower, weights, facts):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_encoder, "save_image_tower", full)
    with Workspace.create(tmp_path / "workspace") as workspace:
        with pytest.raises(StoreError, match=r"No space left on device.*the index before stays in force"):
            train_own_encoder(workspace, catalog, settings=Settings(steps=2, batch=4, first_lesson=False, last_steps=0))
        assert workspace.settings.encoder == "builtin"


def test_values_that_sort_the_items_are_shared_and_others_are_not():
    items = [
        Item(str(row), f"thing {row}", {"kind": "ab"[row % 2], "code": str(row), "year": 2000, "maker": "Vo"})
        for row in range(20)
    ]
    items[0] = Item("0", "thing 0", {"kind": "rare"})
    assert shared_values(items) == {"kind": ["", *("ab"[row % 2] for row in range(1, 20))]}


def test_captions_fit_the_items_that_have_what_they_tell():
    items = [Item(str(row), f"thing {row // 2}", {"kind": "ab"[row % 2], "hue": "xyz"[row % 3]}) for row in range(30)]
    pictures = np.zeros((30, 8, 8, 3), dtype=np.uint8)

    def embed(texts):
        return np.array([[len(text)] for text in texts], dtype=np.float32)

    lesson = catalog_lesson(items, pictures, embed)
    assert [attribute.name for attribute in lesson.attributes] == ["hue", "kind", "title"]
    assert sum(attribute.share for attribute in lesson.attributes) == pytest.approx(1)
    assert lesson.vectors.shape == (30, 2, 1)
    assert lesson.told[:, 0].tolist() == [[False, False, True]] * 30
    assert not lesson.told[:, 1, 2].any()
    assert lesson.told[:, 1, :2].any(dim=1).all()
    assert lesson.labels[0, 2] == lesson.labels[1, 2] != lesson.labels[2, 2]


def test_how_long_it_trains_depends_on_the_catalogue():
    assert settings_for(200).steps == 150
    assert settings_for(8_000).steps == 2_000
    assert settings_for(1_000_000).steps == 4_000
    assert held_out(200, 0.1, 500, seed=0).sum() == 20
    assert held_out(20_000, 0.1, 500, seed=0).sum() == 500
