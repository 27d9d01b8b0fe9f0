"""Splits of a log into what may be known and what is asked: by time, user by user or for all at once.

A case asks for one item: one that the user wants (`InteractionLog.positives`), at the moment when they first did
anything with it. The user's cut-off is that moment: what they did from then on is unknown. Who had not wanted anything
before is not asked. Equal times are in the order in which they were logged, which is the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from finetune.sparse import ones
from retrieval.errors import InteractionError, SettingsError

if TYPE_CHECKING:
    from datetime import datetime

    from finetune.event_table import EventTable, Floats, Ints, Mask
    from finetune.sparse import Csr


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """What is known of some users, each at a moment of its own; nothing of what they are going to do.

    user: (n_queries,) user rows; user_ids and item_ids are those of the event table.
    The wanted events of query q, as `InteractionLog.positives` orders them, oldest first, are from starts[q] to before
    starts[q + 1] of item (item rows), kind (codes, see `event_table.KINDS`), time_us and rating (NaN where none).
    What the user had done anything with is from seen_starts[q] to before seen_starts[q + 1] of seen (item rows).
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    user: Ints
    starts: Ints
    item: Ints
    kind: Ints
    time_us: Ints
    rating: Floats
    seen_starts: Ints
    seen: Ints

    def __len__(self) -> int:
        return len(self.user)

    def lengths(self) -> Ints:
        """(n_queries,) how many items each user wants."""
        return np.diff(self.starts)

    def take(self, rows: Ints) -> Queries:
        """These queries only, in this order."""
        starts, places = _gathered(self.starts, rows)
        seen_starts, seen_places = _gathered(self.seen_starts, rows)
        return Queries(
            user_ids=self.user_ids,
            item_ids=self.item_ids,
            user=self.user[rows],
            starts=starts,
            item=self.item[places],
            kind=self.kind[places],
            time_us=self.time_us[places],
            rating=self.rating[places],
            seen_starts=seen_starts,
            seen=self.seen[seen_places],
        )

    def matrix(self) -> Csr:
        """(n_queries, n_items) float32: 1 where the user wants the item."""
        return ones(self.starts, self.item, len(self.item_ids))


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Cases, and what may be learned from before they are asked.

    past: (n_events,) of the table: the events that may be known. queries, target: (n_cases,) item rows.
    """

    past: Mask
    queries: Queries
    target: Ints

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A log split for an evaluation: choices are made on `validation`, results told on `test`.

    hidden: (n_items,) items of which no past holds an event. notes: what a reader of the results should know.
    """

    name: str
    table: EventTable
    hidden: Mask
    validation: Part
    test: Part
    notes: tuple[str, ...]

    def baskets(self, part: Part) -> Csr:
        """(n_users, n_items) float32: 1 where the user wants the item as of the part's past."""
        places = self.table.wanted(part.past)
        starts = np.searchsorted(self.table.user[places], np.arange(self.table.n_users + 1))
        return ones(starts, self.table.item[places], self.table.n_items)


def leave_one_out(table: EventTable, *, hidden: Mask | None = None) -> Split:
    """Of each user the last wanted item is asked for, the one before it in validation. Raises InteractionError."""
    return _last("leave-one-out", table, 1, hidden)


def rolling(table: EventTable, last: int, *, hidden: Mask | None = None) -> Split:
    """Of each user the last so many wanted items are asked for, each with all that came before it as the history; the
    same number before those in validation. Learned from is what comes before the first of them.

    Raises SettingsError for `last` below 1, InteractionError when nobody can be asked.
    """
    if last < 1:
        raise SettingsError(f"last is {last}; expected 1 or more")
    return _last(f"rolling-{last}", table, last, hidden)


def global_time(table: EventTable, *, share: float = 0.1, hidden: Mask | None = None) -> Split:
    """What is wanted first in the last `share` of the log is asked for, in the share before that in validation.

    Learned from is what comes before the share, of all users; the history of a case is all that its user did before.
    Raises SettingsError for a share that is not between 0 and 0.5, InteractionError when nobody can be asked.
    """
    if not 0 < share < 0.5:
        raise SettingsError(f"the share is {share}; expected more than 0 and less than 0.5")
    hidden = _nothing_hidden(table) if hidden is None else hidden
    askable = _askable(table, hidden)
    order = np.sort(table.log_place)
    parts = []
    for first, end in ((1 - 2 * share, 1 - share), (1 - share, 1.0)):
        begin, stop = (int(np.floor(at * len(order))) for at in (first, end))
        low = order[begin] if begin < len(order) else table.n_logged
        high = order[stop] if stop < len(order) else table.n_logged
        asked = askable[(table.log_place[askable] >= low) & (table.log_place[askable] < high)]
        parts.append(_part(table, (table.log_place < low) & ~hidden[table.item], asked, hidden))
    return _split("global-time", table, hidden, *parts)


def hide_items(table: EventTable, share: float, seed: int) -> Mask:
    """(n_items,) a random share of the items that can be recommended. Raises SettingsError: not from 0 to below 1."""
    if not 0 <= share < 1:
        raise SettingsError(f"the share of hidden items is {share}; expected 0 or more and less than 1")
    hidden = np.zeros(table.n_items, dtype=np.bool_)
    rows = np.flatnonzero(table.on_shelf)
    hidden[np.random.default_rng(seed).choice(rows, round(share * len(rows)), replace=False)] = True
    return hidden


