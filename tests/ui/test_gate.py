"""A page with logins: nothing opens without credentials, and nobody can act as another."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError, AuthenticationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.testclient import TestClient

from retrieval.types import EventType
from tests.ui.conftest import OpenPage, Served
from tests.ui.test_mcp_server import HEADERS, LIST, answer_of, error_of, with_client
from ui.accounts import Accounts, add_account, add_token, remove_account
from ui.gate import Gate, turned_away
from ui.login import login_routes
from ui.logins import Logins
from ui.throttle import Rate, Throttle

PASSWORDS = {"olga": "the owner's own", "nina": "nina's own one"}


@dataclass(frozen=True, slots=True)
class Guarded:
    """A page with logins. tokens: one of each user."""

    url: str
    file: Path
    tokens: dict[str, str]

    def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"}


@pytest.fixture(scope="module")
def guarded(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    from ui.app import launch

    file = tmp_path_factory.mktemp("auth") / "users.json"
    for name, password in PASSWORDS.items():
        add_account(file, name, password, owner=name == "olga")
    tokens = {name: add_token(file, name) for name in PASSWORDS}
    blocks = launch(served.recommender, auth=file, block=False)
    yield Guarded(str(blocks.local_url).rstrip("/"), file, tokens)
    blocks.close()


def shown_to(served: Served, user: str) -> int:
    return len(served.recommender.workspace.log.history(user, types=[EventType.IMPRESSION]))


# --- nothing without credentials ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/owner",
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/queue/data?session_hash=x",
        "/gradio_api/heartbeat/x",
        "/gradio_api/file=/etc/hostname",
        "/gradio_api/user",
        "/theme.css",
        "/static/img/logo.svg",
        "/mcp",
        "/nothing-at-all",
    ],
)
def test_nothing_is_read_without_credentials(guarded: Guarded, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "x=y"}):
        refused = httpx.get(guarded.url + path, headers=headers)
        assert refused.status_code == 401
        assert "log in first" in refused.json()["detail"]
        assert refused.headers["www-authenticate"].startswith("Basic")


def test_a_wrong_password_opens_nothing(guarded: Guarded) -> None:
    for headers in (
        {"Authorization": "Basic wrong"},
        {"Authorization": "Basic " + base64.b64encode(b"nina:guessed").decode()},
    ):
        assert httpx.get(f"{guarded.url}/config", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/call/recommend",
        "/gradio_api/run/recommend",
        "/gradio_api/queue/join",
        "/gradio_api/upload",
        "/gradio_api/cancel",
        "/gradio_api/reset",
        "/mcp",
    ],
)
def test_nothing_is_done_without_credentials(guarded: Guarded, path: str) -> None:
    assert httpx.post(guarded.url + path, json=LIST, headers=HEADERS).status_code == 401


def test_pictures_are_for_those_who_are_let_in(guarded: Guarded, served: Served) -> None:
    [item] = served.recommender.workspace.items.get_many(["green-lamp"]).values()
    address = f"{guarded.url}/picture/card/{item.images[0]}"
    assert httpx.get(address).status_code == 401
    assert httpx.get(address, headers=guarded.headers("nina")).headers["content-type"] == "image/webp"


def test_the_tools_are_listed_for_those_who_are_let_in(guarded: Guarded) -> None:
    assert httpx.post(f"{guarded.url}/mcp", json=LIST, headers=HEADERS).status_code == 401
    listed = with_client(guarded.url, lambda session: session.list_tools(), guarded.headers("nina"))
    assert len(listed.tools) == 4


def test_the_owners_page_is_for_owners(guarded: Guarded) -> None:
    assert httpx.get(f"{guarded.url}/owner", headers=guarded.headers("nina")).status_code == 403
    assert httpx.get(f"{guarded.url}/owner/", headers=guarded.headers("nina")).status_code == 403
    assert httpx.get(f"{guarded.url}/owner", headers=guarded.headers("olga")).status_code == 200


# --- nobody is another ----------------------------------------------------------------------------------------------


def test_a_name_and_password_is_who_one_is(guarded: Guarded, served: Served) -> None:
    before = shown_to(served, "nina")
    client = Client(guarded.url, auth=("nina", PASSWORDS["nina"]), verbose=False)
    client.predict(query="a green lamp", k=2, api_name="/recommend")
    assert shown_to(served, "nina") == before + 2
    saved = client.predict(item_id="green-lamp", type="like", user_id="nina", api_name="/feedback")
    assert saved["user_id"] == "nina"
    with pytest.raises(AuthenticationError):
        Client(guarded.url, auth=("nina", "guessed"), verbose=False)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("recommend", {"query": "a lamp"}),
        ("reply", {"message": "a lamp"}),
        ("feedback", {"item_id": "red-lamp", "type": "like"}),
        ("similar", {"item_id": "red-lamp"}),
    ],
)
def test_no_function_acts_as_another(guarded: Guarded, served: Served, name: str, given: dict[str, Any]) -> None:
    told = "you are logged in as nina and cannot act as 'ben'"
    log = served.recommender.workspace.log
    before = log.count()
    client = Client(guarded.url, headers=guarded.headers("nina"), verbose=False)
    with pytest.raises(AppError, match=told):
        client.predict(user_id="ben", api_name=f"/{name}", **given)
    refused = with_client(
        guarded.url, lambda session: session.call_tool(name, {"user_id": "ben", **given}), guarded.headers("nina")
    )
    assert told in error_of(refused)
    assert log.count() == before


def test_a_session_id_opens_no_conversation_of_another(guarded: Guarded) -> None:
    def say(name: str, message: str) -> dict[str, Any]:
        given = {"message": message, "session_id": "shared"}
        return answer_of(
            with_client(guarded.url, lambda session: session.call_tool("reply", given), guarded.headers(name))
        )

    assert say("olga", "a green lamp")["recommendations"]
    assert "Nothing has been shown yet" in say("nina", "why the first one?")["text"]


def test_the_pages_own_handlers_act_as_the_login_whatever_they_are_sent(guarded: Guarded, served: Served) -> None:
    with httpx.Client(base_url=guarded.url, headers=guarded.headers("nina"), timeout=60) as client:
        config = client.get("/config").json()
        ask = next(each["id"] for each in config["dependencies"] if each["api_name"] == "ask")
        before = shown_to(served, "nina"), shown_to(served, "ben")
        sent = {"data": [{"text": "a red vase", "files": []}, "ben", ""], "fn_index": ask, "session_hash": "forged"}
        client.post("/gradio_api/queue/join", json=sent).raise_for_status()
        assert "Red vase" in client.get("/gradio_api/queue/data", params={"session_hash": "forged"}).text
    assert shown_to(served, "nina") > before[0]
    assert shown_to(served, "ben") == before[1]


@pytest.mark.browser
def test_one_logs_in_talks_and_leaves(guarded: Guarded, served: Served, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(guarded.url)
    page.get_by_role("heading", name="workspace").wait_for()
    page.get_by_label("Name").fill("nina")
    page.get_by_label("Password").fill("a wrong one")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").get_by_text("do not fit together").wait_for()
    page.get_by_label("Name").fill("nina")
    page.get_by_label("Password").fill(PASSWORDS["nina"])
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status in (401, 403) else None)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Your wish").wait_for()
    assert page.get_by_label("You are").count() == 0
    page.get_by_label("Your wish").fill("a blue vase")
    page.get_by_label("Your wish").press("Enter")
    page.locator(".tm-footer:visible").wait_for()  # by then it is logged
    assert served.recommender.workspace.log.history("nina", types=[EventType.IMPRESSION])[-1].source == "ui"
    assert page.locator(".tm-card img").first.evaluate("i => fetch(i.src).then(r => r.status)") == 200
    assert [url for url in refused if not url.endswith("manifest.json")] == []  # browsers ask for it without a cookie
    page.get_by_role("link", name="Log out").click()
    page.get_by_label("Password").wait_for()
    page.goto(guarded.url)
    page.get_by_label("Password").wait_for()


# --- the door itself ------------------------------------------------------------------------------------------------


@pytest.fixture
def door(tmp_path: Path) -> TestClient:
    """A server that has nothing but the login, and its file of users beside the test's other files."""
    file = tmp_path / "users.json"
    add_account(file, "nina", PASSWORDS["nina"])
    gate = Gate(Accounts(file), Logins(), Throttle(Rate(per_minute=10, burst=4), clock=lambda: 0.0))
    middleware = [Middleware(AuthenticationMiddleware, backend=gate, on_error=turned_away)]
    return TestClient(Starlette(routes=login_routes(gate, "Shop <b>"), middleware=middleware), follow_redirects=False)


