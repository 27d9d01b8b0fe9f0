"""Picking what to filter by on the page, in a real Chromium, and what a browser without its scripts may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest

from agent.models.scripted import ScriptedModel
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.store import open_store
from retrieval.types import Item, Money
from retrieval.workspace import Workspace
from tests.ui.conftest import HOSTILE, RESULTS
from tests.ui.page_http import Tab
from tests.ui.person import ask, expect, titles
from ui.throttle import Rate

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.ui.conftest import OpenPage, Served


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page on books with dates, names of several words, and more writers than a sheet lists; its address."""
    from ui.app import launch

    items = [
        Item(
            f"book-{n}",
            f"Book {n}",
            {
                "main genre": ("crime", "poetry", "it's \\ 'both'")[n % 3],
                "written_by": f"writer {n // 2}",
                "price": Money(500 + n, "EUR"),
                "added": date(2026, 1 + n % 12, 5),
            },
        )
        for n in range(600)
    ]
    encoder = open_encoder()
    with Workspace.create(tmp_path_factory.mktemp("library") / "books") as workspace, open_store(workspace) as store:
        workspace.items.upsert(items)
        finder = CandidateFinder(workspace, store, encoder)
        with Recommender(workspace, finder, store, ScriptedModel, RecommenderSettings()) as recommender:
            blocks = launch(recommender, block=False)
            yield str(blocks.local_url).rstrip("/")
            blocks.close()


def _open(page: Page, name: str = "Filters") -> Locator:
    page.locator("#tm-filters").get_by_role("button", name=name).click()
    sheet = page.get_by_role("dialog")
    expect(lambda: sheet.get_by_role("status").last.inner_text() != "", page)
    return sheet


def _box(page: Page) -> Locator:
    return page.locator("#tm-where input")


def _holds(page: Page, where: str) -> None:
    expect(lambda: _box(page).input_value() == where, page)


def _fit(sheet: Locator, told: str) -> None:
    sheet.get_by_text(told, exact=True).wait_for()


@pytest.mark.browser
def test_what_is_picked_becomes_the_filter_of_the_next_answer(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page)
    _fit(sheet, "17 of 17 fit")
    colour = sheet.get_by_role("group", name="colour")
    assert colour.get_by_role("checkbox").count() == 4
    colour.get_by_label("red 3").check()
    colour.get_by_label("blue 3").check()
    price = sheet.get_by_role("group", name="price")
    assert [price.get_by_label(end).get_attribute("placeholder") for end in ("From", "To")] == ["20.5", "97.5"]
    price.get_by_label("To").fill("70")
    price.get_by_label("To").press("Enter")
    _fit(sheet, "5 of 17 fit")
    _holds(page, "colour in ('red', 'blue') and price <= 70")
    sheet.get_by_role("button", name="Done").click()
    opener = page.get_by_role("button", name="Filters · 2")
    assert opener.evaluate("e => e === document.activeElement"), "one goes on where one was"
    turn = ask(page, "something nice")
    assert set(titles(turn)) == {"Red lamp", "Red vase", "Red chair", "Blue lamp", "Blue vase"}
    assert turn.locator(".tm-about code").inner_text() == "colour in ('red', 'blue') and price <= 70"


@pytest.mark.browser
def test_a_wish_that_the_filter_forbids_is_told_what_forbids_it(open_page: OpenPage) -> None:
    page = open_page()
    _box(page).fill("colour = 'red'")
    turn = ask(page, "a blue lamp")
    turn.get_by_text("The filter counts too: colour = 'red'. Without it there would be something.").wait_for()


@pytest.mark.browser
def test_picks_made_faster_than_the_server_answers_all_count(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page)
    page.evaluate("document.querySelectorAll('#tm-filters [type=checkbox]').forEach((box) => box.click())")
    expect(lambda: _box(page).input_value().count("'") == 2 * sheet.get_by_role("checkbox").count(), page)
    assert sheet.get_by_role("checkbox", checked=False).count() == 0
    page.evaluate("document.querySelectorAll('#tm-filters [type=checkbox]').forEach((box) => box.click())")
    _holds(page, "")
    _fit(sheet, "17 of 17 fit")


