"""What users said that they always or never want: the latest word on each value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from retrieval.database import PREFERENCES, Database
from retrieval.errors import InteractionError
from retrieval.tables import text_fault
from retrieval.types import MAX_KEY_CHARS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Preference:
    """A value that somebody loves, or avoids. stated: when they said so, UTC."""

    attribute: str
    value: str
    avoided: bool
    stated: datetime


class PreferenceTable:
    """The stated preferences of a workspace, for several threads and processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str) -> tuple[Preference, ...]:
        """What the user said, oldest first; () for somebody who said nothing."""
        order = (PREFERENCES.c.timestamp_us, PREFERENCES.c.preference_hash)
        query = sa.select(PREFERENCES).where(PREFERENCES.c.user_id == user_id).order_by(*order)
        with self._database.read() as connection:
            return tuple(_preference(row) for row in connection.execute(query))

    def keep(self, user_id: str, preferences: Iterable[Preference]) -> None:
        """Keep what the user said; a new word on a value takes the old one's place.

        Raises InteractionError for what cannot be stored.
        """
        rows = [_row(user_id, preference) for preference in preferences]
        with self._database.write() as connection:
            for row in rows:
                connection.execute(PREFERENCES.delete().where(_same(user_id, row["preference_hash"])))
                connection.execute(PREFERENCES.insert(), row)

    def remove(self, user_id: str, attribute: str, value: str) -> bool:
        """Forget what the user said of a value; whether there was anything."""
        with self._database.write() as connection:
            gone = connection.execute(PREFERENCES.delete().where(_same(user_id, _hash(attribute, value))))
        return gone.rowcount > 0


def _same(user_id: str, preference_hash: object) -> sa.ColumnElement[bool]:
    return sa.and_(PREFERENCES.c.user_id == user_id, PREFERENCES.c.preference_hash == preference_hash)


def _hash(attribute: str, value: str) -> str:
    return hashlib.sha256(json.dumps((attribute, value)).encode()).hexdigest()


def _row(user_id: str, preference: Preference) -> dict[str, object]:
    told = {"user_id": user_id, "attribute": preference.attribute, "value": preference.value}
    for name, text in told.items():
        most = MAX_KEY_CHARS if name == "user_id" else _MOST_CHARS
        if not 0 < len(text) <= most:
            raise InteractionError(f"{name} has {len(text)} characters, expected 1 to {most}")
        if fault := text_fault(name, text):
            raise InteractionError(fault)
    stated_us = (preference.stated - _EPOCH) // _MICROSECOND
    told["preference_hash"] = _hash(preference.attribute, preference.value)
    return {**told, "avoided": preference.avoided, "timestamp_us": stated_us}


def _preference(row: sa.Row[tuple[object, ...]]) -> Preference:
    stated = _EPOCH + timedelta(microseconds=row.timestamp_us)
    return Preference(row.attribute, row.value, row.avoided, stated)
