"""A small shop with planted answers and hostile texts, its page, and a real Chromium that may only reach loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw

from agent.models.base import FREE, Form, OnText, Prompt
from agent.models.scripted import ScriptedModel, overlap, tell_evidence
from retrieval.errors import ModelUnavailableError
from retrieval.types import Event, EventType
from tests.ui.chromium import find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from agent.recommender import Recommender

CHROMIUM = find_chromium()
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RESULTS = Path(__file__).resolve().parents[2] / "test-results"

_COLOURS = {"red": (196, 58, 44), "green": (62, 132, 84), "blue": (52, 92, 168), "yellow": (224, 178, 60)}
_SHAPES = {"lamp": "ellipse", "vase": "rounded_rectangle", "chair": "rectangle"}
HOSTILE = {
    "evil-script": "<script>window.hacked=1</script> teapot",
    "evil-image": '"><img src=x onerror="window.hacked=2"> teapot',
    "evil-template": "${window.hacked=3} {{constructor.constructor('window.hacked=4')()}} `teapot`",
    "evil-link": "javascript:window.hacked=5 teapot",
    "evil-data": "data:text/html,<script>window.hacked=6</script> teapot",
}


def write_shop(folder: Path) -> Path:
    """items.jsonl and its pictures: twelve coloured things, and five teapots whose texts try to run code."""
    (folder / "images").mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for colour, rgb in _COLOURS.items():
        for kind, shape in _SHAPES.items():
            name = f"images/{colour}-{kind}.png"
            _draw(shape, rgb).save(folder / name)
            price = f"{20 + 7 * len(rows)}.50 EUR"
            row = {"id": f"{colour}-{kind}", "title": f"{colour.title()} {kind}", "colour": colour, "kind": kind}
            rows.append(row | {"price": price, "image": name})
    for item_id, text in HOSTILE.items():
        rows.append({"id": item_id, "title": text, "kind": "teapot", "note": text, "tags": [text, "teapot"]})
    catalog = folder / "items.jsonl"
    catalog.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return catalog


def _draw(shape: str, rgb: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (320, 320), (246, 243, 238))
    getattr(ImageDraw.Draw(picture), shape)((80, 60, 240, 260), fill=rgb)
    return picture


def _likes_of_ben() -> list[Event]:
    """Somebody likes green and blue things, so that there is something popular."""
    when = datetime(2026, 5, 1, tzinfo=UTC)
    items = [f"{colour}-{kind}" for colour in ("green", "blue") for kind in _SHAPES]
    return [Event("ben", item_id, EventType.LIKE, when + timedelta(hours=n)) for n, item_id in enumerate(items)]


@dataclass
class Gate:
    """Makes the model play what a test asks for: an outage, or waiting until it is let through."""

    opened: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def rule(self, text: str, choices: Sequence[str]) -> list[float]:
        request = text.partition("Request:")[2].partition("Candidates:")[0]
        if "outage" in request:
            raise ModelUnavailableError("the model server does not answer")
        if "held" in request:
            self.asked.set()
            assert self.opened.wait(60)
        return overlap(text, choices)

    def write(self, text: str) -> str:
        if "unwritten" in text:
            assert self.opened.wait(60)
        return tell_evidence(text)


class Gated(ScriptedModel):
    """Stops in the middle of each reason for a wish with "halfway" until the gate lets it through."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.rule, gate.write)
        self._gate = gate

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        halts = "halfway" in str(prompts)

        def tell(row: int, text: str) -> None:
            if halts and text.count(" ") > 2:
                assert self._gate.opened.wait(60)
            if on_text is not None:
                on_text(row, text)

        return super().generate(prompts, max_tokens=max_tokens, form=form, on_text=tell)


@dataclass
class Served:
    """A page that is up, and what is behind it."""

    url: str
    recommender: Recommender
    gate: Gate
    catalog: Path


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page on the small shop, with the scripted model."""
    from agent.recommender import Recommender
    from agent.settings import RecommenderSettings
    from retrieval.candidates import CandidateFinder
    from retrieval.encoders import open_encoder
    from retrieval.indexing import index_catalog
    from retrieval.store import open_store
    from retrieval.workspace import Workspace
    from ui.app import launch

    folder = tmp_path_factory.mktemp("shop")
    catalog, gate, encoder = write_shop(folder / "catalog"), Gate(), open_encoder()
    with Workspace.create(folder / "workspace") as workspace:
        index_catalog(workspace, catalog, encoder=encoder)
        workspace.log.add(_likes_of_ben())
    with ExitStack() as opened:
        workspace = opened.enter_context(Workspace.open(folder / "workspace"))
        store = opened.enter_context(open_store(workspace))
        finder = CandidateFinder(workspace, store, encoder)
        model = Gated(gate)
        recommender = opened.enter_context(
            Recommender(
                workspace=workspace,
                finder=finder,
                store=store,
                make_model=lambda: model,
                settings=RecommenderSettings(),
            )
        )
        blocks = launch(recommender, block=False)
        yield Served(str(blocks.local_url).rstrip("/"), recommender, gate, catalog)
        blocks.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "the page is tested in a real Chromium, and none is here; run make chromium, or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page did that a test may want to know."""

    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def strangers(self) -> list[str]:
        """Addresses beyond this machine."""
        remote = [url for url in self.requests if urlsplit(url).scheme in {"http", "https", "ws", "wss"}]
        return [url for url in remote if urlsplit(url).hostname not in {"127.0.0.1", "localhost"}]


OpenPage = Callable[..., "Page"]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def open_page(served: Served, browser: Browser, watch: Watch) -> Iterator[OpenPage]:
    """Opens the page as a new person in a browser of their own, ready to type in.

    After the test: no request went beyond this machine, no script of the catalogue ran, no error was left unhandled.
    """
    contexts: list[BrowserContext] = []

    def open_page(
        *, width: int = 1280, height: int = 900, dark: bool = False, url: str | None = None, locale: str = "en-GB"
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale=locale,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: watch.requests.append(request.url))
        page.on("websocket", lambda socket: watch.requests.append(socket.url))
        page.on("dialog", lambda dialog: (watch.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        page.goto(url or served.url)
        page.locator("#tm-wish textarea[aria-label]").wait_for()
        page.locator(".tm-welcome li button").first.wait_for()
        return page

    yield open_page
    hacked = [page.evaluate("window.hacked") for context in contexts for page in context.pages]
    for context in contexts:
        context.close()
    assert watch.requests
    assert watch.strangers() == []
    assert watch.dialogs == []
    assert watch.errors == []
    assert all(mark is None for mark in hacked)
