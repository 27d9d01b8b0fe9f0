"""What people press on the page, in a real Chromium, and what lands in the log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retrieval.errors import StoreError
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.ui.person import answered, ask, events, expect, press, titles, user_of, wants

if TYPE_CHECKING:
    from tests.ui.conftest import OpenPage, Served

pytestmark = pytest.mark.browser


def test_likes_and_dislikes_land_in_the_log_with_their_request(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    turn = ask(page, "a lamp")
    liked, disliked = turn.locator(".tm-card").nth(0), turn.locator(".tm-card").nth(3)
    liked.get_by_role("button", name="Like:").click()
    disliked.get_by_role("button", name="Not for me:").click()  # at once: the first must not be dropped
    liked.get_by_text("Saved to your likes").wait_for()
    disliked.get_by_text("Saved: not for you").wait_for()
    assert liked.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "true"
    shown = events(served, user_of(page), EventType.IMPRESSION)
    (like,) = events(served, user_of(page), EventType.LIKE)
    (dislike,) = events(served, user_of(page), EventType.DISLIKE)
    assert len(shown) == 4
    assert {event.request_id for event in shown} == {like.request_id} == {dislike.request_id}
    position = {event.position: event.item_id for event in shown}
    assert (like.item_id, dislike.item_id) == (position[0], position[3])


def test_one_can_change_ones_mind(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    card = ask(page, "a vase").locator(".tm-card").first
    card.get_by_role("button", name="Like:").click()
    card.get_by_role("button", name="Not for me:").click()
    card.get_by_text("Saved: not for you").wait_for()
    assert card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "false"
    assert "take it back" in str(card.get_by_role("button", name="Not for me:").get_attribute("title"))
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    log = served.recommender.workspace.log
    opinions = log.history(user_of(page), types=[EventType.LIKE, EventType.DISLIKE])
    assert [event.type for event in opinions] == [EventType.LIKE, EventType.DISLIKE, EventType.LIKE]
    assert [event.item_id for event in log.positives(user_of(page))] == [opinions[0].item_id], "the latest counts"
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Taken back").wait_for()
    assert card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "false"
    assert log.history(user_of(page), types=[EventType.LIKE, EventType.DISLIKE]) == [], "as if it had not been"


def test_what_is_liked_in_words_shows_on_its_card_and_undo_takes_it_back(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    card = ask(page, "a lamp").locator(".tm-card").nth(1)
    item = card.locator(".tm-title").inner_text()
    turn = ask(page, "I love the second one")
    card.get_by_text("Saved to your likes").wait_for()
    press(page, turn.get_by_role("button", name="Undo the last step"))
    expect(lambda: card.get_by_role("button", name=f"Like: {item}").get_attribute("aria-pressed") == "false", page)
    assert events(served, user_of(page), EventType.LIKE) == []


def test_more_like_one_leaves_it_out_and_keeps_what_stands(open_page: OpenPage) -> None:
    page = open_page()
    turn = press(page, ask(page, "a lamp").get_by_role("button", name="More like this: Red lamp"))
    assert turn.locator(".tm-words").inner_text() == "More like “Red lamp”"
    assert set(titles(turn)) == {"Blue lamp", "Green lamp", "Yellow lamp"}
    assert wants(turn) == ["kind lamp", "like Red lamp"]


def test_two_are_compared_side_by_side(open_page: OpenPage) -> None:
    page = open_page()
    lamps, chairs = ask(page, "a lamp"), ask(page, "a chair")
    pick = lamps.get_by_role("button", name="Compare: Red lamp")
    pick.click()
    assert pick.get_attribute("aria-pressed") == "true"
    turn = press(page, chairs.get_by_role("button", name="Compare: Red chair"))
    assert pick.get_attribute("aria-pressed") == "false"
    assert turn.locator(".tm-table th[scope=col]").all_text_contents() == ["Red lamp", "Red chair"]
    assert turn.locator(".tm-table tr").filter(has_text="kind").locator("td").all_text_contents() == ["lamp", "chair"]
    assert "colour" not in turn.locator(".tm-table").inner_text(), "what they share is no difference"
    assert "differ" in str(turn.locator(".tm-speech").text_content()), "for who hears the page"


def test_why_tells_the_evidence_and_what_the_place_hangs_on(open_page: OpenPage) -> None:
    page = open_page()
    turn = press(page, ask(page, "a lamp").get_by_role("button", name="Why?: Green lamp"))
    assert turn.locator(".tm-words").inner_text() == "Why “Green lamp”?"
    told = turn.locator(".tm-speech").inner_text()
    assert "It rests on this: matches the request: lamp (kind)" in told
    assert "Tried out: without “kind lamp”" in told


def test_evidence_from_what_one_liked_is_told_apart(open_page: OpenPage) -> None:
    page = open_page()
    card = ask(page, "a lamp").locator(".tm-card").filter(has_text="Red lamp")
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    turn = ask(page, "a red chair")
    yours = turn.locator(".tm-chips .tm-yours").filter(has_text="Red lamp").first
    assert "Red lamp" in str(yours.get_attribute("title"))
    assert turn.locator(".tm-chips li:not(.tm-yours)").filter(has_text="matches the request").count() >= 1


def test_what_is_offered_is_one_press_away(open_page: OpenPage) -> None:
    page = open_page()
    turn = ask(page, "a red lamp under 10 euros")
    assert titles(turn) == []
    offer = turn.locator(".tm-offer").first
    label = offer.inner_text()
    turn = press(page, offer)
    assert turn.locator(".tm-words").inner_text() == label
    assert "Red lamp" in titles(turn)


def test_a_click_that_cannot_be_saved_says_so_and_can_be_repeated(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    card = ask(page, "a vase").locator(".tm-card").first

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the disk is full; make room and try again")

    with monkeypatch.context() as patch:
        patch.setattr(served.recommender, "feedback", refuse)
        card.get_by_role("button", name="Like:").click()
        card.get_by_text("Not saved. The disk is full; make room and try again.").wait_for()
    assert card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "false"
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    assert len(events(served, user_of(page), EventType.LIKE)) == 1


def test_a_click_without_an_answer_says_so(open_page: OpenPage) -> None:
    page = open_page()
    card = ask(page, "a vase").locator(".tm-card").first
    page.clock.install()
    page.context.set_offline(True)
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saving…").wait_for()
    page.clock.fast_forward(30_000)
    card.get_by_text("Not saved. The server did not answer.").wait_for()
    page.context.set_offline(False)


def test_a_server_started_anew_leaves_what_is_shown_and_refuses_its_clicks_in_words(
    open_page: OpenPage, served: Served
) -> None:
    from ui.app import launch

    first = launch(served.recommender, block=False)
    page = open_page(url=str(first.local_url))
    card = ask(page, "a vase").locator(".tm-card").first
    first.close()
    second = launch(served.recommender, port=first.server_port, block=False)
    try:
        card.get_by_role("button", name="Like:").click()
        card.get_by_text("Not saved. The server was started anew").wait_for()
        assert len(titles(ask(page, "a lamp"))) == 4
        assert page.locator(".tm-turn").count() == 2
        assert "The conversation starts anew here" in page.locator(".tm-anew").inner_text()
    finally:
        second.close()


def test_a_picture_opens_large_and_closes_with_escape(open_page: OpenPage) -> None:
    page = open_page()
    card = ask(page, "a green lamp").locator(".tm-card").filter(has_text="Green lamp")
    opener = card.get_by_role("button", name="Show the picture of Green lamp large")
    opener.click()
    large = page.get_by_role("dialog").get_by_alt_text("Green lamp")
    expect(lambda: large.evaluate("i => i.complete && i.naturalWidth > 0"), page)
    page.keyboard.press("Escape")
    large.wait_for(state="hidden")
    assert opener.evaluate("e => e === document.activeElement")


def test_the_keyboard_is_enough(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    page.get_by_label("Your wish").focus()
    page.keyboard.type("a red vase")
    page.keyboard.press("Enter")
    turn = answered(page, 0)
    turn.get_by_role("button", name=re.compile("Show the picture")).first.focus()
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert (focused.get_attribute("aria-label") or "").startswith("Like:")
    assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Space")
    turn.get_by_text("Saved to your likes").wait_for()
    assert len(events(served, user_of(page), EventType.LIKE)) == 1


def test_a_page_without_a_catalogue_says_what_to_do(
    open_page: OpenPage, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.app import launch

    with Workspace.create(tmp_path / "empty") as empty:
        monkeypatch.setattr(served.recommender, "workspace", empty)
        blocks = launch(served.recommender, block=False)
        try:
            page = open_page(url=str(blocks.local_url))
            assert "nothing to choose from yet" in page.locator(".tm-welcome").inner_text()
        finally:
            blocks.close()


def test_the_page_is_named_after_its_workspace(open_page: OpenPage) -> None:
    assert open_page().title() == "workspace · Tastemaker"


def test_what_was_indexed_since_the_page_started_is_counted(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    welcome = page.locator(".tm-welcome")
    welcome.get_by_text("17 things to choose from").wait_for()
    with monkeypatch.context() as patch:
        patch.setattr(served.recommender.workspace.items, "count", lambda: 18)
        page.get_by_role("button", name="New chat").click()
        welcome.get_by_text("18 things to choose from").wait_for()
        patch.setattr(served.recommender.workspace.items, "count", lambda: 19)
        page.reload()
        welcome.get_by_text("19 things to choose from").wait_for()


def test_the_filters_hint_fits_a_phone_and_its_attributes_are_told(open_page: OpenPage) -> None:
    page = open_page(width=390, height=844)
    assert page.get_by_label("Filter", exact=True).get_attribute("placeholder") == "such as price < 62"
    page.get_by_title("Filter on colour, kind, price, note, tags, title, id").wait_for()
