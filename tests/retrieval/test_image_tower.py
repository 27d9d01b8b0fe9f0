"""The built-in image encoder: checked weights, distinct unit vectors, pictures beside the words for them."""

import json
import random
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from retrieval.builtin import SHOP_FOLDER
from retrieval.builtin.image_tower import WEIGHTS, ImageTower, load_image_tower, pixels_of, save_image_tower
from retrieval.encoders import open_encoder
from retrieval.errors import WeightsError


@pytest.fixture(scope="module")
def tower() -> ImageTower:
    return load_image_tower()


@pytest.fixture(scope="module")
def shop():
    """400 of the shop's rows, 20 of each category, and the vectors of their pictures."""
    rows = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text(encoding="utf-8").splitlines()[:400]]
    pictures = []
    for row in rows:
        with Image.open(SHOP_FOLDER / row["image"]) as picture:
            pictures.append(picture.convert("RGB"))
    return rows, load_image_tower().embed(pictures)


def scenes(count: int) -> list[Image.Image]:
    """Pictures unlike anything drawn: blurred blots and bars of all colours, as photos and posters are."""
    made = []
    for seed in range(count):
        rng = random.Random(seed)

        def colour(rng=rng):
            return tuple(rng.randrange(256) for _ in range(3))

        picture = Image.new("RGB", (rng.randrange(80, 300), rng.randrange(80, 300)), colour())
        pen = ImageDraw.Draw(picture)
        for _ in range(12):
            x, y = rng.randrange(picture.width), rng.randrange(picture.height)
            pen.ellipse([x - 40, y - 30, x + rng.randrange(5, 60), y + rng.randrange(5, 60)], fill=colour())
            pen.line([x, y, rng.randrange(300), rng.randrange(300)], fill=colour(), width=rng.randrange(1, 9))
        made.append(picture.filter(ImageFilter.GaussianBlur(rng.random() * 3)))
    return made


def test_the_weights_are_small_and_load(tower):
    assert WEIGHTS.stat().st_size <= 6_000_000
    assert (tower.image_px, tower.dimensions) == (96, 384)


def test_vectors_are_units_and_of_other_pictures_distinct(tower):
    vectors = tower.embed(scenes(60))
    assert vectors.dtype == np.float32
    assert vectors.shape == (60, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, 0)
    assert cosines.max() < 0.9999
    assert cosines.mean() < 0.9


def test_the_same_picture_has_the_same_vector_alone_and_in_a_batch(tower):
    pictures = scenes(5)
    alone = np.concatenate([tower.embed([picture]) for picture in pictures])
    assert np.allclose(alone, tower.embed(pictures), atol=1e-5)
    assert tower.embed([]).shape == (0, 384)


def test_pictures_of_other_sizes_are_letterboxed_on_white(tower):
    wide = scenes(1)[0].resize((192, 96))
    boxed = Image.new("RGB", (96, 96), "white")
    boxed.paste(wide.resize((96, 48), Image.Resampling.LANCZOS), (0, 24))
    assert float(tower.embed([wide])[0] @ tower.embed([boxed])[0]) > 0.999


@pytest.mark.parametrize("size", [(5, 4000), (4000, 5), (1, 1)])
def test_a_line_is_a_picture_too(tower, size):
    assert np.linalg.norm(tower.embed([Image.new("RGB", size, "red")])[0]) == pytest.approx(1, abs=1e-4)


def test_transparent_and_grey_pictures_are_taken(tower):
    assert tower.embed([Image.new("RGBA", (50, 50), (255, 0, 0, 100)), Image.new("L", (50, 50), 90)]).shape == (2, 384)


def test_words_find_the_pictures_of_a_category(shop):
    rows, vectors = shop
    categories = sorted({row["category"] for row in rows})
    text = open_encoder().embed_text([f"a {name}" for name in categories])
    shares = []
    for name, scores in zip(categories, text @ vectors.T, strict=True):
        best = [rows[row]["category"] for row in np.argsort(-scores)[:10]]
        shares.append(best.count(name) / 10)
    assert np.mean(shares) > 0.9


def test_colour_words_find_the_colour_within_a_category(shop):
    rows, vectors = shop
    encoder = open_encoder()
    found = []
    for row in rows[:120]:
        text = encoder.embed_text([f"a {row['colour']} {row['category']}"])[0]
        best = int(np.argmax(vectors @ text))
        found.append((rows[best]["category"], rows[best]["colour"]) == (row["category"], row["colour"]))
    assert np.mean(found) > 0.75


def test_damaged_weights_are_refused_by_name_and_hash(tmp_path):
    weights = copied(tmp_path)
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    expected = json.loads(weights.with_suffix(".json").read_text())["sha256"]
    with pytest.raises(WeightsError, match=rf"{weights.name} has SHA-256 \w{{64}}, expected {expected}"):
        load_image_tower(weights)


def test_truncated_and_missing_weights_are_refused(tmp_path):
    weights = copied(tmp_path)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="it is damaged"):
        load_image_tower(weights)
    weights.unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_image_tower(weights)
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"image_encoder.json cannot be read"):
        load_image_tower(weights)


def test_weights_of_another_version_are_refused(tmp_path):
    weights = copied(tmp_path)
    beside = weights.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "version": 7}))
    with pytest.raises(
        WeightsError, match="is of version 7, this program reads 3; use matching releases, or install the package again"
    ):
        load_image_tower(weights)


def test_saved_weights_give_the_same_vectors(tower, tmp_path):
    save_image_tower(tower, tmp_path / "again.safetensors", {})
    again = load_image_tower(tmp_path / "again.safetensors")
    pictures = scenes(4)
    assert np.allclose(again.embed(pictures), tower.embed(pictures), atol=1e-3)


def test_pixels_run_from_nought_to_one():
    pixels = pixels_of(np.array([[[[0, 128, 255]]]], dtype=np.uint8))
    assert pixels.flatten().tolist() == pytest.approx([0, 128 / 255, 1])


def copied(folder):
    for path in (WEIGHTS, WEIGHTS.with_suffix(".json")):
        shutil.copy(path, folder)
    return folder / WEIGHTS.name
