"""The log of what people did with items: only ever added to, the same event once."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrieval.database import COUNTERS, EVENTS, ITEMS, KEYS_PER_QUERY, Database, batches
from retrieval.erasing import erase_events
from retrieval.errors import InteractionError
from retrieval.items import ItemTable
from retrieval.rejects import Reject, RejectsFile
from retrieval.tables import text_fault
from retrieval.types import MAX_KEY_CHARS, Event, EventType, Item

_COUNTER = "events"
_BATCH = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RATED = (EventType.RATE, EventType.REVIEW)
_DONE = tuple(kind.value for kind in EventType if kind is not EventType.IMPRESSION)

_FOREVER_US = 2**62
_ALL = 2**31 - 1
_SEEN = (
    sa.select(EVENTS.c.item_id).where(EVENTS.c.user_id == sa.bindparam("user_id"), EVENTS.c.type.in_(_DONE)).distinct()
)


@dataclass(frozen=True, slots=True)
class PositiveRule:
    """Which events say that a user wants an item: of these types, ratings and reviews from min_rating on.

    A dislike, and a rating or review below min_rating, takes earlier ones of the same user and item back.
    """

    types: frozenset[EventType]
    min_rating: float

    def positive(self) -> sa.ColumnElement[bool]:
        """Whether the event in the row is positive, as SQL."""
        plain = EVENTS.c.type.in_([kind.value for kind in self.types if kind not in _RATED])
        return sa.or_(plain, sa.and_(self._rating(), EVENTS.c.value >= self.min_rating))

    def opinion(self) -> sa.ColumnElement[bool]:
        """Whether the event in the row is positive or takes a positive one back, as SQL."""
        return sa.or_(self.positive(), self._rating(), EVENTS.c.type == EventType.DISLIKE.value)

    def _rating(self) -> sa.ColumnElement[bool]:
        rated = EVENTS.c.type.in_([kind.value for kind in self.types if kind in _RATED])
        return sa.and_(rated, EVENTS.c.value.is_not(None))


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that was not logged: its place in the call (from 0), and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Added:
    """How many events are new, how many the log had already, which ones were refused, which items were made."""

    new: int = 0
    known: int = 0
    refused: tuple[Refusal, ...] = ()
    created_items: int = 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. rejects: the file that tells each refused line and why, None when there is none.

    ignored_columns: columns of the file that mean nothing to the log.
    """

    new: int
    known: int
    refused: int
    created_items: int
    rejects: Path | None
    ignored_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """Events after a row of the log: how many, impressions included, and the row of the newest; who did something.

    version: of the log that has these events.
    """

    version: int
    events: int
    newest_row: int
    users: tuple[str, ...]