FORM = {"username": "nina", "password": PASSWORDS["nina"]}
BROWSER = {"Accept": "text/html"}


def test_a_browser_is_sent_to_the_login_and_from_there_to_the_page(door: TestClient) -> None:
    sent = door.get("/somewhere", headers=BROWSER)
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    page = door.get("/login", headers=BROWSER).text
    assert "Shop &lt;b&gt;" in page
    let_in = door.post("/login", data=FORM, headers=BROWSER)
    assert (let_in.status_code, let_in.headers["location"]) == (303, "./")
    cookie = let_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert door.get("/somewhere").status_code == 404  # let in, to where there is nothing


def test_who_is_removed_is_out_with_the_next_request(door: TestClient, tmp_path: Path) -> None:
    add_account(tmp_path / "users.json", "olga", PASSWORDS["olga"])
    door.post("/login", data=FORM)
    assert door.get("/somewhere").status_code == 404
    remove_account(tmp_path / "users.json", "nina")
    assert door.get("/somewhere").status_code == 401


def test_another_sites_form_does_not_log_in(door: TestClient) -> None:
    for origin in ("https://evil.example", "null"):
        assert door.post("/login", data=FORM, headers={"Origin": origin}).status_code == 403
    assert door.post("/login", data=FORM, headers={"Origin": "http://testserver"}).status_code == 200


