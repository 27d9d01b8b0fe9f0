"""One turn of the chat, from what was asked to what is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from agent.conversation import Conversation, Reply
from retrieval.errors import TastemakerError
from ui.cards import REASON_CHARS, footer, make_card, plain, sentence, unexplained
from ui.chats import Talk
from ui.i18n import Text, known, words
from ui.nothing import why_nothing
from ui.opinions import opinions
from ui.within import Within

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from ui.cards import Card
    from ui.chats import Chat, Said, Turn
    from ui.comparing import Table
    from ui.line import Line
    from ui.memory import Memory

logger = logging.getLogger(__name__)

CARDS = 5
WAITING = words("waiting")
_STAGES = {name: words(f"stage_{name}") for name in ("understand", "retrieve", "rerank", "reasons", "why")}
_MOST_CHARS = 2000

Do = Callable[[Conversation], Reply]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person wants: how the page shows it, and what the conversation does for it.

    stage: what it begins with. table: a comparison that is shown with the answer. goes_back: whether it takes the last
    step back.
    """

    said: Said
    do: Do
    stage: str = "understand"
    table: Table | None = None
    goes_back: bool = False


class Answering:
    """Answers what is asked in chats. One object serves all of them."""

    def __init__(self, recommender: Recommender, line: Line, memory: Memory) -> None:
        """line: in which answers wait for their turn. memory: forgets whoever asks for it in a chat."""
        self._recommender = recommender
        self._memory = memory
        self._line = line

    def answer(self, chat: Chat, ask: Ask) -> Iterator[None]:
        """Answer in a new turn of the chat; gives a sign whenever the chat has something new to show.

        The answer is found even when nobody waits for the signs any more: who comes back sees it.
        """
        turn = chat.say(ask.said, words("after_above") if chat.busy() else WAITING)
        submit = partial(self._line.submit, on_place=partial(self._wait, chat, turn))
        try:
            chat.do(lambda: self._work(chat, turn, ask), submit)
        except TastemakerError as error:
            chat.change(turn, stage=None, problem=sentence(str(error)), **_as_before(chat))
        yield from chat.follow(turn)

    def refuse(self, chat: Chat, said: Said, problem: Text) -> Iterator[None]:
        """A new turn that only says what is wrong with what was sent."""
        turn = chat.say(said, WAITING)
        chat.change(turn, stage=None, problem=problem, **_as_before(chat))
        yield

    def _wait(self, chat: Chat, turn: Turn, place: int) -> None:
        """Show the place in the line, 1 for the next."""
        chat.change(turn, stage=words("waiting_next") if place == 1 else words("waiting_place", place=str(place)))

    def _work(self, chat: Chat, turn: Turn, ask: Ask) -> None:
        """What was done wrong becomes a sentence in the turn. A fault of ours does too, and is logged."""
        before = _as_before(chat)
        try:
            values = self._answered(chat, turn, ask)
        except TastemakerError as error:
            values = before | {"cards": (), "problem": sentence(str(error))}
        except Exception:
            logger.exception("a turn of the chat failed")
            values = before | {"cards": (), "problem": words("fault")}
        chat.change(turn, stage=None, **values)

    def _answered(self, chat: Chat, turn: Turn, ask: Ask) -> dict[str, Any]:
        user_id, where = turn.said.user_id, turn.said.where or None
        if not self._recommender.count(user_id=user_id, where=where):  # a wrong filter is said here, too
            return _as_before(chat) | {"problem": known(why_nothing(self._recommender.workspace, where=where))}
        talk, replaced = chat.talk(user_id, self._begin)
        talk.within.where, talk.within.blocks = where, False
        talk.within.on_stage = lambda stage: chat.change(turn, stage=_STAGES.get(stage, turn.stage))
        talk.within.on_ranked = lambda ranked: chat.change(turn, cards=tuple(map(unexplained, ranked)))
        talk.within.on_words = lambda place, told: chat.change(turn, cards=_written(turn.cards, place, told))
        talk.within.on_forget = lambda user_id: self._memory.drop(user_id, chat)
        chat.change(turn, stage=_STAGES[ask.stage])
        reply = ask.do(talk.conversation)
        chat.note_opinions(user_id, opinions(self._recommender.workspace, user_id))
        notice: list[Text] = [words("now_you_are", user=plain(user_id, 80))] if replaced else []
        notice += [sentence(reply.note)] if reply.note else []
        if where and talk.within.blocks and not reply.recommendations:
            notice.append(words("filter_stands", where=plain(where, 200)))
        return {
            **_shown(reply),
            "notice": tuple(notice),
            "chips": reply.chips,
            "offers": reply.offers,
            "undoable": bool(reply.chips) or not ask.goes_back,
            "table": ask.table,
        }

    def _begin(self, user_id: str, session_id: str) -> Talk:
        within = Within(self._recommender)
        recommender = cast("Recommender", within)
        return Talk(Conversation(recommender, user_id, k=CARDS, source="ui", session_id=session_id), within)


def _written(cards: Sequence[Card], place: int, told: str) -> tuple[Card, ...]:
    """The cards with so much of the reason of one of them."""
    return (*cards[:place], replace(cards[place], reason=plain(told, REASON_CHARS)), *cards[place + 1 :])


def _shown(reply: Reply) -> dict[str, Any]:
    text, found = plain(reply.text, _MOST_CHARS), reply.recommendations
    if not found:
        return {"speech": text, "cards": ()}
    cards = tuple(map(make_card, found))
    return {"answer": text, "found": found, "cards": cards, "footer": footer(found.timings_ms, cards)}


def _as_before(chat: Chat) -> dict[str, Any]:
    """What stands after a turn that changed nothing."""
    return {"chips": chat.standing(), "undoable": chat.undoable()}
