"""Asking on the page, in a real Chromium: what a person does, what they see, and what lands in the log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from retrieval.types import EventType
from tests.ui.person import answered, ask, events, expect, press, say, titles, user_of, wants

if TYPE_CHECKING:
    from tests.ui.conftest import OpenPage, Served

pytestmark = pytest.mark.browser


def test_a_wish_becomes_cards_with_reasons(open_page: OpenPage) -> None:
    turn = ask(open_page(), "a lamp")
    assert len(titles(turn)) == 4
    assert turn.locator(".tm-answer").inner_text() == "This is what I found for: kind lamp."
    card = turn.locator(".tm-card").filter(has_text="Green lamp")
    assert card.locator(".tm-detail").inner_text().startswith("€")
    assert card.locator(".tm-reason").inner_text()
    assert card.locator(".tm-chips li").count() >= 1
    assert card.locator(".tm-found").inner_text().startswith("Found by")
    assert re.match(r"Answered in \d+\.\d\d s", turn.locator(".tm-footer").inner_text())
    expect(lambda: card.locator("img").evaluate("i => i.complete && i.naturalWidth > 0"), turn.page)


def test_each_card_says_who_wrote_its_reason(open_page: OpenPage) -> None:
    page = open_page()
    turn = ask(page, "a lamp")
    assert turn.locator(".tm-source").all_text_contents() == ["Written by the model"] * 4
    assert turn.locator(".tm-footer").inner_text().endswith(" · 4 of 4 reasons by the model")
    assert "checked against the catalogue" in str(turn.locator(".tm-source").first.get_attribute("title"))
    turn = ask(page, "a lamp in an outage")
    assert turn.locator(".tm-source").all_text_contents() == ["Plain evidence"] * 4
    assert turn.locator(".tm-footer").inner_text().endswith(" · 0 of 4 reasons by the model")


def test_an_example_is_one_press_away(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Surprise me").click()
    assert len(titles(answered(page, 0))) == 5
    assert page.locator(".tm-welcome").is_hidden()


def test_the_stage_shows_while_it_works_and_the_next_message_waits_for_the_answer(
    open_page: OpenPage, served: Served
) -> None:
    served.gate.opened.clear()
    page = open_page()
    first = say(page, "a held vase")
    stage = page.locator(".tm-stage").nth(first)
    stage.filter(has_text="pictures included").wait_for()
    assert page.get_by_label("Your wish").input_value() == ""
    second = say(page, "cheaper")
    page.locator(".tm-stage").nth(second).filter(has_text="after the answer above").wait_for()
    served.gate.opened.set()
    assert len(titles(answered(page, first))) == 4
    assert "kind vase" in wants(answered(page, second)), "it is said of the vases"
    assert stage.is_hidden()


def test_cards_are_there_before_their_reasons(open_page: OpenPage, served: Served) -> None:
    served.gate.opened.clear()
    page = open_page()
    turn = page.locator(".tm-turn").nth(say(page, "an unwritten vase"))
    turn.locator(".tm-card").nth(3).wait_for()
    assert turn.locator(".tm-reason").all_text_contents() == ["Writing down why…"] * 4
    assert not turn.get_by_role("button", name="Like:").first.is_visible(), "it is not logged yet that it was shown"
    served.gate.opened.set()
    answered(page, 0)
    assert all("vase" in reason for reason in turn.locator(".tm-reason").all_text_contents())
    assert turn.get_by_role("button", name="Like:").first.is_visible()


def test_reasons_appear_word_by_word(open_page: OpenPage, served: Served) -> None:
    served.gate.opened.clear()
    page = open_page()
    turn = page.locator(".tm-turn").nth(say(page, "a halfway vase"))
    reasons = turn.locator(".tm-reason")
    reasons.first.filter(has_text=re.compile(r"^It \w+$|^It \w+ \w+$")).wait_for()
    begun = reasons.first.inner_text()
    assert reasons.nth(1).inner_text() == "Writing down why…"
    assert turn.locator(".tm-source").first.inner_text() == "", "who wrote it is told when it is checked"
    served.gate.opened.set()
    answered(page, 0)
    assert reasons.first.inner_text().startswith(begun + " ")


def test_who_comes_third_sees_their_place_in_the_line(open_page: OpenPage, served: Served) -> None:
    served.gate.opened.clear()
    pages = [open_page() for _ in range(4)]
    for page in pages[:2]:
        say(page, "a held vase")
        page.locator(".tm-stage").filter(has_text="pictures included").wait_for()
    say(pages[2], "a blue chair")
    pages[2].locator(".tm-stage").filter(has_text="you are next in line").wait_for()
    say(pages[3], "a red chair")
    pages[3].locator(".tm-stage").filter(has_text="you are number 2 in line").wait_for()
    served.gate.opened.set()
    assert titles(answered(pages[3], 0)) == ["Red chair"]
    assert titles(answered(pages[2], 0)) == ["Blue chair"]


def test_a_picture_is_a_wish(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    page.locator("#tm-wish input[type=file]").set_input_files(served.catalog.parent / "images" / "red-chair.png")
    page.locator("#tm-wish img").wait_for()
    turn = ask(page, "")
    assert turn.get_by_alt_text("Your picture").is_visible()
    assert turn.locator(".tm-words").count() == 0, "nothing is put into the mouth of who says nothing"
    assert "the picture" in turn.locator(".tm-found").first.inner_text()


def test_a_picture_can_be_pasted(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    data = list((served.catalog.parent / "images" / "blue-vase.png").read_bytes())
    page.get_by_label("Your wish").evaluate(
        """(field, bytes) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(bytes)], "pasted.png", { type: "image/png" }));
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        data,
    )
    page.locator("#tm-wish img").wait_for()
    assert ask(page, "something like this").get_by_alt_text("Your picture").is_visible()


