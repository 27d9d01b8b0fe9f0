"""Small logs with known answers, in workspaces without content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(
    user: object, item: object, minute: float = 0, kind: EventType = EventType.LIKE, value: float | None = None
) -> Event:
    return Event(str(user), str(item), kind, START + timedelta(minutes=minute), value)


def workspace_of(folder: Path, items: Iterable[str], events: Sequence[Event]) -> Workspace:
    """A workspace with these items and this log."""
    workspace = Workspace.create(folder)
    workspace.items.upsert(Item(item_id, f"Title of {item_id}") for item_id in items)
    added = workspace.log.add(events)
    assert not added.refused
    return workspace


def likes(baskets: dict[str, str]) -> list[Event]:
    """Each user likes items of one letter each, one a minute."""
    return [event(user, item, minute) for user, basket in baskets.items() for minute, item in enumerate(basket)]


def random_events(seed: int, *, users: int = 12, items: int = 15, count: int = 400) -> list[Event]:
    """All kinds of events at few different times, so that many are equal."""
    rng = np.random.default_rng(seed)
    kinds = list(EventType)
    events = []
    for _ in range(count):
        kind = kinds[rng.integers(len(kinds))]
        rated = kind is EventType.RATE or (kind is EventType.REVIEW and rng.random() < 0.7)
        value = float(rng.integers(1, 6)) if rated else None
        events.append(event(f"u{rng.integers(users)}", f"i{rng.integers(items)}", int(rng.integers(40)), kind, value))
    return events
