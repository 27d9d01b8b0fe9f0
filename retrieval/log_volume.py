"""How much the log has: by what was done, and by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from retrieval.database import EVENTS

if TYPE_CHECKING:
    from retrieval.database import Database

_DAY_US = 24 * 3600 * 1_000_000
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class LogVolume:
    """How many events of each type, how many people, and (day in UTC, events) of the latest days that had any."""

    by_type: Mapping[str, int]
    users: int
    by_day: tuple[tuple[date, int], ...]

    @property
    def events(self) -> int:
        return sum(self.by_type.values())


def log_volume(database: Database, *, days: int = 30) -> LogVolume:
    """The volume of the log. days: how many of those with events are told one by one."""
    count, users = sa.func.count(), sa.func.count(EVENTS.c.user_id.distinct())
    day = (EVENTS.c.timestamp_us - EVENTS.c.timestamp_us % _DAY_US).label("day")  # every SQL divides its own way
    by_type = sa.select(EVENTS.c.type, count).group_by(EVENTS.c.type).order_by(count.desc())
    by_day = sa.select(day, count).group_by(day).order_by(day.desc()).limit(days)
    with database.read() as connection:
        types = {str(kind): int(n) for kind, n in connection.execute(by_type)}
        people = int(connection.execute(sa.select(users)).scalar_one())
        latest = [(_EPOCH + timedelta(days=int(us) // _DAY_US), int(n)) for us, n in connection.execute(by_day)]
    return LogVolume(types, people, tuple(reversed(latest)))
