"""One turn of the chat, from what was asked to what is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from agent.conversation import Conversation, Reply
from retrieval.errors import TastemakerError
from ui.cards import footer, make_card, plain, sentence
from ui.i18n import Text, known, words
from ui.nothing import why_nothing

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from ui.chats import Chat, Said, Turn
    from ui.line import Line

logger = logging.getLogger(__name__)

CARDS = 5
WAITING = words("waiting")
_STAGES = {name: words(f"stage_{name}") for name in ("retrieve", "rerank", "reasons")}
_MOST_CHARS = 2000

OnStage = Callable[[str], object]
Do = Callable[[Conversation, OnStage], Reply]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person wants: how the page shows it, and what the conversation does for it.

    undoes: whether it takes the last search back.
    """

    said: Said
    do: Do
    undoes: bool = False


class Answering:
    """Answers what is asked in chats. One object serves all of them."""

    def __init__(self, recommender: Recommender, line: Line) -> None:
        """line: in which answers wait for their turn."""
        self._recommender = recommender
        self._line = line

    def answer(self, chat: Chat, ask: Ask) -> Iterator[None]:
        """Answer in a new turn of the chat; gives a sign whenever the chat has something new to show.

        The answer is found even when nobody waits for the signs any more: who comes back sees it.
        """
        turn = chat.say(ask.said, words("after_above") if chat.busy() else WAITING)
        place = partial(self._wait, chat, turn)
        chat.do(lambda: self._work(chat, turn, ask), partial(self._line.submit, on_place=place))
        yield from chat.follow(turn)

    def refuse(self, chat: Chat, said: Said, problem: Text) -> Iterator[None]:
        """A new turn that only says what is wrong with what was sent."""
        turn = chat.say(said, WAITING)
        chat.change(turn, stage=None, problem=problem, chips=chat.standing(), undoable=chat.steps > 0)
        yield

    def _wait(self, chat: Chat, turn: Turn, place: int) -> None:
        """Show the place in the line, 1 for the next."""
        chat.change(turn, stage=words("waiting_next") if place == 1 else words("waiting_place", place=str(place)))

    def _work(self, chat: Chat, turn: Turn, ask: Ask) -> None:
        """What was done wrong becomes a sentence in the turn. A fault of ours does too, and is logged."""
        standing = chat.standing()
        try:
            values = self._answered(chat, turn, ask)
        except TastemakerError as error:
            values = {"problem": sentence(str(error)), "chips": standing}
        except Exception:
            logger.exception("a turn of the chat failed")
            values = {"problem": words("fault"), "chips": standing}
        chat.change(turn, stage=None, undoable=chat.steps > 0, **values)

    def _answered(self, chat: Chat, turn: Turn, ask: Ask) -> dict[str, Any]:
        where = turn.said.where or None
        self._recommender.count(user_id=turn.said.user_id, where=where)  # a wrong filter is said at once
        conversation, replaced = chat.conversation(turn.said.user_id, self._begin)
        if replaced:
            chat.steps = 0
        conversation.where = where
        reply = ask.do(conversation, lambda stage: chat.change(turn, stage=_STAGES.get(stage, turn.stage)))
        if ask.undoes:
            chat.steps = max(0, chat.steps - 1)
        elif reply.recommendations is not None:
            chat.steps += 1
        notice: list[Text] = [words("now_you_are", user=plain(turn.said.user_id, 80))] if replaced else []
        notice += [sentence(reply.note)] if reply.note else []
        return self._shown(reply, where) | {"notice": tuple(notice)}

    def _shown(self, reply: Reply, where: str | None) -> dict[str, Any]:
        text, found = plain(reply.text, _MOST_CHARS), reply.recommendations
        if found is None:
            return {"speech": text, "chips": reply.chips}
        cards = tuple(map(make_card, found))
        shown = {"found": found, "cards": cards, "chips": reply.chips, "footer": footer(found.timings_ms, cards)}
        if not cards:
            return shown | {"problem": known(why_nothing(self._recommender.workspace, where=where))}
        return shown | {"answer": text}

    def _begin(self, user_id: str, session_id: str) -> Conversation:
        return Conversation(self._recommender, user_id, k=CARDS, source="ui", session_id=session_id)
