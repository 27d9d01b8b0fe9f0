"""How the page looks and how it is used without eyes or mouse, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import RESULTS
from tests.ui.person import answered, ask, expect

if TYPE_CHECKING:
    from tests.ui.conftest import OpenPage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [("desktop", 1280, 900, False), ("phone", 390, 844, False), ("dark", 1280, 900, True)],
)
def test_it_fits_the_screen(open_page: OpenPage, name: str, width: int, height: int, dark: bool) -> None:
    page = open_page(width=width, height=height, dark=dark)
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / f"{name}-start.png")
    turn = ask(page, "a vase")
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
    expect(lambda: page.evaluate("document.body.classList.contains('dark')"), page)


def test_everything_has_a_name_for_screen_readers(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a vase")
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, textarea, img")]
            .filter((e) => e.offsetParent !== null)
            .filter((e) => e.tagName === "IMG" ? !e.hasAttribute("alt")
                : !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length)))
            .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert page.get_by_role("region", name="Conversation").is_visible()


def test_the_page_speaks_chinese_to_a_chinese_browser(open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN")
    assert page.locator(".tm-welcome h1").inner_text() == "你在找什么？"
    page.get_by_role("button", name="新对话").wait_for()
    assert page.get_by_label("筛选", exact=True).get_attribute("placeholder") == "例如 price < 62"
    page.get_by_role("button", name="给我惊喜").click()
    turn = answered(page, 0)
    assert turn.locator(".tm-words").inner_text() == "给我惊喜"
    assert turn.locator(".tm-footer").inner_text().startswith("用时")
    turn.get_by_role("button", name="喜欢：").first.click()
    turn.get_by_text("已存入你的喜欢").wait_for()
    page.get_by_role("button", name="关于你").click()
    page.get_by_role("dialog").get_by_role("button", name="收回").first.wait_for()


def test_reading_aloud_follows_the_answer(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a lamp")
    live = page.get_by_role("status").first
    assert live.get_attribute("aria-live") == "polite"
    expect(lambda: live.text_content() == "This is what I found for: kind lamp.", page)


def test_a_sheet_fits_a_phone(open_page: OpenPage) -> None:
    page = open_page(width=390, height=844)
    name, opener = page.locator(".tm-shade").bounding_box(), page.locator("#tm-panel .tm-openers").bounding_box()
    assert name is not None
    assert opener is not None
    assert name["x"] + name["width"] <= opener["x"], "the head's parts stand beside each other"
    page.get_by_role("button", name="About you", exact=True).click()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