class InteractionLog:
    """The events of a workspace, for several threads and processes at once.

    What `add` has returned is on the disk.
    """

    def __init__(self, database: Database, items: ItemTable, rule: PositiveRule, rejects_folder: Path) -> None:
        self._database = database
        self._items = items
        self._rule = rule
        self._rejects_folder = rejects_folder

    @property
    def version(self) -> int:
        """Rises with every event that is committed, by one, and whenever events are taken out of the log.

        A cache built at the same version is fresh.
        """
        return self._database.counter(_COUNTER)

    def add(self, events: Iterable[Event], *, create_items: bool = False) -> Added:
        """Log the events. Their order decides among equal times.

        event_id: given by the log from the content and from how many equal events come before it in the call, so
        that the same list twice adds nothing. An event of an unknown item is refused, or with create_items makes an
        item whose title is its id. Each 5,000 events are one transaction.
        Raises InteractionError, before anything is written, for an event that cannot be stored: no user, a time
        without a zone, a value that is not finite.
        """
        checked = list(events)
        for index, event in enumerate(checked):
            fault = event_fault(event)
            if fault is not None:
                raise InteractionError(f"event {index}: {fault}")
        return self._add_all(checked, create_items=create_items)

    def take_back(self, events: Iterable[Event]) -> int:
        """Remove events: as the log gave them, or as they were given to `add` one by one. How many were there."""
        ids = [event.event_id or str(_row(event, Counter())["event_id"]) for event in events]
        return sum(erase_events(self._database, EVENTS.c.event_id.in_(keys)) for keys in batches(ids, KEYS_PER_QUERY))

    def import_file(self, path: str | Path, *, create_items: bool = False) -> ImportReport:
        """Log the rows of a CSV, JSON Lines or Parquet file; see `retrieval.interaction_files` for its columns.

        A row that cannot be used goes to a rejects file with its line and the reason; the rest goes in. A file that
        was imported before, or that overlaps one, adds only what is new.
        Raises InteractionError when the file has not the columns, or is not UTF-8.
        """
        from retrieval.interaction_files import InteractionFile

        file = InteractionFile(path)
        new = known = created = 0
        ordinals: Counter[str] = Counter()
        with RejectsFile(self._rejects_folder, path, of_people=True) as rejects:
            for batch in batches(file, _BATCH):
                parsed = []
                for row in batch:
                    if isinstance(row, Reject):
                        rejects.write(row)
                    else:
                        parsed.append(row)
                events = [row.event for row in parsed]
                added = self._add_batch(events, ordinals, create_items=create_items)
                for refusal in added.refused:
                    row = parsed[refusal.index]
                    rejects.write(Reject(row.line, refusal.reason, row.raw, user_id=row.event.user_id))
                new, known, created = new + added.new, known + added.known, created + added.created_items
        return ImportReport(new, known, rejects.count, created, rejects.path, file.ignored_columns)

    def history(
        self,
        user_id: str,
        *,
        limit: int | None = None,
        before: datetime | None = None,
        types: Collection[EventType] | None = None,
    ) -> list[Event]:
        """What the user did, oldest first: the last `limit` events strictly before `before`.

        types: which events; all but impressions when None. An unknown user has done nothing: [].
        """
        wanted = _DONE if types is None else tuple(kind.value for kind in types)
        query = sa.select(EVENTS).where(EVENTS.c.user_id == user_id, EVENTS.c.type.in_(wanted))
        return self._last(query, limit, before)

    def positives(self, user_id: str, *, limit: int | None = None, before: datetime | None = None) -> list[Event]:
        """What the user wants, oldest first: per item the last opinion, where that is positive.

        An opinion is a positive event by the workspace's rule, or one that takes it back: a dislike or a low rating.
        """
        values = {
            "user_id": user_id,
            "before_us": _FOREVER_US if before is None else _microseconds(before),
            "most": _ALL if limit is None else limit,
        }
        with self._database.read() as connection:
            return [_event(row) for row in reversed(connection.execute(self._positives, values).all())]

    def seen(self, user_id: str) -> set[str]:
        """Ids of the items that the user did anything with; being shown one does not count."""
        with self._database.read() as connection:
            return set(connection.execute(_SEEN, {"user_id": user_id}).scalars())

    def users(self) -> list[str]:
        """Every user id in the log, in the order of their first event."""
        query = sa.select(EVENTS.c.user_id).group_by(EVENTS.c.user_id).order_by(sa.func.min(EVENTS.c.event_row))
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def user_baskets(self, user_ids: Collection[str] | None = None) -> dict[str, tuple[str, ...]]:
        """For each of these users (all, when None) who wants something: the item ids of `positives`, in that order."""
        if user_ids is None:
            return self._baskets()
        parts = (self._baskets(EVENTS.c.user_id.in_(keys)) for keys in batches(user_ids, KEYS_PER_QUERY))
        return {user_id: basket for part in parts for user_id, basket in part.items()}

    def user_positives(self) -> dict[str, list[Event]]:
        """For everybody who wants something: the events of `positives`, oldest first."""
        wanted = self._wanted().subquery()
        query = sa.select(EVENTS).join(wanted, wanted.c.event_row == EVENTS.c.event_row)
        ordered = query.order_by(EVENTS.c.user_id, EVENTS.c.timestamp_us, EVENTS.c.event_row)
        with self._database.read() as connection:
            rows = connection.execute(ordered).all()
        return {user_id: [_event(row) for row in mine] for user_id, mine in groupby(rows, key=lambda row: row.user_id)}

    def activity(self, since: int = 0) -> Activity:
        """What has happened after the event in row `since`; to be shown an item is not to do something.

        Costs as much as there are events after that row.
        """
        within = EVENTS.c.event_row > since
        version = sa.select(COUNTERS.c.value).where(COUNTERS.c.name == _COUNTER).scalar_subquery()
        # One statement, so that it is of one state of the log wherever a transaction may see two.
        rows = sa.select(sa.func.count(), sa.func.max(EVENTS.c.event_row), version).where(within)
        users = sa.select(EVENTS.c.user_id).where(within, EVENTS.c.type.in_(_DONE)).distinct()
        with self._database.read() as connection:
            count, newest_row, version_then = connection.execute(rows).one()
            who = tuple(connection.execute(users).scalars())
        return Activity(int(version_then), int(count), int(newest_row or since), who)

    def _baskets(self, *within: sa.ColumnElement[bool]) -> dict[str, tuple[str, ...]]:
        wanted = self._wanted(*within).subquery()
        query = sa.select(wanted.c.user_id, wanted.c.item_id)
        ordered = query.order_by(wanted.c.user_id, wanted.c.timestamp_us, wanted.c.event_row)
        with self._database.read() as connection:
            rows = connection.execute(ordered).all()
        by_user = groupby(rows, key=lambda row: row.user_id)
        return {user_id: tuple(row.item_id for row in basket) for user_id, basket in by_user}

    def newest_row(self) -> int:
        """The row of the event that was logged last, 0 while there is none."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.max(EVENTS.c.event_row))).scalar_one() or 0)

    def events(self, *, until: int | None = None) -> Iterator[Event]:
        """Every event, impressions included, in the order of time.

        until: only those up to this row of the log (`newest_row`), which stay the same while more are logged.
        """
        query = sa.select(EVENTS).order_by(EVENTS.c.timestamp_us, EVENTS.c.event_row)
        if until is not None:
            query = query.where(EVENTS.c.event_row <= until)
        with self._database.read() as connection:
            for rows in connection.execute(query.execution_options(yield_per=_BATCH)).partitions():
                yield from map(_event, rows)

    def count(self) -> int:
        """How many events the log has."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(EVENTS)).scalar_one())

    @cached_property
    def _positives(self) -> sa.Select[Any]:
        """The query of `positives`, newest first. Made once: to make it takes longer than to answer it."""
        of_user = EVENTS.c.user_id == sa.bindparam("user_id")
        wanted = self._wanted(of_user, EVENTS.c.timestamp_us < sa.bindparam("before_us")).subquery()
        events = sa.select(EVENTS).join(wanted, wanted.c.event_row == EVENTS.c.event_row)
        newest_first = events.order_by(EVENTS.c.timestamp_us.desc(), EVENTS.c.event_row.desc())
        return newest_first.limit(sa.bindparam("most", type_=sa.Integer))

    def _wanted(self, *within: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Key columns of the last opinion of each user on each item, where it is positive."""
        newest_first = (EVENTS.c.timestamp_us.desc(), EVENTS.c.event_row.desc())
        age = sa.func.row_number().over(partition_by=(EVENTS.c.user_id, EVENTS.c.item_id), order_by=newest_first)
        keys = (EVENTS.c.event_row, EVENTS.c.user_id, EVENTS.c.item_id, EVENTS.c.timestamp_us)
        positive = sa.case((self._rule.positive(), 1), else_=0).label("positive")  # not every SQL selects a truth
        opinions = sa.select(*keys, positive, age.label("age")).where(self._rule.opinion(), *within).subquery()
        return sa.select(opinions).where(opinions.c.age == 1, opinions.c.positive == 1)

    def _last(self, query: sa.Select[Any], limit: int | None, before: datetime | None) -> list[Event]:
        if before is not None:
            query = query.where(EVENTS.c.timestamp_us < _microseconds(before))
        newest_first = query.order_by(EVENTS.c.timestamp_us.desc(), EVENTS.c.event_row.desc()).limit(limit)
        with self._database.read() as connection:
            return [_event(row) for row in reversed(connection.execute(newest_first).all())]

    def _add_all(self, events: list[Event], *, create_items: bool) -> Added:
        ordinals: Counter[str] = Counter()
        total = Added()
        for start, batch in enumerate(batches(events, _BATCH)):
            added = self._add_batch(batch, ordinals, create_items=create_items)
            refused = tuple(Refusal(start * _BATCH + each.index, each.reason) for each in added.refused)
            total = Added(
                total.new + added.new,
                total.known + added.known,
                total.refused + refused,
                total.created_items + added.created_items,
            )
        return total

    def _add_batch(self, events: list[Event], ordinals: Counter[str], *, create_items: bool) -> Added:
        """Log one transaction's worth; ordinals counts the equal events before each, and is carried on."""
        unknown = self._unknown_items({event.item_id for event in events})
        created = 0
        if unknown and create_items:
            made = (Item(item_id, title=item_id) for item_id in dict.fromkeys(e.item_id for e in events))
            created = self._items.add_missing(item for item in made if item.item_id in unknown)
            unknown = set()
        rows = [_row(event, ordinals) for event in events if event.item_id not in unknown]
        new = self._insert(rows) if rows else 0
        refused = tuple(
            Refusal(index, f"unknown item {event.item_id!r:.80}; index it, or use --create-items")
            for index, event in enumerate(events)
            if event.item_id in unknown
        )
        return Added(new, len(rows) - new, refused, created)

    def _unknown_items(self, item_ids: set[str]) -> set[str]:
        # Items are never deleted, so what is known here is still known when the events are written.
        known: set[str] = set()
        with self._database.read() as connection:
            for keys in batches(item_ids, KEYS_PER_QUERY):
                known.update(connection.execute(sa.select(ITEMS.c.item_id).where(ITEMS.c.item_id.in_(keys))).scalars())
        return item_ids - known

    def _insert(self, rows: list[dict[str, Any]]) -> int:
        """Write the rows that the log does not have; returns how many those were."""
        with self._database.write() as connection:
            known: set[str] = set()
            for keys in batches((row["event_id"] for row in rows), KEYS_PER_QUERY):
                query = sa.select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(keys))
                known.update(connection.execute(query).scalars())
            new = [row for row in rows if row["event_id"] not in known]
            if new:
                connection.execute(EVENTS.insert(), new)
                self._database.bump(connection, _COUNTER, by=len(new))
        return len(new)


