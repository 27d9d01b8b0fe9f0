"""The MCP server as an MCP client uses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult, TextContent

from retrieval.types import EventType
from tests.ui.conftest import Served
from ui.mcp_server import host_names

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def with_client(url: str, use: Callable[[ClientSession], Awaitable[Any]], headers: dict[str, str] | None = None) -> Any:
    """What `use` returns, given a client that is connected."""

    async def connected() -> Any:
        async with (
            streamablehttp_client(f"{url}/mcp", headers=headers) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    with ThreadPoolExecutor(1) as threads:  # in this thread playwright may have a loop running
        return threads.submit(anyio.run, connected).result()


def call(url: str, name: str, **given: object) -> CallToolResult:
    result: CallToolResult = with_client(url, lambda session: session.call_tool(name, given))
    return result


def answer_of(result: CallToolResult) -> dict[str, Any]:
    assert not result.isError, result.content
    assert result.structuredContent is not None
    return result.structuredContent


def error_of(result: CallToolResult) -> str:
    assert result.isError
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_the_same_four_tools_are_listed_with_their_schemas(served: Served) -> None:
    listed = with_client(served.url, lambda session: session.list_tools())
    tools = {tool.name: tool for tool in listed.tools}
    assert sorted(tools) == ["feedback", "recommend", "reply", "similar"]
    schema = tools["recommend"].inputSchema
    assert sorted(schema["properties"]) == ["k", "picture", "query", "user_id", "where"]
    assert schema["properties"]["k"]["description"] == "How many, 1 to 100."
    assert tools["recommend"].outputSchema is not None
    assert "recommendations" in tools["recommend"].outputSchema["properties"]
    assert tools["reply"].inputSchema["required"] == ["message"]
    assert tools["similar"].description is not None
    assert tools["similar"].description.startswith("The items most like another")
    assert "Args" not in tools["similar"].description


def test_a_conversation_over_mcp(served: Served) -> None:
    first = answer_of(call(served.url, "reply", message="a green lamp", user_id="uma"))
    assert "Green lamp" in [each["title"] for each in first["recommendations"]]
    second = call(served.url, "reply", message="why the first one?", session_id=first["session_id"], user_id="uma")
    assert first["recommendations"][0]["title"] in answer_of(second)["text"]


def test_recommend_feedback_and_similar_over_mcp(served: Served) -> None:
    shown = answer_of(call(served.url, "recommend", query="a red chair", user_id="vera", k=2))
    item_id = shown["recommendations"][0]["item_id"]
    call(served.url, "feedback", item_id=item_id, type="dislike", request_id=shown["request_id"], user_id="vera")
    event = served.recommender.workspace.log.history("vera")[-1]
    assert (event.item_id, event.type, event.position) == (item_id, EventType.DISLIKE, 0)
    found = answer_of(call(served.url, "similar", item_id="green-lamp", k=2))
    assert len(found["similar"]) == 2


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("recommend", {"where": "weight < 3"}, "weight"),
        ("recommend", {"k": 0}, "expected a whole number from 1 to 100"),
        ("recommend", {"k": "many"}, "Input validation error"),
        ("recommend", {"queri": "a lamp"}, "Input validation error"),
        ("feedback", {"item_id": "green-lamp", "type": "adore", "user_id": "tom"}, "Input validation error"),
        ("similar", {"item_id": "no-lamp"}, "the catalogue has no item 'no-lamp'"),
        ("delete", {}, "there is no tool 'delete'; there are recommend, reply, feedback, similar"),
    ],
)
def test_what_cannot_be_done_is_an_error_in_words(served: Served, name: str, given: dict[str, Any], told: str) -> None:
    assert told in error_of(call(served.url, name, **given))


def test_a_fault_of_ours_keeps_its_details(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(served.recommender, "similar", broken)
    told = error_of(call(served.url, "similar", item_id="green-lamp"))
    assert "something broke on our side" in told
    assert "secret detail" not in told


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("Host", "evil.example", 421), ("Origin", "https://evil.example", 403), ("Content-Type", "text/plain", 400)],
)
def test_another_sites_page_cannot_come_in(served: Served, header: str, value: str, status: int) -> None:
    assert httpx.post(f"{served.url}/mcp", json=LIST, headers=HEADERS).status_code == 200
    assert httpx.post(f"{served.url}/mcp", json=LIST, headers=HEADERS | {header: value}).status_code == status


def test_a_call_of_more_than_4_mebibytes_is_refused(served: Served) -> None:
    huge = LIST | {"params": {"cursor": "x" * 5_000_000}}
    assert httpx.post(f"{served.url}/mcp", json=huge, headers=HEADERS).status_code == 413


def test_the_names_of_a_server() -> None:
    assert host_names("127.0.0.1") == ("127.0.0.1", "localhost", "[::1]")
    assert host_names("192.0.2.7", ["shop.example"])[3:] == ("192.0.2.7", "shop.example")
    assert len(host_names("0.0.0.0")) == 4
    assert host_names("fd00::1")[3:] == ("[fd00::1]",)
