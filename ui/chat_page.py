"""What happens on the chat page: say a wish, get cards with pictures and reasons, say what you think of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import BusyError, MediaError, TastemakerError
from retrieval.types import EventType
from ui import asks
from ui.asks import Asker
from ui.cards import sentence
from ui.chat_layout import invitation, make_chat_parts
from ui.examples import SURPRISE, examples_of
from ui.filters import Filters
from ui.i18n import Text, words
from ui.identity import caller_of, checked_user_id, guest_of, login_of, session_of
from ui.opinions import take_back
from ui.panel import Panel, Sheet
from ui.turns import Answering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.recommender import Recommender
    from ui.chat_layout import ChatParts
    from ui.chats import Chat, Said, Turn
    from ui.line import Line
    from ui.memory import Memory
    from ui.throttle import Throttle

MAX_WAITING = 24
"""Wishes that are shown and wait; more stay in Gradio's queue. Each holds one of its 40 threads."""

View = dict[str, Any]


class ChatPage:
    """The page's parts and what happens on each event. One object serves all browsers; each has its own chat."""

    def __init__(
        self,
        recommender: Recommender,
        examples: Sequence[str] | None,
        line: Line,
        memory: Memory,
        *,
        pages: Throttle,
        callers: Throttle,
        login: bool,
    ) -> None:
        """examples: what to try on an empty page; made from the catalogue when None. line: in which answers wait.

        pages: how much may be done on one page. callers: how much one caller may do. login: whether people log in.
        """
        self._recommender = recommender
        self._examples = tuple(examples) if examples is not None else examples_of(recommender.workspace.items.all())
        self._visits = memory.visits
        self._panel = Panel(recommender, line, memory)
        self._filters = Filters(recommender, self._count)
        self._answering = Answering(recommender, line, memory)
        self._pages = pages
        self._callers = callers
        self._login = login

    def add_to(self, blocks: gr.Blocks) -> None:
        """Make it the first page of the blocks that are being built."""
        parts = make_chat_parts(self._recommender, self._examples, login=self._login)
        blocks.load(self.greet, None, [parts.feed], queue=False, api_visibility="private", show_progress="hidden")
        self._wire(parts)

    def _wire(self, parts: ChatParts) -> None:
        user, panel, feed, wish, where = parts.user, parts.panel, parts.feed, parts.wish, parts.where
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        # "multiple": Gradio drops an event whose predecessor is still running unless told otherwise.
        asking: dict[str, Any] = {
            "trigger_mode": "multiple",
            "concurrency_limit": MAX_WAITING,
            "concurrency_id": "turns",
            **private,
        }
        wish.submit(self.ask, [wish, user, where], [feed, wish], **asking)
        feed.ask(self.press, [user, where], [feed], **asking)
        feed.example(self.ask_example, [user, where], [feed], **asking)
        feed.feedback(self.mark, None, [feed], trigger_mode="multiple", queue=False, **private)
        panel.look(self.look, [user], [panel], trigger_mode="multiple", queue=False, **private)
        panel.retract(self.retract, [user], [panel, feed], trigger_mode="multiple", queue=False, **private)
        panel.forget(self.forget, [user], [panel, feed], **asking)
        panel.reopen(self.reopen, [user], [feed], **asking)
        parts.fresh.click(self.start_again, [user], [feed, wish], queue=False, **private)
        self._filters.wire(parts.filters, where)

    # --- what happens -------------------------------------------------------------------------------------------

    def ask(self, sent: dict[str, Any], user: str | None, where: str | None, request: gr.Request) -> Iterator[Any]:
        """A message was sent: show it, show how far we are, show the answer."""
        chat = self._chat(request)
        text, files = str(sent.get("text") or "").strip(), [Path(file) for file in sent.get("files") or []]
        try:
            self._count(request)
            ask = asks.message(_asker(user, where, request), text, asks.read_picture(files[0]) if files else None)
        except TastemakerError as error:
            signs = self._refuse(chat, _says(user, text, request), error)
        else:
            signs = self._answering.answer(chat, ask)
        composer: Any = None  # emptied once, at the start, so that the next wish can be typed meanwhile
        for view in self._views(request, chat, signs):
            yield view, composer
            composer = gr.skip()

    def ask_example(
        self, user: str | None, where: str | None, event: gr.EventData, request: gr.Request
    ) -> Iterator[View]:
        """An example was pressed: the same as saying it."""
        number = _pressed(event).get("number")
        if not isinstance(number, int) or not 0 <= number < len(self._examples):
            return
        chat, text = self._chat(request), self._examples[number]
        try:
            self._count(request)
            ask = asks.message(_asker(user, where, request), text)
        except TastemakerError as error:
            said = _says(user, words("surprise") if text == SURPRISE else text, request)
            signs = self._refuse(chat, said, error)
        else:
            signs = self._answering.answer(chat, ask)
        yield from self._views(request, chat, signs)

    def press(self, user: str | None, where: str | None, event: gr.EventData, request: gr.Request) -> Iterator[View]:
        """Something in the feed was pressed that asks for an answer; what is not there any more is shown to be gone."""
        chat, said = self._chat(request), _says(user, "", request)
        try:
            ask = asks.pressed(_asker(user, where, request), _pressed(event), chat)
            if ask is None:
                yield self._view(request)
                return
            said = ask.said
            self._count(request)
        except TastemakerError as error:
            signs = self._refuse(chat, said, error)
        else:
            signs = self._answering.answer(chat, ask)
        yield from self._views(request, chat, signs)

    def mark(self, event: gr.EventData, request: gr.Request) -> View:
        """Like or not-for-me was pressed, or pressed again: log it or take it back, and say how that went."""
        click, chat = _pressed(event), self._chat(request)
        shown = chat.recommended(str(click.get("turn_id")), str(click.get("item_id")))
        if shown is None or click.get("choice") not in {"like", "dislike", None}:
            refused = {"turn_id": click.get("turn_id"), "item_id": click.get("item_id"), "error": words("list_gone")}
            return self._view(request) | {"refused": refused}
        turn, entry = shown
        user_id, item_id, choice = turn.said.user_id, entry.item.item_id, click.get("choice")
        try:
            self._count(request)
            if choice is None:
                take_back(self._recommender.workspace, user_id, item_id)
            else:
                self._log(turn, item_id, EventType(choice), chat.session_id)
        except TastemakerError as error:
            chat.mark(user_id, item_id, error=sentence(str(error)))
        else:
            chat.mark(user_id, item_id, choice=choice)
        return self._view(request)

    def greet(self) -> View:
        """A page was opened: how much there is to choose from by now."""
        return {"invitation": invitation(self._recommender)}

    def start_again(self, user: str | None, request: gr.Request) -> tuple[View, Any]:
        """An empty chat; what was logged stays logged."""
        try:
            self._count(request)
        except BusyError as error:
            list(self._refuse(self._chat(request), _says(user, words("new_chat"), request), error))
            return self._view(request), gr.skip()
        self._visits.renew(session_of(request), caller_of(request))
        return self._view(request) | self.greet(), None

    def look(self, user: str | None, event: gr.EventData, request: gr.Request) -> Sheet:
        """A sheet was opened: earlier chats, or what is known about the person."""
        try:
            self._count(request)
            return self._panel.look(_asker(user, None, request).user_id, caller_of(request), _pressed(event))
        except TastemakerError as error:
            return self._panel.refuse(error, _pressed(event))

    def retract(self, user: str | None, event: gr.EventData, request: gr.Request) -> tuple[Sheet, View]:
        """Something that is known about the person is taken back."""
        try:
            self._count(request)
            user_id = _asker(user, None, request).user_id
            sheet = self._panel.take_back(user_id, self._chat(request), _pressed(event))
        except TastemakerError as error:
            sheet = self._panel.refuse(error)
        return sheet, self._view(request)

    def forget(self, user: str | None, request: gr.Request) -> tuple[Sheet, View]:
        """All that is known about the person is erased, with their chats on this page and on all others."""
        try:
            self._count(request)
            sheet = self._panel.forget(_asker(user, None, request).user_id, self._chat(request))
        except TastemakerError as error:
            sheet = self._panel.refuse(error)
        return sheet, self._view(request)

    def reopen(self, user: str | None, event: gr.EventData, request: gr.Request) -> Iterator[View]:
        """An earlier chat was chosen: it goes on, and what it still works on is shown when it is there."""
        try:
            self._count(request)
        except BusyError as error:
            shown = self._chat(request)
            yield from self._views(request, shown, self._refuse(shown, _says(user, words("chats"), request), error))
            return
        chat = self._visits.reopen(session_of(request), str(_pressed(event).get("id")), caller_of(request))
        if chat is not None:
            yield from self._views(request, chat, chat.catch_up())

    # --- help ---------------------------------------------------------------------------------------------------

    def _count(self, request: gr.Request) -> None:
        """Count something that was done on the page. Raises BusyError when it was too much.

        A browser can open as many pages as it likes, so that the caller counts too, with what their programs ask.
        """
        self._pages.check(f"page {session_of(request)}")
        self._callers.check(caller_of(request))

    def _refuse(self, chat: Chat, said: Said, error: TastemakerError) -> Iterator[None]:
        """A turn that says why nothing came of what was said."""
        problem: Text = sentence(str(error))
        if isinstance(error, MediaError):
            problem = words("not_a_picture", problem=problem)
        return self._answering.refuse(chat, said, problem)

    def _log(self, turn: Turn, item_id: str, choice: EventType, session_id: str) -> None:
        request_id = None if turn.found is None else turn.found.request_id
        self._recommender.feedback(turn.said.user_id, item_id, choice, request_id, source="ui", session_id=session_id)

    def _views(self, request: gr.Request, chat: Chat, signs: Iterator[None]) -> Iterator[View]:
        for _ in signs:
            if not self._visits.shows(session_of(request), chat):
                return  # another chat was opened meanwhile: this one must not come back
            yield self._view(request)

    def _chat(self, request: gr.Request) -> Chat:
        """The chat of the page that an event comes from."""
        return self._visits.chat(session_of(request), caller_of(request))

    def _view(self, request: gr.Request) -> View:
        return self._visits.view(session_of(request), caller_of(request))


def _asker(user: str | None, where: str | None, request: gr.Request) -> Asker:
    """Who asks: the login where there is one, whatever the page says; else the chosen user, else a guest.

    Raises RequestError for a chosen user who cannot be one.
    """
    return Asker(login_of(request) or checked_user_id(user) or guest_of(request), (where or "").strip())


def _says(user: object, text: Text, request: gr.Request) -> Said:
    """What is shown of something that was said, by whomever the page says, even where nobody can be called so."""
    named = user if isinstance(user, str) and user.strip() else guest_of(request)
    return Asker(login_of(request) or named).says(text)


def _pressed(event: gr.EventData) -> dict[str, Any]:
    """What the page's scripts say was pressed."""
    return event._data if isinstance(event._data, dict) else {}
