"""Items as prompts show them: from the workspace, with thumbnails that are read once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.facts import CatalogueFacts
from agent.models.base import Picture
from agent.prompts import Shown
from retrieval.errors import MediaError, StoreError
from retrieval.types import Item

if TYPE_CHECKING:
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
        self._lock = threading.Lock()
        self._facts: CatalogueFacts | None = None
        self._facts_version = 0
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
        """The items with their pictures and looks. Raises StoreError when the vectors cannot be read."""
        looks = {} if self._store is None else self._store.get("image", [item.item_id for item in items if item.images])
        return [replace(self.shown(item, image_px), look=looks.get(item.item_id)) for item in items]

    def facts(self) -> CatalogueFacts:
        """Counts over the catalogue as it is now, withdrawn items included; costs what has changed since the last."""
        items = self._workspace.items
        with self._lock:
            version = items.version
            if self._facts is None:
                self._facts = CatalogueFacts(items.all(withdrawn=True))
            elif version != self._facts_version:
                self._facts.update(items.get_many(items.changed_since(self._facts_version)).values())
            self._facts_version = version
            return self._facts

    def _read_thumbnail(self, sha: str, image_px: int) -> Picture:
        return Picture(self._workspace.media.thumbnail(sha, image_px), key=f"{sha}-{image_px}")