def test_a_huge_form_is_not_read(door: TestClient) -> None:
    assert door.post("/login", data=FORM | {"password": "x" * 5000}).status_code == 403


def test_guessing_is_slowed_down_but_not_for_who_is_in(door: TestClient) -> None:
    right = base64.b64encode(f"nina:{PASSWORDS['nina']}".encode()).decode()
    assert door.get("/somewhere", headers={"Authorization": f"Basic {right}"}).status_code == 404
    statuses = [door.post("/login", data=FORM | {"password": f"guess {n}"}).status_code for n in range(4)]
    assert statuses == [401] * 3 + [429]
    assert json.loads(door.post("/login", data=FORM | {"password": "more"}).text)["detail"].startswith("these were too")
    assert door.get("/somewhere", headers={"Authorization": f"Basic {right}"}).status_code == 404


def test_a_damaged_file_of_users_is_told_without_its_details(
    door: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door.post("/login", data=FORM)
    (tmp_path / "users.json").write_text("{")
    right = base64.b64encode(f"nina:{PASSWORDS['nina']}".encode()).decode()
    for headers in ({}, BROWSER, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {right}"}):
        refused = door.get("/somewhere", headers=headers)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "text/plain; charset=utf-8")
        assert refused.text.startswith("nobody can be let in, for the file of users cannot be read")
        assert str(tmp_path) not in refused.text
    for headers in ({}, BROWSER):
        refused = door.post("/login", data=FORM, headers=headers)
        assert refused.status_code == 503
        assert "obody can be let in" in refused.text
    assert "is no file of users, or damaged" in caplog.text
    (tmp_path / "users.json").unlink()
    add_account(tmp_path / "users.json", "nina", PASSWORDS["nina"])
    assert door.post("/login", data=FORM).status_code == 200


def test_a_browsers_script_is_not_asked_for_a_password_in_a_window(door: TestClient) -> None:
    refused = door.get("/somewhere", headers={"Sec-Fetch-Mode": "cors"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
