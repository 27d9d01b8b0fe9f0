"""What towers learn from: each user's wanted items in the order of time, and the items' content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrieval.towers import content_of
from retrieval.two_towers import Circumstances, Content, gap_classes, type_class
from retrieval.types import Event, EventType

if TYPE_CHECKING:
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Sequences:
    """Users' wanted items, oldest first: for each user (n_events,) int64 rows of items, classes and loss weights."""

    rows: tuple[NDArray[np.int64], ...]
    gaps: tuple[NDArray[np.int64], ...]
    types: tuple[NDArray[np.int64], ...]
    weights: tuple[NDArray[np.float32], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def without_last(self) -> Sequences:
        """What there was before each user's last event."""
        return Sequences(*(tuple(part[:-1] for part in parts) for parts in self.parts))

    def longer_than(self, count: int) -> Sequences:
        """The users with more events than that."""
        kept = [user for user, rows in enumerate(self.rows) if len(rows) > count]
        return Sequences(*(tuple(parts[user] for user in kept) for parts in self.parts))

    def first(self, count: int) -> Sequences:
        """The first users, so many of them."""
        return Sequences(*(parts[:count] for parts in self.parts))

    @property
    def parts(self) -> tuple[tuple[NDArray[Any], ...], ...]:
        return self.rows, self.gaps, self.types, self.weights


@dataclass(frozen=True, slots=True)
class Batch:
    """Some users' windows, padded behind.

    rows: (n, length) rows of the wanted items. lengths: (n,) how many those are. targets: (n, length) rows of the items
    wanted next, -1 where there is none. weights: (n, length) of the targets in the loss.
    """

    rows: Tensor
    lengths: Tensor
    circumstances: Circumstances
    targets: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> Batch:
        when = Circumstances(self.circumstances.gaps.to(device), self.circumstances.types.to(device))
        return Batch(
            self.rows.to(device), self.lengths.to(device), when, self.targets.to(device), self.weights.to(device)
        )


@dataclass(frozen=True, slots=True)
class TowerData:
    """A workspace as towers read it.

    item_ids: by row, none of them withdrawn; the first `wanted` of them somebody wants, the others have their content
    alone.
    """

    item_ids: tuple[str, ...]
    wanted: int
    sequences: Sequences
    content: Content

    @property
    def has_content(self) -> bool:
        return bool(self.content.present.any())

    @property
    def hash(self) -> str:
        """SHA-256 of the items, the events and the content."""
        digest = hashlib.sha256("\n".join([str(self.wanted), *self.item_ids]).encode())
        for part in self.sequences.parts:
            for each in part:
                digest.update(each.tobytes())
        for tensor in (self.content.text, self.content.image, self.content.present):
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()


def read_tower_data(
    workspace: Workspace, store: VectorStore, *, type_weights: Mapping[EventType, float], rating_weights: bool
) -> TowerData:
    """The workspace's log and content, as far as it is of items that are not withdrawn: only these are served.

    type_weights: of events by type in the loss, 1 unless given. rating_weights: a rating weighs as much as its share of
    the highest one in the log.
    """
    on_shelf = frozenset(workspace.items.ids())
    positives = workspace.log.user_positives().values()
    users = [kept for events in positives if (kept := [event for event in events if event.item_id in on_shelf])]
    wanted = {event.item_id for events in users for event in events}
    item_ids = (*sorted(wanted), *sorted(on_shelf - wanted))
    row_of = {item_id: row for row, item_id in enumerate(item_ids)}
    highest = max((e.value or 0 for events in users for e in events if _rated(e)), default=0.0)
    scale = highest if rating_weights and highest > 0 else None
    weigh = _Weigh(type_weights, scale)
    sequences = Sequences(
        tuple(np.array([row_of[event.item_id] for event in events], dtype=np.int64) for events in users),
        tuple(_gaps(events) for events in users),
        tuple(np.array([type_class(event.type) for event in events], dtype=np.int64) for events in users),
        tuple(np.array([weigh(event) for event in events], dtype=np.float32) for events in users),
    )
    dimensions = store.encoder.dimensions if store.encoder else 1
    content = content_of(item_ids, store.get("text", item_ids), store.get("image", item_ids), dimensions)
    return TowerData(item_ids, len(wanted), sequences, content)


def training_batches(
    sequences: Sequences, *, length: int, positions: int, generator: np.random.Generator
) -> list[Batch]:
    """One epoch: a window of each user with two events or more, of about `positions` padded places in each batch.

    length: of the longest window; of a user with more events, a random window is taken.
    """
    users = [user for user, rows in enumerate(sequences.rows) if len(rows) > 1]
    starts = {user: int(generator.integers(0, max(1, len(sequences.rows[user]) - length))) for user in users}
    order = generator.permutation(np.array(users, dtype=np.int64)).tolist()
    batches = []
    pool = max(1, 16 * positions // max(1, min(length, 10)))
    for first in range(0, len(order), pool):
        some = sorted(order[first : first + pool], key=lambda user: len(sequences.rows[user]))
        while some:
            longest = min(length, len(sequences.rows[some[-1]]) - 1)
            count = max(1, positions // longest)
            batches.append(_padded(sequences, some[-count:], starts, length, 1))
            del some[-count:]
    generator.shuffle(batches)
    return batches


def history_batches(sequences: Sequences, *, length: int, users: int = 512) -> Iterator[tuple[list[int], Batch]]:
    """The last `length` events of everybody, so many users at once: which ones, and theirs; targets are all -1.

    Users of about as many events come together, which saves padding.
    """
    order = sorted(range(len(sequences)), key=lambda user: len(sequences.rows[user]))
    for first in range(0, len(order), users):
        mine = order[first : first + users]
        starts = {user: max(0, len(sequences.rows[user]) - length) for user in mine}
        yield mine, _padded(sequences, mine, starts, length, 0)


def _padded(sequences: Sequences, users: Sequence[int], starts: Mapping[int, int], length: int, targets: int) -> Batch:
    """targets: how many events after a window's end are read as targets, 0 or 1."""
    longest = max(min(length, len(sequences.rows[user]) - targets) for user in users)
    tables = np.zeros((4, len(users), longest), dtype=np.int64)
    tables[3] = -1
    weights = np.zeros((len(users), longest), dtype=np.float32)
    for place, user in enumerate(users):
        start, rows = starts[user], sequences.rows[user]
        end = min(start + longest, len(rows) - targets)
        count = end - start
        tables[0, place, :count] = rows[start:end]
        tables[1, place, 1:count] = sequences.gaps[user][start + 1 : end]
        tables[2, place, :count] = sequences.types[user][start:end]
        if targets:
            tables[3, place, :count] = rows[start + 1 : end + 1]
            weights[place, :count] = sequences.weights[user][start + 1 : end + 1]
    lengths = [min(longest, len(sequences.rows[user]) - targets - starts[user]) for user in users]
    rows_, gaps, types, wanted = torch.from_numpy(tables)
    return Batch(rows_, torch.tensor(lengths), Circumstances(gaps, types), wanted, torch.from_numpy(weights))


@dataclass(frozen=True, slots=True)
class _Weigh:
    by_type: Mapping[EventType, float]
    rating_scale: float | None

    def __call__(self, event: Event) -> float:
        weight = self.by_type.get(event.type, 1.0)
        if self.rating_scale is not None and _rated(event):
            weight *= max(0.0, (event.value or 0.0) / self.rating_scale)
        return weight


def _rated(event: Event) -> bool:
    return event.type in (EventType.RATE, EventType.REVIEW)


def _gaps(events: Sequence[Event]) -> NDArray[np.int64]:
    seconds = [(after.timestamp - before.timestamp).total_seconds() for before, after in pairwise(events)]
    return np.array([0, *gap_classes(seconds)], dtype=np.int64)