def wanted_from(table: EventTable, moment: datetime) -> Part:
    """What users come to want from that moment on. Learned from is what everybody did before it; the history of a case
    is all that its user did before.
    """
    begin = round(moment.timestamp() * 1e6)
    askable = _askable(table, _nothing_hidden(table))
    asked = askable[table.time_us[askable] >= begin]
    return _part(table, table.time_us < begin, asked, _nothing_hidden(table))


def last_wanted(table: EventTable, low: int, high: int, *, hidden: Mask | None = None) -> Part:
    """Of each user the wanted items that have at least `low` and fewer than `high` askable ones after them.

    Learned from is what comes before the first of them, of every user; who has none is not asked.
    """
    hidden = _nothing_hidden(table) if hidden is None else hidden
    askable = _askable(table, hidden)
    users = table.user[askable]
    from_end = np.searchsorted(users, users, side="right") - np.arange(len(users)) - 1
    cut = table.starts[1:].copy()  # of users who are not asked all is known
    np.minimum.at(cut, users[from_end < high], askable[from_end < high])
    known = np.arange(len(table)) < cut[table.user]
    asked = askable[(from_end >= low) & (from_end < high)]
    return _part(table, known & ~hidden[table.item], asked, hidden)


def _last(name: str, table: EventTable, last: int, hidden: Mask | None) -> Split:
    hidden = _nothing_hidden(table) if hidden is None else hidden
    parts = [last_wanted(table, low, high, hidden=hidden) for low, high in ((last, 2 * last), (0, last))]
    return _split(name, table, hidden, *parts)


def _nothing_hidden(table: EventTable) -> Mask:
    return np.zeros(table.n_items, dtype=np.bool_)


def _askable(table: EventTable, hidden: Mask) -> Ints:
    """Places where a user first touches an item that they want in the end, having wanted another one before."""
    wanted = table.wanted()
    wanted_pairs = table.user[wanted] * table.n_items + table.item[wanted]
    touches = table.first_touches()
    touched_pairs = table.user[touches] * table.n_items + table.item[touches]
    touches = touches[np.isin(touched_pairs, wanted_pairs) & table.on_shelf[table.item[touches]]]
    first_want = np.full(table.n_users, len(table))
    wants = np.flatnonzero((table.opinion > 0) & ~hidden[table.item])
    np.minimum.at(first_want, table.user[wants], wants)
    return touches[touches > first_want[table.user[touches]]]


def _split(name: str, table: EventTable, hidden: Mask, validation: Part, test: Part) -> Split:
    if not len(test):
        raise InteractionError(
            f"nothing to test on: {table.n_users:,} users in the log, and none wanted an item after another one had "
            "been wanted, within the part that is tested; expected users with two wanted items or more"
        )
    return Split(name, table, hidden, validation, test, _notes(table, test, hidden))


def _notes(table: EventTable, test: Part, hidden: Mask) -> tuple[str, ...]:
    asked = len(np.unique(test.queries.user))
    tied = _tied(table)
    notes = [
        f"{len(test):,} cases of {asked:,} users; {table.n_users - asked:,} users are not asked, what they did is "
        "learned from",
        f"equal times: {tied:,} of {len(table):,} events have the time of the user's event before them; among them "
        "the order of the log counts, which is the order of the file",
    ]
    if hidden.any():
        cold = int(hidden[test.target].sum())
        notes.append(f"{int(hidden.sum()):,} items are hidden from training; {cold:,} cases ask for one of them")
    return tuple(notes)


def _tied(table: EventTable) -> int:
    same = (table.time_us[1:] == table.time_us[:-1]) & (table.user[1:] == table.user[:-1])
    return int(same.sum())


def _part(table: EventTable, past: Mask, asked: Ints, hidden: Mask) -> Part:
    """The cases that ask for what was first touched at these places, of which each is after the one before."""
    of_user = np.searchsorted(asked, table.starts)
    histories: list[Ints] = []
    seen: list[Ints] = []
    for user in np.unique(table.user[asked]).tolist():
        begin = int(table.starts[user])
        at = asked[of_user[user] : of_user[user + 1]]
        histories += _histories(table, begin, at, hidden)
        seen += [np.unique(table.item[begin:place]) for place in at.tolist()]
    places = np.concatenate([np.zeros(0, dtype=np.int64), *histories])
    queries = Queries(
        user_ids=table.user_ids,
        item_ids=table.item_ids,
        user=table.user[asked],
        starts=_starts(histories),
        item=table.item[places],
        kind=table.kind[places],
        time_us=table.time_us[places],
        rating=table.rating[places],
        seen_starts=_starts(seen),
        seen=np.concatenate([np.zeros(0, dtype=np.int64), *seen]),
    )
    return Part(past, queries, table.item[asked])


def _histories(table: EventTable, begin: int, cuts: Ints, hidden: Mask) -> list[Ints]:
    """For each cut-off of one user the places of the events that say what they wanted then, oldest first."""
    wanted: dict[int, int] = {}
    found = []
    for start, cut in pairwise([begin, *cuts.tolist()]):
        for place in range(start, cut):
            opinion, item = table.opinion[place], int(table.item[place])
            if opinion and not hidden[item]:
                wanted.pop(item, None)
                if opinion > 0:
                    wanted[item] = place
        found.append(np.array(list(wanted.values()), dtype=np.int64))
    return found


def _starts(parts: list[Ints]) -> Ints:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])


def _gathered(starts: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Starts of these rows one after another, and the places of all that is in them."""
    lengths = starts[rows + 1] - starts[rows]
    fresh = np.concatenate([[0], np.cumsum(lengths)])
    places = np.arange(fresh[-1]) + np.repeat(starts[rows] - fresh[:-1], lengths)
    return fresh, places
