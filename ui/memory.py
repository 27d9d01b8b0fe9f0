"""What the page's server remembers of people between answers, and forgetting one of them."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from retrieval.errors import TastemakerError
from ui.talks import Talks
from ui.visits import Visits

if TYPE_CHECKING:
    from agent.forgetting import Forgotten
    from agent.recommender import Recommender
    from ui.chats import Chat
    from ui.line import Line

logger = logging.getLogger(__name__)


class Memory:
    """The open pages with their chats, and the conversations of programs."""

    def __init__(self, recommender: Recommender, line: Line) -> None:
        """line: in which answers wait for their turn."""
        self.visits = Visits()
        self.talks = Talks()
        self._recommender = recommender
        self._line = line

    def forget(self, user_id: str, chat: Chat) -> Forgotten:
        """Erase what the workspace and the memory hold of a person; what that was. A job of the chat they ask it in.

        Raises StoreError when the disk refuses.
        """
        self.drop(user_id, chat)
        return self._recommender.forget(user_id)

    def drop(self, user_id: str, chat: Chat | None = None) -> None:
        """Drop the person's chats and conversations, on whatever page or caller they are; before the log is erased.

        chat: in which they ask it; it goes on, empty. Whatever is still being answered elsewhere would leave new traces
        in the log when it ends, so that the log is erased again then.
        """
        erase = partial(self._erase, user_id)
        self.talks.drop(user_id, erase)
        for other in self.visits.drop(user_id, chat):
            if other.busy():
                self._afterwards(other, erase)

    def _afterwards(self, chat: Chat, erase: partial[None]) -> None:
        try:
            chat.do(erase, self._line.submit)
        except TastemakerError:  # the line is full, so that it was not busy any more
            erase()

    def _erase(self, user_id: str) -> None:
        try:
            self._recommender.forget(user_id)
        except TastemakerError as error:
            logger.error("what a forgotten person left meanwhile was not erased: %s", error)
