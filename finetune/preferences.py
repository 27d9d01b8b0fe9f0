"""What people preferred among what they were shown: pairs of items of one answer, from the log."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from finetune.examples import Example, as_example
from retrieval.types import Event, EventType

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.event_table import EventTable, Mask
    from retrieval.workspace import Workspace, WorkspaceSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
_END_US = (_END - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Preference:
    """That a user preferred one item of an answer to another one of it.

    shown: the answer as a list, without a request: what was asked for is not logged. chosen, rejected: places in it.
    """

    shown: Example
    chosen: int
    rejected: int


@dataclass(slots=True)
class _Answer:
    """An answer as it was shown, and what became of it. wanted_by: of each item, how many people wanted it then."""

    user_id: str
    history: tuple[str, ...]
    places: dict[str, int] = field(default_factory=dict)
    wanted_by: list[int] = field(default_factory=list)
    liked: set[str] = field(default_factory=set)
    disliked: set[str] = field(default_factory=set)

    def grades(self) -> dict[str, int]:
        """2 for what was wanted, 0 for what was disliked, 1 for what was passed over on the way to either.

        What stands below the last item that was touched may not have been looked at, and says nothing.
        """
        touched = [self.places[item_id] for item_id in self.liked | self.disliked]
        seen = [item_id for item_id, place in self.places.items() if touched and place <= max(touched)]
        return {item_id: 2 if item_id in self.liked else 0 if item_id in self.disliked else 1 for item_id in seen}


def preferences(
    workspace: Workspace,
    *,
    until: Mapping[str, datetime],
    newest_row: int,
    users: frozenset[str] | None = None,
    list_size: int = 20,
) -> list[Preference]:
    """A pair for each two items of an answer that its user graded differently, oldest answers first.

    until: by user the moment from which on nothing counts; who is not named is left out. newest_row: of the log, what
    was logged later is left out. users: whose answers; everybody's when None. How many people want an item counts all.
    """
    settings = workspace.settings
    answers: dict[tuple[str, str], _Answer] = {}
    wanted: defaultdict[str, dict[str, None]] = defaultdict(dict)
    people: Counter[str] = Counter()
    for event in workspace.log.events(until=newest_row):
        if event.user_id not in until or event.timestamp >= until[event.user_id]:
            continue
        if event.type is EventType.IMPRESSION and (users is None or event.user_id in users):
            _show(answers, event, wanted[event.user_id], people, list_size)
        elif opinion := _opinion(event, settings):
            _take(answers.get((event.user_id, event.request_id or "")), event.item_id, opinion)
            theirs, before = wanted[event.user_id], len(wanted[event.user_id])
            theirs.pop(event.item_id, None)
            if opinion > 0:
                theirs[event.item_id] = None
            people[event.item_id] += len(theirs) - before
    telling = (answer for answer in answers.values() if answer.liked or answer.disliked)
    return [pair for answer in telling for pair in _pairs(answer)]


def save_preferences(pairs: Sequence[Preference], path: Path) -> None:
    """Write them as JSON Lines."""
    path.write_text("".join(json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")


def read_preferences(path: Path) -> list[Preference]:
    """What `save_preferences` wrote."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [Preference(as_example(row["shown"]), row["chosen"], row["rejected"]) for row in rows]


def moments(table: EventTable, known: Mask) -> dict[str, datetime]:
    """By user the moment of the first event that may not be known, the end of time where all may be.

    known: (n_events,) of the table.
    """
    first = np.full(table.n_users, np.iinfo(np.int64).max)
    hidden = np.flatnonzero(~known)
    np.minimum.at(first, table.user[hidden], table.time_us[hidden])
    return {
        user_id: _EPOCH + timedelta(microseconds=us) if us < _END_US else _END
        for user_id, us in zip(table.user_ids, first.tolist(), strict=True)
    }


def _show(
    answers: dict[tuple[str, str], _Answer],
    event: Event,
    wanted: Iterable[str],
    people: Counter[str],
    list_size: int,
) -> None:
    """Put what was shown into its answer, which knows what its user wanted when it began, and how many wanted each."""
    if event.request_id is None:
        return
    key = (event.user_id, event.request_id)
    if key not in answers:
        answers[key] = _Answer(event.user_id, tuple(wanted))
    answer = answers[key]
    if event.item_id not in answer.places and len(answer.places) < list_size:
        answer.places[event.item_id] = len(answer.places)
        answer.wanted_by.append(people[event.item_id])


def _take(answer: _Answer | None, item_id: str, opinion: int) -> None:
    """The last opinion on an item of an answer is the one that counts."""
    if answer is None or item_id not in answer.places:
        return
    now, before = (answer.liked, answer.disliked) if opinion > 0 else (answer.disliked, answer.liked)
    now.add(item_id)
    before.discard(item_id)


def _opinion(event: Event, settings: WorkspaceSettings) -> int:
    """1 where the event says that the user wants the item, by the workspace's rule, -1 for the contrary, else 0."""
    if event.type is EventType.DISLIKE:
        return -1
    if event.type not in settings.positive_types:
        return 0
    if event.type not in (EventType.RATE, EventType.REVIEW):
        return 1
    return 0 if event.value is None else 1 if event.value >= settings.positive_min_rating else -1


def _pairs(answer: _Answer) -> Sequence[Preference]:
    grades = answer.grades()
    items = tuple(answer.places)
    nothing = (0.0,) * len(items)
    shown = Example(answer.user_id, answer.history, items, nothing, -1, nothing, tuple(answer.wanted_by))
    return [
        Preference(shown, answer.places[better], answer.places[worse])
        for better, grade in grades.items()
        for worse, other in grades.items()
        if grade > other
    ]
