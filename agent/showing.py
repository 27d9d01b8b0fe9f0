"""Items as prompts show them: from the workspace, with thumbnails that are read once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from agent.facets import FacetCounts
from agent.facts import CatalogueFacts
from agent.models.base import Picture
from agent.prompts import Shown
from retrieval.errors import MediaError, StoreError
from retrieval.picture_values import Glance
from retrieval.types import Item

if TYPE_CHECKING:
    from agent.dialogue import Facet
    from agent.facets import Range
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

logger = logging.getLogger(__name__)

_THUMBNAILS_KEPT = 2048


class Showcase:
    """The workspace's items, their first pictures at a model's size, and what is true of the catalogue as a whole."""

    def __init__(self, workspace: Workspace, store: VectorStore | None = None) -> None:
        """store: where the vectors of the items' pictures are; without one, nothing is known of how they look."""
        self._workspace = workspace
        self._store = store
        self._facts = _Followed(workspace, CatalogueFacts)
        self._facets = _Followed(workspace, FacetCounts)
        self._glance = None if store is None else Glance(workspace, store)
        self._thumbnail = lru_cache(maxsize=_THUMBNAILS_KEPT)(self._read_thumbnail)

    def items(self, item_ids: Iterable[str]) -> list[Item]:
        """The items of these ids in this order, withdrawn ones included; unknown ids are left out."""
        return list(self._workspace.items.get_many(list(item_ids)).values())

    def shown(self, item: Item, image_px: int) -> Shown:
        """The item with its picture; without one when it has none or the file is gone."""
        if not item.images:
            return Shown(item)
        try:
            return Shown(item, self._thumbnail(item.images[0], image_px))
        except (MediaError, StoreError) as error:
            logger.warning("%s is shown without its picture: %s", item.item_id, error)
            return Shown(item)

    def shown_all(self, items: Sequence[Item], image_px: int) -> list[Shown]:
        """The items with their pictures, looks, and what these tell. Raises StoreError: vectors cannot be read."""
        looks = {} if self._store is None else self._store.get("image", [item.item_id for item in items if item.images])
        seen = {} if self._glance is None else self._glance.seen(items)
        shown = [self.shown(item, image_px) for item in items]
        return [replace(s, look=looks.get(s.item.item_id), seen=seen.get(s.item.item_id, {})) for s in shown]

    def facts(self) -> CatalogueFacts:
        """Counts over the catalogue as it is now, withdrawn items included; costs what has changed since the last."""
        with self._facts.lock:
            return self._facts.current()

    def facets(self) -> tuple[Facet, ...]:
        """The attributes that messages speak of, in the catalogue as it is now; costs what has changed."""
        with self._facets.lock:
            return self._facets.current().facets()

    def value_counts(self, name: str) -> Mapping[str, int]:
        """How many items have each value of an attribute, the most common first."""
        with self._facets.lock:
            return self._facets.current().counts(name)

    def ranges(self) -> dict[str, Range]:
        """From where to where the numbers or dates of each attribute go that has any, in the catalogue's order."""
        with self._facets.lock:
            return self._facets.current().ranges()

    def _read_thumbnail(self, sha: str, image_px: int) -> Picture:
        return Picture(self._workspace.media.thumbnail(sha, image_px), key=f"{sha}-{image_px}")


class _Counts(Protocol):
    def update(self, items: Iterable[Item]) -> None: ...


_C = TypeVar("_C", bound=_Counts)


class _Followed(Generic[_C]):
    """Counts over a workspace's items, withdrawn ones included, that follow its changes. Use it under its lock."""

    def __init__(self, workspace: Workspace, count: Callable[[Iterable[Item]], _C]) -> None:
        self.lock = threading.Lock()
        self._workspace = workspace
        self._count = count
        self._counts: _C | None = None
        self._version = 0

    def current(self) -> _C:
        """The counts of now; costs what has changed since the last call."""
        items = self._workspace.items
        version = items.version
        if self._counts is None:
            self._counts = self._count(items.all(withdrawn=True))
        elif version != self._version:
            self._counts.update(items.get_many(items.changed_since(self._version)).values())
        self._version = version
        return self._counts
