"""Conversations of programs: each goes on under the session id that its first answer gave."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agent.conversation import Conversation
from retrieval.errors import BusyError, RequestError

MOST_TALKS = 500
MAX_SESSION_CHARS = 64


@dataclass(slots=True)
class _Talk:
    conversation: Conversation
    lock: threading.Lock = field(default_factory=threading.Lock)


class Talks:
    """The conversations that go on, by person and session id; those used longest ago go when there are too many."""

    def __init__(self, begin: Callable[[str | None, str], Conversation], most: int = MOST_TALKS) -> None:
        """begin: makes a person's new conversation of a session id."""
        self._begin = begin
        self._most = most
        self._lock = threading.Lock()
        self._talks: OrderedDict[tuple[str | None, str], _Talk] = OrderedDict()

    @contextmanager
    def going_on(self, user_id: str | None, session_id: str) -> Iterator[tuple[str, Conversation]]:
        """The session's id and its conversation, for one caller at a time; a new one where there is none.

        session_id: empty begins a conversation under a new id. Another person with the same id has another one.
        Raises RequestError for an id that cannot be one, BusyError while the conversation is answering.
        """
        if not isinstance(session_id, str) or len(session_id) > MAX_SESSION_CHARS or not session_id.isprintable():
            raise RequestError(
                f"session_id is {session_id!r:.80}; expected the id of an answer, or text of at most "
                f"{MAX_SESSION_CHARS} characters, or nothing for a new conversation"
            )
        session_id = session_id or secrets.token_urlsafe(12)
        talk = self._talk(user_id, session_id)
        if not talk.lock.acquire(blocking=False):
            raise BusyError("this conversation is still answering; wait for its answer, then go on")
        try:
            yield session_id, talk.conversation
        finally:
            talk.lock.release()

    def _talk(self, user_id: str | None, session_id: str) -> _Talk:
        with self._lock:
            key = (user_id, session_id)
            if key not in self._talks:
                self._talks[key] = _Talk(self._begin(user_id, session_id))
            self._talks.move_to_end(key)
            while len(self._talks) > self._most:
                self._talks.popitem(last=False)
            return self._talks[key]
