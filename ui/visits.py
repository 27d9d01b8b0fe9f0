"""Which chat each open page shows, and which ones it can go back to."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from ui.chats import Chat

MAX_PAGES = 200
MAX_CHATS = 500


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
        self._chats: OrderedDict[str, Chat] = OrderedDict()
        self._serial = 0
        self._lock = threading.Lock()

    def chat(self, page: str, owner: str | None = None) -> Chat:
        """The chat that the page shows; a new one on first sight. owner: who is logged in on the page."""
        with self._lock:
            return self._page(page, owner).chat

    def renew(self, page: str, owner: str | None = None) -> Chat:
        """A new, empty chat in place of the one that the page shows."""
        with self._lock:
            return self._show(page, self._begun(owner), fresh=True).chat

    def reopen(self, page: str, chat_id: str, owner: str | None = None) -> Chat | None:
        """An earlier chat of this owner in place of the one that the page shows; None where it is no more."""
        with self._lock:
            chat = self._chats.get(chat_id)
            if chat is None or chat.owner != owner:
                return None
            return self._show(page, chat, fresh=True).chat

    def earlier(self, chat_ids: list[str], owner: str | None = None) -> list[Chat]:
        """Of these chats those of this owner in which something was said, the latest first."""
        with self._lock:
            chats = [self._chats[chat_id] for chat_id in dict.fromkeys(chat_ids[::-1]) if chat_id in self._chats]
        return [chat for chat in chats if chat.owner == owner and chat.title()]

    def shows(self, page: str, chat: Chat) -> bool:
        """Whether the page still shows this chat."""
        with self._lock:
            shown = self._pages.get(page)
            return shown is not None and shown.chat is chat

    def view(self, page: str) -> dict[str, Any]:
        """Everything that the page shows."""
        with self._lock:
            shown = self._page(page, None)
        named = {"serial": shown.serial, "fresh": shown.fresh, "chat_id": shown.chat.chat_id}
        return named | shown.chat.view()

    def _page(self, page: str, owner: str | None) -> _Page:
        shown = self._pages.get(page) or self._show(page, self._begun(owner), fresh=False)
        self._pages.move_to_end(page)
        return shown

    def _begun(self, owner: str | None) -> Chat:
        chat = Chat(owner)
        self._chats[chat.chat_id] = chat
        while len(self._chats) > MAX_CHATS:
            self._chats.popitem(last=False)
        return chat

    def _show(self, page: str, chat: Chat, *, fresh: bool) -> _Page:
        # Serials grow across restarts too, so that a page which outlives the server never mistakes old for new.
        self._serial = max(self._serial + 1, time.time_ns() // 1_000_000)
        self._pages[page] = _Page(chat, self._serial, fresh)
        self._pages.move_to_end(page)
        while len(self._pages) > MAX_PAGES:
            self._pages.popitem(last=False)
        return self._pages[page]
