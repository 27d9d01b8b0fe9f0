"""Forgetting a person who has several pages open, and programs: nothing of them stays, nothing comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gradio_client import Client

from agent.forgetting import Forgotten
from retrieval.types import EventType
from tests.ui.person import answered, ask, events, expect, press, say, titles, wants

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.ui.conftest import OpenPage, Served

pytestmark = pytest.mark.browser


def _be(page: Page, user: str) -> Page:
    page.get_by_label("You are").fill(user)
    page.get_by_label("You are").press("Enter")
    return page


def _forget_me(page: Page) -> None:
    page.get_by_role("button", name="About you", exact=True).click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("button", name="Forget me").click()
    sheet.get_by_role("button", name="Yes, erase it").click()


def _nothing_of(served: Served, user: str) -> bool:
    return not events(served, user, EventType.IMPRESSION) and not events(served, user, EventType.LIKE)


def test_chats_on_all_pages_go(open_page: OpenPage, served: Served) -> None:
    first, second, others = (_be(open_page(), user) for user in ("fay", "fay", "gus"))
    for page in (first, second, others):
        ask(page, "a lamp").locator(".tm-card").first.get_by_role("button", name="Like:").click()
        page.get_by_text("Saved to your likes").wait_for()
    ask(second, "in green")
    _forget_me(first)
    first.get_by_role("dialog").get_by_text("You are forgotten: erased").wait_for()
    expect(lambda: first.locator(".tm-turn").count() == 0, first)
    assert _nothing_of(served, "fay")
    second.get_by_role("button", name="Why?: Red lamp").first.click()
    expect(lambda: second.locator(".tm-turn").count() == 0, second)
    second.get_by_role("button", name="Chats", exact=True).click()
    second.get_by_role("dialog").get_by_text("There are no earlier chats").wait_for()
    second.keyboard.press("Escape")
    assert "kind lamp" not in wants(ask(second, "something green")), "the conversation is another one, too"
    press(others, others.get_by_role("button", name="Why?: Red lamp"))
    assert others.locator(".tm-turn").count() == 2, "what others said is still there"
    assert not _nothing_of(served, "gus")


def test_it_waits_for_the_answer_that_is_being_found(open_page: OpenPage, served: Served) -> None:
    page = _be(open_page(), "hal")
    ask(page, "a lamp").locator(".tm-card").first.get_by_role("button", name="Like:").click()
    page.get_by_text("Saved to your likes").wait_for()
    served.gate.opened.clear()
    say(page, "a held vase")
    page.locator(".tm-stage").filter(has_text="pictures included").wait_for()
    _forget_me(page)
    page.get_by_role("dialog").get_by_text("One moment").wait_for()
    assert not _nothing_of(served, "hal")
    served.gate.opened.set()
    page.get_by_role("dialog").get_by_text("You are forgotten: erased").wait_for()
    assert _nothing_of(served, "hal")


def test_an_answer_on_another_page_leaves_nothing_either(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased, really = list[Forgotten](), served.recommender.forget

    def forget(user_id: str) -> Forgotten:
        erased.append(really(user_id))
        return erased[-1]

    monkeypatch.setattr(served.recommender, "forget", forget)
    first, second = (_be(open_page(), "ida") for _ in range(2))
    ask(first, "a lamp").locator(".tm-card").first.get_by_role("button", name="Like:").click()
    first.get_by_text("Saved to your likes").wait_for()
    served.gate.opened.clear()
    say(second, "a held vase")
    second.locator(".tm-stage").filter(has_text="pictures included").wait_for()
    _forget_me(first)
    first.get_by_role("dialog").get_by_text("You are forgotten: erased").wait_for()
    assert len(erased) == 1
    served.gate.opened.set()
    expect(lambda: len(erased) == 2, second)
    assert _nothing_of(served, "ida")


def test_it_can_be_said_in_words(open_page: OpenPage, served: Served) -> None:
    first, second = (_be(open_page(), "jan") for _ in range(2))
    for page in (first, second):
        ask(page, "a lamp")
    ask(first, "forget me")
    say(first, "yes")
    first.locator(".tm-speech").filter(has_text="You are forgotten; erased").wait_for()
    expect(lambda: first.locator(".tm-turn").count() == 1, first)
    assert _nothing_of(served, "jan")
    second.get_by_role("button", name="Why?: Red lamp").click()
    expect(lambda: second.locator(".tm-turn").count() == 0, second)
    assert len(titles(answered(first, say(first, "a vase")))) == 4


def test_conversations_of_programs_go_too(open_page: OpenPage, served: Served) -> None:
    client = Client(served.url, verbose=False)
    talk = client.predict(message="a green lamp", user_id="kay", api_name="/reply")
    assert talk["recommendations"]
    page = _be(open_page(), "kay")
    ask(page, "a vase").locator(".tm-card").first.get_by_role("button", name="Like:").click()
    page.get_by_text("Saved to your likes").wait_for()
    _forget_me(page)
    page.get_by_role("dialog").get_by_text("You are forgotten: erased").wait_for()
    page.keyboard.press("Escape")
    given = {"session_id": talk["session_id"], "user_id": "kay"}
    assert (
        "Nothing has been shown yet" in client.predict(message="why the first one?", **given, api_name="/reply")["text"]
    )
    client.predict(message="forget me", **given, api_name="/reply")
    ask(page, "a chair")
    assert "You are forgotten" in client.predict(message="yes", **given, api_name="/reply")["text"]
    page.get_by_role("button", name="Why?: Red chair").click()
    expect(lambda: page.locator(".tm-turn").count() == 0, page)
    assert _nothing_of(served, "kay")
