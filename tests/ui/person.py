"""What a person does with the page, and what the log says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from retrieval.types import Event, EventType

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.ui.conftest import Served

ANSWERED = ".tm-footer:visible, .tm-speech:visible, .tm-problem:visible"


def ask(page: Page, text: str) -> Locator:
    """Say it and wait for the answer; returns the turn."""
    return answered(page, say(page, text))


def say(page: Page, text: str) -> int:
    """Say it and don't wait; returns the number of the turn."""
    turns = page.locator(".tm-turn").count()
    page.get_by_label("Your wish").fill(text)
    page.get_by_label("Your wish").press("Enter")
    return turns


def press(page: Page, button: Locator) -> Locator:
    """Press what asks for an answer and wait for it; returns the turn."""
    turns = page.locator(".tm-turn").count()
    button.click()
    return answered(page, turns)


def answered(page: Page, number: int) -> Locator:
    """The turn of the number, once it is answered."""
    turn = page.locator(".tm-turn").nth(number)
    turn.locator(ANSWERED).first.wait_for()
    return turn


def titles(turn: Locator) -> list[str]:
    return turn.locator(".tm-title").all_text_contents()


def wants(turn: Locator) -> list[str]:
    """The chips that stand after the turn."""
    return turn.locator(".tm-want span").all_text_contents()


def user_of(page: Page) -> str:
    return page.locator(".tm-about span").first.inner_text().removeprefix("as ")


def events(served: Served, user: str, kind: EventType) -> list[Event]:
    return served.recommender.workspace.log.history(user, types=[kind])


def expect(check: Callable[[], bool], page: Page) -> None:
    """Wait until it holds, letting the page go on meanwhile."""
    for _ in range(300):
        if check():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come true within 15 seconds")
