"""The whole log as arrays, user by user, so that a split of it is a matter of masks."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrieval.items import images_hash, text_hash
from retrieval.types import EventType

if TYPE_CHECKING:
    from retrieval.types import Event
    from retrieval.workspace import Workspace, WorkspaceSettings

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

KINDS = tuple(EventType)
"""Event types by their code in the table."""

_RATED = (EventType.RATE, EventType.REVIEW)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """Everything that was done, impressions left out: user by user, of each user in the order of the log.

    The log's order is that of time; equal times are in the order in which they were logged, which is the file's.

    user_ids: in the order of their first event. item_ids: in catalogue order, withdrawn ones included.
    on_shelf: (n_items,) which items can be recommended.
    user, item: (n_events,) rows of user_ids and item_ids. kind: (n_events,) codes, places in KINDS.
    time_us: (n_events,) microseconds of unix time. rating: (n_events,) NaN where the event is no rating or review with
    a value. log_place: (n_events,) place in the whole log, impressions counted, from 0.
    opinion: (n_events,) 1 where the user wants the item by the workspace's rule, -1 where an earlier want is taken
    back, 0 where the event says nothing of the kind.
    starts: (n_users + 1,) the events of user u are those from starts[u] to before starts[u + 1].
    n_logged: events in the log, impressions included. newest_row: of the log when it was read; what was logged later is
    not in the table. data_hash: SHA-256 of what was done and of what the items are.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    on_shelf: Mask
    user: Ints
    item: Ints
    kind: Ints
    time_us: Ints
    rating: Floats
    log_place: Ints
    opinion: Ints
    starts: Ints
    n_logged: int
    newest_row: int
    data_hash: str

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    def __len__(self) -> int:
        return len(self.user)

    def first_touches(self) -> Ints:
        """(n_pairs,) places of each user's first event with each item, in the order of the table."""
        _, first = np.unique(self.user * self.n_items + self.item, return_index=True)
        return np.sort(first)

    def wanted(self, known: Mask | None = None) -> Ints:
        """Places of the events that say what each user wants: of each pair the last opinion, where it is positive.

        known: (n_events,) the events that count; all when None. The same as `InteractionLog.positives` on a log of
        just these events.
        """
        places = np.flatnonzero(self.opinion != 0 if known is None else (self.opinion != 0) & known)[::-1]
        _, last = np.unique(self.user[places] * self.n_items + self.item[places], return_index=True)
        kept = np.sort(places[last])
        return kept[self.opinion[kept] > 0]

    def events(self, places: Ints) -> list[Event]:
        """What happened at these places, as far as the table tells it."""
        return [
            rebuilt(
                self.user_ids[self.user[place]],
                self.item_ids[self.item[place]],
                int(self.kind[place]),
                int(self.time_us[place]),
                float(self.rating[place]),
            )
            for place in places.tolist()
        ]


def rebuilt(user_id: str, item_id: str, kind: int, time_us: int, rating: float) -> Event:
    """An event from the table's columns."""
    from retrieval.types import Event

    value = None if np.isnan(rating) else rating
    return Event(user_id, item_id, KINDS[kind], _EPOCH + timedelta(microseconds=time_us), value)


def read_events(workspace: Workspace) -> EventTable:
    """The workspace's log as a table, as it is now; more may be logged meanwhile."""
    newest_row = workspace.log.newest_row()  # before the items, so that each event's item is among them
    item_ids = workspace.items.ids(withdrawn=True)
    item_row = {item_id: row for row, item_id in enumerate(item_ids)}
    user_row: defaultdict[str, int] = defaultdict(lambda: len(user_row))
    code = {kind: place for place, kind in enumerate(KINDS)}
    columns = {name: array("q") for name in ("user", "item", "kind", "time_us", "log_place")}
    user, item, kind, time_us, log_place = columns.values()
    rating = array("d")
    place = -1
    for place, event in enumerate(workspace.log.events(until=newest_row)):
        if event.type is EventType.IMPRESSION:
            continue
        user.append(user_row[event.user_id])
        item.append(item_row[event.item_id])
        kind.append(code[event.type])
        time_us.append((event.timestamp - _EPOCH) // _MICROSECOND)
        log_place.append(place)
        rating.append(event.value if event.value is not None and event.type in _RATED else np.nan)
    by_user = np.argsort(np.frombuffer(user, dtype=np.int64), kind="stable") if user else np.zeros(0, dtype=np.int64)
    ints = {name: np.array(column, dtype=np.int64)[by_user] for name, column in columns.items()}
    ratings = np.array(rating, dtype=np.float64)[by_user]
    on_shelf = np.isin(np.array(item_ids, dtype=object), np.array(workspace.items.ids(), dtype=object))
    return EventTable(
        user_ids=tuple(user_row),
        item_ids=tuple(item_ids),
        on_shelf=on_shelf,
        rating=ratings,
        opinion=_opinions(workspace.settings, ints["kind"], ratings),
        starts=np.searchsorted(ints["user"], np.arange(len(user_row) + 1)),
        n_logged=place + 1,
        newest_row=newest_row,
        data_hash=_data_hash(workspace, tuple(user_row), [*ints.values(), ratings]),
        **ints,
    )


def _opinions(settings: WorkspaceSettings, kind: Ints, rating: Floats) -> Ints:
    """What `retrieval.interactions.PositiveRule` says, for arrays."""

    def is_of(types: tuple[EventType, ...]) -> Mask:
        return np.isin(kind, [KINDS.index(each) for each in types])

    types = settings.positive_types
    rated = is_of(tuple(each for each in types if each in _RATED)) & ~np.isnan(rating)
    positive = is_of(tuple(each for each in types if each not in _RATED)) | (
        rated & (rating >= settings.positive_min_rating)
    )
    return np.where(positive, 1, np.where(rated | is_of((EventType.DISLIKE,)), -1, 0))


def _data_hash(workspace: Workspace, user_ids: tuple[str, ...], columns: list[npt.NDArray[np.generic]]) -> str:
    settings = workspace.settings
    digest = hashlib.sha256()
    items = [
        (item.item_id, text_hash(item), images_hash(item), item.withdrawn)
        for item in workspace.items.all(withdrawn=True)
    ]
    rule = [sorted(settings.positive_types), settings.positive_min_rating]
    digest.update(json.dumps([items, user_ids, settings.encoder_fingerprint, rule]).encode())
    for column in columns:
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
