"""A conversation on the built-in shop, as people have it: on the page in Chromium, and ten at once over HTTP."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.bench.results import Figure, quantiles, save
from tests.ui.chromium import find_chromium
from tests.ui.conftest import CHROMIUM_FLAGS
from ui.demo import prepare_demo

if TYPE_CHECKING:
    from playwright.sync_api import Page

TURNS = ("a blue vase", "cheaper", "in green instead", "like the second one", "why the first?")
PEOPLE = 10
THINKING_S = 5.0
ROUNDS = 4
CORES = 2


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The address of the demo's page, in a process of its own that may use two cores."""
    command = [sys.executable, "-u", "-m", "ui.cli", "demo", "--workspace", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(CORES)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            lines = (re.search(r"http://\S+", line) for line in process.stdout)
            yield next(found.group() for found in lines if found).rstrip("/")
        finally:
            process.terminate()
            process.communicate(timeout=60)


def usable_s(page: Page, url: str) -> float:
    """Seconds from opening the page to a field that takes words."""
    start = time.perf_counter()
    page.goto(url)
    page.get_by_label("Your wish").fill("a")
    return time.perf_counter() - start


def turns_s(page: Page) -> Iterator[tuple[float, float]]:
    """For each wish: seconds to its cards, and from there to the first words that the model wrote of a reason."""
    for number, wish in enumerate(TURNS[:3]):
        page.get_by_label("Your wish").fill(wish)
        start = time.perf_counter()
        page.get_by_label("Your wish").press("Enter")
        turn = page.locator(".tm-turn").nth(number)
        turn.locator(".tm-card").first.wait_for()
        cards = time.perf_counter()
        turn.locator(".tm-why:not(.tm-writing) .tm-reason").first.wait_for()
        words = time.perf_counter()
        turn.locator(".tm-footer").filter(has_text=re.compile(r"\w")).wait_for()
        yield cards - start, words - cards


def one_person(url: str, number: int) -> tuple[list[float], list[str]]:
    """Seconds of each turn of a person who thinks in between, and what went wrong."""
    client = Client(url, verbose=False)
    time.sleep(THINKING_S * number / PEOPLE)  # people do not come all in the same second
    seconds: list[float] = []
    errors: list[str] = []
    session = ""
    for message in TURNS:
        start = time.perf_counter()
        try:
            answer = client.predict(message=message, session_id=session, user_id=f"bench-{number}", api_name="/reply")
        except AppError as error:
            errors.append(str(error))
            continue
        seconds.append(time.perf_counter() - start)
        session = answer["session_id"]
        time.sleep(THINKING_S)
    return seconds, errors


def on_the_page(url: str) -> list[Figure]:
    from playwright.sync_api import sync_playwright

    opened: list[float] = []
    cards: list[float] = []
    words: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for _ in range(ROUNDS):
            page = browser.new_context().new_page()
            opened.append(usable_s(page, url))
            for to_cards, to_word in turns_s(page):
                cards.append(to_cards)
                words.append(to_word)
            page.context.close()
        browser.close()
    return [
        Figure("page, opened to usable, median", round(float(np.median(opened)), 2), "s", len(opened)),
        *quantiles("turn on the page to its cards", cards),
        *quantiles("cards to the first word of a reason", words),
    ]


def at_once(url: str) -> list[Figure]:
    with ThreadPoolExecutor(PEOPLE) as people:
        results = list(people.map(lambda number: one_person(url, number), range(PEOPLE)))
    seconds = [each for turns, _ in results for each in turns]
    errors = [error for _, wrong in results for error in wrong]
    for error in errors:
        print(error, file=sys.stderr)
    name = f"{PEOPLE} people at once, {len(TURNS)} turns each, {THINKING_S:g} s of thinking"
    return [*quantiles(name, seconds), Figure(f"{name}: errors", len(errors), "turns", PEOPLE * len(TURNS))]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        prepare_demo(folder)
        with demo(folder) as url:
            one_person(url, 0)  # warms the model
            figures = [*on_the_page(url), *at_once(url)]
    save("conversation", figures)


if __name__ == "__main__":
    main()
