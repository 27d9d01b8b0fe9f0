"""The owner's page in a real browser, on the small shop: what it tells, and switching adapters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from agent.adapter_shelf import AdapterShelf
from agent.models.scripted import ScriptedModel
from retrieval.types import EventType
from tests.agent.test_adapters import save
from tests.ui.conftest import RESULTS, OpenPage, Served
from tests.ui.test_gate import Guarded, guarded  # noqa: F401  a fixture

HOSTILE = "<img src=x onerror=window.hacked=8>"


def _system(name: str, ndcg: float) -> dict[str, object]:
    figures = {"mean": ndcg, "low": ndcg - 0.01, "high": ndcg + 0.01}
    return {"system": name, "metrics": {"ndcg@10": figures, "recall@10": figures}, "rank_s": 1.5}


@pytest.fixture(scope="module")
def stocked(served: Served) -> Iterator[Served]:
    """The shop after an evaluation and with adapters, one of which is called and measured to do harm."""
    folder = served.recommender.workspace.path
    run = folder / "evaluation" / "leave-one-out" / "seed-0"
    run.mkdir(parents=True)
    systems = [_system("popularity", 0.1234), _system("served", 0.4321), _system(HOSTILE, 0.2)]
    found = {"schema_version": 1, "protocol": "leave-one-out", "cases": 40, "users": 40, "systems": systems}
    (run / "results.json").write_text(json.dumps(found), encoding="utf-8")
    autumn = save(folder / "adapters" / "autumn")
    (autumn / "metrics.json").write_text(json.dumps({"ndcg@10": 0.31, HOSTILE: 1}))
    (folder / "adapters" / "broken").mkdir()
    yield served
    (run / "results.json").unlink()


@pytest.fixture
def owner(stocked: Served, open_page: OpenPage) -> Page:
    page = open_page()
    page.goto(f"{stocked.url}/owner")
    page.get_by_text("17 to choose from").first.wait_for()
    return page


def test_it_tells_how_the_workspace_is_doing(owner: Page, stocked: Served) -> None:
    log = stocked.recommender.workspace.log
    for text in ("up to date", "Learned towers", f"{log.count():,}", "popularity", "0.4321", "ndcg@10 0.31"):
        owner.get_by_text(text).filter(visible=True).first.wait_for()
    owner.get_by_text("leave-one-out: 40 cases of 40 people.").wait_for()
    assert owner.get_by_text(HOSTILE).count() >= 2
    assert owner.evaluate("window.hacked") is None
    assert not owner.get_by_role("link", name="Home").is_visible()
    owner.get_by_role("link", name="To the chat").click()
    owner.get_by_label("Your wish").wait_for()
    assert not owner.get_by_role("link", name="Home").is_visible()


def test_its_plots_are_drawn_and_it_fits(owner: Page, stocked: Served) -> None:
    stocked.recommender.recommend(query="a lamp")
    owner.get_by_role("button", name="Look again").click()
    owner.get_by_text("95th percentile").filter(visible=True).first.wait_for()
    owner.locator("canvas, .vega-embed svg").nth(2).wait_for()
    RESULTS.mkdir(exist_ok=True)
    owner.wait_for_function("document.fonts.ready.then(() => true)")
    owner.screenshot(path=RESULTS / "owner.png", full_page=True)
    assert owner.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_adapter_is_used_and_taken_back(owner: Page, stocked: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path | None] = []

    def opened(_: Path, settings: object) -> ScriptedModel:
        asked.append(getattr(settings, "adapter", None))
        return ScriptedModel(stocked.gate.rule)

    monkeypatch.setattr("agent.recommender.open_chosen_model", opened)
    shelf = AdapterShelf(stocked.recommender.workspace.path)
    told = owner.locator("#tm-adapter-told")
    owner.get_by_label("Adapter", exact=True).click()
    owner.get_by_role("option", name="autumn").click()
    assert owner.get_by_role("option", name="broken").count() == 0
    owner.get_by_role("button", name="Use it").click()
    told.get_by_text("Now in use: autumn.").wait_for()
    assert shelf.used() == "autumn"
    assert asked == [shelf.usable("autumn").path]
    owner.get_by_role("button", name="Roll back").click()
    told.get_by_text("Back to the model alone.").wait_for()
    assert (shelf.used(), asked[1:]) == (None, [None])
    owner.get_by_role("button", name="Roll back").click()
    told.get_by_text("Nothing was changed: there is nothing to go back to").wait_for()


def test_an_adapter_that_cannot_be_loaded_changes_nothing(owner: Page, stocked: Served) -> None:
    before = stocked.recommender.model
    owner.get_by_label("Adapter", exact=True).click()
    owner.get_by_role("option", name="autumn").click()
    owner.get_by_role("button", name="Use it").click()
    owner.locator("#tm-adapter-told").get_by_text("Nothing was changed: the adapter autumn").wait_for(timeout=120_000)
    assert stocked.recommender.model is before
    assert AdapterShelf(stocked.recommender.workspace.path).used() is None


def test_its_handlers_refuse_who_is_no_owner(guarded: Guarded, served: Served) -> None:  # noqa: F811
    answers = {}
    for name in ("nina", "olga"):
        with httpx.Client(base_url=guarded.url, headers=guarded.headers(name), timeout=60) as client:
            config = client.get("/config").json()
            look = next(each["id"] for each in config["dependencies"] if each["api_name"] == "look_again")
            sent = {"data": [], "fn_index": look, "session_hash": name}
            client.post("/gradio_api/queue/join", json=sent).raise_for_status()
            answers[name] = client.get("/gradio_api/queue/data", params={"session_hash": name}).text
    assert "this is for owners" in answers["nina"]
    assert "to choose from" not in answers["nina"]
    assert "17 to choose from" in answers["olga"]
    assert served.recommender.workspace.log.history("nina", types=[EventType.BUY]) == []
