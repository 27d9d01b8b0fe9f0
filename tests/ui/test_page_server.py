"""The page for programs, and its address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from tests.ui.conftest import OpenPage, Served, Watch

pytestmark = pytest.mark.browser


def test_programs_have_one_endpoint(served: Served) -> None:
    from gradio_client import Client

    info = httpx.get(f"{served.url}/gradio_api/info").json()
    assert list(info["named_endpoints"]) == ["/recommend"]
    assert info["unnamed_endpoints"] == {}
    answer = Client(served.url, verbose=False).predict(query="a green lamp", k=3, api_name="/recommend")
    assert answer["reranked"] is True
    assert len(answer["recommendations"]) == 3
    assert "green-lamp" in [found["item_id"] for found in answer["recommendations"]]


def test_programs_get_errors_as_sentences(served: Served) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="weight"):
        Client(served.url, verbose=False).predict(query="a lamp", where="weight < 3", api_name="/recommend")


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
