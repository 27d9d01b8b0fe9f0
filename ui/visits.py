"""Which chat each open page shows."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from ui.chats import Chat

MAX_PAGES = 200


@dataclass(frozen=True, slots=True)
class _Page:
    """serial: grows with each chat that the page shows. fresh: whether what the page showed before must go."""

    chat: Chat
    serial: int
    fresh: bool


class Visits:
    """The open pages; the least recently used ones go when there are too many.

    A page that loses its connection keeps its chat: laptops sleep, and the conversation must not. A page that is new
    only because the server was started again leaves what it still shows.
    """

    def __init__(self) -> None:
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._serial = 0
        self._lock = threading.Lock()

    def chat(self, page: str) -> Chat:
        """The chat that the page shows; a new one on first sight."""
        with self._lock:
            return self._page(page).chat

    def renew(self, page: str) -> Chat:
        """A new, empty chat in place of the one that the page shows."""
        with self._lock:
            return self._show(page, Chat(), fresh=True).chat

    def shows(self, page: str, chat: Chat) -> bool:
        """Whether the page still shows this chat."""
        with self._lock:
            shown = self._pages.get(page)
            return shown is not None and shown.chat is chat

    def view(self, page: str) -> dict[str, Any]:
        """Everything that the page shows."""
        with self._lock:
            shown = self._page(page)
        return {"serial": shown.serial, "fresh": shown.fresh} | shown.chat.view()

    def _page(self, page: str) -> _Page:
        shown = self._pages.get(page) or self._show(page, Chat(), fresh=False)
        self._pages.move_to_end(page)
        return shown

    def _show(self, page: str, chat: Chat, *, fresh: bool) -> _Page:
        # Serials grow across restarts too, so that a page which outlives the server never mistakes old for new.
        self._serial = max(self._serial + 1, time.time_ns() // 1_000_000)
        self._pages[page] = _Page(chat, self._serial, fresh)
        self._pages.move_to_end(page)
        while len(self._pages) > MAX_PAGES:
            self._pages.popitem(last=False)
        return self._pages[page]
