"""Splits: what is asked for, what is known then, and what a log that cannot be split is told."""

from pathlib import Path

import numpy as np
import pytest

from finetune.event_table import EventTable, read_events
from finetune.splits import Part, Split, global_time, hide_items, leave_one_out, rolling, wanted_from
from retrieval.errors import InteractionError, SettingsError
from retrieval.types import Event, EventType
from tests.finetune.logs import event, likes, random_events, workspace_of

ITEMS = [f"i{number}" for number in range(15)]


def table_of(folder: Path, events: list[Event], items: str | list[str] = "abcdefgh") -> EventTable:
    with workspace_of(folder / "w", items, events) as workspace:
        return read_events(workspace)


def told(part: Part) -> list[tuple[str, str, str]]:
    """User, history and target of each case, in letters."""
    queries = part.queries
    cases = []
    for place in range(len(part)):
        history = queries.item[queries.starts[place] : queries.starts[place + 1]]
        cases.append(
            (
                queries.user_ids[queries.user[place]],
                "".join(queries.item_ids[item] for item in history),
                queries.item_ids[part.target[place]],
            )
        )
    return cases


def known(split: Split, part: Part) -> dict[str, str]:
    """What of each user the past holds, in letters."""
    table = split.table
    return {
        user: "".join(table.item_ids[item] for item in table.item[(table.user == row) & part.past])
        for row, user in enumerate(table.user_ids)
    }


def test_leave_one_out_asks_for_the_last_and_validates_on_the_one_before(tmp_path: Path) -> None:
    split = leave_one_out(table_of(tmp_path, likes({"u": "abcd", "v": "dcb"})))
    assert told(split.test) == [("u", "abc", "d"), ("v", "dc", "b")]
    assert told(split.validation) == [("u", "ab", "c"), ("v", "d", "c")]
    assert known(split, split.test) == {"u": "abc", "v": "dc"}
    assert known(split, split.validation) == {"u": "ab", "v": "d"}


def test_rolling_asks_for_the_last_ones_each_with_its_own_history(tmp_path: Path) -> None:
    split = rolling(table_of(tmp_path, likes({"u": "abcdefg", "v": "abc"})), 2)
    assert told(split.test) == [("u", "abcde", "f"), ("u", "abcdef", "g"), ("v", "a", "b"), ("v", "ab", "c")]
    assert told(split.validation) == [("u", "abc", "d"), ("u", "abcd", "e")]
    assert known(split, split.test) == {"u": "abcde", "v": "a"}
    assert known(split, split.validation) == {"u": "abc", "v": "a"}
    assert split.test.queries.user.tolist() == [0, 0, 1, 1]


def test_rolling_leaves_everybody_a_first_item(tmp_path: Path) -> None:
    split = rolling(table_of(tmp_path, likes({"u": "abc"})), 99)
    assert told(split.test) == [("u", "a", "b"), ("u", "ab", "c")]


def test_global_time_knows_nothing_of_what_came_later_anywhere(tmp_path: Path) -> None:
    events = [event("u", item, 10 * place) for place, item in enumerate("abcde")]
    events += [event("v", item, 10 * place + 5) for place, item in enumerate("abcde")]
    split = global_time(table_of(tmp_path, events), share=0.2)
    assert known(split, split.test) == {"u": "abcd", "v": "abcd"}
    assert known(split, split.validation) == {"u": "abc", "v": "abc"}
    assert told(split.test) == [("u", "abcd", "e"), ("v", "abcd", "e")]
    assert told(split.validation) == [("u", "abc", "d"), ("v", "abc", "d")]


def test_from_a_moment_on_all_is_asked_and_the_time_before_is_known(tmp_path: Path) -> None:
    events = [event("u", item, 10 * place) for place, item in enumerate("abcde")]
    events += [event("v", item, 10 * place + 5) for place, item in enumerate("edb")]
    table = table_of(tmp_path, events)
    part = wanted_from(table, events[3].timestamp)
    assert told(part) == [("u", "abc", "d"), ("u", "abcd", "e")]
    assert [table.item_ids[item] for item in table.item[part.past]] == [*"abc", *"edb"]


@pytest.mark.parametrize("share", [0, 0.5, -1, 2])
def test_a_share_that_leaves_nothing_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(SettingsError, match="expected more than 0 and less than"):
        global_time(table_of(tmp_path, likes({"u": "abc"})), share=share)


def test_who_wanted_only_one_thing_is_learned_from_and_not_asked(tmp_path: Path) -> None:
    split = leave_one_out(table_of(tmp_path, likes({"one": "a", "two": "ab"})))
    assert told(split.test) == [("two", "a", "b")]
    assert known(split, split.test) == {"one": "a", "two": "a"}
    assert split.notes[0] == "1 cases of 1 users; 1 users are not asked, what they did is learned from"


def test_a_log_of_one_user_can_be_split(tmp_path: Path) -> None:
    split = leave_one_out(table_of(tmp_path, likes({"u": "ab"})))
    assert told(split.test) == [("u", "a", "b")]
    assert len(split.validation) == 0


@pytest.mark.parametrize("baskets", [{}, {"u": "a"}, {"u": "a", "v": "b"}])
def test_nothing_to_test_on_is_said(tmp_path: Path, baskets: dict[str, str]) -> None:
    table = table_of(tmp_path, likes(baskets))
    for split in (leave_one_out, global_time, lambda t: rolling(t, 10)):
        with pytest.raises(InteractionError, match=r"nothing to test on: .* expected users with two wanted items"):
            split(table)


def test_last_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="last is 0; expected 1 or more"):
        rolling(table_of(tmp_path, likes({"u": "abc"})), 0)


