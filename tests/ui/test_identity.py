"""Who one is on a page where nobody logs in, and whose requests count together there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from agent.feedback import ANONYMOUS
from retrieval.types import Event, EventType
from tests.ui.conftest import OpenPage, Served
from tests.ui.page_http import Tab
from tests.ui.person import ask, events
from ui.throttle import Rate

ELSEWHERE = "127.0.0.2"
several_addresses = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="loopback has one address only")


@pytest.fixture
def rationed(served: Served) -> Iterator[str]:
    """A page on which one caller may do ten things, and nothing more for a long time."""
    from ui.app import CALLERS_RATE, launch

    assert CALLERS_RATE == 5
    blocks = launch(served.recommender, rate=Rate(per_minute=0.01, burst=2), block=False)
    yield str(blocks.local_url).rstrip("/")
    blocks.close()


@several_addresses
def test_without_logins_an_address_is_a_caller(rationed: str) -> None:
    for number in range(5):
        for _ in range(2):
            assert "Red lamp" in Tab(rationed, f"tab {number}").ask("a red lamp", "ann")
    for user in ("ann", "ben"):
        assert "too many requests" in Tab(rationed, "another tab").ask("a red lamp", user)
    assert "Red lamp" in Tab(rationed, "tab elsewhere", address=ELSEWHERE).ask("a red lamp", "ann")


@several_addresses
def test_without_logins_a_chat_is_opened_again_from_its_own_address_only(served: Served) -> None:
    tab = Tab(served.url, "where it began")
    asked = tab.ask("a yellow vase", "ann")
    found = re.search(r'"chat_id": ?"([^"]+)"', asked.replace("\\", ""))
    assert found, asked
    chat_id = found[1]
    seen = {"sheet": "chats", "ids": [chat_id]}
    assert "a yellow vase" in Tab(served.url, "loaded again").send("look", "ann", pressed=seen)
    assert "a yellow vase" in Tab(served.url, "loaded again").send("reopen", "ann", pressed={"id": chat_id})
    assert "a yellow vase" not in Tab(served.url, "other", address=ELSEWHERE).send("look", "ann", pressed=seen)
    stranger = Tab(served.url, "another", address=ELSEWHERE)
    assert "a yellow vase" not in stranger.send("reopen", "ann", pressed={"id": chat_id})


@pytest.mark.browser
def test_whoever_is_in_the_log_can_be_chosen_but_neither_guests_nor_nobody(open_page: OpenPage, served: Served) -> None:
    from ui.app import launch

    when = datetime(2026, 5, 1, tzinfo=UTC)
    people = ("10", "9", "guest-0a1b2c", ANONYMOUS)
    served.recommender.workspace.log.add([Event(user, "red-lamp", EventType.CLICK, when) for user in people])
    blocks = launch(served.recommender, block=False)
    try:
        page = open_page(url=str(blocks.local_url))
        page.get_by_label("You are").click()
        listed = [each.strip().removeprefix("✓").strip() for each in page.get_by_role("option").all_inner_texts()]
        assert listed[:2] == ["9", "10"], "numbers by their size"
        assert "ben" in listed
        assert not [user for user in listed if user.startswith("guest-") or user == ANONYMOUS]
        page.get_by_role("option", name="10").click()
        assert ask(page, "a vase").locator(".tm-about").inner_text() == "as 10"
        assert events(served, "10", EventType.IMPRESSION)
    finally:
        blocks.close()
        for user in people:
            served.recommender.forget(user)
