"""How the page looks and how it is used without eyes or mouse, in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import RESULTS
from tests.ui.person import ask, expect

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