def test_the_moment_is_when_the_user_first_did_anything_with_the_item(tmp_path: Path) -> None:
    """Who looked at a thing, at another, and bought the first, is asked before they had looked at it."""
    events = [
        event("u", "a", 0),
        event("u", "b", 1),
        event("u", "c", 2, EventType.VIEW),
        event("u", "d", 3, EventType.VIEW),
        event("u", "c", 4, EventType.BUY),
    ]
    split = leave_one_out(table_of(tmp_path, events))
    assert told(split.test) == [("u", "ab", "c")]
    assert known(split, split.test) == {"u": "ab"}


def test_what_was_taken_back_is_neither_asked_for_nor_history(tmp_path: Path) -> None:
    events = [
        *likes({"u": "abcd"}),
        event("u", "b", 1.5, EventType.DISLIKE),
        event("u", "d", 9, EventType.DISLIKE),
    ]
    split = leave_one_out(table_of(tmp_path, events))
    assert told(split.test) == [("u", "a", "c")]


def test_a_want_that_is_taken_back_later_is_history_until_then(tmp_path: Path) -> None:
    events = [*likes({"u": "abc"}), event("u", "b", 9, EventType.DISLIKE)]
    split = leave_one_out(table_of(tmp_path, events))
    assert told(split.test) == [("u", "ab", "c")]


def test_low_ratings_are_seen_and_not_wanted(tmp_path: Path) -> None:
    values = {"a": 5.0, "b": 1.0, "c": 4.0}
    events = [event("u", item, place, EventType.RATE, values[item]) for place, item in enumerate("abc")]
    split = leave_one_out(table_of(tmp_path, events))
    assert told(split.test) == [("u", "a", "c")]
    assert split.test.queries.seen.tolist() == [0, 1]


def test_duplicate_events_ask_once_and_count_once(tmp_path: Path) -> None:
    events = [event("u", item) for item in "aabbcc"]
    split = leave_one_out(table_of(tmp_path, events))
    assert told(split.test) == [("u", "ab", "c")]
    assert split.baskets(split.test).toarray().tolist() == [[1, 1, 0, 0, 0, 0, 0, 0]]


def test_equal_times_go_by_the_order_of_the_log_and_the_notes_say_so(tmp_path: Path) -> None:
    split = leave_one_out(table_of(tmp_path, [event("u", item) for item in "dbca"]))
    assert told(split.test) == [("u", "dbc", "a")]
    assert "3 of 4 events have the time of the user's event before them" in split.notes[1]
    assert "the order of the file" in split.notes[1]


def test_withdrawn_items_are_not_asked_for(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", "abc", likes({"u": "abc"})) as workspace:
        workspace.items.withdraw(["c"])
        assert told(leave_one_out(read_events(workspace)).test) == [("u", "a", "b")]


def test_hidden_items_are_in_no_past_and_no_history_and_can_be_asked_for(tmp_path: Path) -> None:
    table = table_of(tmp_path, likes({"u": "abcd", "v": "abce"}))
    hidden = np.isin(table.item_ids, ["b", "d"])
    split = leave_one_out(table, hidden=hidden)
    assert told(split.test) == [("u", "ac", "d"), ("v", "ac", "e")]
    assert known(split, split.test) == {"u": "ac", "v": "ac"}
    assert split.test.queries.seen.tolist() == [0, 1, 2] * 2, "what was seen is not recommended, hidden or not"
    assert split.notes[-1] == "2 items are hidden from training; 1 cases ask for one of them"


def test_a_share_of_the_shelf_is_hidden_by_the_seed(tmp_path: Path) -> None:
    table = table_of(tmp_path, random_events(0), ITEMS)
    hidden = hide_items(table, 0.2, seed=1)
    assert hidden.sum() == 3
    assert (hidden == hide_items(table, 0.2, seed=1)).all()
    assert (hidden != hide_items(table, 0.2, seed=2)).any()
    assert not hide_items(table, 0, seed=1).any()
    with pytest.raises(SettingsError, match=r"hidden items is 1; expected 0 or more and less than 1"):
        hide_items(table, 1, seed=1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", ["last", "rolling", "time"])
def test_histories_are_what_the_log_knew_then_and_nothing_later(tmp_path: Path, seed: int, protocol: str) -> None:
    table = table_of(tmp_path, random_events(seed), ITEMS)
    split = {"last": leave_one_out, "rolling": lambda t: rolling(t, 3), "time": global_time}[protocol](table)
    for part in (split.validation, split.test):
        queries = part.queries
        for place in range(len(part)):
            user = queries.user[place]
            mine = np.arange(table.starts[user], table.starts[user + 1])
            cut = mine[table.item[mine] == part.target[place]][0]
            before = np.isin(np.arange(len(table)), mine[mine < cut])
            wanted = table.item[table.wanted(before)]
            assert queries.item[queries.starts[place] : queries.starts[place + 1]].tolist() == wanted.tolist()
            seen = queries.seen[queries.seen_starts[place] : queries.seen_starts[place + 1]]
            assert seen.tolist() == np.unique(table.item[before]).tolist()
            first = mine[part.past[mine]]
            assert (first < cut).all(), "the past holds nothing from the cut-off on"
    assert (split.validation.past <= split.test.past).all()


def test_queries_can_be_taken_in_any_order(tmp_path: Path) -> None:
    split = rolling(table_of(tmp_path, likes({"u": "abcdefg", "v": "abc"})), 2)
    rows = np.array([3, 0, 0])
    taken = Part(split.test.past, split.test.queries.take(rows), split.test.target[rows])
    assert told(taken) == [told(split.test)[row] for row in rows]
    assert (taken.queries.matrix().toarray() == split.test.queries.matrix().toarray()[rows]).all()
    assert taken.queries.lengths().tolist() == [2, 5, 5]
