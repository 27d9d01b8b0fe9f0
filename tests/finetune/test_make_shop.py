"""The shop that ships is the shop that the code makes."""

import csv
import hashlib
import io
import json
from itertools import islice

import av
import numpy as np
import pytest
from PIL import Image

from finetune.builtin.drawing import draw
from finetune.builtin.make_shop import SUMS, ShopSettings, catalogue_rows, log_text, make_shop
from finetune.builtin.products import products
from finetune.builtin.shoppers import make_offers, make_shoppers, simulate
from finetune.builtin.truth import load_truth
from retrieval.builtin import SHOP_FOLDER

TRUTH = load_truth(SHOP_FOLDER)
SETTINGS = ShopSettings(**TRUTH.settings)
ROWS = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_file_is_the_one_that_was_hashed():
    listed = {}
    for line in (SHOP_FOLDER / SUMS).read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        listed[name] = digest
    found = {
        path.relative_to(SHOP_FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SHOP_FOLDER.rglob("*")
        if path.is_file() and path.name != SUMS
    }
    assert found == listed


def test_the_shop_is_small():
    assert sum(path.stat().st_size for path in SHOP_FOLDER.rglob("*") if path.is_file()) < 3_000_000


def test_the_catalogue_is_made_again_to_the_letter():
    goods = list(products(SETTINGS.items, seed=SETTINGS.seed))
    turning = {row["id"] for row in ROWS if "video" in row}
    again = "".join(catalogue_rows(goods, turning))
    assert again == (SHOP_FOLDER / "items.jsonl").read_text(encoding="utf-8")
    assert len(turning) == SETTINGS.clips


def test_the_truth_is_made_again():
    goods = list(products(SETTINGS.items, seed=SETTINGS.seed))
    assert list(TRUTH.offers.values()) == make_offers(goods, seed=SETTINGS.seed)
    assert list(TRUTH.shoppers.values()) == make_shoppers(SETTINGS.shoppers, seed=SETTINGS.seed)


def test_the_log_is_made_again_to_the_letter():
    events = simulate(
        list(TRUTH.shoppers.values()), list(TRUTH.offers.values()), events=SETTINGS.events, seed=SETTINGS.seed
    )
    assert log_text(events) == (SHOP_FOLDER / "interactions.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("item_id", ["lamp-001", "chair-007", "socks-020"])
def test_pictures_are_drawn_from_the_looks_in_the_truth(item_id):
    with Image.open(SHOP_FOLDER / "images" / f"{item_id}.webp") as picture:
        shipped = np.asarray(picture.convert("RGB"), dtype=float)
    assert shipped.shape == (SETTINGS.image_px, SETTINGS.image_px, 3)
    drawn = np.asarray(draw(TRUTH.look(item_id), px=SETTINGS.image_px), dtype=float)
    assert np.abs(shipped - drawn).mean() < 4


def test_clips_turn_the_product_once():
    clips = sorted((SHOP_FOLDER / "clips").iterdir())
    assert [f"clips/{path.name}" for path in clips] == sorted(row["video"] for row in ROWS if "video" in row)
    with av.open(str(clips[0])) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == SETTINGS.clip_frames
    look = TRUTH.look(clips[0].stem)
    quarter = draw(look, px=SETTINGS.clip_px, turn=90)
    assert np.abs(frames[SETTINGS.clip_frames // 4].astype(float) - np.asarray(quarter, dtype=float)).mean() < 8


def test_held_out_shoppers_and_items_are_named():
    assert 0.15 < len(TRUTH.test_shoppers) / SETTINGS.shoppers < 0.25
    assert 0.12 < len(TRUTH.test_items) / SETTINGS.items < 0.24
    assert set(TRUTH.test_items) < {row["id"] for row in ROWS}
    assert 0.35 < TRUTH.figures["oracle_ndcg_10"] < 0.80


def test_liking_is_the_planted_one():
    shopper = TRUTH.shoppers["u0001"]
    best = max(TRUTH.offers, key=lambda item: TRUTH.liking("u0001", item, TRUTH.window_start))
    assert TRUTH.look(best).category in shopper.phases[-1][1].categories
    with pytest.raises(KeyError):
        TRUTH.liking("nobody", best, TRUTH.window_start)


def test_a_small_shop_in_another_folder(tmp_path):
    settings = ShopSettings(seed=9, items=21, shoppers=12, events=50, clips=1, image_px=48, clip_px=32, clip_frames=6)
    truth = make_shop(tmp_path, settings)
    assert load_truth(tmp_path) == truth
    assert len(list((tmp_path / "images").iterdir())) == 21
    rows = list(csv.DictReader(io.StringIO((tmp_path / "interactions.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 50
    assert {row["item_id"] for row in rows} <= set(truth.offers)
    again = list(islice(products(21, seed=9), 21))
    assert [offer.product for offer in truth.offers.values()] == again
