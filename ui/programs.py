"""What programs may call, over HTTP and over MCP alike: recommend, reply, feedback and similar.

The type hints and docstrings are the schemas that programs see, so hints are evaluated here, not kept as text.
"""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar, cast

import gradio as gr

from agent.conversation import Conversation
from agent.recommender import Recommender
from retrieval.errors import MediaError, RequestError
from retrieval.types import EventType
from ui.identity import acting_user, caller_of
from ui.line import Line
from ui.memory import Memory
from ui.throttle import Throttle
from ui.wire import (
    FeedbackAnswer,
    RecommendAnswer,
    ReplyAnswer,
    SimilarAnswer,
    recommend_answer,
    reply_answer,
    similar_answer,
)
from ui.within import Within

T = TypeVar("T")

MAX_BASE64_CHARS = 3_000_000
"""A picture of 2.2 MB; with the rest of a call it stays below the 4 MiB that a call may have."""
_SOURCE = "api"


class Programs:
    """The four functions. Each raises TastemakerError, with a sentence for the caller."""

    def __init__(self, recommender: Recommender, line: Line, throttle: Throttle, memory: Memory) -> None:
        """throttle: how often one caller may ask, here and on the page together. memory: has the conversations."""
        self._recommender = recommender
        self._line = line
        self._throttle = throttle
        self._memory = memory

    def functions(self) -> tuple[Callable[..., object], ...]:
        """All four."""
        return self.recommend, self.reply, self.feedback, self.similar

    def recommend(
        self,
        query: str = "",
        user_id: str = "",
        where: str = "",
        k: int = 5,
        picture: str = "",
        request: gr.Request | None = None,
    ) -> RecommendAnswer:
        """The items of the catalogue that suit a person and a wish best, each with a checked reason and its evidence.

        Args:
            query: What is wanted, in words; empty for what suits the person.
            user_id: Whose likes count; empty for the login, or for nobody in particular.
            where: Filter by attributes, such as price < 50 and colour = 'red'.
            k: How many, 1 to 100.
            picture: A picture of something like it: JPEG, PNG, WebP or GIF, in base64.
        """
        user = self._admit(request, user_id)
        image = _picture(picture)
        found = self._line.run(
            lambda: self._recommender.recommend(
                user_id=user, query=query or None, image=image, where=where or None, k=k, source=_SOURCE
            )
        )
        return recommend_answer(found)

    def reply(
        self,
        message: str,
        session_id: str = "",
        user_id: str = "",
        picture: str = "",
        request: gr.Request | None = None,
    ) -> ReplyAnswer:
        """The answer to a message in a conversation that goes on: wishes, "cheaper", "like the second", "why this?".

        Args:
            message: What the person says.
            session_id: Of the answer before, to go on from there; empty for a new conversation.
            user_id: Whose likes count; empty for the login, or for nobody in particular.
            picture: A picture that comes with the message: JPEG, PNG, WebP or GIF, in base64.
        """
        user = self._admit(request, user_id)
        if not isinstance(message, str):
            raise RequestError(f"message is {message!r:.80} ({type(message).__name__}); expected text")
        image = _picture(picture)
        talks = self._memory.talks
        with talks.going_on(caller_of(request), user, session_id, self._begin) as (session_id, conversation):
            return reply_answer(session_id, self._line.run(lambda: conversation.reply(message, image=image)))

    def feedback(
        self,
        item_id: str,
        type: EventType,  # noqa: A002  the name that the log has for it
        request_id: str = "",
        user_id: str = "",
        value: float | None = None,
        request: gr.Request | None = None,
    ) -> FeedbackAnswer:
        """Write to the log what a person did with an item; it counts from the next answer on.

        Args:
            item_id: Of the item, as answers name it.
            type: What was done, such as like, dislike, click, buy or rate.
            request_id: Of the answer that showed the item; empty where none did.
            user_id: Who did it; empty for the login.
            value: The rating of a rate, the quantity of a buy.
        """
        user = self._admit(request, user_id)
        if user is None:
            raise RequestError("the user_id is missing; say whose feedback it is")
        self._recommender.feedback(user, item_id, type, request_id or None, value=value, source=_SOURCE)
        return FeedbackAnswer(user_id=user, item_id=item_id, type=EventType(type).value)

    def similar(
        self, item_id: str, k: int = 5, where: str = "", user_id: str = "", request: gr.Request | None = None
    ) -> SimilarAnswer:
        """The items most like another in text and picture, and what they have in common with it.

        Args:
            item_id: Of the item, as answers name it.
            k: How many, 1 to 100.
            where: Filter by attributes, such as price < 50 and colour = 'red'.
            user_id: Whose known items are left out; empty for the login, or for nobody in particular.
        """
        user = self._admit(request, user_id)
        return similar_answer(
            self._recommender.similar(item_id, user_id=user, where=where or None, k=k, source=_SOURCE)
        )

    def _begin(self, user_id: str | None, session_id: str) -> Conversation:
        within = Within(self._recommender)
        within.on_forget = self._memory.drop
        return Conversation(cast("Recommender", within), user_id, source=_SOURCE, session_id=session_id)

    def _admit(self, request: gr.Request | None, user_id: str) -> str | None:
        """Whom the call acts for. Raises as `acting_user` does, and BusyError when the caller asks too often."""
        self._throttle.check(caller_of(request))
        return acting_user(request, user_id)


def _picture(text: str) -> bytes | None:
    """The bytes of a picture in base64, None for none. Raises MediaError for text that is none, or too long."""
    if text == "":
        return None
    if not isinstance(text, str) or len(text) > MAX_BASE64_CHARS:
        raise MediaError(f"the picture is no text of at most {MAX_BASE64_CHARS:,} characters; shrink it, then base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(
            "the picture is not in base64; send the file's bytes in base64, without a data: prefix"
        ) from error
