"""How much the log has, counted on a log with known contents."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from retrieval.log_volume import log_volume
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace


def test_events_are_counted_by_type_by_person_and_by_day(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "shop") as workspace:
        assert log_volume(workspace.database).events == 0
        workspace.items.upsert([Item("mug", "Mug")])
        late = datetime(2026, 5, 1, 23, 59, 59, 999_999, tzinfo=UTC)
        early = datetime(2026, 5, 2, tzinfo=UTC)
        old = datetime(1969, 12, 31, 23, tzinfo=UTC)
        moments = [(late, EventType.LIKE), (early, EventType.LIKE), (early, EventType.DISLIKE), (old, EventType.LIKE)]
        workspace.log.add([Event(f"user {n % 2}", "mug", kind, when) for n, (when, kind) in enumerate(moments)])
        volume = log_volume(workspace.database)
        assert volume.by_type == {"like": 3, "dislike": 1}
        assert list(volume.by_type) == ["like", "dislike"]
        assert (volume.events, volume.users) == (4, 2)
        assert volume.by_day[1:] == ((date(2026, 5, 1), 1), (date(2026, 5, 2), 2))
        assert sum(count for _, count in volume.by_day) == 4
        assert log_volume(workspace.database, days=1).by_day == ((date(2026, 5, 2), 2),)
