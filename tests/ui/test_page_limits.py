"""How much one caller may do, and whom one may be, on a page that is really served."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from gradio_client import Client

from tests.ui.conftest import OpenPage, Served
from tests.ui.page_http import Tab
from tests.ui.person import ask, say
from tests.ui.test_mcp_server import answer_of, call, error_of
from ui.throttle import Rate

TOO_MANY = "too many requests"
ServeAt = Callable[[int], str]


@pytest.fixture
def serve_at(served: Served) -> Iterator[ServeAt]:
    """Serves the page so that one page may do so much, and nothing more for a long time; gives its address."""
    from ui.app import launch

    running = []

    def serve_at(burst: int) -> str:
        running.append(launch(served.recommender, rate=Rate(per_minute=0.01, burst=burst), block=False))
        return str(running[-1].local_url).rstrip("/")

    yield serve_at
    for blocks in running:
        blocks.close()


def test_a_caller_has_one_budget_over_pages_endpoints_and_mcp(serve_at: ServeAt) -> None:
    url = serve_at(1)  # five of one caller
    client = Client(url, verbose=False)
    assert "Red lamp" in Tab(url, "one").ask("a red lamp")
    assert client.predict(item_id="red-lamp", k=1, api_name="/similar")["similar"]
    assert answer_of(call(url, "similar", item_id="red-lamp", k=1))["similar"]
    assert TOO_MANY in Tab(url, "one").ask("a blue lamp"), "a page has a share of its own"
    assert "Red vase" in Tab(url, "two").ask("a red vase")
    assert "likes" in Tab(url, "three").send("look", "somebody", pressed={"sheet": "you"})
    assert TOO_MANY in Tab(url, "four").ask("a green lamp")
    assert TOO_MANY in error_of(call(url, "similar", item_id="red-lamp"))
    asked = httpx.post(f"{url}/gradio_api/call/similar", json={"data": ["red-lamp", 1, "", ""]}).json()
    assert TOO_MANY in httpx.get(f"{url}/gradio_api/call/similar/{asked['event_id']}", timeout=60).text


@pytest.mark.browser
def test_whatever_is_pressed_too_often_says_so(serve_at: ServeAt, open_page: OpenPage) -> None:
    page = open_page(url=serve_at(2))
    card = ask(page, "a lamp").locator(".tm-card").first
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Saved to your likes").wait_for()
    card.get_by_role("button", name="Like:").click()
    card.get_by_text("Not saved. These were too many requests").wait_for()
    assert card.get_by_role("button", name="Like:").get_attribute("aria-pressed") == "true"
    for name in ("About you", "Chats"):
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_role("dialog").get_by_text("These were too many requests").wait_for()
        assert page.get_by_role("dialog").get_by_text("One moment").count() == 0
        page.keyboard.press("Escape")
    say(page, "a vase")
    page.locator(".tm-problem").get_by_text("These were too many requests").nth(0).wait_for()
    page.get_by_label("Your wish").fill("half a wish")
    page.get_by_role("button", name="New chat").click()
    page.locator(".tm-turn").nth(2).locator(".tm-problem").get_by_text("These were too many requests").wait_for()
    assert page.get_by_label("Your wish").input_value() == "half a wish"
    assert page.locator(".tm-card").count() == 4, "the chat is still there"


def test_what_is_taken_back_or_opened_again_counts_too(serve_at: ServeAt, served: Served) -> None:
    tab = Tab(serve_at(1), "one")
    tab.ask("I never want anything blue", "taken-back")
    assert TOO_MANY in tab.send("retract", "taken-back", pressed={"attribute": "colour", "value": "blue"})
    assert served.recommender.workspace.preferences.of("taken-back")
    assert TOO_MANY in tab.send("reopen", None, pressed={"id": "some chat"})


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("anonymous", "he name anonymous stands in the log for those who did not say who they are"),
        ("x" * 257, "he user id has 257 characters; expected at most 256"),
        (["ben"], "(list); expected text"),
    ],
)
def test_nobody_can_be_called_just_anything(served: Served, user: object, told: str) -> None:
    tab = Tab(served.url, f"called {told[:12]}")
    before = served.recommender.workspace.log.count()
    assert told in tab.ask("a lamp", user)
    assert told in tab.send("look", user, pressed={"sheet": "you"})
    assert told in tab.send("retract", user, pressed={"item_id": "red-lamp"})
    assert served.recommender.workspace.log.count() == before


def test_a_user_id_of_a_program_is_checked_the_same_way(served: Served) -> None:
    for user, told in (
        ("anonymous", "the name anonymous stands in the log"),
        ("x" * 257, "the user id has 257 characters"),
    ):
        assert told in error_of(call(served.url, "recommend", query="a lamp", user_id=user))
        assert told in error_of(call(served.url, "feedback", item_id="red-lamp", type="like", user_id=user))
