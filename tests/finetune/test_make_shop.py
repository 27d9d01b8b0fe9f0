"""The shop that ships is the shop that the code makes."""

import csv
import hashlib
import io
import json
from collections import Counter
from datetime import timedelta
from itertools import islice

import av
import numpy as np
import pytest
from PIL import Image

from finetune.builtin.drawing import draw
from finetune.builtin.make_shop import SUMS, ShopSettings, catalogue_rows, log_text, make_shop
from finetune.builtin.oracle import first_wishes, oracle_ndcg, planted
from finetune.builtin.products import products
from finetune.builtin.shoppers import make_offers, make_shoppers
from finetune.builtin.truth import load_truth
from finetune.builtin.visits import simulate
from retrieval.builtin import SHOP_FOLDER
from retrieval.interaction_files import EventRow, InteractionFile

TRUTH = load_truth(SHOP_FOLDER)
SETTINGS = ShopSettings(**TRUTH.settings)
ROWS = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text(encoding="utf-8").splitlines()]

FROZEN = "417e40eb5607ea267e28a0a0e1e879955d0f472552b105e86394cd9c60fc9894"
"""SHA-256 of SHA256SUMS: generator, test shoppers and test items were fixed before any model was trained on it."""


def test_the_shop_is_the_one_that_was_frozen():
    assert hashlib.sha256((SHOP_FOLDER / SUMS).read_bytes()).hexdigest() == FROZEN


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


def test_the_shop_is_large_in_numbers_and_small_on_the_disk():
    categories = Counter(row["category"] for row in ROWS)
    assert len(ROWS) >= 1_500
    assert len(categories) >= 16
    assert min(categories.values()) == max(categories.values())
    assert sum("video" in row for row in ROWS) >= 100
    assert SETTINGS.shoppers >= 2_000
    assert SETTINGS.events >= 60_000
    assert sum(path.stat().st_size for path in SHOP_FOLDER.rglob("*") if path.is_file()) <= 12_000_000


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


def test_log_wishes_and_figures_are_made_again():
    shoppers, offers = list(TRUTH.shoppers.values()), list(TRUTH.offers.values())
    log = simulate(shoppers, offers, events=SETTINGS.events, seed=SETTINGS.seed)
    assert log_text(log.events) == (SHOP_FOLDER / "interactions.csv").read_text(encoding="utf-8")
    tested = [TRUTH.shoppers[user_id] for user_id in TRUTH.test_shoppers]
    assert first_wishes(tested, log) == TRUTH.wishes
    assert oracle_ndcg(tested, offers, log.events, planted(offers)) == pytest.approx(
        TRUTH.figures["oracle_ndcg_10"], abs=1e-4
    )


def test_every_line_of_the_log_is_an_event_of_the_shop():
    rows = list(InteractionFile(SHOP_FOLDER / "interactions.csv", now=TRUTH.window_start + timedelta(days=365)))
    events = [row.event for row in rows if isinstance(row, EventRow)]
    assert len(events) == len(rows) == SETTINGS.events
    assert {event.user_id for event in events} <= set(TRUTH.shoppers)
    assert {event.item_id for event in events} <= set(TRUTH.offers)
    assert events[0].timestamp < TRUTH.window_start < events[-1].timestamp


@pytest.mark.parametrize("item_id", ["lamp-001", "chair-007", "socks-080"])
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


def test_test_shoppers_state_wishes():
    assert set(TRUTH.wishes) < set(TRUTH.test_shoppers)
    assert len(TRUTH.wishes) > 200
    attributes = Counter(wish.attribute for wish in TRUTH.wishes.values())
    assert {"", "colour", "pattern", "style"} <= set(attributes)


def test_the_oracle_needs_the_pictures():
    figures = TRUTH.figures
    assert 0.35 < figures["oracle_ndcg_10"] < 0.80
    assert figures["oracle_told_looks_ndcg_10"] < 0.9 * figures["oracle_ndcg_10"]
    assert figures["oracle_told_looks_visual_ndcg_10"] < 0.85 * figures["oracle_visual_ndcg_10"]
    assert figures["oracle_no_looks_ndcg_10"] < 0.5 * figures["oracle_ndcg_10"]
    assert figures["popularity_ndcg_10"] < 0.05


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
