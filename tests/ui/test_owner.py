"""The owner's page in a real browser, on the small shop: what it tells, and switching adapters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from agent.current_model import CurrentModel
from agent.models.scripted import ScriptedModel
from agent.registry import Adapters, Figure
from retrieval.types import EventType
from tests.agent.test_registry import card
from tests.ui.conftest import RESULTS, OpenPage, Served
from tests.ui.test_gate import Guarded, guarded  # noqa: F401  a fixture

HOSTILE = "<img src=x onerror=window.hacked=8>"


def _system(name: str, ndcg: float) -> dict[str, object]:
    figures = {"mean": ndcg, "low": ndcg - 0.01, "high": ndcg + 0.01}
    return {"system": name, "metrics": {"ndcg@10": figures, "recall@10": figures}, "rank_s": 1.5}


@pytest.fixture(scope="module")
def stocked(served: Served, adapter_folder: Path) -> Iterator[Served]:
    """The shop after an evaluation and with adapters: one measured to do harm, one damaged."""
    folder = served.recommender.workspace.path
    run = folder / "evaluation" / "leave-one-out" / "seed-0"
    run.mkdir(parents=True)
    systems = [_system("popularity", 0.1234), _system("served", 0.4321), _system(HOSTILE, 0.2)]
    found = {"schema_version": 1, "protocol": "leave-one-out", "cases": 40, "users": 40, "systems": systems}
    (run / "results.json").write_text(json.dumps(found), encoding="utf-8")
    adapters = Adapters(folder)
    adapters.register(adapter_folder, card("autumn", figures=(Figure("ndcg@10", 0.31), Figure(HOSTILE, 1.0))))
    adapters.register(adapter_folder, card("broken"))
    (adapters.path("broken") / "adapter_model.safetensors").write_bytes(b"other weights")
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
    for text in ("up to date", "Learned towers", f"{log.count():,}", "popularity", "0.4321", "ndcg@10 0.3100"):
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


def test_it_speaks_chinese_to_whose_browser_does(stocked: Served, open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN")
    page.goto(f"{stocked.url}/owner")
    page.get_by_text("17 件可选").first.wait_for()
    page.get_by_role("heading", name="运行状况").wait_for()
    for text in ("已是最新", "尚无：请运行 tastemaker finetune towers", "仅用模型本身", "autumn", "ndcg@10 0.3100"):
        page.get_by_text(text).filter(visible=True).first.wait_for()
    page.get_by_text("leave-one-out：40 位用户的 40 个案例。").wait_for()
    page.get_by_role("button", name="回退").click()
    page.locator("#tm-adapter-told").get_by_text("未作任何更改：").wait_for()
    stocked.recommender.recommend(query="a lamp")
    page.get_by_role("button", name="刷新").click()
    page.get_by_text("第 95 百分位").filter(visible=True).first.wait_for()
    page.locator("canvas, .vega-embed svg").nth(2).wait_for()
    page.screenshot(path=RESULTS / "owner-zh.png", full_page=True)
    shown = page.inner_text("#tm-owner")
    for text in ("How it is doing", "Catalogue", "Roll back", "Time to answer", "answers", "events", "__i18n__"):
        assert text not in shown, text
    page.get_by_role("link", name="返回对话").click()
    page.locator("#tm-wish textarea").first.wait_for()


def _choose(owner: Page, name: str) -> None:
    owner.get_by_label("Adapter", exact=True).click()
    owner.get_by_role("option", name=name).click()
    owner.get_by_role("button", name="Use it").click()


def test_an_adapter_is_used_and_taken_back(owner: Page, stocked: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    adapters = Adapters(stocked.recommender.workspace.path)

    def follow() -> ScriptedModel:
        model = ScriptedModel(stocked.gate.rule, stocked.gate.write)
        model.info = replace(model.info, adapter=adapters.current())
        return model

    monkeypatch.setattr(stocked.recommender, "_models", CurrentModel(follow, adapters.current))
    told = owner.locator("#tm-adapter-told")
    _choose(owner, "autumn")
    told.get_by_text("Now in use: autumn. Answers from now on are by it.").wait_for()
    assert (adapters.current(), stocked.recommender.model.info.adapter) == ("autumn", "autumn")
    owner.get_by_role("button", name="Roll back").click()
    told.get_by_text("Back to the model alone. Answers from now on are by it.").wait_for()
    assert (adapters.current(), stocked.recommender.model.info.adapter) == (None, None)
    owner.get_by_role("button", name="Roll back").click()
    told.get_by_text("Nothing was changed: no other adapter was used before").wait_for()


def test_a_page_that_cannot_follow_says_so(owner: Page, stocked: Served) -> None:
    adapters = Adapters(stocked.recommender.workspace.path)
    _choose(owner, "autumn")  # this page's model is the scripted one, whatever the workspace uses
    told = owner.locator("#tm-adapter-told")
    told.get_by_text("Now in use: autumn. This page still answers with the model alone").wait_for()
    adapters.roll_back()


def test_a_damaged_adapter_changes_nothing(owner: Page, stocked: Served) -> None:
    before = stocked.recommender.model
    _choose(owner, "broken")
    owner.locator("#tm-adapter-told").get_by_text("is damaged: its SHA-256 is").wait_for()
    assert stocked.recommender.model is before
    assert Adapters(stocked.recommender.workspace.path).current() is None


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
