"""The log as arrays says what the log says."""

from pathlib import Path

import numpy as np
import pytest

from finetune.event_table import EventTable, read_events
from retrieval.types import EventType, Item
from retrieval.workspace import Workspace
from tests.finetune.logs import event, likes, random_events, workspace_of

ITEMS = [f"i{number}" for number in range(15)]


def baskets(table: EventTable, known: np.ndarray | None = None) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for place in table.wanted(known).tolist():
        found.setdefault(table.user_ids[table.user[place]], []).append(table.item_ids[table.item[place]])
    return {user: tuple(items) for user, items in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_what_is_wanted_is_what_the_log_says(tmp_path: Path, seed: int) -> None:
    with workspace_of(tmp_path / "w", ITEMS, random_events(seed)) as workspace:
        table = read_events(workspace)
        assert baskets(table) == workspace.log.user_baskets()
        assert table.n_logged == workspace.log.count() > len(table)
        assert set(table.user_ids) <= set(workspace.log.users())


def test_what_is_wanted_of_a_part_is_what_a_log_of_that_part_says(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", ITEMS, random_events(9)) as workspace:
        table = read_events(workspace)
        known = np.random.default_rng(0).random(len(table)) < 0.5
        part = [each for each in workspace.log.events() if each.type is not EventType.IMPRESSION]
        in_log_order = np.argsort(table.log_place)
        kept = [each for each, keep in zip(part, known[in_log_order], strict=True) if keep]
        with workspace_of(tmp_path / "part", ITEMS, kept) as other:
            assert baskets(table, known) == other.log.user_baskets()


def test_users_stand_together_and_each_in_the_order_of_the_log(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", ITEMS, random_events(3)) as workspace:
        table = read_events(workspace)
        for row, user_id in enumerate(table.user_ids):
            mine = slice(table.starts[row], table.starts[row + 1])
            history = workspace.log.history(user_id)
            assert [table.item_ids[item] for item in table.item[mine]] == [each.item_id for each in history]
            assert table.log_place[mine].tolist() == sorted(table.log_place[mine])
            assert [each.timestamp for each in table.events(np.arange(mine.start, mine.stop))] == [
                each.timestamp for each in history
            ]


def test_equal_times_stay_in_the_order_of_the_log(tmp_path: Path) -> None:
    events = [event("u", item) for item in "dbac"]
    with workspace_of(tmp_path / "w", "abcd", events) as workspace:
        table = read_events(workspace)
        assert [table.item_ids[item] for item in table.item] == list("dbac")


def test_times_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    events = [event("u", "a", 3), event("u", "b", 1), event("u", "c", 2)]
    with workspace_of(tmp_path / "w", "abc", events) as workspace:
        table = read_events(workspace)
        assert [table.item_ids[item] for item in table.item] == ["b", "c", "a"]


def test_an_empty_log_is_an_empty_table(empty_workspace: Workspace) -> None:
    empty_workspace.items.upsert([Item("a", "A")])
    table = read_events(empty_workspace)
    assert (len(table), table.n_users, table.n_items, table.n_logged) == (0, 0, 1, 0)


def test_withdrawn_items_keep_their_rows_and_leave_the_shelf(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", "abc", likes({"u": "abc"})) as workspace:
        workspace.items.withdraw(["b"])
        table = read_events(workspace)
        assert table.item_ids == ("a", "b", "c")
        assert table.on_shelf.tolist() == [True, False, True]


def test_the_hash_tells_data_apart_and_equal_data_not(tmp_path: Path) -> None:
    first = workspace_of(tmp_path / "1", "abc", likes({"u": "abc"}))
    same = workspace_of(tmp_path / "2", "abc", likes({"u": "abc"}))
    hashes = {read_events(first).data_hash, read_events(same).data_hash}
    assert len(hashes) == 1
    first.log.add([event("u", "a", 9)])
    hashes.add(read_events(first).data_hash)
    same.items.upsert([Item("a", "Another title")])
    hashes.add(read_events(same).data_hash)
    assert len(hashes) == 3
    first.close()
    same.close()
