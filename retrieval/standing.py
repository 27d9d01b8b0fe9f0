"""How items stand among the others: how many want each, and how new each is in the catalogue."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.behaviour import Behaviour
    from retrieval.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Standing:
    """wanted_by: so many users want the item. newness: 0 for what came into the catalogue first, 1 for the last."""

    wanted_by: int
    newness: float


class Standings:
    """Looks items up in what the retrievers keep in memory anyway."""

    def __init__(self, behaviour: Behaviour, shelf: Shelf) -> None:
        self._behaviour = behaviour
        self._shelf = shelf
        self._guard = threading.Lock()
        self._order: tuple[str, ...] = ()
        self._newness: dict[str, float] = {}

    def of(self, item_ids: Sequence[str]) -> list[Standing]:
        """How these items stand now, in this order; one that is not on the shelf counts as old."""
        self._behaviour.refresh()
        wanted_by, newness = self._behaviour.wanted_by(item_ids), self._by_newness()
        return [Standing(count, newness.get(item_id, 0.0)) for item_id, count in zip(item_ids, wanted_by, strict=True)]

    def _by_newness(self) -> dict[str, float]:
        order = self._shelf.newest_first()
        with self._guard:
            if order is not self._order:  # the shelf gives the same tuple until it changes
                steps = max(1, len(order) - 1)
                self._newness = {item_id: 1 - place / steps for place, item_id in enumerate(order)}
                self._order = order
            return self._newness
