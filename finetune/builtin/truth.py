"""The planted truth of the built-in shop: how products look, what shoppers like, what is kept from training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from finetune.builtin.drawing.look import Look
from finetune.builtin.products import Product
from finetune.builtin.shoppers import START, Offer, Shopper, Tastes, liking
from finetune.builtin.visits import Wish

TRUTH_VERSION = 2


@dataclass(frozen=True, slots=True)
class Truth:
    """What the generator knew, for tests and evaluation only.

    test_shoppers, test_items: never used in training. window_start: what test shoppers do from then on is to be
    foreseen from what they did before. wishes: what test shoppers asked for in the window, by user: the first request
    whose list had something that they then wanted and had not met before; not everybody has one.
    settings: what the shop was made with. figures: NDCG@10 on test shoppers, of the oracle that knows the tastes, of
    the same one with only the looks that the text tells, and with none, and of popularity.
    """

    settings: Mapping[str, int]
    window_start: datetime
    test_shoppers: tuple[str, ...]
    test_items: tuple[str, ...]
    shoppers: Mapping[str, Shopper]
    offers: Mapping[str, Offer]
    wishes: Mapping[str, Wish]
    figures: Mapping[str, float]

    def liking(self, user_id: str, item_id: str, when: datetime) -> float:
        """How much this shopper liked this product at that time; raises KeyError for names the shop lacks."""
        day = (when - START) / timedelta(days=1)
        return liking(self.shoppers[user_id].tastes(day), self.offers[item_id].product)

    def look(self, item_id: str) -> Look:
        return self.offers[item_id].product.look


def save_truth(truth: Truth, path: Path) -> None:
    """Write what items.jsonl does not tell, one line a product (day of arrival, appeal, look), wish, and shopper.

    A shopper is a kind, an activity and phases: a first day and the tastes from then on, null where they are as before.
    """
    data = {
        "version": TRUTH_VERSION,
        "settings": dict(truth.settings),
        "window_start": truth.window_start.isoformat(),
        "figures": dict(truth.figures),
        "look_is": [field.name for field in fields(Look)],
        "tastes_are": [field.name for field in fields(Tastes)],
        "test_shoppers": truth.test_shoppers,
        "test_items": truth.test_items,
    }
    products = {
        item_id: [offer.arrival_day, offer.appeal, *astuple(offer.product.look)]
        for item_id, offer in truth.offers.items()
    }
    shoppers = {
        user_id: [shopper.kind, shopper.activity, *_phases(shopper)] for user_id, shopper in truth.shoppers.items()
    }
    wishes = {user_id: astuple(wish) for user_id, wish in truth.wishes.items()}
    head = "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in data.items())
    tables: dict[str, Mapping[str, Any]] = {"products": products, "wishes": wishes, "shoppers": shoppers}
    body = ",\n".join(_lines(name, entries) for name, entries in tables.items())
    path.write_text(f"{head},\n{body}\n}}\n", encoding="utf-8")


def load_truth(folder: Path) -> Truth:
    """Read the shop's truth.json together with its items.jsonl.

    Raises ValueError for a truth of another version, and OSError where a file is missing.
    """
    data = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    if data["version"] != TRUTH_VERSION:
        raise ValueError(f"{folder}/truth.json has version {data['version']}, this code reads {TRUTH_VERSION}")
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    return Truth(
        settings=data["settings"],
        window_start=datetime.fromisoformat(data["window_start"]),
        test_shoppers=tuple(data["test_shoppers"]),
        test_items=tuple(data["test_items"]),
        shoppers={user_id: _shopper(user_id, told, data["tastes_are"]) for user_id, told in data["shoppers"].items()},
        offers={row["id"]: _offer(row, data["products"][row["id"]], data["look_is"]) for row in rows},
        wishes={user_id: Wish(*told) for user_id, told in data["wishes"].items()},
        figures=data["figures"],
    )


def _lines(name: str, entries: Mapping[str, Any]) -> str:
    rows = (f" {json.dumps(key)}:{json.dumps(entry, separators=(',', ':'))}" for key, entry in entries.items())
    body = ",\n".join(rows)
    return f'"{name}":{{\n{body}\n}}'


def _phases(shopper: Shopper) -> Iterator[list[Any]]:
    before: list[Any] = [None] * len(fields(Tastes))
    for day, tastes in shopper.phases:
        now = [getattr(tastes, field.name) for field in fields(Tastes)]
        yield [day, *(None if value == old else value for value, old in zip(now, before, strict=True))]
        before = now


def _shopper(user_id: str, told: Sequence[Any], tastes_are: Sequence[str]) -> Shopper:
    kind, activity, *phases = told
    tastes: list[tuple[float, Tastes]] = []
    now: list[Any] = [None] * len(tastes_are)
    for day, *values in phases:
        now = [old if value is None else value for value, old in zip(values, now, strict=True)]
        tastes.append((day, Tastes(**dict(zip(tastes_are, now, strict=True)))))
    return Shopper(user_id, kind, tuple(tastes), activity)


def _offer(row: Mapping[str, Any], told: Sequence[Any], look_is: Sequence[str]) -> Offer:
    arrival_day, appeal, *look = told
    product = Product(
        item_id=row["id"],
        look=Look(**dict(zip(look_is, look, strict=True))),
        title=row["title"],
        description=row["description"],
        material=row["material"],
        style=row["style"],
        place=row.get("room") or row["occasion"],
        brand=row["brand"],
        price_cents=round(row["price"] * 100),
        tells_all="pattern" in row,
    )
    return Offer(product, arrival_day, appeal)
