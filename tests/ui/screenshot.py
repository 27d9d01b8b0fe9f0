"""The README's picture: the chat on the built-in shop. Run as python -m tests.ui.screenshot."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.ui.conftest import CHROMIUM, CHROMIUM_FLAGS

TARGET = Path(__file__).resolve().parents[2] / "docs" / "images" / "chat.png"
WISH = "a striped or chequered cushion under 50 euros"
USER = "u0004"
WIDTH, HEIGHT = 1280, 1000


def take(url: str, target: Path, wish: str) -> None:
    """Ask for the wish as a shopper whose taste the log knows, like the first answer, and take the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
        page.goto(url)
        page.get_by_label("You are").click()
        page.get_by_role("option", name=USER).click()
        page.get_by_label("Your wish").fill(wish)
        page.get_by_label("Your wish").press("Enter")
        page.locator(".tm-footer:visible").wait_for(timeout=120_000)
        page.get_by_role("button", name="Like:").first.click()
        page.get_by_text("Saved to your likes").wait_for()
        page.wait_for_function("[...document.querySelectorAll('.tm-picture img')].every((i) => i.complete)")
        page.evaluate("window.scrollTo(0, 0)")
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=target)
        browser.close()


def main() -> None:
    from agent.recommender import Recommender
    from ui.app import launch
    from ui.demo import prepare_demo

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="a demo's workspace to use; without it one is made and removed")
    parser.add_argument("--wish", default=WISH)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.workspace or Path(name) / "demo"
        prepare_demo(folder)
        with Recommender.open(folder) as recommender:
            blocks = launch(recommender, block=False)
            take(str(blocks.local_url), TARGET, options.wish)
            blocks.close()


if __name__ == "__main__":
    main()
