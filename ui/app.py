"""The chat page: say a wish, get cards with pictures and reasons, say what you think of them."""

# ruff: noqa: E402 (telemetry is forbidden before Gradio is imported)
from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.quiet import forbid_telemetry

# Both are read when gradio, or what it imports, is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "0"
forbid_telemetry()

import gradio as gr

from agent.recommender import ANONYMOUS
from retrieval.errors import BusyError, MediaError, SettingsError, TastemakerError
from retrieval.types import EventType, Money
from ui import asks
from ui.accounts import Accounts
from ui.api import add_endpoints
from ui.asks import Asker
from ui.cards import plain, sentence
from ui.examples import SURPRISE, examples_of
from ui.gate import who
from ui.i18n import Text, dictionaries, gradio_texts, words
from ui.identity import caller_of, checked_user_id, login_of, session_of
from ui.line import Line
from ui.memory import Memory
from ui.opinions import take_back
from ui.owner import OwnerPage
from ui.panel import Panel, Sheet, make_panel
from ui.ports import check_port
from ui.programs import Programs
from ui.theme import asset, make_theme, scripts
from ui.throttle import Rate, Throttle
from ui.turns import Answering
from ui.web import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.recommender import Recommender
    from retrieval.types import Item
    from ui.chats import Chat, Said, Turn

logger = logging.getLogger(__name__)

MAX_UPLOAD_MB = 20
MAX_USERS_LISTED = 200
MAX_WAITING = 24
"""Wishes that are shown and wait; more stay in Gradio's queue. Each holds one of its 40 threads."""
CALLERS_RATE = 5
"""How many times as often as one page a caller may ask, with all pages and programs together."""
_GUEST = "guest-"

View = dict[str, Any]