def event_fault(event: Event) -> str | None:
    """Why the event cannot be stored, or None."""
    for name in ("user_id", "item_id", "session_id", "request_id", "source", "model", "adapter"):
        key = getattr(event, name)
        if key is not None and not 0 < len(key) <= MAX_KEY_CHARS:
            return f"{name} has {len(key)} characters, expected 1 to {MAX_KEY_CHARS}"
        if key is not None and (fault := text_fault(name, key)):
            return fault
    if event.text is not None and (fault := text_fault("text", event.text)):
        return fault
    if event.timestamp.tzinfo is None:
        return f"the time {event.timestamp.isoformat()} has no zone; expected UTC"
    if event.value is not None and not math.isfinite(event.value):
        return f"the value is {event.value}, expected a finite number"
    if event.type is EventType.RATE and event.value is None:
        return "a rating without its value"
    return None


def _content_hash(event: Event) -> str:
    """SHA-256 of what happened. Not of the source, model and adapter: the same event from two files is one event."""
    content = (
        event.user_id,
        event.item_id,
        event.type.value,
        _microseconds(event.timestamp),
        event.value,
        event.text,
        event.session_id,
        event.request_id,
        event.position,
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _row(event: Event, ordinals: Counter[str]) -> dict[str, Any]:
    content = _content_hash(event)
    event_id = hashlib.sha256(f"{content}:{ordinals[content]}".encode()).hexdigest()
    ordinals[content] += 1
    return {
        "event_id": event_id,
        "user_id": event.user_id,
        "item_id": event.item_id,
        "type": event.type.value,
        "timestamp_us": _microseconds(event.timestamp),
        "value": event.value,
        "text": event.text,
        "session_id": event.session_id,
        "request_id": event.request_id,
        "position": event.position,
        "source": event.source,
        "model": event.model,
        "adapter": event.adapter,
    }


def _event(row: sa.Row[Any]) -> Event:
    return Event(
        user_id=row.user_id,
        item_id=row.item_id,
        type=EventType(row.type),
        timestamp=_EPOCH + timedelta(microseconds=row.timestamp_us),
        value=row.value,
        text=row.text,
        session_id=row.session_id,
        request_id=row.request_id,
        position=row.position,
        source=row.source,
        model=row.model,
        adapter=row.adapter,
        event_id=row.event_id,
    )
