"""What was said and shown in one conversation of the page."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from retrieval.errors import TastemakerError
from ui.cards import plain
from ui.i18n import Text, words

if TYPE_CHECKING:
    from agent.conversation import Conversation
    from agent.dialogue_state import Chip
    from agent.recommendations import Recommendations
    from retrieval.types import Event, Recommendation
    from ui.cards import Card
    from ui.comparing import Table
    from ui.within import Within

MAX_TURNS = 100

T = TypeVar("T")
Job = Callable[[], None]
Submit = Callable[[Job], object]
"""Has a call made in another thread, when it is its turn."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the person asked, as the page shows it.

    text: empty where a picture says it all. picture: a small data: URL made by us, or None.
    """

    text: Text
    user_id: str
    where: str = ""
    picture: str | None = None

    def view(self) -> dict[str, Any]:
        """The same as JSON, with who and where as harmless lines."""
        return asdict(self) | {"user_id": plain(self.user_id, 80), "where": plain(self.where, 200)}


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation, and the recommender that it has."""

    conversation: Conversation
    within: Within


@dataclass(slots=True)
class Mark:
    """What a person made of an item. answered: how many clicks were settled, well or badly."""

    choice: str | None = None
    error: Text | None = None
    answered: int = 0


@dataclass(slots=True)
class Turn:
    """One message and its answer. While `stage` is set, the answer is being worked on.

    answer: stands over cards. speech: an answer in words alone. chips: what the conversation wants after this turn.
    offers: what it proposes. found: what the cards show, with the evidence; None until all of it is known.
    """

    turn_id: str
    said: Said
    stage: Text | None = None
    answer: str = ""
    speech: str = ""
    problem: Text | None = None
    notice: tuple[Text, ...] = ()
    footer: tuple[Text, ...] = ()
    cards: tuple[Card, ...] = ()
    table: Table | None = None
    chips: tuple[Chip, ...] = ()
    offers: tuple[Chip, ...] = ()
    undoable: bool = False
    found: Recommendations | None = None
    changes: int = 0

    def view(self, marks: Callable[[str], Mark]) -> dict[str, Any]:
        """The turn as JSON for the page. marks: what the person made of an item."""
        return {
            "id": self.turn_id,
            "said": self.said.view(),
            "stage": self.stage,
            "answer": self.answer,
            "speech": self.speech,
            "problem": self.problem,
            "notice": list(self.notice),
            "footer": list(self.footer),
            "chips": [asdict(chip) for chip in self.chips],
            "offers": [asdict(offer) for offer in self.offers],
            "undoable": self.undoable,
            "table": None if self.table is None else asdict(self.table),
            "cards": [asdict(card) | asdict(marks(card.item_id)) for card in self.cards],
        }


