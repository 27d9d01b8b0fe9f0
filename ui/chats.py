"""What was said and shown in each open page: one chat per browser tab, kept in memory."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval.types import EventType

if TYPE_CHECKING:
    from ui.cards import Card

MAX_TURNS = 100
MAX_CHATS = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What the person asked, as the page shows it.

    text: empty where a picture says it all. picture: a small data: URL made by us, or None.
    """

    text: str
    user_id: str
    where: str = ""
    picture: str | None = None


@dataclass(slots=True)
class Mark:
    """What a person made of a card. answered: how many clicks were settled, well or badly."""

    choice: str | None = None
    error: str | None = None
    answered: int = 0


@dataclass(slots=True)
class Turn:
    """One wish and its answer. While `stage` is set, the answer is being worked on."""

    turn_id: str
    said: Said
    stage: str | None = None
    answer: str = ""
    problem: str | None = None
    notice: str | None = None
    footer: str = ""
    cards: tuple[Card, ...] = ()
    request_id: str | None = None
    marks: dict[str, Mark] = field(default_factory=dict)

    def fail(self, sentence: str) -> None:
        """End the turn with a sentence that says what is wrong."""
        self.stage, self.problem = None, sentence

    def view(self) -> dict[str, Any]:
        """The turn as JSON for the page."""
        return {
            "id": self.turn_id,
            "said": asdict(self.said),
            "stage": self.stage,
            "answer": self.answer,
            "problem": self.problem,
            "notice": self.notice,
            "footer": self.footer,
            "cards": [asdict(card) | asdict(self.marks.get(card.item_id, Mark())) for card in self.cards],
        }


class Chat:
    """The turns of one conversation; the latest 100 are kept.

    fresh: opened in place of another one, whose turns the page must clear. A chat that is new only because the
    server was started again leaves what the page still shows.
    """

    def __init__(self, serial: int, *, fresh: bool = False) -> None:
        self.serial = serial
        self._fresh = fresh
        self.session_id = secrets.token_hex(8)
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._version = 0
        self._lock = threading.Lock()

    def say(self, said: Said, stage: str) -> Turn:
        """Open a new turn."""
        turn = Turn(turn_id=secrets.token_hex(6), said=said, stage=stage)
        with self._lock:
            self._turns[turn.turn_id] = turn
            while len(self._turns) > MAX_TURNS:
                self._turns.popitem(last=False)
        return turn

    def card(self, turn_id: str, item_id: str) -> tuple[Turn, Mark] | None:
        """The turn and the mark of a card that was really shown, or None for one that was not."""
        turn = self._turns.get(turn_id)
        if turn is None or all(card.item_id != item_id for card in turn.cards):
            return None
        with self._lock:
            return turn, turn.marks.setdefault(item_id, Mark())

    def settle(self, mark: Mark, *, choice: EventType | None = None, error: str | None = None) -> None:
        """Note how a click ended: saved as `choice`, or not saved because of `error`."""
        with self._lock:
            mark.choice = choice.value if choice is not None else mark.choice
            mark.error = error
            mark.answered += 1

    def view(self) -> dict[str, Any]:
        """Everything that the page shows; a view with a higher version is newer."""
        with self._lock:
            self._version += 1
            return {
                "serial": self.serial,
                "fresh": self._fresh,
                "version": self._version,
                "turns": [turn.view() for turn in self._turns.values()],
            }


class Chats:
    """The open chats by page session; the least recently used ones go when there are too many.

    A page that loses its connection keeps its chat: laptops sleep, and the conversation must not.
    """

    def __init__(self) -> None:
        self._chats: OrderedDict[str, Chat] = OrderedDict()
        self._serial = 0
        self._lock = threading.Lock()

    def of(self, session: str) -> Chat:
        """The session's chat; a new one on first sight."""
        with self._lock:
            chat = self._chats.get(session) or self._opened(session, fresh=False)
            self._chats.move_to_end(session)
            return chat

    def renew(self, session: str) -> Chat:
        """A new, empty chat in place of the session's old one."""
        with self._lock:
            return self._opened(session, fresh=True)

    def is_current(self, session: str, chat: Chat) -> bool:
        """Whether the session still shows this chat."""
        with self._lock:
            return self._chats.get(session) is chat

    def _opened(self, session: str, *, fresh: bool) -> Chat:
        # Serials grow across restarts too, so that a page which outlives the server never mistakes old for new.
        self._serial = max(self._serial + 1, time.time_ns() // 1_000_000)
        self._chats[session] = Chat(self._serial, fresh=fresh)
        while len(self._chats) > MAX_CHATS:
            self._chats.popitem(last=False)
        return self._chats[session]
