"""A workspace of the built-in shop begins with the shipped adapter, and keeps what its owner chose instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.registry import Adapters
from agent.shipped import BUILTIN, take_shipped
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


def test_what_the_owner_uses_stays(workspace: Workspace) -> None:
    (shipped,) = Adapters(BUILTIN).all()
    adapters = Adapters(workspace.path)
    adapters.register(Adapters(BUILTIN).path(shipped.name), replace(shipped, name="lora-1"))
    adapters.point_to("lora-1")
    take_shipped(workspace)
    assert adapters.current() == "lora-1"
    assert shipped.name in adapters


def test_a_newer_one_takes_over(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    take_shipped(workspace)
    (shipped,) = Adapters(BUILTIN).all()
    newer = Adapters(tmp_path)
    newer.register(Adapters(BUILTIN).path(shipped.name), shipped)
    newer.register(Adapters(BUILTIN).path(shipped.name), replace(shipped, name="newer", created="2099-01-01"))
    monkeypatch.setattr("agent.shipped.BUILTIN", tmp_path)
    take_shipped(workspace)
    assert Adapters(workspace.path).current() == "newer"
