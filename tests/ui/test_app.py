"""What a person does with the page, in a real Chromium, and what they see; and what lands in the log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from retrieval.errors import SettingsError, StoreError
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.ui.conftest import HOSTILE, RESULTS
from ui.throttle import Rate

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.ui.conftest import OpenPage, Served, Watch

pytestmark = pytest.mark.browser


def _ask(page: Page, text: str) -> Locator:
    """Say it and wait for the answer; returns the turn."""
    return _answered(page, _say(page, text))


def _say(page: Page, text: str) -> int:
    turns = page.locator(".tm-turn").count()
    page.get_by_label("Your wish").fill(text)
    page.get_by_label("Your wish").press("Enter")
    return turns


def _answered(page: Page, number: int) -> Locator:
    turn = page.locator(".tm-turn").nth(number)
    turn.locator(".tm-footer:visible, .tm-problem:visible").first.wait_for()
    return turn


def _titles(turn: Locator) -> list[str]:
    return turn.locator(".tm-title").all_text_contents()


def _user(page: Page) -> str:
    return page.locator(".tm-about").first.inner_text().removeprefix("as ")


def _events(served: Served, user: str, kind: EventType) -> list[Event]:
    return served.recommender.workspace.log.history(user, types=[kind])


def _expect(check: Callable[[], bool], page: Page) -> None:
    """Wait until it holds, letting the page go on meanwhile."""
    for _ in range(300):
        if check():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come true within 15 seconds")


# --- asking ---------------------------------------------------------------------------------------------------------


def test_a_wish_becomes_cards_with_reasons(open_page: OpenPage) -> None:
    turn = _ask(open_page(), "a green lamp")
    assert len(_titles(turn)) == 5
    assert turn.locator(".tm-answer").inner_text() == "5 suggestions"
    card = turn.locator(".tm-card").filter(has_text="Green lamp")
    assert card.locator(".tm-detail").inner_text().startswith("€")
    assert card.locator(".tm-reason").inner_text()
    assert card.locator(".tm-chips li").count() >= 1
    assert card.locator(".tm-found").inner_text().startswith("Found by")
    assert re.match(r"Answered in \d+\.\d\d s", turn.locator(".tm-footer").inner_text())
    _expect(lambda: card.locator("img").evaluate("i => i.complete && i.naturalWidth > 0"), turn.page)


def test_each_card_says_who_wrote_its_reason(open_page: OpenPage) -> None:
    page = open_page()
    turn = _ask(page, "a green lamp")
    assert turn.locator(".tm-source").all_text_contents() == ["Written by the model"] * 5
    assert turn.locator(".tm-footer").inner_text().endswith(" · 5 of 5 reasons by the model")
    assert "checked against the catalogue" in str(turn.locator(".tm-source").first.get_attribute("title"))
    turn = _ask(page, "a green lamp in an outage")
    assert turn.locator(".tm-source").all_text_contents() == ["Plain evidence"] * 5
    assert turn.locator(".tm-footer").inner_text().endswith(" · 0 of 5 reasons by the model")


def test_an_example_is_one_press_away(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Surprise me").click()
    assert len(_titles(_answered(page, 0))) == 5
    assert page.locator(".tm-welcome").is_hidden()


def test_the_stage_shows_while_it_works_and_the_next_wish_can_wait_in_line(open_page: OpenPage, served: Served) -> None:
    served.gate.opened.clear()
    page = open_page()
    first = _say(page, "a held vase")
    stage = page.locator(".tm-stage").nth(first)
    stage.filter(has_text="pictures included").wait_for()
    assert page.get_by_label("Your wish").input_value() == ""
    second = _say(page, "a red chair, held too")
    page.locator(".tm-stage").nth(second).filter(has_text="pictures included").wait_for()
    third = _say(page, "a blue chair, after those two")
    page.locator(".tm-stage").nth(third).filter(has_text="Others are being served").wait_for()
    served.gate.opened.set()
    assert len(_titles(_answered(page, first))) == 5
    assert "Red chair" in _titles(_answered(page, second))
    assert "Blue chair" in _titles(_answered(page, third))
    assert stage.is_hidden()


def test_a_picture_is_a_wish(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    page.locator("#tm-wish input[type=file]").set_input_files(served.catalog.parent / "images" / "red-chair.png")
    page.locator("#tm-wish img").wait_for()
    turn = _ask(page, "")
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
    assert _ask(page, "something like this").get_by_alt_text("Your picture").is_visible()


def test_a_filter_holds_for_every_card(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Filter").fill("colour = 'blue'")
    turn = _ask(page, "a lamp")
    assert sorted(_titles(turn)) == ["Blue chair", "Blue lamp", "Blue vase"]
    assert turn.locator(".tm-about code").inner_text() == "colour = 'blue'"


def test_another_user_can_be_named(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    page.get_by_label("You are").fill("ana")
    page.get_by_label("You are").press("Enter")
    turn = _ask(page, "a vase")
    assert turn.locator(".tm-about").inner_text() == "as ana"
    assert _events(served, "ana", EventType.IMPRESSION)


def test_a_new_chat_is_empty(open_page: OpenPage) -> None:
    page = open_page()
    _ask(page, "a vase")
    page.get_by_role("button", name="New chat").click()
    page.locator(".tm-welcome").wait_for()
    assert page.locator(".tm-turn").count() == 0
    assert page.locator(".tm-announcer").text_content() == ""
    assert len(_titles(_ask(page, "a lamp"))) == 5


def test_two_browsers_are_two_conversations(open_page: OpenPage, served: Served) -> None:
    first, second = open_page(), open_page()
    _ask(first, "a red chair")
    assert second.locator(".tm-turn").count() == 0
    _ask(second, "a blue vase")
    assert first.locator(".tm-words").all_text_contents() == ["a red chair"]
    assert second.locator(".tm-words").all_text_contents() == ["a blue vase"]
    sessions = [
        {event.session_id for event in _events(served, _user(page), EventType.IMPRESSION)} for page in (first, second)
    ]
    assert all(len(ids) == 1 and None not in ids for ids in sessions)
    assert sessions[0] != sessions[1]


# --- what people press ----------------------------------------------------------------------------------------------


def test_likes_and_dislikes_land_in_the_log_with_their_request(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    turn = _ask(page, "a yellow lamp")
    liked, disliked = turn.locator(".tm-card").nth(0), turn.locator(".tm-card").nth(3)
    liked.get_by_role("button", name="Like:").click()
    disliked.get_by_role("button", name="Not for me:").click()  # at once: the first must not be dropped
    liked.get_by_text("Saved to your likes").wait_for()
    disliked.get_by_text("Saved: not for you").wait_for()
    assert liked.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "true"
    shown = _events(served, _user(page), EventType.IMPRESSION)
    (like,) = _events(served, _user(page), EventType.LIKE)
    (dislike,) = _events(served, _user(page), EventType.DISLIKE)
    assert len(shown) == 5
    assert {event.request_id for event in shown} == {like.request_id} == {dislike.request_id}
    position = {event.position: event.item_id for event in shown}
    assert (like.item_id, dislike.item_id) == (position[0], position[3])


def test_one_can_change_ones_mind(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    card = _ask(page, "a vase").locator(".tm-card").first
    card.get_by_role("button", name="Like:").click()
    card.get_by_role("button", name="Not for me:").click()
    card.get_by_text("Saved: not for you").wait_for()
    assert card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "false"
    assert "press Like" in str(card.get_by_role("button", name="Not for me:").get_attribute("title"))
    card.get_by_role("button", name="Not for me:").click()  # what stands already is not logged again
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    log = served.recommender.workspace.log
    events = log.history(_user(page), types=[EventType.LIKE, EventType.DISLIKE])
    assert [event.type for event in events] == [EventType.LIKE, EventType.DISLIKE, EventType.LIKE]
    assert [event.item_id for event in log.positives(_user(page))] == [events[0].item_id], "the latest counts"


def test_a_click_that_cannot_be_saved_says_so_and_can_be_repeated(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    card = _ask(page, "a vase").locator(".tm-card").first

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("the disk is full; make room and try again")

    with monkeypatch.context() as patch:
        patch.setattr(served.recommender, "feedback", refuse)
        card.get_by_role("button", name="Like:").click()
        card.get_by_text("Not saved. The disk is full; make room and try again.").wait_for()
    assert card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "false"
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    assert len(_events(served, _user(page), EventType.LIKE)) == 1


def test_a_click_without_an_answer_says_so(open_page: OpenPage) -> None:
    page = open_page()
    card = _ask(page, "a vase").locator(".tm-card").first
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
    card = _ask(page, "a vase").locator(".tm-card").first
    first.close()
    second = launch(served.recommender, port=first.server_port, block=False)
    try:
        card.get_by_role("button", name="Like:").click()
        card.get_by_text("Not saved. The server was started anew").wait_for()
        assert len(_titles(_ask(page, "a lamp"))) == 5
        assert page.locator(".tm-turn").count() == 2
    finally:
        second.close()


def test_a_picture_opens_large_and_closes_with_escape(open_page: OpenPage) -> None:
    page = open_page()
    card = _ask(page, "a green lamp").locator(".tm-card").filter(has_text="Green lamp")
    opener = card.get_by_role("button", name="Show the picture of Green lamp large")
    opener.click()
    large = page.get_by_role("dialog").get_by_alt_text("Green lamp")
    _expect(lambda: large.evaluate("i => i.complete && i.naturalWidth > 0"), page)
    page.keyboard.press("Escape")
    large.wait_for(state="hidden")
    assert opener.evaluate("e => e === document.activeElement")


def test_the_keyboard_is_enough(open_page: OpenPage, served: Served) -> None:
    page = open_page()
    page.get_by_label("Your wish").focus()
    page.keyboard.type("a red vase")
    page.keyboard.press("Enter")
    turn = _answered(page, 0)
    turn.get_by_role("button", name=re.compile("Show the picture")).first.focus()
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert (focused.get_attribute("aria-label") or "").startswith("Like:")
    assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Space")
    turn.get_by_text("Saved to your likes").wait_for()
    assert len(_events(served, _user(page), EventType.LIKE)) == 1


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
    assert page.get_by_label("Filter").get_attribute("placeholder") == "such as price < 62"
    page.get_by_title("Filter on colour, kind, price, note, tags, title, id").wait_for()


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_markup_and_templates_are_shown_as_text(open_page: OpenPage) -> None:
    page = open_page()
    turn = _ask(page, "<img src=x onerror=window.hacked=9> ${window.hacked=10} teapot")
    assert turn.locator(".tm-words").inner_text() == "<img src=x onerror=window.hacked=9> ${window.hacked=10} teapot"
    assert set(_titles(turn)) == set(HOSTILE.values())
    assert turn.locator("script, [onerror], a, iframe").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_hostile_user_name_is_text(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("You are").fill("<b onmouseover=window.hacked=7>x</b>")
    page.get_by_label("You are").press("Enter")
    assert _ask(page, "a vase").locator(".tm-about").inner_text() == "as <b onmouseover=window.hacked=7>x</b>"


def test_a_wrong_filter_is_explained_and_the_conversation_goes_on(open_page: OpenPage) -> None:
    page = open_page()
    _ask(page, "a vase")
    page.get_by_label("Filter").fill("weight < 3")
    problem = _ask(page, "a lamp").locator(".tm-problem").inner_text()
    assert "weight" in problem
    assert "colour" in problem
    page.get_by_label("Filter").fill("")
    assert len(_titles(_ask(page, "a lamp"))) == 5
    assert page.locator(".tm-turn").count() == 3


def test_a_filter_that_nothing_passes_is_said(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Filter").fill("price < 1")
    assert "Nothing fits" in _ask(page, "a lamp").locator(".tm-answer, .tm-problem").filter(visible=True).inner_text()


def test_without_the_model_the_order_of_retrieval_is_shown_and_said(open_page: OpenPage) -> None:
    turn = _ask(open_page(), "a lamp in an outage")
    assert len(_titles(turn)) == 5
    assert "retriever's order" in turn.locator(".tm-notice").inner_text()


def test_a_text_file_named_jpg_is_explained(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "holiday.jpg").write_text("only words", encoding="utf-8")
    page.locator("#tm-wish input[type=file]").set_input_files(tmp_path / "holiday.jpg")
    page.locator("#tm-wish .thumbnail-item").wait_for()
    problem = _ask(page, "like this").locator(".tm-problem").inner_text()
    assert "JPEG, PNG, WebP or GIF" in problem
    assert len(_titles(_ask(page, "a lamp"))) == 5


def test_a_file_of_50_megabytes_is_refused_in_words(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    with (tmp_path / "big.jpg").open("wb") as file:
        file.truncate(50_000_000)
    page.locator("#tm-wish input[type=file]").set_input_files(tmp_path / "big.jpg")
    page.get_by_text("exceed the maximum allowed size of 20").wait_for()
    assert len(_titles(_ask(page, "a lamp"))) == 5


def test_ten_thousand_characters_do_no_harm(open_page: OpenPage) -> None:
    page = open_page()
    turn = _ask(page, "lamp \u202e\u0007" * 1500)
    assert turn.locator(".tm-words").inner_text().endswith("…")
    assert len(_titles(_ask(page, "a lamp"))) == 5


def test_a_fault_of_ours_is_a_sentence_not_a_stack_trace(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()

    def broken(**_: object) -> None:
        raise ZeroDivisionError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr(served.recommender, "recommend", broken)
        problem = _ask(page, "a vase").locator(".tm-problem").inner_text()
    assert problem.startswith("Something broke on our side.")
    assert "secret detail" not in page.inner_text("body")
    assert len(_titles(_ask(page, "a lamp"))) == 5


# --- how it looks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [("desktop", 1280, 900, False), ("phone", 390, 844, False), ("dark", 1280, 900, True)],
)
def test_it_fits_the_screen(open_page: OpenPage, name: str, width: int, height: int, dark: bool) -> None:
    page = open_page(width=width, height=height, dark=dark)
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / f"{name}-start.png")
    turn = _ask(page, "a blue vase")
    turn.get_by_role("button", name="Like:").first.click()
    turn.get_by_text("Saved to your likes").wait_for()
    page.screenshot(path=RESULTS / f"{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.body.classList.contains('dark')") is dark
    composer = page.get_by_label("Your wish").bounding_box()
    assert composer is not None
    assert composer["y"] + composer["height"] <= height
    boxes = [button.bounding_box() for button in turn.locator(".tm-mark").all()]
    assert all(box is not None and box["height"] >= 36 and box["x"] + box["width"] <= width for box in boxes)


def test_light_and_dark_are_one_press_apart(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    page.get_by_label("Your wish").wait_for()
    _expect(lambda: page.evaluate("document.body.classList.contains('dark')"), page)


def test_everything_has_a_name_for_screen_readers(open_page: OpenPage) -> None:
    page = open_page()
    _ask(page, "a blue vase")
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, textarea, img")]
            .filter((e) => e.offsetParent !== null)
            .filter((e) => e.tagName === "IMG" ? !e.hasAttribute("alt")
                : !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert page.get_by_role("region", name="Conversation").is_visible()


# --- where it is served ---------------------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_so_and_keeps_the_conversation(served: Served, open_page: OpenPage) -> None:
    from ui.app import launch

    blocks = launch(served.recommender, rate=Rate(per_minute=0.01, burst=1), block=False)
    try:
        page = open_page(url=str(blocks.local_url))
        assert len(_titles(_ask(page, "a lamp"))) == 5
        problem = _ask(page, "a vase").locator(".tm-problem").inner_text()
        assert problem.startswith("These were too many requests")
        assert len(_titles(page.locator(".tm-turn").first)) == 5
    finally:
        blocks.close()


def test_a_port_that_is_taken_is_said(served: Served) -> None:
    from ui.app import launch

    port = urlsplit(served.url).port
    with pytest.raises(SettingsError, match=f"port {port}"):
        launch(served.recommender, port=port, block=False)


def test_a_port_that_no_machine_has_is_said(served: Served) -> None:
    from ui.app import launch

    with pytest.raises(SettingsError, match="port is 80000; expected a number from 1 to 65535"):
        launch(served.recommender, port=80000, block=False)


def test_the_page_forbids_other_hosts(served: Served, watch: Watch, open_page: OpenPage) -> None:
    policy = httpx.get(served.url).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    page = open_page()
    blocked = page.evaluate("fetch('https://example.com').then(() => 'reached', () => 'refused')")
    assert blocked == "refused"
    watch.requests[:] = [url for url in watch.requests if "example.com" not in url]  # the test's own attempt
    config = json.dumps(httpx.get(f"{served.url}/config").json())
    assert "googleapis" not in config
