"""Counts that follow the workspace's items, at the price of what has changed."""

from __future__ import annotations

import pytest

from agent.facts import CatalogueFacts
from agent.showing import Showcase
from retrieval.types import Item
from retrieval.workspace import Workspace


def film(number: int, genre: str) -> Item:
    return Item(str(number), f"Film {number}", {"genres": (genre,)})


def test_only_what_changed_is_read_again(empty_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    items, counted = empty_workspace.items, list[str]()
    items.upsert([film(number, "Drama") for number in range(50)])
    showcase = Showcase(empty_workspace)
    count = CatalogueFacts.update

    def counting(facts: CatalogueFacts, changed: list[Item]) -> None:
        changed = list(changed)
        counted.extend(item.item_id for item in changed)
        count(facts, changed)

    monkeypatch.setattr(CatalogueFacts, "update", counting)
    assert showcase.facts().items == 50
    counted.clear()

    items.upsert([film(3, "Crime"), film(50, "Crime")])
    facts = showcase.facts()
    assert (facts.items, sorted(counted)) == (51, ["3", "50"])
    assert facts.rarity("genres", "Crime") == pytest.approx(3.2387, abs=1e-3)  # ln 51/2

    items.withdraw(["50"])
    assert showcase.facts().items == 51  # histories still name it
    counted.clear()
    assert showcase.facts() is facts
    assert counted == []


def test_a_lost_race_with_a_writer_is_made_good_by_the_next_request(empty_workspace: Workspace) -> None:
    empty_workspace.items.upsert([film(1, "Drama")])
    showcase = Showcase(empty_workspace)
    with Workspace.open(empty_workspace.path) as other:  # as another process would
        for number in range(2, 6):
            other.items.upsert([film(number, "Crime")])
            assert showcase.facts().items == number
