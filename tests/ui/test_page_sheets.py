"""Earlier chats, and what the page knows about a person, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retrieval.types import EventType
from tests.ui.person import answered, ask, events, expect, press, say, titles, user_of, wants

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.ui.conftest import OpenPage, Served

pytestmark = pytest.mark.browser


def _open(page: Page, name: str) -> Locator:
    page.get_by_role("button", name=name, exact=True).click()
    return page.get_by_role("dialog")


def test_who_is_new_is_told_that_nothing_is_known(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page, "About you")
    sheet.get_by_text("I know nothing about you yet").wait_for()
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    assert page.get_by_role("button", name="About you", exact=True).evaluate("e => e === document.activeElement")


def test_a_like_is_seen_and_taken_back(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    card = ask(page, "a lamp").locator(".tm-card").filter(has_text="Green lamp")
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    sheet = _open(page, "About you")
    sheet.get_by_role("button", name="Take back: Green lamp").click()
    sheet.get_by_text("I know nothing about you yet").wait_for()
    assert events(served, user_of(page), EventType.LIKE) == []
    page.keyboard.press("Escape")
    expect(lambda: card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "false", page)


def test_what_was_said_for_good_is_seen_and_taken_back(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    ask(page, "I never want anything blue")
    sheet = _open(page, "About you")
    sheet.get_by_role("button", name="Take back: never colour blue").click()
    sheet.get_by_text("I know nothing about you yet").wait_for()
    assert served.recommender.workspace.preferences.of(user_of(page)) == ()


def test_forget_me_asks_first_and_then_erases(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    card = ask(page, "a lamp").locator(".tm-card").first
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    user, sheet = user_of(page), _open(page, "About you")
    sheet.get_by_role("button", name="Forget me").click()
    sheet.get_by_role("button", name="No", exact=True).click()
    assert len(events(served, user, EventType.LIKE)) == 1
    sheet.get_by_role("button", name="Forget me").click()
    sheet.get_by_role("button", name="Yes, erase it").click()
    sheet.get_by_text("You are forgotten: erased").wait_for()
    assert events(served, user, EventType.LIKE) == []
    assert events(served, user, EventType.IMPRESSION) == []
    expect(lambda: page.locator(".tm-turn").count() == 0, page)


def test_an_earlier_chat_goes_on_where_it_was(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a lamp")
    page.get_by_role("button", name="New chat").click()
    page.locator(".tm-welcome").wait_for()
    ask(page, "a blue chair")
    sheet = _open(page, "Chats")
    expect(lambda: sheet.locator(".tm-row").all_text_contents() == ["a blue chair", "a lamp"], page)
    sheet.get_by_role("button", name="a lamp").click()
    expect(lambda: page.locator(".tm-words").all_text_contents() == ["a lamp"], page)
    turn = ask(page, "in red")
    assert titles(turn) == ["Red lamp"]
    assert set(wants(turn)) == {"kind lamp", "colour red"}


def test_a_page_that_is_loaded_again_finds_its_chat(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a lamp")
    page.reload()
    page.get_by_role("button", name="Surprise me").wait_for()
    sheet = _open(page, "Chats")
    sheet.get_by_role("button", name="a lamp").click()
    expect(lambda: page.locator(".tm-card").count() == 4, page)
    press(page, page.get_by_role("button", name="Why?: Red lamp"))


def test_an_answer_that_was_left_is_there_when_one_comes_back(open_page: OpenPage, served: Served) -> None:
    served.gate.opened.clear()
    page = open_page()
    say(page, "a held vase")
    page.locator(".tm-stage").filter(has_text="pictures included").wait_for()
    page.get_by_role("button", name="New chat").click()
    page.locator(".tm-welcome").wait_for()
    _open(page, "Chats").get_by_role("button", name="a held vase").click()
    page.locator(".tm-stage").filter(has_text="pictures included").wait_for()
    served.gate.opened.set()
    assert len(titles(answered(page, 0))) == 4


def test_another_browser_sees_none_of_it(open_page: OpenPage) -> None:
    ask(open_page(), "a lamp")
    stranger = open_page()
    _open(stranger, "Chats").get_by_text("There are no earlier chats").wait_for()
