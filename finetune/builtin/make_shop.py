"""Make the built-in shop: products, pictures, clips, shoppers, their log, and the truth behind it.

    python -m finetune.builtin.make_shop --seed 1

The same seed gives the same shop, and a larger one begins with the smaller one's products and shoppers.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finetune.builtin.drawing import draw
from finetune.builtin.likings import Sight
from finetune.builtin.oracle import WINDOW_START, first_wishes, oracle_ndcg, planted, popular
from finetune.builtin.products import Product, products
from finetune.builtin.shoppers import DAYS, Offer, Shopper, make_offers, make_shoppers
from finetune.builtin.truth import Truth, save_truth
from finetune.builtin.visits import Log, simulate
from retrieval.builtin import SHOP_FOLDER
from retrieval.types import Event

if TYPE_CHECKING:
    from PIL.Image import Image

SUMS = "SHA256SUMS"
TEST_SHOPPER_SHARE, TEST_ITEM_SHARE = 0.2, 0.15
_TURNING = ("mug", "teapot", "chair", "vase", "rug", "lamp", "bowl", "plant pot", "umbrella")
"""Categories that have something to show from all sides."""
_X264 = {"crf": "28", "preset": "veryslow", "x264-params": "threads=1:no-asm=1"}
"""Without assembly and threads, because x264 else writes other bytes each time."""
_COLUMNS = ("user_id", "item_id", "type", "timestamp", "session_id", "request_id", "position")


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """How large the shop is. quality: of the WebP pictures; clip_px, clip_frames: of the turntable clips."""

    seed: int = 1
    items: int = 1_600
    shoppers: int = 2_200
    events: int = 66_000
    clips: int = 108
    image_px: int = 256
    quality: int = 62
    clip_px: int = 192
    clip_frames: int = 24


def make_shop(folder: Path, settings: ShopSettings) -> Truth:
    """Write the whole shop into `folder` and return its truth. Files of an earlier shop are overwritten."""
    goods = list(products(settings.items, seed=settings.seed))
    offers = make_offers(goods, seed=settings.seed)
    shoppers = make_shoppers(settings.shoppers, seed=settings.seed)
    log = simulate(shoppers, offers, events=settings.events, seed=settings.seed)
    truth = _truth(shoppers, offers, log, settings)
    turning = {product.item_id for product in _with_clip(goods, settings.clips)}
    for name in ("images", "clips"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for old in (folder / name).iterdir():
            old.unlink()
    for done, product in enumerate(goods, start=1):
        (folder / _image_name(product)).write_bytes(picture_bytes(product, settings))
        if product.item_id in turning:
            (folder / _clip_name(product)).write_bytes(clip_bytes(product, settings))
        if done % 100 == 0 or done == len(goods):
            print(f"{done}/{len(goods)} products drawn", file=sys.stderr, flush=True)
    rows = catalogue_rows(goods, turning)
    (folder / "items.jsonl").write_text("".join(rows), encoding="utf-8")
    (folder / "interactions.csv").write_text(log_text(log.events), encoding="utf-8")
    save_truth(truth, folder / "truth.json")
    (folder / SUMS).write_text("".join(_sums(folder)), encoding="utf-8")
    return truth


def catalogue_rows(goods: Iterable[Product], turning: set[str]) -> list[str]:
    """The lines of items.jsonl; turning: ids of the products that have a clip."""
    lines = []
    for product in goods:
        media = {"image": _image_name(product)}
        if product.item_id in turning:
            media["video"] = _clip_name(product)
        lines.append(json.dumps({**product.row(), **media}, ensure_ascii=False) + "\n")
    return lines


def log_text(events: Sequence[Event]) -> str:
    """The events as CSV, times in UTC to the second, as ISO 8601 writes them in short."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for event in events:
        when = event.timestamp.strftime("%Y%m%dT%H%M%SZ")
        writer.writerow(
            (event.user_id, event.item_id, event.type, when, event.session_id, event.request_id, event.position)
        )
    return text.getvalue()


def picture_bytes(product: Product, settings: ShopSettings) -> bytes:
    """The product's picture as WebP."""
    data = io.BytesIO()
    draw(product.look, px=settings.image_px).save(data, "WEBP", quality=settings.quality, method=6)
    return data.getvalue()


def clip_bytes(product: Product, settings: ShopSettings) -> bytes:
    """One turn of the product as MP4 (H.264), a dozen pictures a second."""
    turns = (360 * frame / settings.clip_frames for frame in range(settings.clip_frames))
    return _encode([draw(product.look, px=settings.clip_px, turn=turn) for turn in turns])


def _encode(frames: Sequence[Image]) -> bytes:
    import av

    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12, options=_X264)
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return data.getvalue()


def _with_clip(goods: Sequence[Product], count: int) -> list[Product]:
    """The first products of the turning categories, category by category in turn."""
    shelves = [[product for product in goods if product.look.category == name] for name in _TURNING]
    by_turns = [shelf[level] for level in range(max(map(len, shelves))) for shelf in shelves if level < len(shelf)]
    return by_turns[:count]


def _truth(shoppers: Sequence[Shopper], offers: Sequence[Offer], log: Log, settings: ShopSettings) -> Truth:
    rng = random.Random(f"{settings.seed}/held out")  # noqa: S311
    tested = [shopper for shopper in shoppers if rng.random() < TEST_SHOPPER_SHARE]
    unseen = [o.product.item_id for o in offers if rng.random() < TEST_ITEM_SHARE or o.arrival_day > DAYS]
    visual = [shopper for shopper in tested if shopper.kind == "visual"]
    all_seen, told, unlooked = (planted(offers, sight=sight) for sight in Sight)
    figures = {
        "oracle_ndcg_10": oracle_ndcg(tested, offers, log.events, all_seen),
        "oracle_visual_ndcg_10": oracle_ndcg(visual, offers, log.events, all_seen),
        "oracle_told_looks_ndcg_10": oracle_ndcg(tested, offers, log.events, told),
        "oracle_told_looks_visual_ndcg_10": oracle_ndcg(visual, offers, log.events, told),
        "oracle_no_looks_ndcg_10": oracle_ndcg(tested, offers, log.events, unlooked),
        "popularity_ndcg_10": oracle_ndcg(tested, offers, log.events, popular(offers, log.events)),
    }
    return Truth(
        settings=asdict(settings),
        window_start=WINDOW_START,
        test_shoppers=tuple(shopper.user_id for shopper in tested),
        test_items=tuple(unseen),
        shoppers={shopper.user_id: shopper for shopper in shoppers},
        offers={offer.product.item_id: offer for offer in offers},
        wishes=first_wishes(tested, log),
        figures={name: round(value, 4) for name, value in figures.items()},
    )


def _image_name(product: Product) -> str:
    return f"images/{product.item_id}.webp"


def _clip_name(product: Product) -> str:
    return f"clips/{product.item_id}.mp4"


def _sums(folder: Path) -> Iterator[str]:
    """Lines as sha256sum writes them, for every file of the shop."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS):
        yield f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"


def main() -> None:
    default = ShopSettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("seed", "items", "shoppers", "events", "clips"):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name))
    parser.add_argument("--out", type=Path, default=SHOP_FOLDER)
    options = parser.parse_args()
    chosen = {name: value for name, value in vars(options).items() if name != "out"}
    truth = make_shop(options.out, ShopSettings(**chosen))
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{options.out}: {len(truth.offers)} products, {size / 1e6:.2f} MB, {dict(truth.figures)}")


if __name__ == "__main__":
    main()
