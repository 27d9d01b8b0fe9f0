"""The four functions as programs use them: through gradio_client, over plain HTTP, and what they refuse."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from retrieval.errors import BusyError
from retrieval.types import EventType
from tests.ui.conftest import Served
from ui.line import Line
from ui.memory import Memory
from ui.programs import Programs
from ui.throttle import Rate, Throttle

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return Client(served.url, verbose=False)


@pytest.fixture(scope="module")
def call(client: Client) -> Call:
    return lambda name, **given: client.predict(api_name=f"/{name}", **given)


def over_http(served: Served, name: str, *values: object) -> Any:
    """The answer of an endpoint by plain HTTP: a POST that gives a number, and a stream of its events."""
    asked = httpx.post(f"{served.url}/gradio_api/call/{name}", json={"data": list(values)}).raise_for_status()
    events = httpx.get(f"{served.url}/gradio_api/call/{name}/{asked.json()['event_id']}", timeout=60).text
    kind, data = (line.partition(": ")[2] for line in events.strip().splitlines()[-2:])
    return kind, json.loads(data)


def test_exactly_four_functions_are_exposed_and_typed(served: Served) -> None:
    info = httpx.get(f"{served.url}/gradio_api/info").json()
    assert sorted(info["named_endpoints"]) == ["/feedback", "/recommend", "/reply", "/similar"]
    assert info["unnamed_endpoints"] == {}
    parameters = {each["parameter_name"]: each for each in info["named_endpoints"]["/feedback"]["parameters"]}
    assert sorted(parameters) == ["item_id", "request_id", "type", "user_id", "value"]
    assert parameters["type"]["type"] == {"enum": [kind.value for kind in EventType]}
    answer = info["named_endpoints"]["/recommend"]["returns"][0]["type"]
    assert {"request_id", "reranked", "note", "recommendations"} <= set(answer["properties"])
    assert answer["properties"]["recommendations"]["items"]["properties"]["reason"] == {"type": "string"}


def test_recommend_answers_a_wish(call: Call) -> None:
    answer = call("recommend", query="a green lamp", k=3)
    assert answer["reranked"] is True
    assert len(answer["recommendations"]) == 3
    found = next(each for each in answer["recommendations"] if each["item_id"] == "green-lamp")
    assert found["title"] == "Green lamp"
    assert found["reason"]
    assert {"kind", "text", "attribute", "value", "item_id", "title"} == set(found["evidence"][0])


def test_recommend_obeys_a_filter(call: Call) -> None:
    answer = call("recommend", query="something nice", where="colour = 'blue'", k=10)
    assert sorted(each["item_id"] for each in answer["recommendations"]) == ["blue-chair", "blue-lamp", "blue-vase"]


def test_a_picture_is_a_wish_too(call: Call, served: Served) -> None:
    picture = base64.b64encode((served.catalog.parent / "images" / "red-chair.png").read_bytes()).decode()
    answer = call("recommend", picture=picture, k=3)
    assert "visual" in answer["recommendations"][0]["retrievers"]


def test_a_conversation_goes_on_under_its_session_id(call: Call) -> None:
    first = call("reply", message="a green lamp", user_id="pia")
    assert first["session_id"]
    assert "Green lamp" in [each["title"] for each in first["recommendations"]]
    assert first["chips"]
    second = call("reply", message="why the first one?", session_id=first["session_id"], user_id="pia")
    assert second["session_id"] == first["session_id"]
    assert first["recommendations"][0]["title"] in second["text"]
    assert second["request_id"] is None


def test_two_people_with_the_same_session_id_have_two_conversations(call: Call) -> None:
    first = call("reply", message="a green lamp", user_id="pia", session_id="ours")
    other = call("reply", message="why the first one?", user_id="quinn", session_id="ours")
    assert first["recommendations"]
    assert "Nothing has been shown yet" in other["text"]


def test_feedback_is_in_the_log_with_what_showed_the_item(call: Call, served: Served) -> None:
    shown = call("recommend", query="a red chair", user_id="rosa", k=3)
    item_id = shown["recommendations"][1]["item_id"]
    saved = call("feedback", item_id=item_id, type="like", request_id=shown["request_id"], user_id="rosa")
    assert saved == {"user_id": "rosa", "item_id": item_id, "type": "like"}
    event = served.recommender.workspace.log.history("rosa")[-1]
    assert (event.item_id, event.type, event.position, event.source) == (item_id, EventType.LIKE, 1, "api")


def test_similar_gives_other_items_and_what_they_share(call: Call) -> None:
    answer = call("similar", item_id="green-lamp", where="kind in ('lamp', 'chair')", k=3)
    assert answer["title"] == "Green lamp"
    assert len(answer["similar"]) == 3
    assert "green-lamp" not in [each["item_id"] for each in answer["similar"]]
    shared = {each["item_id"]: each["shared"] for each in answer["similar"]}
    assert shared.keys() & {"red-lamp", "blue-lamp", "yellow-lamp"}
    assert all(shared[item_id] == ["kind: lamp"] for item_id in shared if item_id.endswith("lamp"))
    scores = [each["score"] for each in answer["similar"]]
    assert scores == sorted(scores, reverse=True)


def test_similar_is_logged_as_shown(call: Call, served: Served) -> None:
    answer = call("similar", item_id="red-vase", user_id="sam", k=2)
    shown = served.recommender.workspace.log.history("sam", types=[EventType.IMPRESSION])
    assert [event.item_id for event in shown] == [each["item_id"] for each in answer["similar"]]
    assert {event.request_id for event in shown} == {answer["request_id"]}


def test_plain_http_is_enough(served: Served) -> None:
    kind, [answer] = over_http(served, "recommend", "a blue vase", "", "", 2, "")
    assert kind == "complete"
    assert "blue-vase" in [each["item_id"] for each in answer["recommendations"]]
    kind, [answer] = over_http(served, "reply", "a blue vase", "", "", "")
    assert kind == "complete"
    assert "Blue vase" in [each["title"] for each in answer["recommendations"]]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("recommend", {"query": "a lamp", "where": "weight < 3"}, "weight"),
        ("recommend", {"query": "a lamp", "k": 0}, "k is 0; expected a whole number from 1 to 100"),
        ("recommend", {"query": "a lamp", "k": 3.5}, "k is 3.5"),
        ("recommend", {"query": ["a", "lamp"]}, "expected text"),
        ("recommend", {"user_id": 7}, "the user id is 7"),
        ("recommend", {"user_id": "u" * 300}, "the user id has 300 characters"),
        ("recommend", {"picture": "not base64!"}, "not in base64"),
        ("recommend", {"picture": "QUJD"}, "JPEG, PNG, WebP or GIF"),
        ("recommend", {"picture": "A" * 3_000_001}, "shrink it"),
        ("reply", {"message": 5}, "message is 5"),
        ("reply", {"message": "a lamp", "session_id": "s" * 65}, "expected the id of an answer"),
        ("reply", {"message": "a lamp", "session_id": "s\n"}, "expected the id of an answer"),
        ("feedback", {"item_id": "green-lamp", "type": "like"}, "user_id is missing"),
        ("feedback", {"item_id": "green-lamp", "type": "adore", "user_id": "tom"}, "expected one of"),
        ("feedback", {"item_id": "no-lamp", "type": "like", "user_id": "tom"}, "unknown item 'no-lamp'"),
        ("feedback", {"item_id": "green-lamp", "type": "rate", "user_id": "tom"}, "a rating without its value"),
        ("similar", {"item_id": "no-lamp"}, "the catalogue has no item 'no-lamp'"),
        ("similar", {"item_id": ""}, "expected text of 1 to 256 characters"),
        ("similar", {"item_id": "green-lamp", "k": 101}, "k is 101"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(call: Call, name: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(AppError) as refused:
        call(name, **given)
    assert told in str(refused.value)


def test_handlers_of_the_page_cannot_be_called_by_name(client: Client) -> None:
    for name in ("ask", "ask_example", "mark", "greet", "start_again"):
        with pytest.raises(ValueError, match="Cannot find a function"):
            client.predict(api_name=f"/{name}")


def test_who_asks_too_often_is_told_when_to_come_back(served: Served) -> None:
    line, throttle = Line(), Throttle(Rate(per_minute=1, burst=2), clock=lambda: 0.0)
    programs = Programs(served.recommender, line, throttle, Memory(served.recommender, line))
    for _ in range(2):
        assert programs.similar("green-lamp", k=1)["similar"]
    with pytest.raises(BusyError, match="more than 2 at once or 1 a minute; try again in 60 s"):
        programs.similar("green-lamp")
    with pytest.raises(BusyError):
        programs.recommend("a lamp")


def test_a_conversation_that_is_still_answering_takes_no_second_message(served: Served) -> None:
    line = Line()
    programs = Programs(served.recommender, line, Throttle(), Memory(served.recommender, line))
    served.gate.opened.clear()
    served.gate.asked.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(programs.reply, "a held lamp", session_id="one")
        assert served.gate.asked.wait(60)
        with pytest.raises(BusyError, match="still answering"):
            programs.reply("and a vase", session_id="one")
        served.gate.opened.set()
        assert first.result(60)["recommendations"]
    assert programs.reply("why the first one?", session_id="one")["text"]
