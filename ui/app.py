"""The chat page: say a wish, get cards with pictures and reasons, say what you think of them."""

# ruff: noqa: E402 (telemetry is forbidden before Gradio is imported)
from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.quiet import forbid_telemetry

# Both are read when gradio, or what it imports, is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "0"
forbid_telemetry()

import gradio as gr
from gradio.components.navbar import Navbar

from agent.recommender import ANONYMOUS
from retrieval.errors import BusyError, SettingsError, TastemakerError
from retrieval.types import EventType, Money
from ui.accounts import Accounts
from ui.answering import Wish, answer
from ui.api import add_endpoints
from ui.cards import plain, sentence
from ui.chats import Chats, Said
from ui.examples import examples_of
from ui.gate import who
from ui.identity import login_of, session_of
from ui.line import Line
from ui.nothing import NO_ITEMS
from ui.owner import OwnerPage
from ui.ports import check_port
from ui.programs import Programs
from ui.theme import asset, make_theme
from ui.throttle import Rate, Throttle
from ui.web import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.recommender import Recommender
    from retrieval.types import Item

logger = logging.getLogger(__name__)

MAX_UPLOAD_MB = 20
MAX_USERS_LISTED = 200
AT_ONCE = 2
"""Wishes that are worked on at the same time; the others show that they wait."""
MAX_WAITING = 24
"""Wishes that are shown and wait; more stay in Gradio's queue. Each holds one of its 40 threads."""
PROGRAMS_RATE = 5
"""How many times as often as a page a program may ask: those behind one address count together."""
_GUEST = "guest-"
_LIST_GONE = "The server was started anew and no longer knows this list. Please ask again."

View = dict[str, Any]