@pytest.mark.browser
def test_what_is_being_typed_is_not_lost_to_an_answer(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page)
    sheet.get_by_label("red 3").check()
    sheet.get_by_label("To").focus()
    page.keyboard.type("30")
    _fit(sheet, "3 of 17 fit")
    page.keyboard.press("Escape")
    _holds(page, "colour = 'red' and price <= 30")


@pytest.mark.browser
def test_all_is_cleared_at_one_press(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page)
    clear = sheet.get_by_role("button", name="Clear all")
    assert clear.is_disabled()
    sheet.get_by_label("lamp 4").check()
    _fit(sheet, "4 of 17 fit")
    sheet.get_by_role("group", name="price").get_by_label("From").fill("21")
    clear.click()
    _holds(page, "")
    _fit(sheet, "17 of 17 fit")
    assert sheet.get_by_role("checkbox", checked=True).count() == 0
    assert sheet.get_by_role("group", name="price").get_by_label("From").input_value() == ""
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Filters", exact=True).wait_for()


@pytest.mark.browser
def test_a_typed_filter_is_shown_as_picks(open_page: OpenPage) -> None:
    page = open_page()
    _box(page).fill("Colour = 'RED' and (price < 44 and kind in ('lamp', 'sofa'))")
    _box(page).press("Enter")
    page.get_by_role("button", name="Filters · 3").wait_for()
    sheet = _open(page)
    _fit(sheet, "1 of 17 fit")
    labels = sheet.locator(".tm-option").filter(has=page.locator(":checked")).all_inner_texts()
    assert [" ".join(label.split()) for label in labels] == ["red 3", "lamp 4", "sofa 0"]
    price = sheet.get_by_role("group", name="price")
    assert price.get_by_label("Below").input_value() == "44"
    sheet.get_by_label("sofa 0").uncheck()
    _holds(page, "colour = 'red' and kind = 'lamp' and price < 44")
    assert sheet.get_by_label("sofa 0").is_visible(), "what was taken out can be put back"
    price.get_by_label("Below").fill("45")
    price.get_by_label("Below").press("Tab")
    _holds(page, "colour = 'red' and kind = 'lamp' and price <= 45")
    assert price.get_by_label("To").input_value() == "45"


@pytest.mark.browser
def test_a_typed_filter_that_says_more_is_left_alone_until_it_is_cleared(open_page: OpenPage) -> None:
    page = open_page()
    _box(page).fill("colour = 'red' or not price < 44")
    sheet = _open(page)
    sheet.get_by_text("The filter that you typed holds").wait_for()
    _fit(sheet, "16 of 17 fit")
    assert sheet.get_by_role("checkbox").count() == 0, "nothing can be picked by accident"
    page.keyboard.press("Escape")
    _holds(page, "colour = 'red' or not price < 44")
    sheet = _open(page, "Filters · 2")
    sheet.get_by_role("button", name="Clear all").click()
    _holds(page, "")
    sheet.get_by_label("red 3").check()
    _holds(page, "colour = 'red'")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("price <", "The filter stops making sense at its end"),
        ("weight < 3", "No item has the attribute 'weight'"),
        ("price = 'x'", "Price holds numbers, it cannot be compared with 'x'"),
    ],
)
def test_a_wrong_filter_says_why(open_page: OpenPage, where: str, told: str) -> None:
    page = open_page()
    _box(page).fill(where)
    page.locator("#tm-filters").get_by_role("button", name="Filters").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_text(told).wait_for()
    assert sheet.get_by_role("checkbox").count() == 0
    sheet.get_by_role("button", name="Clear all").click()
    _fit(sheet, "17 of 17 fit")


@pytest.mark.browser
def test_hostile_values_are_text_and_filter_as_they_are(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page)
    note = sheet.get_by_role("group", name="note")
    texts = note.locator(".tm-option span").all_text_contents()
    assert texts == [text for text in HOSTILE.values() if len(text) <= 60]
    assert sheet.locator("script, img, a, [onerror]").count() == 0
    note.get_by_label(HOSTILE["evil-image"]).check()
    note.get_by_label(HOSTILE["evil-script"]).check()
    _fit(sheet, "2 of 17 fit")
    page.keyboard.press("Escape")
    assert set(titles(ask(page, "a teapot"))) == {HOSTILE["evil-image"], HOSTILE["evil-script"]}
    sheet = _open(page)
    assert sheet.get_by_role("checkbox", checked=True).count() == 2, "what was picked is read out of the box again"


