"""Hostile and broken input on the page, in a real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.ui.conftest import HOSTILE
from tests.ui.person import ask, press, say, titles, wants

if TYPE_CHECKING:
    from tests.ui.conftest import OpenPage, Served

pytestmark = pytest.mark.browser


def test_markup_and_templates_are_shown_as_text(open_page: OpenPage) -> None:
    page = open_page()
    turn = ask(page, "<img src=x onerror=window.hacked=9> ${window.hacked=10} teapot")
    assert turn.locator(".tm-words").inner_text() == "<img src=x onerror=window.hacked=9> ${window.hacked=10} teapot"
    page.get_by_role("button", name="New chat").click()
    page.locator(".tm-welcome").wait_for()
    turn = ask(page, "a teapot")
    assert set(titles(turn)) == set(HOSTILE.values())
    assert page.locator(".tm-feed").locator("script, [onerror], a, iframe").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_hostile_user_name_is_text(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("You are").fill("<b onmouseover=window.hacked=7>x</b>")
    page.get_by_label("You are").press("Enter")
    assert ask(page, "a vase").locator(".tm-about").inner_text() == "as <b onmouseover=window.hacked=7>x</b>"


def test_a_wrong_filter_is_explained_and_the_conversation_goes_on(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a vase")
    page.get_by_label("Filter", exact=True).fill("weight < 3")
    problem = ask(page, "a lamp").locator(".tm-problem").inner_text()
    assert "weight" in problem
    assert "colour" in problem
    page.get_by_label("Filter", exact=True).fill("")
    assert len(titles(ask(page, "a lamp"))) == 4
    assert page.locator(".tm-turn").count() == 3


def test_a_filter_that_nothing_passes_is_said(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Filter", exact=True).fill("price < 1")
    assert "Nothing fits" in ask(page, "a lamp").locator(".tm-answer, .tm-problem").filter(visible=True).inner_text()


def test_without_the_model_the_order_of_retrieval_is_shown_and_said(open_page: OpenPage) -> None:
    turn = ask(open_page(), "a lamp in an outage")
    assert len(titles(turn)) == 4
    assert "retriever's order" in turn.locator(".tm-notice").inner_text()


def test_a_text_file_named_jpg_is_explained(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "holiday.jpg").write_text("only words", encoding="utf-8")
    page.locator("#tm-wish input[type=file]").set_input_files(tmp_path / "holiday.jpg")
    page.locator("#tm-wish .thumbnail-item").wait_for()
    problem = ask(page, "like this").locator(".tm-problem").inner_text()
    assert "JPEG, PNG, WebP or GIF" in problem
    assert len(titles(ask(page, "a lamp"))) == 4


def test_a_file_of_50_megabytes_is_refused_in_words(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(50_000_000)
    page.locator("#tm-wish input[type=file]").set_input_files(tmp_path / "big.jpg")
    page.get_by_text("exceed the maximum allowed size of 20").wait_for()
    assert len(titles(ask(page, "a lamp"))) == 4


def test_ten_thousand_characters_do_no_harm(open_page: OpenPage) -> None:
    page = open_page()
    turn = ask(page, "lamp \u202e\u0007" * 1500)
    assert turn.locator(".tm-words").inner_text().endswith("…")
    assert len(titles(ask(page, "a lamp"))) == 4


def test_a_fault_of_ours_is_a_sentence_not_a_stack_trace(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()

    def broken(**_: object) -> None:
        raise ZeroDivisionError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr(served.recommender, "recommend", broken)
        problem = ask(page, "a vase").locator(".tm-problem").inner_text()
    assert problem.startswith("Something broke on our side.")
    assert "secret detail" not in page.inner_text("body")
    assert len(titles(ask(page, "a lamp"))) == 4


def test_an_animated_gif_is_a_picture(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "dance.gif", save_all=True, append_images=frames[1:], duration=50, loop=0)
    page.locator("#tm-wish input[type=file]").set_input_files(tmp_path / "dance.gif")
    page.locator("#tm-wish .thumbnail-item").wait_for()
    turn = ask(page, "something like this")
    assert turn.get_by_alt_text("Your picture").is_visible()
    assert titles(turn)


def test_control_and_direction_marks_neither_show_nor_turn_the_text(open_page: OpenPage) -> None:
    turn = ask(open_page(), "a \u202elamp\u2066\u0000\u0007 \u200f")
    assert turn.locator(".tm-words").inner_text() == "a lamp"
    assert len(titles(turn)) == 4


def test_a_browser_closed_in_the_middle_of_a_turn_stops_nobody(open_page: OpenPage, served: Served) -> None:
    served.gate.opened.clear()
    gone, other = open_page(), open_page()
    say(gone, "a held vase")
    gone.locator(".tm-stage").filter(has_text="pictures included").wait_for()
    gone.close()
    served.gate.opened.set()
    assert len(titles(ask(other, "a lamp"))) == 4


def test_a_shown_item_that_left_the_catalogue_can_still_be_judged_and_explained(
    open_page: OpenPage, served: Served
) -> None:
    page = open_page()
    turn = ask(page, "a yellow chair")
    items = served.recommender.workspace.items
    chair = items.get("yellow-chair")
    items.withdraw([chair.item_id])
    try:
        turn.get_by_role("button", name="Like:").click()
        turn.get_by_text("Saved to your likes").wait_for()
        why = press(page, turn.get_by_role("button", name="Why?: Yellow chair"))
        assert "It rests on this" in why.locator(".tm-speech").inner_text()
        assert "Yellow chair" not in titles(ask(page, "a chair"))
    finally:
        items.upsert([chair])


def test_the_conversation_survives_a_model_that_goes_away(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a lamp")
    turn = ask(page, "in an outage, please")
    assert "the model server does not answer" in turn.locator(".tm-notice").inner_text()
    assert wants(turn)[0] == "kind lamp"
    assert titles(turn)
    turn = ask(page, "a vase")
    assert len(titles(turn)) == 4
    assert not turn.locator(".tm-notice").is_visible()
