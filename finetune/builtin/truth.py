"""The planted truth of the built-in shop: how products look, what shoppers like, what is kept from training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from finetune.builtin.drawing.look import Look
from finetune.builtin.products import Product
from finetune.builtin.shoppers import START, Offer, Shopper, Tastes, liking

TRUTH_VERSION = 1


@dataclass(frozen=True, slots=True)
class Truth:
    """What the generator knew, for tests and evaluation only.

    test_shoppers, test_items: never used in training. window_start: what test shoppers do from then on is to be
    foreseen from what they did before. settings: what the shop was made with. figures: the oracle's NDCG@10.
    """

    settings: Mapping[str, int]
    window_start: datetime
    test_shoppers: tuple[str, ...]
    test_items: tuple[str, ...]
    shoppers: Mapping[str, Shopper]
    offers: Mapping[str, Offer]
    figures: Mapping[str, float]

    def liking(self, user_id: str, item_id: str, when: datetime) -> float:
        """How much this shopper liked this product at that time; raises KeyError for names the shop lacks."""
        day = (when - START) / timedelta(days=1)
        return liking(self.shoppers[user_id].tastes(day), self.offers[item_id].product)

    def look(self, item_id: str) -> Look:
        return self.offers[item_id].product.look


def save_truth(truth: Truth, path: Path) -> None:
    """Write what items.jsonl does not tell, one shopper and one product a line."""
    data = {
        "version": TRUTH_VERSION,
        "settings": dict(truth.settings),
        "window_start": truth.window_start.isoformat(),
        "figures": dict(truth.figures),
        "look_is": [field.name for field in fields(Look)],
        "test_shoppers": truth.test_shoppers,
        "test_items": truth.test_items,
    }
    products = {
        item_id: {"arrival_day": offer.arrival_day, "appeal": offer.appeal, "look": astuple(offer.product.look)}
        for item_id, offer in truth.offers.items()
    }
    shoppers = {
        user_id: {"kind": shopper.kind, "activity": shopper.activity, "phases": _phases(shopper)}
        for user_id, shopper in truth.shoppers.items()
    }
    head = "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in data.items())
    path.write_text(f"{head},\n{_lines('products', products)},\n{_lines('shoppers', shoppers)}\n}}\n", encoding="utf-8")


def load_truth(folder: Path) -> Truth:
    """Read the shop's truth.json together with its items.jsonl.

    Raises ValueError for a truth of another version, and OSError where a file is missing.
    """
    data = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    if data["version"] != TRUTH_VERSION:
        raise ValueError(f"{folder}/truth.json has version {data['version']}, this code reads {TRUTH_VERSION}")
    look_is = data["look_is"]
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    return Truth(
        settings=data["settings"],
        window_start=datetime.fromisoformat(data["window_start"]),
        test_shoppers=tuple(data["test_shoppers"]),
        test_items=tuple(data["test_items"]),
        shoppers={user_id: _shopper(user_id, told) for user_id, told in data["shoppers"].items()},
        offers={row["id"]: _offer(row, data["products"][row["id"]], look_is) for row in rows},
        figures=data["figures"],
    )


def _lines(name: str, entries: Mapping[str, Any]) -> str:
    rows = (f" {json.dumps(key)}:{json.dumps(entry, separators=(',', ':'))}" for key, entry in entries.items())
    body = ",\n".join(rows)
    return f'"{name}":{{\n{body}\n}}'


def _phases(shopper: Shopper) -> list[dict[str, Any]]:
    """The first phase whole, a later one as what it changes."""
    written: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for day, tastes in shopper.phases:
        now = asdict(tastes)
        written.append({"from_day": day, **{name: value for name, value in now.items() if before.get(name) != value}})
        before = now
    return written


def _shopper(user_id: str, told: Mapping[str, Any]) -> Shopper:
    phases: list[tuple[float, Tastes]] = []
    now: dict[str, Any] = {}
    for phase in told["phases"]:
        now = {**now, **phase}
        phases.append((phase["from_day"], Tastes(**{name: value for name, value in now.items() if name != "from_day"})))
    return Shopper(user_id, told["kind"], tuple(phases), told["activity"])


def _offer(row: Mapping[str, Any], told: Mapping[str, Any], look_is: list[str]) -> Offer:
    product = Product(
        item_id=row["id"],
        look=Look(**dict(zip(look_is, told["look"], strict=True))),
        title=row["title"],
        description=row["description"],
        material=row["material"],
        style=row["style"],
        place=row.get("room") or row["occasion"],
        brand=row["brand"],
        price_cents=round(row["price"] * 100),
        tells_all="pattern" in row,
    )
    return Offer(product, told["arrival_day"], told["appeal"])
