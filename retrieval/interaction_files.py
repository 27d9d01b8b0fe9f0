"""Interaction files: columns to events.

Required columns: user_id and item_id. Others: timestamp (unix seconds, milli-, micro- or nanoseconds, told apart by
their size, or ISO 8601, UTC where it names no zone); `type` or `event`; `rating` or `value`; text, session_id,
request_id, position, model, adapter. A file without a type column holds ratings if it has a rating or value column,
else clicks. Times 0, 1, 2 ... (a position in the user's history) are seconds of 1970: their order is what counts.
Without a timestamp column the order of the lines is the order of time: line 7 is the 7th second of 1970, before all
that has a real time. So the same file, or one that has grown at its end, adds nothing twice; of two such files, what
the same user did with the same item in the same line is one event.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from retrieval.errors import InteractionError
from retrieval.interactions import event_fault
from retrieval.rejects import Reject
from retrieval.tables import Row, Table
from retrieval.types import MAX_KEY_CHARS, Event, EventType

_REQUIRED = ("user_id", "item_id")
_OPTIONAL = ("timestamp", "type", "event", "rating", "value", "text", "session_id", "request_id", "position")
_KNOWN = frozenset((*_REQUIRED, *_OPTIONAL, "model", "adapter"))
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)
"""A time may be so far in the future: zones are left out, and clocks are wrong."""

_SECONDS_BELOW = 10**11  # as seconds the year 5138; as milliseconds 1973
_UNITS = ((_SECONDS_BELOW, 1), (10**14, 10**3), (10**17, 10**6))


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of a file, with its line."""

    line: int
    event: Event
    raw: str


class InteractionFile:
    """The events of a file, and the rows that are none. Raises InteractionError for a file that cannot be used.

    now: what a time is in the future of, UTC; the moment when the file is opened, unless given.
    """

    def __init__(self, path: str | Path, *, now: datetime | None = None) -> None:
        self._latest = (datetime.now(UTC) if now is None else now) + _CLOCKS_DIFFER
        self._table = Table(path, required=_REQUIRED, error=InteractionError)
        self._columns = frozenset(self._table.columns())
        self._check_columns()
        self._rated = bool({"rating", "value"} & self._columns)
        self._needed = (*_REQUIRED, "timestamp") if "timestamp" in self._columns else _REQUIRED
        self._source = self._table.path.name[:256]

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        return tuple(sorted(self._columns - _KNOWN))

    def __iter__(self) -> Iterator[EventRow | Reject]:
        for row in self._table:
            yield row if isinstance(row, Reject) else self._parsed(row)

    def _check_columns(self) -> None:
        for pair in (("type", "event"), ("rating", "value")):
            if set(pair) <= self._columns:
                raise InteractionError(f"{self._table.path} has both {pair[0]} and {pair[1]}; keep one")

    def _parsed(self, row: Row) -> EventRow | Reject:
        try:
            values = {name: value for name, value in row.values.items() if value not in (None, "")}
            event = self._event(values, row.line)
            fault = event_fault(event)
        except InteractionError as error:
            fault = str(error)
        if fault is not None:
            return Reject(row.line, fault, row.raw, user_id=_whose(row))
        return EventRow(row.line, event, row.raw)

    def _event(self, values: Mapping[str, Any], line: int) -> Event:
        for name in self._needed:
            if name not in values:
                raise InteractionError(f"{name} is missing")
        rating = values.get("rating", values.get("value"))
        position = values.get("position")
        return Event(
            user_id=_key("user_id", values["user_id"]),
            item_id=_key("item_id", values["item_id"]),
            type=_type(values.get("type", values.get("event", "rate" if self._rated else "click"))),
            timestamp=self._time(values.get("timestamp", line)),
            value=None if rating is None else _number("rating", rating),
            text=_text("text", values.get("text")),
            session_id=_text("session_id", values.get("session_id")),
            request_id=_text("request_id", values.get("request_id")),
            position=None if position is None else _position(position),
            source=self._source,
            model=_text("model", values.get("model")),
            adapter=_text("adapter", values.get("adapter")),
        )

    def _time(self, value: object) -> datetime:
        """When it happened. A time to come would be the user's newest taste until then, so it is refused."""
        moment = parse_time(value)
        if moment < _EPOCH:
            raise InteractionError(f"the time {value!s:.60} lies before 1970; expected when it happened")
        if moment > self._latest:
            raise InteractionError(
                f"the time {value!s:.60} lies in the future ({moment.isoformat()}); expected when it happened: "
                "check the unit and the zone"
            )
        return moment


def check_interactions(path: str | Path) -> None:
    """Raises InteractionError for what InteractionFile refuses, and for a file of which no line can be used.

    Writes nothing: for those who make a workspace only for what goes into it.
    """
    refused: Reject | None = None
    for row in InteractionFile(path):
        if isinstance(row, EventRow):
            return
        refused = refused or row
    why = "it has none" if refused is None else f"the first, line {refused.line}: {refused.reason}"
    raise InteractionError(f"no line of {path} can be used; {why}")


def parse_time(value: object) -> datetime:
    """The moment, in UTC. Raises InteractionError for what is no time, or lies outside the years 1 to 9999."""
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        try:
            return _in_utc(datetime.fromisoformat(value.strip()))
        except (ValueError, OverflowError) as error:
            raise InteractionError(
                f"found the time {value!r:.60}, expected unix seconds or ISO 8601 such as 2026-03-01T12:00:00Z"
            ) from error
    return _from_unix(_decimal("timestamp", value))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise InteractionError(f"the time {moment.isoformat()} lies outside the years 1 to 9999 of UTC") from error


def _from_unix(value: Decimal) -> datetime:
    per_second = next((unit for limit, unit in _UNITS if abs(value) < limit), 10**9)
    try:
        return _EPOCH + timedelta(microseconds=int(value * 10**6 // per_second))
    except (OverflowError, ArithmeticError) as error:
        raise InteractionError(f"the time {value} lies outside the years 1 to 9999") from error


def _decimal(name: str, value: object) -> Decimal:
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal) or not _NUMBER.fullmatch(text):
        raise InteractionError(f"found the {name} {value!r:.60}, expected a number")
    return Decimal(text)


def _number(name: str, value: object) -> float:
    number = float(_decimal(name, value))
    if not math.isfinite(number):
        raise InteractionError(f"found the {name} {value!r:.60}, expected a finite number")
    return number


def _position(value: object) -> int:
    number = _number("position", value)
    if number != int(number) or not 0 <= number < 2**31:
        raise InteractionError(f"found the position {value!r:.60}, expected a whole number from 0 on")
    return int(number)


def _type(value: object) -> EventType:
    name = str(value).strip().lower()
    try:
        return EventType(name)
    except ValueError as error:
        raise InteractionError(f"found the type {name!r:.60}, expected one of {', '.join(EventType)}") from error


def _key(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InteractionError(f"found the {name} {value!r:.60}, expected text or a whole number")
    return str(value).strip()


def _whose(row: Row) -> str | None:
    """The user that a row names, whatever else is wrong with it; None where it names none."""
    try:
        user_id = _key("user_id", row.values.get("user_id"))
    except InteractionError:
        return None
    return user_id if 0 < len(user_id) <= MAX_KEY_CHARS else None


def _text(name: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InteractionError(f"found the {name} {value!r:.60}, expected text")
    return str(value)
