"""The pages, the endpoints and the MCP server, put together and served."""

# ruff: noqa: E402 (telemetry is forbidden before Gradio is imported)
from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.quiet import forbid_telemetry

# Both are read when gradio, or what it imports, is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "0"
forbid_telemetry()

import gradio as gr

from retrieval.errors import SettingsError
from ui.accounts import Accounts
from ui.api import add_endpoints
from ui.cards import plain
from ui.chat_page import MAX_WAITING, ChatPage
from ui.gate import who
from ui.i18n import gradio_texts
from ui.line import Line
from ui.memory import Memory
from ui.owner import OwnerPage
from ui.ports import check_port
from ui.programs import Programs
from ui.theme import asset, make_theme
from ui.throttle import Rate, Throttle
from ui.web import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from agent.recommender import Recommender

logger = logging.getLogger(__name__)

MAX_UPLOAD_MB = 20
CALLERS_RATE = 5
"""How many times as often as one page a caller may ask, with all pages and programs together."""


def build_app(recommender: Recommender, *, examples: Sequence[str] | None = None) -> gr.Blocks:
    """The page as Gradio blocks.

    examples: what to try on an empty page; made from the catalogue when not given.
    Launch it with `launch`, which adds the style sheet, what is served beside the page, and the safety headers.
    """
    return _build(recommender, examples, Rate(), None)[0]


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
    blocks, programs = _build(recommender, examples, rate or Rate(), accounts)
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
    recommender.warm_soon().add_done_callback(_warmed)
    if on_ready is not None:
        on_ready(str(blocks.local_url))
    if block:
        blocks.block_thread()
    return blocks


def _build(
    recommender: Recommender, examples: Sequence[str] | None, rate: Rate, accounts: Accounts | None
) -> tuple[gr.Blocks, Programs]:
    """The pages with the endpoints, and the functions behind those. accounts: who may log in; None for everybody."""
    line, pages, callers = Line(), Throttle(rate), Throttle(rate.times(CALLERS_RATE))
    memory = Memory(recommender, line)
    programs = Programs(recommender, line, callers, memory)
    login = accounts is not None
    chat = ChatPage(recommender, examples, line, memory, pages=pages, callers=callers, login=login)
    name = plain(recommender.workspace.path.resolve().name, 60)
    blocks = gr.Blocks(title=f"{name} · Tastemaker", analytics_enabled=False, delete_cache=(3600, 3600))
    with blocks:
        chat.add_to(blocks)
        add_endpoints(programs)
    OwnerPage(recommender, accounts).add_to(blocks)
    blocks.queue(max_size=4 * MAX_WAITING)
    return blocks, programs


def _warmed(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        logger.warning("the model could not be loaded yet: %s", error)
