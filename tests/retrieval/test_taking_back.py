"""What the log gave can be taken out of it again, one of several equal events included."""

from __future__ import annotations

from datetime import UTC, datetime

from retrieval.database import KEYS_PER_QUERY
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_each_of_two_equal_events_can_be_taken_back(shop_workspace: Workspace) -> None:
    log = shop_workspace.log
    before = log.history("dan", types=[EventType.LIKE])
    log.add([Event("dan", "red-mug", EventType.LIKE, NOON)] * 2)
    *_, first, second = log.history("dan", types=[EventType.LIKE])
    assert log.take_back([second]) == 1
    assert log.history("dan", types=[EventType.LIKE]) == [*before, first]
    assert log.take_back([second]) == 0
    assert log.take_back([Event("dan", "red-mug", EventType.LIKE, NOON)]) == 1
    assert log.history("dan", types=[EventType.LIKE]) == before


def test_however_many_are_taken_back_none_stays(shop_workspace: Workspace) -> None:
    log = shop_workspace.log
    log.add([Event("fay", "red-mug", EventType.VIEW, NOON)] * (KEYS_PER_QUERY + 5))
    given = log.history("fay", types=[EventType.VIEW])
    assert log.take_back(given) == KEYS_PER_QUERY + 5
    assert log.history("fay", types=[EventType.VIEW]) == []
