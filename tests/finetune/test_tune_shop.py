"""What the shop's adapter learns from holds nothing that is asked about later, and a new one replaces the last."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from agent.registry import Adapters
from agent.shipped import BUILTIN
from finetune.builtin.truth import load_truth
from finetune.builtin.tune_shop import index_known, ship
from retrieval.builtin import SHOP_FOLDER
from retrieval.errors import SettingsError
from retrieval.workspace import Workspace


@pytest.fixture(scope="module")
def known(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("known") / "shop"
    index_known(folder, small_shop)
    with Workspace.open(folder) as workspace:
        yield workspace


def test_test_items_and_shoppers_and_the_window_are_not_in_it(known: Workspace, small_shop: Path) -> None:
    truth = load_truth(small_shop)
    events = list(known.log.events())
    assert not {item.item_id for item in known.items.all()} & set(truth.test_items)
    assert not {event.item_id for event in events} & set(truth.test_items)
    assert not {event.user_id for event in events} & set(truth.test_shoppers)
    assert max(event.timestamp for event in events) < truth.window_start


def test_all_else_is(known: Workspace, small_shop: Path) -> None:
    truth = load_truth(small_shop)
    with (small_shop / "interactions.csv").open(newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["user_id"] not in truth.test_shoppers
            and row["item_id"] not in truth.test_items
            and datetime.fromisoformat(row["timestamp"]) < truth.window_start
        ]
    assert known.log.count() == len(rows) > 500
    assert known.items.count() > 30
    pictures = [item for item in known.items.all() if item.images]
    assert len(pictures) == known.items.count()


def test_the_newest_is_shipped_alone_and_only_if_it_is_better(tmp_path: Path) -> None:
    shipped = Adapters(BUILTIN)
    (card,) = shipped.all()
    made, folder = tmp_path / "made", tmp_path / "package"
    for name, better in (("first", True), ("second", True), ("third", False)):
        Adapters(made).register(shipped.path(card.name), replace(card, name=name, better=better))
    for name in ("first", "second"):
        ship(made, name, folder)
    with pytest.raises(SettingsError, match="third is not better than the model without it"):
        ship(made, "third", folder)
    with pytest.raises(SettingsError, match="taken"):
        ship(made, "second", folder)
    assert [each.name for each in Adapters(folder).all()] == ["second"]
    assert Adapters(folder).check("second").newest_row == 0


def test_the_shipped_one_learned_from_nobody_who_is_asked_about() -> None:
    (card,) = Adapters(BUILTIN).all()
    assert Adapters(BUILTIN).check(card.name, base="builtin") == card
    assert not set(card.users) & set(load_truth(SHOP_FOLDER).test_shoppers)
    assert len(card.users) > 500