class Chat:
    """The turns of one conversation, the latest 100, and the conversation itself. Safe to use from many threads.

    Its jobs are done one after another, in the order in which they were given: each message means what it means after
    the answers before it.
    """

    def __init__(self, owner: str) -> None:
        """owner: who alone may come back to the chat, as `caller_of` names them."""
        self.owner = owner
        self.session_id = secrets.token_hex(8)
        self.chat_id = secrets.token_urlsafe(18)
        """Who knows it may read the chat: it stays between the server and the browser, and out of the log."""
        self._talk: Talk | None = None
        self._user_id: str | None = None
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._marks: dict[tuple[str, str], Mark] = {}
        self._version = 0
        self._changes = threading.Condition()
        self._jobs: deque[tuple[Job, Submit]] = deque()
        self._at_work = False

    # --- the conversation ---------------------------------------------------------------------------------------

    def talk(self, user_id: str, begin: Callable[[str, str], Talk]) -> tuple[Talk, bool]:
        """The conversation with this user, and whether it took the place of one with another user.

        begin: makes a new one, of a user and a session id.
        """
        replaced = self._talk is not None and self._user_id != user_id
        if self._talk is None or replaced:
            self._talk, self._user_id = begin(user_id, self.session_id), user_id
        return self._talk, replaced

    def is_with(self, user_id: str) -> bool:
        """Whether this person, maybe among others, said anything in the chat."""
        with self._changes:
            return self._user_id == user_id or any(turn.said.user_id == user_id for turn in self._turns.values())

    def empty(self) -> None:
        """Drop what was said and shown, and the conversation; what is still to be answered begins a new one."""
        with self._changes:
            self._turns = OrderedDict((key, turn) for key, turn in self._turns.items() if turn.stage is not None)
            self._marks.clear()
            self._talk = self._user_id = None

    def run(self, work: Callable[[], T], submit: Submit) -> T:
        """What the work gives, done as a job. Raises what `do` and the work raise."""
        done: Future[T] = Future()

        def job() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001  raised below, where it is waited for
                done.set_exception(error)

        self.do(job, submit)
        return done.result()

    def do(self, job: Job, submit: Submit) -> None:
        """Have a job done after those that were given before it. submit: has a call made in another thread.

        Raises what `submit` raises; then the job is not done, but those that were given meanwhile are.
        """
        with self._changes:
            self._jobs.append((job, submit))
            if self._at_work:
                return
            self._at_work = True
        try:
            submit(self._work)
        except BaseException:
            with self._changes:
                self._jobs.remove((job, submit))
            self._next()
            raise

    def busy(self) -> bool:
        """Whether a job is being done, or waits."""
        with self._changes:
            return self._at_work

    def _work(self) -> None:
        with self._changes:
            job, _ = self._jobs.popleft()
        try:
            job()
        finally:
            self._next()

    def _next(self) -> None:
        """Back into the line, so that whoever waits elsewhere has their turn in between; unless the line is full."""
        with self._changes:
            self._at_work = bool(self._jobs)
            submit = self._jobs[0][1] if self._jobs else None
        if submit is None:
            return
        try:
            submit(self._work)
        except TastemakerError:
            self._work()

    # --- the turns ----------------------------------------------------------------------------------------------

    def say(self, said: Said, stage: Text) -> Turn:
        """Open a new turn."""
        turn = Turn(turn_id=secrets.token_hex(6), said=said, stage=stage)
        with self._changes:
            self._turns[turn.turn_id] = turn
            while len(self._turns) > MAX_TURNS:
                self._turns.popitem(last=False)
        return turn

    def change(self, turn: Turn, **values: Any) -> None:
        """Give fields of the turn new values, at once, and tell whoever follows it."""
        with self._changes:
            for name, value in values.items():
                setattr(turn, name, value)
            turn.changes += 1
            self._changes.notify_all()

    def follow(self, turn: Turn) -> Iterator[None]:
        """A sign at once, and one whenever the turn may have changed, until it is answered."""
        done, seen = False, -1
        while not done:
            with self._changes:
                self._changes.wait_for(lambda seen=seen: turn.changes != seen)  # type: ignore[misc]
                done, seen = turn.stage is None, turn.changes
            yield

    def title(self) -> Text:
        """What the chat began with; empty where nothing was said."""
        with self._changes:
            said = next((turn.said for turn in self._turns.values()), None)
        return "" if said is None else said.text or words("picture_only")

    def standing(self) -> tuple[Chip, ...]:
        """What the conversation wants after its latest answer."""
        latest = self._latest()
        return () if latest is None else latest.chips

    def undoable(self) -> bool:
        """Whether the latest answer can be taken back."""
        latest = self._latest()
        return latest is not None and latest.undoable

    def offers(self) -> tuple[Chip, ...]:
        """What the latest answer proposes."""
        latest = self._latest()
        return () if latest is None else latest.offers

    def catch_up(self) -> Iterator[None]:
        """A sign at once, and one whenever something may have changed, until everything asked so far is answered."""
        with self._changes:
            last = next(reversed(self._turns.values()), None)
        if last is None:
            yield
        else:
            yield from self.follow(last)

    def _latest(self) -> Turn | None:
        with self._changes:
            return next((turn for turn in reversed(self._turns.values()) if turn.stage is None), None)

    # --- what people make of items ------------------------------------------------------------------------------

    def recommended(self, turn_id: str, item_id: str) -> tuple[Turn, Recommendation] | None:
        """The turn that showed an item, and what it said of it; None for what was not shown."""
        with self._changes:
            turn = self._turns.get(turn_id)
            entries = () if turn is None or turn.found is None else turn.found.entries
        entry = next((entry for entry in entries if entry.item.item_id == item_id), None)
        return None if turn is None or entry is None else (turn, entry)

    def mark(self, user_id: str, item_id: str, *, choice: str | None = None, error: Text | None = None) -> None:
        """Note how a click ended: `choice` stands now, or nothing changed because of `error`."""
        with self._changes:
            mark = self._marks.setdefault((user_id, item_id), Mark())
            if error is None:
                mark.choice = choice
            mark.error = error
            mark.answered += 1

    def note_opinions(self, user_id: str, opinions: Mapping[str, Event]) -> None:
        """Have the cards show what the log has of a user by now. opinions: by item id."""
        with self._changes:
            for (whose, item_id), mark in self._marks.items():
                if whose == user_id and item_id not in opinions:
                    mark.choice = None
            for item_id, event in opinions.items():
                self._marks.setdefault((user_id, item_id), Mark()).choice = event.type.value

    def view(self) -> dict[str, Any]:
        """Everything that the page shows; a view with a higher version is newer."""
        with self._changes:
            self._version += 1
            turns = [turn.view(self._marks_of(turn.said.user_id)) for turn in self._turns.values()]
            return {"version": self._version, "turns": turns}

    def _marks_of(self, user_id: str) -> Callable[[str], Mark]:
        return lambda item_id: self._marks.get((user_id, item_id), Mark())
