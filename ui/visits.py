"""Which chat each open page shows, and which ones it can go back to."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from ui.chats import Chat
from ui.shelf import Shelf

MAX_PAGES, MAX_PAGES_EACH = 200, 50
MAX_CHATS, MAX_CHATS_EACH = 500, 100


@dataclass(frozen=True, slots=True)
class _Page:
    """serial: grows with each chat that the page shows. fresh: whether what the page showed before must go."""

    chat: Chat
    serial: int
    fresh: bool


class Visits:
    """The open pages and their chats, each of an owner (`caller_of`); see `Shelf` for which go when there are too many.

    A page that loses its connection keeps its chat: laptops sleep, and the conversation must not. A page that is new
    only because the server was started again leaves what it still shows.
    """

    def __init__(self) -> None:
        self._pages: Shelf[str, _Page] = Shelf(MAX_PAGES, MAX_PAGES_EACH)
        self._chats: Shelf[str, Chat] = Shelf(MAX_CHATS, MAX_CHATS_EACH)
        self._serial = 0
        self._lock = threading.Lock()

    def chat(self, page: str, owner: str) -> Chat:
        """The chat that the page shows; a new one on first sight. owner: who sits before the page."""
        with self._lock:
            return self._page(page, owner).chat

    def renew(self, page: str, owner: str) -> Chat:
        """A new, empty chat in place of the one that the page shows."""
        with self._lock:
            return self._show(page, self._begun(owner), fresh=True).chat

    def reopen(self, page: str, chat_id: str, owner: str) -> Chat | None:
        """An earlier chat of this owner in place of the one that the page shows; None where it is no more."""
        with self._lock:
            chat = self._chats.get(chat_id)
            if chat is None or chat.owner != owner:
                return None
            return self._show(page, chat, fresh=True).chat

    def earlier(self, chat_ids: list[str], owner: str) -> list[Chat]:
        """Of these chats those of this owner in which something was said, the latest first."""
        with self._lock:
            chats = [self._chats.get(chat_id) for chat_id in dict.fromkeys(chat_ids[::-1])]
        return [chat for chat in chats if chat is not None and chat.owner == owner and chat.title()]

    def shows(self, page: str, chat: Chat) -> bool:
        """Whether the page still shows this chat."""
        with self._lock:
            shown = self._pages.get(page)
            return shown is not None and shown.chat is chat

    def view(self, page: str, owner: str) -> dict[str, Any]:
        """Everything that the page shows."""
        with self._lock:
            shown = self._page(page, owner)
        named = {"serial": shown.serial, "fresh": shown.fresh, "chat_id": shown.chat.chat_id}
        return named | shown.chat.view()

    def drop(self, user_id: str, chat: Chat | None = None) -> list[Chat]:
        """Take away the chats with this person, and give them; pages that showed one show a new one.

        chat: one that is emptied instead, and goes on.
        """
        with self._lock:
            theirs = [
                each for _, each in self._chats.having(lambda _, each: each is not chat and each.is_with(user_id))
            ]
            gone = {each.chat_id for each in theirs}
            for chat_id in gone:
                self._chats.drop(chat_id)
            if chat is not None:
                chat.empty()
            for page, shown in self._pages.having(lambda _, page: page.chat is chat or page.chat.chat_id in gone):
                self._show(page, shown.chat if shown.chat is chat else self._begun(shown.chat.owner), fresh=True)
        return theirs

    def _page(self, page: str, owner: str) -> _Page:
        shown = self._pages.get(page) or self._show(page, self._begun(owner), fresh=False)
        self._chats.get(shown.chat.chat_id)  # a chat that is on a page is in use
        return shown

    def _begun(self, owner: str) -> Chat:
        chat = Chat(owner)
        self._chats.put(chat.chat_id, owner, chat)
        return chat

    def _show(self, page: str, chat: Chat, *, fresh: bool) -> _Page:
        # Serials grow across restarts too, so that a page which outlives the server never mistakes old for new.
        self._serial = max(self._serial + 1, time.time_ns() // 1_000_000)
        shown = _Page(chat, self._serial, fresh)
        self._pages.put(page, chat.owner, shown)
        return shown