def test_a_filter_holds_for_every_card(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Filter", exact=True).fill("colour = 'blue'")
    turn = ask(page, "a lamp")
    assert titles(turn) == ["Blue lamp"]
    assert turn.locator(".tm-about code").inner_text() == "colour = 'blue'"


def test_another_user_can_be_named(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    page.get_by_label("You are").fill("ana")
    page.get_by_label("You are").press("Enter")
    turn = ask(page, "a vase")
    assert turn.locator(".tm-about").inner_text() == "as ana"
    assert events(served, "ana", EventType.IMPRESSION)


def test_a_message_changes_what_was_said_before(open_page: OpenPage) -> None:
    page = open_page()
    assert wants(ask(page, "a lamp")) == ["kind lamp"]
    turn = ask(page, "cheaper")
    assert set(titles(turn)) < {"Red lamp", "Green lamp", "Blue lamp", "Yellow lamp"}
    assert wants(turn)[0] == "kind lamp"
    assert wants(turn)[1].startswith("price at most")


def test_words_are_answered_in_words(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a lamp")
    turn = ask(page, "how do the first and the second differ?")
    assert "differ in 2 things: colour" in turn.locator(".tm-speech").inner_text()
    assert titles(turn) == []
    assert ask(page, "thanks").locator(".tm-speech").inner_text().startswith("You are welcome")


def test_a_chip_is_taken_away_and_brought_back(open_page: OpenPage) -> None:
    page = open_page()
    turn = ask(page, "a blue lamp")
    assert titles(turn) == ["Blue lamp"]
    turn = press(page, turn.get_by_role("button", name="Leave out: colour blue"))
    assert turn.locator(".tm-words").inner_text() == "Without “colour blue”"
    assert wants(turn) == ["kind lamp"]
    assert len(titles(turn)) == 4
    turn = press(page, turn.get_by_role("button", name="Undo the last step"))
    assert wants(turn) == ["colour blue", "kind lamp"]
    assert titles(turn) == ["Blue lamp"]
    assert page.get_by_role("button", name="Leave out: kind lamp").count() == 1, "only what stands last can be changed"


def test_who_becomes_another_starts_anew_and_is_told(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a lamp")
    page.get_by_label("You are").fill("ana")
    page.get_by_label("You are").press("Enter")
    turn = ask(page, "something blue")
    assert "You are ana now" in turn.locator(".tm-notice").inner_text()
    assert wants(turn) == ["colour blue"], "the lamp was another's"
    assert not ask(page, "something green").locator(".tm-notice").is_visible()


def test_a_new_chat_is_empty(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a vase")
    page.get_by_role("button", name="New chat").click()
    page.locator(".tm-welcome").wait_for()
    assert page.locator(".tm-turn").count() == 0
    assert page.locator(".tm-announcer").text_content() == ""
    assert len(titles(ask(page, "a lamp"))) == 4


def test_two_browsers_are_two_conversations(open_page: OpenPage, served: Served) -> None:
    first, second = open_page(), open_page()
    ask(first, "a red chair")
    assert second.locator(".tm-turn").count() == 0
    ask(second, "a blue vase")
    assert first.locator(".tm-words").all_text_contents() == ["a red chair"]
    assert second.locator(".tm-words").all_text_contents() == ["a blue vase"]
    sessions = [
        {event.session_id for event in events(served, user_of(page), EventType.IMPRESSION)} for page in (first, second)
    ]
    assert all(len(ids) == 1 and None not in ids for ids in sessions)
    assert sessions[0] != sessions[1]
