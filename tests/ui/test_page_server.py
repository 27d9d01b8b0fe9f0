"""How often a page may ask, and the address that it is served at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from retrieval.errors import SettingsError
from tests.ui.person import ask, titles
from ui.throttle import Rate

if TYPE_CHECKING:
    from tests.ui.conftest import OpenPage, Served, Watch

pytestmark = pytest.mark.browser


def test_who_asks_too_often_is_told_so_and_keeps_the_conversation(served: Served, open_page: OpenPage) -> None:
    from ui.app import launch

    blocks = launch(served.recommender, rate=Rate(per_minute=0.01, burst=1), block=False)
    try:
        page = open_page(url=str(blocks.local_url))
        assert "Red lamp" in titles(ask(page, "a lamp"))
        problem = ask(page, "a vase").locator(".tm-problem").inner_text()
        assert problem.startswith("These were too many requests")
        assert "Red lamp" in titles(page.locator(".tm-turn").first)
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


def test_all_questions_wait_in_one_queue_so_that_threads_are_left_for_clicks(served: Served) -> None:
    from ui.app import build_app
    from ui.chat_page import MAX_WAITING

    handlers = {each.api_name: each for each in build_app(served.recommender).fns.values()}
    for name in ("ask", "ask_example", "press", "reopen", "forget"):
        assert (handlers[name].concurrency_id, handlers[name].concurrency_limit) == ("turns", MAX_WAITING)
    for name in ("mark", "look", "retract", "start_again"):
        assert not handlers[name].queue, "what is quick waits for nobody"
