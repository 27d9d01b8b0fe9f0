"""A forgotten person leaves nothing behind, and what learned from them is marked."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.forgetting import RETRAIN_NAME, Learned, forget_person, to_retrain
from agent.registry import Adapters
from retrieval.behaviour import Behaviour
from retrieval.encoders import open_encoder
from retrieval.errors import CatalogError, WorkspaceError
from retrieval.indexing import index_catalog
from retrieval.preferences import Preference
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace
from tests.agent.test_registry import card

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def workspace(empty_workspace: Workspace) -> Workspace:
    """Ann and Ben want a and b; a row of each was refused."""
    empty_workspace.items.upsert([Item("a", "A"), Item("b", "B")])
    events = [
        Event(user, item, kind, NOW)
        for user in ("ann", "ben")
        for item in ("a", "b")
        for kind in (EventType.IMPRESSION, EventType.LIKE)
    ]
    empty_workspace.log.add(events)
    file = empty_workspace.path / "more.csv"
    file.write_text("user_id,item_id,type,timestamp\nann,zzz,like,2026-05-01\nben,zzz,like,2026-05-01\n")
    assert empty_workspace.log.import_file(file).refused == 2
    return empty_workspace


def made(workspace: Workspace, name: str, when: datetime) -> Path:
    path = workspace.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    os.utime(path, (when.timestamp(), when.timestamp()))
    return path


def test_events_preferences_and_refused_rows_go_and_those_of_others_stay(workspace: Workspace) -> None:
    for user in ("ann", "ben"):
        workspace.preferences.keep(user, [Preference("material", "wool", True, NOW)])
    behaviour = Behaviour(workspace.log)
    behaviour.refresh()
    assert behaviour.wanted_by(["a", "b"]) == [2, 2]
    forgotten = forget_person(workspace, "ann")
    assert str(forgotten) == ("erased: 4 events, 1 stated preference, 1 refused row; nothing was trained on them")
    assert {event.user_id for event in workspace.log.events()} == {"ben"}
    assert (workspace.preferences.of("ann"), len(workspace.preferences.of("ben"))) == ((), 1)
    left = "".join(path.read_text() for path in workspace.rejects_folder.iterdir())
    assert "ann" not in left
    assert "ben" in left
    behaviour.refresh()
    assert behaviour.wanted_by(["a", "b"]) == [1, 1]
    assert str(forget_person(workspace, "ann")).startswith("erased: nothing, since nothing was kept")


def _refused_rows(workspace: Workspace) -> list[str]:
    lines = [line for path in sorted(workspace.rejects_folder.iterdir()) for line in path.read_text().splitlines()]
    return [json.loads(line)["raw"] for line in lines]


def test_a_user_of_digits_is_no_number_in_other_peoples_rows(empty_workspace: Workspace) -> None:
    file = empty_workspace.path / "rated.csv"
    rows = ["5,zzz,4,1", "15,zzz,5,1", "ben,zzz,5,5", " 5 ,a,high,1", "ben,a,high,5"]
    file.write_text("\n".join(["user_id,item_id,rating,timestamp", *rows]))
    empty_workspace.items.upsert([Item("a", "A")])
    assert empty_workspace.log.import_file(file).refused == 5
    assert forget_person(empty_workspace, "5").erased.rejected_rows == 2
    assert sorted(_refused_rows(empty_workspace)) == ["15,zzz,5,1", "ben,a,high,5", "ben,zzz,5,5"]
    assert forget_person(empty_workspace, "15").erased.rejected_rows == 1


def test_a_catalogues_refused_rows_are_nobodys(empty_workspace: Workspace) -> None:
    file = empty_workspace.path / "items.jsonl"
    file.write_text('{"id": "x", "title": "", "price": 5}\n{"id": "y", "price": 5')
    with pytest.raises(CatalogError):
        index_catalog(empty_workspace, file, encoder=open_encoder())
    before = _refused_rows(empty_workspace)
    assert len(before) == 2
    assert forget_person(empty_workspace, "5").erased.rejected_rows == 0
    assert _refused_rows(empty_workspace) == before


def test_rows_that_do_not_tell_whose_they_are_go_where_the_name_stands_in_them(empty_workspace: Workspace) -> None:
    file = empty_workspace.path / "broken.csv"
    file.write_text("user_id,item_id\nann,a,more\nannabel,a,more\nben,zzz\n")
    empty_workspace.log.import_file(file)
    older = {"file": "old.csv", "line": 2, "reason": "unknown item 'zzz'", "raw": "ann,zzz"}
    (empty_workspace.rejects_folder / "older.jsonl").write_text(json.dumps(older) + "\n[1, 2]\nann, but no JSON\n")
    assert forget_person(empty_workspace, "ann").erased.rejected_rows == 3
    left = "".join(path.read_text() for path in empty_workspace.rejects_folder.iterdir())
    assert "annabel,a,more" in left
    assert "ben,zzz" in left
    assert "[1, 2]" in left


def test_a_file_of_nothing_else_is_gone(workspace: Workspace) -> None:
    for user in ("ann", "ben"):
        forget_person(workspace, user)
    assert list(workspace.rejects_folder.iterdir()) == []


def test_what_was_made_after_the_first_deed_is_marked_until_it_is_made_anew(workspace: Workspace) -> None:
    before, after = NOW - timedelta(days=1), NOW + timedelta(days=1)
    made(workspace, "towers/old.safetensors", before)
    towers = made(workspace, "towers/new.safetensors", after)
    made(workspace, "adapters/shop/1/adapter_model.safetensors", after)
    made(workspace, "ranker.json", after)
    forgotten = forget_person(workspace, "ann")
    marked = (Learned("adapter", "shop/1"), Learned("ranker", "ranker.json"), Learned("towers", "new"))
    assert forgotten.to_retrain == marked
    assert "marked for retraining: adapter shop/1, ranker ranker.json, towers new" in str(forgotten)
    assert to_retrain(workspace.path) == marked
    assert "ann" not in (workspace.path / RETRAIN_NAME).read_text()
    made(workspace, "ranker.json", datetime.now(UTC) + timedelta(days=1))
    towers.unlink()
    assert to_retrain(workspace.path) == marked[:1]


def test_an_adapters_card_tells_whom_it_learned_from_and_forgets_them(
    workspace: Workspace, adapter_folder: Path
) -> None:
    adapters = Adapters(workspace.path)
    for name, users in (("both", ("ann", "ben")), ("bens", ("ben",))):
        adapters.register(adapter_folder, card(name, users=users))
    assert forget_person(workspace, "ann").to_retrain == (Learned("adapter", "both"),)
    assert [each.users for each in adapters.all()] == [("ben",), ("ben",)]
    assert adapters.check("both"), "and it can be used until it is made anew"
    assert to_retrain(workspace.path) == (Learned("adapter", "both"),)


def test_who_did_nothing_taught_nothing(workspace: Workspace) -> None:
    made(workspace, "ranker.json", NOW)
    assert forget_person(workspace, "nobody").to_retrain == ()
    assert to_retrain(workspace.path) == ()


def test_nothing_is_erased_where_the_marks_cannot_be_written(workspace: Workspace) -> None:
    made(workspace, "ranker.json", NOW + timedelta(days=1))
    (workspace.path / RETRAIN_NAME).write_text("{")
    with pytest.raises(WorkspaceError):
        forget_person(workspace, "ann")
    assert "ann" in {event.user_id for event in workspace.log.events()}


def test_damaged_marks_are_told(workspace: Workspace) -> None:
    (workspace.path / RETRAIN_NAME).write_text("{")
    with pytest.raises(WorkspaceError, match="train again all"):
        to_retrain(workspace.path)


def test_a_deed_can_be_taken_back(workspace: Workspace) -> None:
    behaviour = Behaviour(workspace.log)
    behaviour.refresh()
    event = Event("cleo", "a", EventType.LIKE, NOW)
    workspace.log.add([event])
    behaviour.refresh()
    assert behaviour.wanted_by(["a"]) == [3]
    assert (workspace.log.take_back([event]), workspace.log.take_back([event])) == (1, 0)
    behaviour.refresh()
    assert behaviour.wanted_by(["a"]) == [2]
    workspace.log.add([event])
    behaviour.refresh()
    assert behaviour.wanted_by(["a"]) == [3]


def test_a_new_word_on_a_value_takes_the_old_ones_place(workspace: Workspace) -> None:
    table, wool = workspace.preferences, Preference("material", "wool", True, NOW)
    table.keep("ann", [wool, Preference("colour", "red", False, NOW + timedelta(1))])
    table.keep("ann", [Preference("material", "wool", False, NOW + timedelta(2))])
    assert [(p.attribute, p.avoided) for p in table.of("ann")] == [("colour", False), ("material", False)]
    assert (table.remove("ann", "material", "wool"), table.remove("ann", "material", "wool")) == (True, False)
    assert [p.value for p in table.of("ann")] == ["red"]
