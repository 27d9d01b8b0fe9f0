"""What was preferred among what was shown: liked over passed over, both over disliked, and nothing of the future."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from finetune.event_table import read_events
from finetune.preferences import Preference, moments, preferences
from finetune.splits import last_wanted
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.finetune.logs import START, event, likes, workspace_of

ITEMS = "abcdefgh"


def shown(user: str, answer: str, request_id: str, minute: int = 10) -> list[Event]:
    """An answer with one item for each letter."""
    at = START + timedelta(minutes=minute)
    return [
        Event(user, item, EventType.IMPRESSION, at, request_id=request_id, position=position)
        for position, item in enumerate(answer)
    ]


def deed(user: str, item: str, request_id: str | None, minute: int = 11, **more: object) -> Event:
    kind = more.pop("kind", EventType.LIKE)
    return Event(user, item, kind, START + timedelta(minutes=minute), request_id=request_id, **more)  # type: ignore[arg-type]


def found(
    tmp_path: Path,
    events: list[Event],
    until: dict[str, datetime] | None = None,
    users: frozenset[str] | None = None,
) -> list[Preference]:
    end = {"ann": START + timedelta(days=1)}
    with workspace_of(tmp_path / "w", ITEMS, events) as workspace:
        return preferences(workspace, until=until or end, newest_row=workspace.log.newest_row(), users=users)


def pairs(preferred: list[Preference]) -> set[str]:
    return {pair.shown.candidates[pair.chosen] + pair.shown.candidates[pair.rejected] for pair in preferred}


def test_liked_is_preferred_to_passed_over_and_both_to_disliked(tmp_path: Path) -> None:
    events = [
        *likes({"ann": "hg"}),
        *shown("ann", "abcde", "r1"),
        deed("ann", "c", "r1"),
        deed("ann", "a", "r1", kind=EventType.DISLIKE),
    ]
    preferred = found(tmp_path, events)
    assert pairs(preferred) == {"ca", "cb", "ba"}, "d and e stand below what was touched"
    assert {pair.shown.history for pair in preferred} == {("h", "g")}
    assert {pair.shown.candidates for pair in preferred} == {tuple("abcde")}


def test_how_many_wanted_each_item_is_as_it_was_when_it_was_shown(tmp_path: Path) -> None:
    events = [
        *likes({"ann": "h", "ben": "ab"}),
        deed("ben", "b", None, minute=5, kind=EventType.DISLIKE),
        *shown("ann", "abc", "r1"),
        deed("ann", "c", "r1"),
        *shown("ann", "cd", "r2", minute=20),
        deed("ann", "d", "r2", minute=21),
    ]
    end = dict.fromkeys(("ann", "ben"), START + timedelta(days=1))
    preferred = found(tmp_path, events, end, users=frozenset({"ann"}))
    assert {pair.shown.candidates: pair.shown.wanted_by for pair in preferred} == {
        ("a", "b", "c"): (1, 0, 0),
        ("c", "d"): (1, 0),
    }


def test_an_answer_without_a_deed_says_nothing_nor_does_a_deed_elsewhere(tmp_path: Path) -> None:
    events = [
        *shown("ann", "abc", "r1"),
        deed("ann", "b", None),
        deed("ann", "h", "r1"),
        *shown("bob", "abc", "r2"),
        deed("bob", "b", "r2"),
        *shown("ann", "a", "r3", 20),
        deed("ann", "a", "r3", 21),
    ]
    assert found(tmp_path, events) == []


def test_the_last_opinion_counts(tmp_path: Path) -> None:
    events = [*shown("ann", "ab", "r1"), deed("ann", "b", "r1"), deed("ann", "b", "r1", 12, kind=EventType.DISLIKE)]
    assert pairs(found(tmp_path, events)) == {"ab"}


@pytest.mark.parametrize(("rating", "expected"), [(5.0, {"ba"}), (2.0, {"ab"}), (None, set())])
def test_a_rating_is_an_opinion_by_the_workspaces_rule(
    tmp_path: Path, rating: float | None, expected: set[str]
) -> None:
    kind = EventType.REVIEW if rating is None else EventType.RATE
    events = [*shown("ann", "ab", "r1"), deed("ann", "b", "r1", kind=kind, value=rating)]
    assert pairs(found(tmp_path, events)) == expected


def test_what_was_wanted_since_is_no_history_of_an_answer(tmp_path: Path) -> None:
    events = [event("ann", "h"), *shown("ann", "abc", "r1"), deed("ann", "b", "r1"), event("ann", "g", 30)]
    assert {pair.shown.history for pair in found(tmp_path, events)} == {("h",)}


def test_nothing_from_the_moment_on_counts(tmp_path: Path) -> None:
    events = [*shown("ann", "ab", "r1"), deed("ann", "b", "r1")]
    for minute, expected in ((12, {"ba"}), (11, set())):
        folder = tmp_path / str(minute)
        folder.mkdir()
        assert pairs(found(folder, events, {"ann": START + timedelta(minutes=minute)})) == expected


def test_moments_are_those_of_the_first_hidden_events(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", ITEMS, likes({"ann": "abcd", "bob": "a"})) as workspace:
        table = read_events(workspace)
    until = moments(table, last_wanted(table, 0, 2).past)
    assert until["ann"] == START + timedelta(minutes=2)
    assert until["bob"].year == 9999, "nobody asks for anything of his"


def test_too_long_an_answer_is_cut_to_a_list(tmp_path: Path) -> None:
    events = [*shown("ann", ITEMS, "r1"), deed("ann", "b", "r1"), deed("ann", "h", "r1")]
    with workspace_of(tmp_path / "w", ITEMS, events) as workspace:
        preferred = preferences(
            workspace, until={"ann": START + timedelta(days=1)}, newest_row=workspace.log.newest_row(), list_size=4
        )
    assert {pair.shown.candidates for pair in preferred} == {tuple("abcd")}
    assert pairs(preferred) == {"ba"}


def test_a_page_of_a_workspace_without_answers_prefers_nothing(empty_workspace: Workspace) -> None:
    assert preferences(empty_workspace, until={}, newest_row=0) == []