def build_app(recommender: Recommender, *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """The page as Gradio blocks.

    examples: what to try on an empty page; made from the catalogue when not given.
    Launch it with `launch`, which adds the style sheet, what is served beside the page, and the safety headers.
    """
    return _Page(recommender, examples, Rate(), None).blocks


def launch(
    recommender: Recommender,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = False,
    examples: Sequence[str] | None = None,
    auth: Path | None = None,
    rate: Rate | None = None,
    allowed_hosts: Sequence[str] = (),
    on_ready: Callable[[str], object] | None = None,
    block: bool = True,
) -> gr.Blocks:
    """Serve the page until interrupted, and return the running blocks (`.local_url`, `.close()`).

    port: None takes the first free one from 7860. auth: a file of users, who must log in; None lets everybody in as
    anybody. rate: how often one page may ask. allowed_hosts: names of this machine under which /mcp may be reached.
    on_ready: is told the page's address once it answers. block: False returns at once.
    Raises SettingsError when the address cannot be had, or the file of users cannot be used.
    """
    check_port(port)
    accounts = None if auth is None else Accounts(auth)
    page = _Page(recommender, examples, rate or Rate(), accounts)
    blocks = page.blocks
    try:
        blocks.launch(
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            share=False,
            quiet=True,
            show_error=False,
            ssr_mode=False,
            enable_monitoring=False,
            footer_links=[],
            max_file_size=f"{MAX_UPLOAD_MB}mb",
            theme=make_theme(),
            css=asset("page.css") + asset("owner.css"),
            i18n=gradio_texts(),
            auth_dependency=None if accounts is None else who,
            app_kwargs=surroundings(
                recommender.workspace.media,
                page.programs,
                title=str(blocks.title),
                host=host,
                allowed_hosts=allowed_hosts,
                accounts=accounts,
            ),
        )
    except OSError as error:
        wanted = f"port {port}" if port is not None else "a port from 7860 to 7959"
        raise SettingsError(f"the page cannot listen on {host} at {wanted} ({error}); choose another") from error
    # The page answers at once; the model loads behind it, so that the first wish does not wait for both.
    threading.Thread(target=_warm, args=(recommender,), daemon=True).start()
    if on_ready is not None:
        on_ready(str(blocks.local_url))
    if block:
        blocks.block_thread()
    return blocks


class _Page:
    """The page's parts and what happens on each event. One object serves all browsers; each has its own chat."""

    def __init__(
        self, recommender: Recommender, examples: Sequence[str] | None, rate: Rate, accounts: Accounts | None
    ) -> None:
        """rate: how often one page may ask. accounts: who may log in; None where nobody has to."""
        line = Line()
        memory = Memory(recommender, line)
        self._pages = Throttle(rate)
        self._callers = Throttle(rate.times(CALLERS_RATE))
        self.programs = Programs(recommender, line, self._callers, memory)
        self._login = accounts is not None
        self._owner = OwnerPage(recommender, accounts)
        self._recommender = recommender
        self._visits = memory.visits
        self._panel = Panel(recommender, line, memory)
        self._answering = Answering(recommender, line, memory)
        items = recommender.workspace.items.all()
        self._examples = tuple(examples) if examples is not None else examples_of(items)
        names = _attribute_names(items)
        self.blocks = self._build(
            words("filter_hint", example=_filter_hint(items, names)),
            words("filter_on", names=", ".join((*names, "title", "id"))[:400]),
        )

    def _build(self, filter_hint: Text, filter_on: Text) -> gr.Blocks:
        i18n = gradio_texts()
        name = plain(self._recommender.workspace.path.resolve().name, 60)
        blocks = gr.Blocks(title=f"{name} · Tastemaker", analytics_enabled=False, delete_cache=(3600, 3600))
        with blocks:
            with gr.Row(elem_id="tm-top"):
                gr.HTML(
                    html_template=asset("header.html"),
                    js_on_load=scripts("dom", "header"),
                    elem_id="tm-brand",
                    words=dictionaries("shade"),
                    apply_default_css=False,
                )
                user = gr.Dropdown(
                    choices=[] if self._login else [str(user) for user in self._users()],
                    label=i18n("you_are"),
                    value=None,
                    allow_custom_value=True,
                    visible=not self._login,
                    elem_id="tm-user",
                )
                panel = make_panel()
                fresh = gr.Button(i18n("new_chat"), elem_id="tm-fresh", size="sm")
                gr.Button(i18n("log_out"), link="/logout", visible=self._login, elem_id="tm-leave", size="sm")
            feed = gr.HTML(
                value=None,
                html_template=asset("feed.html"),
                js_on_load=scripts("dom", "cards", "feed"),
                elem_id="tm-feed",
                apply_default_css=False,
                words=dictionaries(),
                welcome={
                    "login": self._login,
                    "invitation": self._invitation(),
                    "filter_hint": filter_hint,
                    "filter_on": filter_on,
                    "examples": [words("surprise") if text == SURPRISE else plain(text, 80) for text in self._examples],
                },
            )
            with gr.Column(elem_id="tm-composer"):
                wish = gr.MultimodalTextbox(
                    label=i18n("your_wish"),
                    show_label=False,
                    placeholder=str(i18n("describe_it")),
                    sources=["upload"],
                    file_count="single",
                    file_types=["image"],
                    max_plain_text_length=100_000,
                    lines=1,
                    max_lines=5,
                    autofocus=True,
                    elem_id="tm-wish",
                )
                where = gr.Textbox(
                    label=i18n("filter"),
                    max_lines=1,
                    elem_id="tm-where",
                )
            blocks.load(self.greet, None, [feed], queue=False, api_visibility="private", show_progress="hidden")
            self._wire(user=user, panel=panel, fresh=fresh, feed=feed, wish=wish, where=where)
            add_endpoints(self.programs)
        self._owner.add_to(blocks)
        blocks.queue(max_size=4 * MAX_WAITING)
        return blocks

    def _wire(
        self,
        *,
        user: gr.Dropdown,
        panel: gr.HTML,
        fresh: gr.Button,
        feed: gr.HTML,
        wish: gr.MultimodalTextbox,
        where: gr.Textbox,
    ) -> None:
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
        fresh.click(self.start_again, [user], [feed, wish], queue=False, **private)

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
        return {"invitation": self._invitation()}

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

    def _invitation(self) -> Text:
        """What the empty page says under its headline; another process may have indexed since the last time."""
        item_count = self._recommender.workspace.items.count()
        if item_count == 0:
            return words("then_start", problem=words("nothing_items"))
        return words("invitation_one") if item_count == 1 else words("invitation", count=f"{item_count:,}")

    def _users(self) -> list[str]:
        """Whom one may be at a click. Earlier guests are left out, or they would soon be all there is."""
        named = [user for user in self._recommender.users() if not user.startswith(_GUEST) and user != ANONYMOUS]
        return sorted(named, key=_natural)[:MAX_USERS_LISTED]


def _warm(recommender: Recommender) -> None:
    try:
        recommender.warm()
    except TastemakerError as error:
        logger.warning("the model could not be loaded yet: %s", error)


def _attribute_names(items: Sequence[Item]) -> list[str]:
    return list(dict.fromkeys(plain(name, 30) for item in items[:500] for name in item.attributes))


def _filter_hint(items: Sequence[Item], names: Sequence[str]) -> str:
    """An example of a filter that this catalogue would take, short enough for a phone."""
    sample = items[:500]
    for name in names:
        values = [item.attributes[name] for item in sample if name in item.attributes]
        numbers = sorted(v.major if isinstance(v, Money) else v for v in values if isinstance(v, int | float | Money))
        if numbers:
            return f"{name} < {numbers[len(numbers) // 2]:.0f}"
    return f"{names[0]} = '…'" if names else "title contains '…'"


def _asker(user: str | None, where: str | None, request: gr.Request) -> Asker:
    """Who asks: the login where there is one, whatever the page says; else the chosen user, else a guest.

    Raises RequestError for a chosen user who cannot be one.
    """
    return Asker(login_of(request) or checked_user_id(user) or _guest(request), (where or "").strip())


def _says(user: object, text: Text, request: gr.Request) -> Said:
    """What is shown of something that was said, by whomever the page says, even where nobody can be called so."""
    named = user if isinstance(user, str) and user.strip() else _guest(request)
    return Asker(login_of(request) or named).says(text)


def _pressed(event: gr.EventData) -> dict[str, Any]:
    """What the page's scripts say was pressed."""
    return event._data if isinstance(event._data, dict) else {}


def _guest(request: gr.Request) -> str:
    """Who one is unless one says otherwise: a name of this page's own, so that two browsers do not share a taste."""
    return f"{_GUEST}{hashlib.sha256(str(request.session_hash).encode()).hexdigest()[:6]}"


def _natural(user_id: str) -> tuple[int, int, str]:
    """Numbers by size first, then names by letters."""
    return (0, int(user_id), "") if user_id.isdecimal() else (1, 0, user_id)
