"""Conversations of programs: each goes on under the session id that its first answer gave."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agent.conversation import Conversation
from retrieval.errors import BusyError, RequestError
from ui.shelf import Shelf

MOST_TALKS, MOST_TALKS_EACH = 500, 100
MAX_SESSION_CHARS = 64

Begin = Callable[[str | None, str], Conversation]
"""Makes a new conversation of a person and a session id."""


@dataclass(slots=True)
class _Talk:
    """afterwards: what is to be done when the conversation, which was dropped, has answered."""

    conversation: Conversation
    afterwards: Callable[[], object] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Talks:
    """The conversations that go on, by caller, person and session id; see `Shelf` for which go when there are too many.

    caller: whose conversations count together, as `caller_of` names them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._talks: Shelf[tuple[str, str | None, str], _Talk] = Shelf(MOST_TALKS, MOST_TALKS_EACH)

    @contextmanager
    def going_on(
        self, caller: str, user_id: str | None, session_id: str, begin: Begin
    ) -> Iterator[tuple[str, Conversation]]:
        """The session's id and its conversation, for one call at a time; a new one where there is none.

        session_id: empty begins a conversation under a new id. Another person with the same id has another one.
        begin: makes a new conversation.
        Raises RequestError for an id that cannot be one, BusyError while the conversation is answering.
        """
        if not isinstance(session_id, str) or len(session_id) > MAX_SESSION_CHARS or not session_id.isprintable():
            raise RequestError(
                f"session_id is {session_id!r:.80}; expected the id of an answer, or text of at most "
                f"{MAX_SESSION_CHARS} characters, or nothing for a new conversation"
            )
        session_id = session_id or secrets.token_urlsafe(12)
        talk = self._talk(caller, user_id, session_id, begin)
        if not talk.lock.acquire(blocking=False):
            raise BusyError("this conversation is still answering; wait for its answer, then go on")
        try:
            yield session_id, talk.conversation
        finally:
            talk.lock.release()
            if talk.afterwards is not None:
                talk.afterwards()

    def drop(self, user_id: str, afterwards: Callable[[], object]) -> None:
        """Take away the conversations with this person. afterwards: is done after each that is still answering."""
        with self._lock:
            for key, talk in self._talks.having(lambda key, _: key[1] == user_id):
                talk.afterwards = afterwards
                self._talks.drop(key)

    def _talk(self, caller: str, user_id: str | None, session_id: str, begin: Begin) -> _Talk:
        key = (caller, user_id, session_id)
        with self._lock:
            talk = self._talks.get(key)
            if talk is None:
                talk = _Talk(begin(user_id, session_id))
                self._talks.put(key, caller, talk)
            return talk
