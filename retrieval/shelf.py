"""The items that can be recommended now, in memory, with their attributes ready to be filtered by."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from retrieval.filters import AttributeTable, parse_filter

if TYPE_CHECKING:
    from retrieval.items import ItemTable
    from retrieval.types import Item

_FILTERS_KEPT = 32


class Shelf:
    """Follows the item table: what changed there is read again at the next use, nothing else."""

    def __init__(self, items: ItemTable) -> None:
        self._items = items
        self._guard = threading.Lock()
        self._version = -1
        self._on_shelf: dict[str, Item] = {}
        self._item_ids: frozenset[str] = frozenset()
        self._table: AttributeTable | None = None
        self._matches: dict[str, frozenset[str]] = {}
        self._newest: tuple[str, ...] | None = None

    def item_ids(self) -> frozenset[str]:
        """Every item that is not withdrawn."""
        with self._guard:
            self._refresh()
            return self._item_ids

    def newest_first(self) -> tuple[str, ...]:
        """The same items, those that came into the workspace last first."""
        with self._guard:
            self._refresh()
            if self._newest is None:
                order = self._items.ids()
                self._newest = tuple(item_id for item_id in reversed(order) if item_id in self._item_ids)
            return self._newest

    def matching(self, where: str) -> frozenset[str]:
        """The items that pass the filter. Raises FilterError."""
        parsed = parse_filter(where)
        with self._guard:
            self._refresh()
            if where not in self._matches:
                if self._table is None:
                    self._table = AttributeTable(list(self._on_shelf.values()))
                mask = self._table.mask(parsed)
                if len(self._matches) >= _FILTERS_KEPT:
                    self._matches.clear()
                self._matches[where] = frozenset(self._table.item_ids[row] for row in mask.nonzero()[0])
            return self._matches[where]

    def _refresh(self) -> None:
        version = self._items.version
        if version == self._version:
            return
        if self._version < 0:
            self._on_shelf = {item.item_id: item for item in self._items.all()}
            changed = True
        else:
            changed = self._take_changes()
        self._version = version
        if changed:
            self._item_ids = frozenset(self._on_shelf)
            self._table = None
            self._matches.clear()
            self._newest = None

    def _take_changes(self) -> bool:
        """Whether any item differs; being embedded changes nothing here."""
        found = self._items.get_many(self._items.changed_since(self._version))
        differing = [item for item in found.values() if self._on_shelf.get(item.item_id) != item]
        for item in differing:
            if item.withdrawn:
                self._on_shelf.pop(item.item_id, None)
            else:
                self._on_shelf[item.item_id] = item
        return bool(differing)