def build_app(
    recommender: Recommender,
    *,
    examples: Sequence[str] | None = None,
    programs: Programs | None = None,
    throttle: Throttle | None = None,
    accounts: Accounts | None = None,
) -> gr.Blocks:
    """The page as Gradio blocks.

    examples: what to try on an empty page; made from the catalogue when not given. programs: what the page's endpoints
    call. throttle: how often one page may ask. accounts: who may log in, so that nobody chooses who they are; None
    where nobody has to.
    Launch it with `launch`, which adds the style sheet, what is served beside the page, and the safety headers.
    """
    throttle = throttle or Throttle()
    programs = programs or Programs(recommender, Line(), throttle)
    return _Page(recommender, examples, programs, throttle, accounts).blocks


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
    anybody. rate: how often one session may ask. allowed_hosts: names of this machine under which /mcp may be reached.
    on_ready: is told the page's address once it answers. block: False returns at once.
    Raises SettingsError when the address cannot be had, or the file of users cannot be used.
    """
    check_port(port)
    accounts = None if auth is None else Accounts(auth)
    rate = rate or Rate()
    throttle = Throttle(rate)
    programs = Programs(recommender, Line(), Throttle(rate.times(PROGRAMS_RATE)))
    blocks = build_app(recommender, examples=examples, programs=programs, throttle=throttle, accounts=accounts)
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
            auth_dependency=None if accounts is None else who,
            app_kwargs=surroundings(
                recommender.workspace.media,
                programs,
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
        self,
        recommender: Recommender,
        examples: Sequence[str] | None,
        programs: Programs,
        throttle: Throttle,
        accounts: Accounts | None,
    ) -> None:
        self._login = accounts is not None
        self._owner = OwnerPage(recommender, accounts)
        self._recommender = recommender
        self._chats = Chats()
        self._programs = programs
        self._throttle = throttle
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answer")
        items = recommender.workspace.items.all()
        self._examples = tuple(examples) if examples is not None else examples_of(items)
        names = _attribute_names(items)
        self.blocks = self._build(_filter_hint(items, names), f"Filter on {', '.join((*names, 'title', 'id'))[:400]}")

    def _build(self, filter_hint: str, filter_on: str) -> gr.Blocks:
        name = plain(self._recommender.workspace.path.resolve().name, 60)
        blocks = gr.Blocks(title=f"{name} · Tastemaker", analytics_enabled=False, delete_cache=(3600, 3600))
        with blocks:
            Navbar(visible=False)
            with gr.Row(elem_id="tm-top"):
                gr.HTML(
                    html_template=asset("header.html"),
                    js_on_load=asset("header.js"),
                    elem_id="tm-brand",
                    apply_default_css=False,
                )
                user = gr.Dropdown(
                    choices=[str(user) for user in self._users()],
                    label="You are",
                    value=None,
                    allow_custom_value=True,
                    visible=not self._login,
                    elem_id="tm-user",
                )
                fresh = gr.Button("New chat", elem_id="tm-fresh", size="sm")
                gr.Button("Log out", link="/logout", visible=self._login, elem_id="tm-leave", size="sm")
            feed = gr.HTML(
                value=None,
                html_template=asset("feed.html"),
                js_on_load=asset("feed.js"),
                elem_id="tm-feed",
                apply_default_css=False,
                welcome={
                    "headline": "What are you looking for?",
                    "invitation": self._invitation(),
                    "filter_on": filter_on,
                    "examples": [plain(example, 80) for example in self._examples],
                },
            )
            with gr.Column(elem_id="tm-composer"):
                wish = gr.MultimodalTextbox(
                    label="Your wish",
                    show_label=False,
                    placeholder="Describe it, or paste a picture",
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
                    label="Filter",
                    placeholder=filter_hint,
                    max_lines=1,
                    elem_id="tm-where",
                )
            blocks.load(self.greet, None, [feed], queue=False, api_visibility="private", show_progress="hidden")
            self._wire(user=user, fresh=fresh, feed=feed, wish=wish, where=where)
            add_endpoints(self._programs)
        self._owner.add_to(blocks)
        blocks.queue(max_size=4 * MAX_WAITING)
        return blocks

    def _wire(
        self,
        *,
        user: gr.Dropdown,
        fresh: gr.Button,
        feed: gr.HTML,
        wish: gr.MultimodalTextbox,
        where: gr.Textbox,
    ) -> None:
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        # "multiple": Gradio drops an event whose predecessor is still running unless told otherwise.
        asking: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": MAX_WAITING, **private}
        wish.submit(self.ask, [wish, user, where], [feed, wish], **asking)
        feed.example(self.ask_example, [user, where], [feed], **asking)
        feed.feedback(self.mark, None, [feed], trigger_mode="multiple", queue=False, **private)
        fresh.click(self.start_again, None, [feed, wish], queue=False, **private)

    # --- what happens -------------------------------------------------------------------------------------------

    def ask(self, sent: dict[str, Any], user: str | None, where: str | None, request: gr.Request) -> Iterator[Any]:
        """A wish was sent: show it, show how far we are, show the answer."""
        files = [Path(file) for file in sent.get("files") or []]
        wish = Wish(
            text=str(sent.get("text") or "").strip(),
            user_id=_person(request, user),
            where=(where or "").strip(),
            picture=files[0] if files else None,
        )
        composer: Any = None  # emptied once, at the start, so that the next wish can be typed meanwhile
        for view in self._answer(request, wish):
            yield view, composer
            composer = gr.skip()

    def ask_example(
        self, user: str | None, where: str | None, event: gr.EventData, request: gr.Request
    ) -> Iterator[View]:
        """An example was pressed: the same as saying it."""
        number = event._data.get("number") if isinstance(event._data, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(self._examples):
            return
        yield from self._answer(request, Wish(self._examples[number], _person(request, user), (where or "").strip()))

    def mark(self, event: gr.EventData, request: gr.Request) -> View:
        """Like or not-for-me was pressed: log it under the request that showed the card, and say how that went."""
        click = event._data if isinstance(event._data, dict) else {}
        chat = self._chats.of(session_of(request))
        found = chat.card(str(click.get("turn_id")), str(click.get("item_id")))
        if found is None or click.get("choice") not in {"like", "dislike"}:
            refused = {"turn_id": click.get("turn_id"), "item_id": click.get("item_id"), "error": _LIST_GONE}
            return chat.view() | {"refused": refused}
        turn, mark = found
        choice = EventType(click["choice"])
        try:
            self._recommender.feedback(
                turn.said.user_id,
                str(click["item_id"]),
                choice,
                turn.request_id,
                source="ui",
                session_id=chat.session_id,
            )
        except TastemakerError as error:
            chat.settle(mark, error=sentence(str(error)))
        else:
            chat.settle(mark, choice=choice)
        return chat.view()

    def greet(self) -> View:
        """A page was opened: how much there is to choose from by now."""
        return {"invitation": self._invitation()}

    def start_again(self, request: gr.Request) -> tuple[View, None]:
        """An empty chat; what was logged stays logged."""
        return self._chats.renew(session_of(request)).view() | self.greet(), None

    # --- help ---------------------------------------------------------------------------------------------------

    def _answer(self, request: gr.Request, wish: Wish) -> Iterator[View]:
        session = session_of(request)
        chat = self._chats.of(session)
        try:
            self._throttle.check(f"page {session}")
        except BusyError as error:
            chat.say(Said(plain(wish.text, 600), wish.user_id), "").fail(sentence(str(error)))
            yield chat.view()
            return
        for _ in answer(self._recommender, self._workers, chat, wish):
            if not self._chats.is_current(session, chat):
                return  # a new chat was opened meanwhile: the old one must not come back
            yield chat.view()

    def _invitation(self) -> str:
        """What the empty page says under its headline; another process may have indexed since the last time."""
        item_count = self._recommender.workspace.items.count()
        if item_count == 0:
            return f"{NO_ITEMS} Then start this page again."
        things = "1 thing" if item_count == 1 else f"{item_count:,} things"
        return f"Say it in your own words, or show a picture. {things} to choose from."

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
            return f"such as {name} < {numbers[len(numbers) // 2]:.0f}"
    return f"such as {names[0]} = '…'" if names else "such as title contains '…'"


def _person(request: gr.Request, chosen: str | None) -> str:
    """Who asks: the login where there is one, whatever the page says; else the chosen user, else a guest."""
    return login_of(request) or chosen or _guest(request)


def _guest(request: gr.Request) -> str:
    """Who one is unless one says otherwise: a name of this page's own, so that two browsers do not share a taste."""
    return f"{_GUEST}{hashlib.sha256(str(request.session_hash).encode()).hexdigest()[:6]}"


def _natural(user_id: str) -> tuple[int, int, str]:
    """Numbers by size first, then names by letters."""
    return (0, int(user_id), "") if user_id.isdecimal() else (1, 0, user_id)
