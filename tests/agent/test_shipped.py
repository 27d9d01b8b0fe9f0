"""A workspace of the built-in shop begins with the shipped adapter, and keeps what its owner chose instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.registry import Adapters
from agent.shipped import BUILTIN, take_shipped
from finetune.builtin.tune_shop import ship
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "shop") as made:
        made.items.upsert([Item("mug", "A mug")])
        made.log.add([Event("ann", "mug", EventType.LIKE, datetime(2026, 1, 1, tzinfo=UTC))])
        yield made


def test_it_is_registered_and_used_and_what_was_logged_counts_as_known(workspace: Workspace) -> None:
    take_shipped(workspace)
    (shipped,) = Adapters(BUILTIN).all()
    adapters = Adapters(workspace.path)
    assert adapters.current() == shipped.name
    assert adapters.check(shipped.name) == replace(shipped, newest_row=workspace.log.newest_row())
    take_shipped(workspace)
    assert len(adapters.all()) == 1


def test_what_the_owner_uses_stays_and_what_was_logged_since_is_still_to_be_learned(workspace: Workspace) -> None:
    (shipped,) = Adapters(BUILTIN).all()
    adapters = Adapters(workspace.path)
    adapters.register(Adapters(BUILTIN).path(shipped.name), replace(shipped, name="lora-1", newest_row=0))
    adapters.point_to("lora-1")
    take_shipped(workspace)
    assert adapters.current() == "lora-1"
    assert adapters.card(shipped.name).newest_row == 0
    assert adapters.waiting() is None, "nor is it to be used later"


@pytest.mark.parametrize("delete", [False, True])
def test_an_owner_who_went_back_to_none_is_not_asked_again(workspace: Workspace, delete: bool) -> None:
    take_shipped(workspace)
    adapters = Adapters(workspace.path)
    (card,) = adapters.all()
    adapters.roll_back()
    if delete:
        adapters.delete(card.name)
    take_shipped(workspace)
    assert adapters.current() is None
    assert (card.name in adapters) is not delete


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ships another adapter in the place of the one that is shipped now."""

    def release() -> None:
        (shipped,) = Adapters(BUILTIN).all()
        made = tmp_path / "made"
        Adapters(made).register(Adapters(BUILTIN).path(shipped.name), replace(shipped, name="newer"))
        ship(made, "newer", tmp_path / "package")
        monkeypatch.setattr("agent.shipped.BUILTIN", tmp_path / "package")

    return release


def test_a_newer_one_takes_over_from_the_one_before(workspace: Workspace, next_release: Callable[[], None]) -> None:
    take_shipped(workspace)
    next_release()
    take_shipped(workspace)
    assert Adapters(workspace.path).current() == "newer"


def test_a_newer_one_does_not_take_over_from_the_owners_choice(
    workspace: Workspace, next_release: Callable[[], None]
) -> None:
    take_shipped(workspace)
    Adapters(workspace.path).roll_back()
    next_release()
    take_shipped(workspace)
    assert Adapters(workspace.path).current() is None
    assert "newer" in Adapters(workspace.path)
