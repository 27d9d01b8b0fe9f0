"""What was shown and what people did with it, in a real log."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import feedback
from agent.feedback import ANONYMOUS, log_deed, log_impressions
from agent.models.base import ModelInfo
from retrieval import database
from retrieval.errors import RequestError, WorkspaceLockedError
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace

MODEL = ModelInfo("small", "autumn", 96, 1600, 32)


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    empty_workspace.items.upsert([Item(n, f"Film {n}") for n in "abc"])
    return empty_workspace


def show(workspace: Workspace, *item_ids: str, user_id: str | None = "7", request_id: str = "r1") -> str | None:
    return log_impressions(
        workspace.log, item_ids, user_id=user_id, request_id=request_id, model=MODEL, source="ui", session_id="s1"
    )


def like(workspace: Workspace, item_id: str, request_id: str | None = "r1", *, user_id: str = "7") -> Event:
    log_deed(workspace.log, Event(user_id, item_id, EventType.LIKE, datetime.now(UTC), request_id=request_id))
    return workspace.log.history(user_id, types=[EventType.LIKE])[-1]


def test_a_deed_has_the_place_the_model_and_the_adapter_of_what_showed_it(workspace: Workspace) -> None:
    show(workspace, "a", "b", "c")
    show(workspace, "c", "b", "a", request_id="r2")
    liked = like(workspace, "c")
    assert (liked.request_id, liked.position, liked.model, liked.adapter) == ("r1", 2, "small", "autumn")
    assert like(workspace, "c", "r2").position == 0


def test_a_stranger_may_say_who_they_are_before_they_like(workspace: Workspace) -> None:
    show(workspace, "a", "b", user_id=None)
    assert like(workspace, "b").position == 1
    assert like(workspace, "a", user_id=ANONYMOUS).position == 0


@pytest.mark.parametrize("request_id", [None, "r9"])
def test_a_deed_without_its_impression_is_logged_as_it_is(workspace: Workspace, request_id: str | None) -> None:
    show(workspace, "a", "b")
    liked = like(workspace, "a", request_id)
    assert (liked.request_id, liked.position, liked.model) == (request_id, None, None)
    assert like(workspace, "c").position is None  # another item than those of the answer


def test_the_search_for_the_impression_has_a_bound(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "_LATEST", 2)
    show(workspace, "a", "b", "c")
    assert like(workspace, "b").position == 1
    assert like(workspace, "a").position is None


@pytest.mark.parametrize(("user_id", "problem"), [("", "user_id"), ("a\ud800", "surrogate"), ("x" * 257, "257")])
def test_a_name_that_cannot_be_stored_is_the_callers_to_repair(
    workspace: Workspace, user_id: str, problem: str
) -> None:
    with pytest.raises(RequestError, match=problem):
        like(workspace, "a", user_id=user_id)


def test_impressions_that_cannot_be_stored_become_a_note(workspace: Workspace) -> None:
    note = show(workspace, "a", request_id="r" * 300)
    assert "could not be logged" in str(note)
    assert "300 characters" in str(note)


def test_a_busy_log_costs_the_impressions_and_not_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0)
    with Workspace.create(tmp_path / "films") as workspace:
        workspace.items.upsert([Item("a", "Film a")])
        other = sqlite3.connect(tmp_path / "films" / "tastemaker.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert "locked by another process" in str(show(workspace, "a"))
        with pytest.raises(WorkspaceLockedError):
            like(workspace, "a")
        other.execute("ROLLBACK")
        other.close()
        assert show(workspace, "a") is None
        assert like(workspace, "a").position == 0