@pytest.mark.browser
def test_the_keyboard_is_enough(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#tm-filters").get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    _fit(sheet, "17 of 17 fit")
    assert sheet.get_by_role("button", name="Close").evaluate("e => e === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    first, second = (text.split()[0] for text in sheet.locator(".tm-option").all_inner_texts()[:2])
    _holds(page, f"colour in ('{first}', '{second}')")
    _fit(sheet, "6 of 17 fit")
    assert sheet.locator(":focus").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    sheet.get_by_label("To").focus()
    page.keyboard.type("50")
    page.keyboard.press("Tab")
    expect(lambda: _box(page).input_value().endswith(" and price <= 50"), page)
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    opener = page.get_by_role("button", name="Filters · 2")
    assert opener.evaluate("e => e === document.activeElement")
    assert opener.get_attribute("aria-haspopup") == "dialog"


@pytest.mark.browser
def test_many_values_are_cut_searched_and_shown_on_demand(open_page: OpenPage, library: str) -> None:
    page = open_page(url=library)
    sheet = _open(page)
    writers = sheet.get_by_role("group", name="written by")
    assert writers.get_by_role("checkbox").count() == 8
    writers.get_by_role("searchbox", name="Search written by").fill("WRITER 17")
    assert writers.get_by_role("checkbox").count() == 11
    writers.get_by_label("writer 177 2").check()
    _holds(page, "written_by = 'writer 177'")
    writers.get_by_role("searchbox").fill("nobody")
    writers.get_by_text("There is nothing of that name.").wait_for()
    writers.get_by_role("searchbox").fill("")
    assert writers.get_by_role("checkbox").count() == 9, "what is picked stays in sight"
    writers.get_by_role("button", name="Show all 200").click()
    assert writers.get_by_role("checkbox").count() == 200
    assert writers.get_by_label("writer 8 2").evaluate("e => e === document.activeElement")
    writers.get_by_text("100 rarer ones are not listed").wait_for()


@pytest.mark.browser
def test_dates_and_names_of_several_words_are_picked(open_page: OpenPage, library: str) -> None:
    page = open_page(url=library)
    sheet = _open(page)
    added = sheet.get_by_role("group", name="added")
    added.get_by_text("2026-01-05 to 2026-12-05").wait_for()
    added.get_by_label("From").fill("2026-03-01")
    added.get_by_label("To").fill("2026-04-30")
    sheet.get_by_role("group", name="main genre").get_by_label("it's").check()
    where = r"`main genre` = 'it\'s \\ \'both\'' and added >= 2026-03-01 and added <= 2026-04-30"
    _holds(page, where)
    _fit(sheet, "50 of 600 fit")
    page.keyboard.press("Escape")
    sheet = _open(page, "Filters · 2")
    assert added.get_by_label("From").input_value() == "2026-03-01"
    assert sheet.get_by_role("checkbox", checked=True).count() == 1


@pytest.mark.browser
def test_a_filter_that_gets_too_long_is_not_taken_over(open_page: OpenPage, library: str) -> None:
    page = open_page(url=library)
    sheet = _open(page)
    sheet.get_by_role("group", name="written by").get_by_role("button", name="Show all 200").click()
    sheet.get_by_label("crime 200").check()
    _fit(sheet, "200 of 600 fit")
    page.evaluate("document.querySelectorAll('#tm-filters [type=checkbox]').forEach((box) => box.checked = true)")
    sheet.get_by_label("crime 200").click()
    sheet.get_by_text("at most 2,000 are read").wait_for()
    _holds(page, "`main genre` = 'crime'")
    assert sheet.get_by_role("checkbox", checked=True).count() == 1, "the sheet shows what the box holds"


@pytest.mark.browser
def test_the_sheet_speaks_chinese_and_fits_a_phone(open_page: OpenPage, library: str) -> None:
    page = open_page(url=library, width=390, height=844, locale="zh-CN")
    page.get_by_role("button", name="筛选条件").click()
    sheet = page.get_by_role("dialog", name="筛选条件")
    sheet.get_by_text("符合：600 / 600").wait_for()
    sheet.get_by_role("group", name="price").get_by_label("到").fill("7")
    sheet.get_by_role("group", name="main genre").get_by_role("checkbox").first.check()
    page.get_by_text("筛选条件 · 2").wait_for()
    box = sheet.bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    assert sheet.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    buttons = [sheet.get_by_role("button", name=name).bounding_box() for name in ("全部清除", "完成")]
    assert all(each is not None and each["height"] >= 36 and each["y"] + each["height"] <= 844 for each in buttons)
    sheet.get_by_role("button", name="完成").click()
    sheet.wait_for(state="hidden")


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_the_sheet_is_in_the_pages_colours(open_page: OpenPage, dark: bool) -> None:
    page = open_page(dark=dark)
    sheet = _open(page)
    sheet.get_by_label("red 3").check()
    _fit(sheet, "3 of 17 fit")
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / f"filters-{'dark' if dark else 'light'}.png")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sheet.evaluate("e => getComputedStyle(e).backgroundColor") == paper
    assert sheet.locator("footer").evaluate("e => getComputedStyle(e).backgroundColor") == paper
    nameless = sheet.evaluate(
        """(sheet) => [...sheet.querySelectorAll("button, input")].filter((e) => e.offsetParent !== null)
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.browser
def test_picking_too_often_is_refused_and_what_was_picked_before_is_shown(open_page: OpenPage, served: Served) -> None:
    from ui.app import launch

    blocks = launch(served.recommender, rate=Rate(per_minute=0.01, burst=2), block=False)
    try:
        page = open_page(url=str(blocks.local_url))
        sheet = _open(page)
        sheet.get_by_label("red 3").check()
        _fit(sheet, "3 of 17 fit")
        sheet.get_by_label("blue 3").click()
        sheet.get_by_text("These were too many requests").wait_for()
        _holds(page, "colour = 'red'")
        assert sheet.get_by_label("red 3").is_checked()
        assert not sheet.get_by_label("blue 3").is_checked()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Filters · 1").click()
        sheet.get_by_text("These were too many requests").wait_for()
        assert sheet.get_by_text("One moment").count() == 0
    finally:
        blocks.close()


@pytest.mark.browser
def test_a_pick_without_an_answer_is_said_not_to_count(open_page: OpenPage) -> None:
    page = open_page()
    sheet = _open(page)
    page.clock.install()
    page.context.set_offline(True)
    sheet.get_by_label("red 3").click()
    page.clock.fast_forward(30_000)
    sheet.get_by_text("The server did not answer").wait_for()
    assert not sheet.get_by_label("red 3").is_checked()
    assert _box(page).input_value() == ""
    page.context.set_offline(False)


@pytest.mark.browser
def test_nothing_is_asked_of_the_catalogue_before_the_sheet_is_opened(
    open_page: OpenPage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ranges = served.recommender.ranges
    monkeypatch.setattr(served.recommender, "ranges", lambda: asked.append(1) or ranges())
    page = open_page()
    ask(page, "a lamp")
    assert asked == []
    _open(page)
    assert asked == [1]


@pytest.mark.parametrize(
    "pressed", [None, "x", [], {}, {"picks": None}, {"picks": [3]}, {"picks": [{"name": "a", "values": ["\ud800"]}]}]
)
def test_whatever_else_is_sent_is_refused_in_words(served: Served, pressed: object) -> None:
    answer = Tab(served.url, f"picking {json.dumps(pressed)}").send("pick", pressed=pressed)
    assert "What was picked cannot be read" in answer
    assert '"success":true' in answer


@pytest.mark.parametrize("where", [None, 3, "\ud800", "colour = '\ud800'", "x" * 100_000, "(" * 1000, "\x00"])
def test_whatever_the_box_is_said_to_hold_is_answered(served: Served, where: object) -> None:
    for handler in ("offer", "follow"):
        assert '"success":true' in Tab(served.url, f"{handler} {str(where)[:9]!a}").send(handler, where)


def test_a_pick_of_what_is_gone_is_refused_in_words(served: Served) -> None:
    picks = [{"name": "weight", "values": [], "bounds": {"<": "3"}}]
    assert "No item has the attribute" in Tab(served.url, "gone").send("pick", pressed={"picks": picks})
