"""Rankers in worlds where it is known what decides: found and used where it helps, refused where it does not."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agent.features import PLAIN, Features
from agent.models.base import ModelInfo
from agent.models.scripted import ScriptedModel
from agent.ranker import RANKER_NAME, load_ranker, weigh
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from finetune.ranker import FittedRanker, RankerTraining, fit_ranker, fit_to_cases
from finetune.ranker_lists import RankerCase, ranker_cases
from finetune.ranker_table import RankerTable
from retrieval.candidates import CandidateFinder
from retrieval.errors import InteractionError, SettingsError
from retrieval.indexing import index_catalog
from retrieval.store import VectorStore, open_store
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.retrieval.planted import publish
from tests.retrieval.words import WordEncoder

MODEL = ModelInfo("scripted", None, 96, 4096, 32, alpha=4.0)
LIST = 20


def cases(
    decides: Callable[[Features], float], count: int = 300, seed: int = 0, *, size: int = LIST, priced: bool = True
) -> list[RankerCase]:
    """Lists of chance, in the plain order, whose target is drawn with probability softmax(decides)."""
    rng = np.random.default_rng(seed)
    made = []
    for user in range(count):
        rows = sorted((features(rng, priced) for _ in range(size)), key=lambda row: -plain(row))
        logits = np.array([decides(row) for row in rows])
        made.append(RankerCase(f"user {user}", rows, int(np.argmax(logits + rng.gumbel(size=size)))))
    return made


def features(rng: np.random.Generator, priced: bool) -> dict[str, float]:
    row = {
        "log_prob": float(np.log(rng.uniform(0.001, 0.3))),
        "log_prior": float(np.log(rng.uniform(0.02, 0.1))),
        "log_wanted_by": float(rng.exponential(2)),
        "newness": float(rng.uniform()),
        "price_distance": float(rng.exponential()) if priced else 0.0,
        "price_unknown": float(not priced),
        "found_by": float(rng.integers(1, 4)),
    }
    for name in ("popular", "history"):
        if rng.uniform() < 0.7:
            row[f"relevance:{name}"] = float(rng.uniform(0, 4.6))
    return row


def plain(row: Features) -> float:
    return row["log_prob"] + MODEL.alpha * row["log_prior"]


def close_in_price(row: Features) -> float:
    return -3 * row["price_distance"]


def popular(row: Features) -> float:
    return 1.5 * row["log_wanted_by"]


def fit(made: list[RankerCase], seed: int = 0) -> FittedRanker:
    return fit_to_cases(made, MODEL, training=RankerTraining(), blend=None, seed=seed)


def rows_of(fitted: FittedRanker) -> dict[str, float]:
    return {row.name: row.ndcg.mean for row in fitted.rows}


@pytest.mark.parametrize(("decides", "by"), [(close_in_price, "price_distance"), (popular, "log_wanted_by")])
def test_what_decides_is_found_and_used(decides: Callable[[Features], float], by: str) -> None:
    fitted = fit(cases(decides))
    assert fitted.used
    assert "is used" in fitted.verdict
    told = rows_of(fitted)
    assert told["ranker"] > 1.5 * told["plain"]
    strongest = max(fitted.ranker.weights, key=lambda name: abs(fitted.ranker.weights[name].value))
    assert strongest == by
    assert (fitted.ranker.weights[by].value < 0) == (by == "price_distance")
    assert (fitted.ranker.model, fitted.ranker.retrievers) == ("scripted", ("history", "popular"))


def test_where_the_plain_order_is_right_it_stands() -> None:
    fitted = fit(cases(plain))
    assert not fitted.used
    assert "not used, the plain order stands" in fitted.verdict
    assert f"{fitted.ranker.validation.plain:.4f}" in fitted.verdict
    assert abs(fitted.ranker.validation.difference) < 0.05, "a penalty leads back to the plain order"


def test_chance_is_hardly_ever_taken_for_truth() -> None:
    used = [fit(cases(lambda _: 0.0, 120, seed), seed).used for seed in range(10)]
    assert sum(used) <= 1


def test_few_cases_lean_on_the_plain_order() -> None:
    fitted = fit(cases(plain, 50))
    told = rows_of(fitted)
    assert told["ranker"] > 0.9 * told["plain"]


def test_without_prices_the_others_decide() -> None:
    fitted = fit(cases(popular, priced=False))
    assert fitted.used
    assert fitted.ranker.weights["price_distance"].value == pytest.approx(0, abs=1e-6)
    assert fitted.ranker.weights["price_unknown"].value == pytest.approx(0, abs=1e-6)
    assert fitted.ranker.weights["price_distance"].scale == 1


def test_lists_of_one_candidate_change_nothing() -> None:
    fitted = fit(cases(popular, size=1))
    assert not fitted.used
    assert fitted.ranker.validation.difference == 0


def test_empty_lists_and_lists_without_the_target_count_as_nothing_for_both() -> None:
    made = cases(popular, 200)
    lost = [RankerCase(f"lost {n}", case.rows if n % 2 else (), -1) for n, case in enumerate(made)]
    fitted = fit([*made, *lost])
    assert fitted.in_list == 0.5
    assert fitted.used
    assert rows_of(fitted)["ranker"] < rows_of(fit(made))["ranker"]


def test_the_same_seed_gives_the_same_ranker_and_another_another_half() -> None:
    made = cases(popular)
    assert fit(made, 1) == fit(made, 1)
    assert fit(made, 1).ranker.weights != fit(made, 2).ranker.weights


def test_the_rankers_weights_order_as_the_columns_weights() -> None:
    made = cases(popular, 30)
    table = RankerTable.of(made, alpha=MODEL.alpha)
    weights = np.random.default_rng(0).normal(size=1 + len(table.names))
    as_ranker = table.weights(weights)
    for case in made:
        columns, ranker = table.features(case) @ weights, [weigh(as_ranker, row) for row in case.rows]
        assert columns - columns[0] == pytest.approx(np.array(ranker) - ranker[0])
    assert tuple(as_ranker) == (*PLAIN, "relevance:history", "relevance:popular")


def test_trees_are_compared_on_the_same_users(monkeypatch: pytest.MonkeyPatch) -> None:
    made = cases(popular)
    fitted = fit(made)
    assert [row.name for row in fitted.rows] == ["retrievers", "plain", "ranker", "lambdarank"]
    assert rows_of(fitted)["lambdarank"] > rows_of(fitted)["plain"]
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    without = fit(made)
    assert [row.name for row in without.rows] == ["retrievers", "plain", "ranker"]
    assert without.ranker == fitted.ranker


def test_too_few_cases_are_told() -> None:
    with pytest.raises(InteractionError, match=r"the lists of 10 of 10 users hold the item .* expected 20 or more"):
        fit(cases(popular, 20))
    with pytest.raises(InteractionError, match="the lists of 0 of 0 users"):
        fit([])


@pytest.mark.parametrize("settings", [{"users": 1}, {"penalties": ()}, {"penalties": (0.0, 1.0)}])
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="expected 2 or more"):
        RankerTraining(**settings)  # type: ignore[arg-type]


ITEMS, USERS, EVENTS = 120, 130, 4


def price(row: int) -> float:
    """From 1 to 1,000, each item 6% dearer than the one before."""
    return round(1000 ** (row / (ITEMS - 1)), 2)


def title(row: int) -> str:
    """Another mixture of words for each."""
    mixture = row * 53 % ITEMS
    return f"Thing {row}: shoe {'mug ' * (mixture % 11)} {'lamp ' * (mixture % 13)}"


@pytest.fixture
def bazaar(empty_workspace: Workspace, tmp_path: Path) -> Workspace:
    """Everybody wants things of nearly one price, whatever their titles say; nobody wants the dearest thing."""
    rows = [{"id": f"thing-{row}", "title": title(row), "price": price(row), "currency": "EUR"} for row in range(ITEMS)]
    catalog = tmp_path / "items.jsonl"
    catalog.write_text("".join(json.dumps(row) + "\n" for row in rows))
    index_catalog(empty_workspace, catalog, encoder=WordEncoder())
    rng = np.random.default_rng(0)
    for user in range(USERS):
        around = rng.integers(EVENTS, ITEMS - EVENTS)
        near = rng.permutation(np.arange(around - EVENTS, around + EVENTS))[:EVENTS]
        empty_workspace.log.add([want(f"user {user}", int(row), hour) for hour, row in enumerate(near)])
    return empty_workspace


def want(user_id: str, row: int, hour: int) -> Event:
    return Event(user_id, f"thing-{row}", EventType.LIKE, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour))


def no_opinion() -> ScriptedModel:
    return ScriptedModel(lambda _, choices: [0.0] * len(choices))


SETTINGS = RecommenderSettings(candidates=60)


def test_a_workspaces_ranker_is_fitted_written_and_served(bazaar: Workspace) -> None:
    told: list[tuple[int, int]] = []
    with open_store(bazaar) as store:
        finder = CandidateFinder(bazaar, store, WordEncoder())
        with Recommender(bazaar, finder, store, no_opinion, SETTINGS) as recommender:
            before = distances(bazaar, recommender)
            fitted = fit_ranker(
                bazaar,
                store,
                WordEncoder(),
                no_opinion(),
                training=RankerTraining(users=120),
                settings=SETTINGS,
                progress=lambda done, of: told.append((done, of)),
            )
            assert told == [(n, 120) for n in range(1, 121)]
            assert fitted.used, fitted.verdict
            assert fitted.ranker.weights["price_distance"].value < 0
            assert load_ranker(bazaar.path) == fitted.ranker
            assert distances(bazaar, recommender) < 0.9 * before
    assert not list(bazaar.path.glob(".past-*"))


def distances(workspace: Workspace, recommender: Recommender) -> float:
    """How far in log price the first five are from what the user wants, over some users."""
    found = []
    for user in range(0, USERS, 13):
        usual = np.mean([math.log(price(int(e.item_id[6:]))) for e in workspace.log.positives(f"user {user}")])
        best = recommender.recommend(user_id=f"user {user}", k=5)
        found += [abs(math.log(price(int(entry.item.item_id[6:]))) - usual) for entry in best]
    return float(np.mean(found))


def test_what_is_wanted_last_is_known_to_nothing(bazaar: Workspace) -> None:
    bazaar.log.add([want(f"user {user}", ITEMS - 1, EVENTS) for user in range(1, USERS)])
    seen: list[str] = []

    def watching(text: str, choices: list[str]) -> list[float]:
        seen.append(text)
        return [0.0] * len(choices)

    all_of_them = RecommenderSettings(candidates=100)
    with open_store(bazaar) as store:
        made = ranker_cases(
            bazaar, store, WordEncoder(), ScriptedModel(watching), settings=all_of_them, users=30, seed=0
        )
    found = [case for case in made if case.target >= 0]
    assert found
    for case in found:
        assert case.user_id == "user 0" or case.rows[case.target]["log_wanted_by"] == 0, "nobody yet"
    liked = [text.partition("Request:")[0] for text in seen]
    assert max(text.count("Thing ") for text in liked) == EVENTS, "what came before is told"
    assert not any(f"Thing {ITEMS - 1}:" in text for text in liked)


def test_the_lists_are_the_same_again(bazaar: Workspace) -> None:
    with open_store(bazaar) as store:
        first, again, other = (
            ranker_cases(bazaar, store, WordEncoder(), no_opinion(), settings=SETTINGS, users=8, seed=seed)
            for seed in (0, 0, 1)
        )
    assert first == again
    assert [case.user_id for case in first] != [case.user_id for case in other]


def test_a_workspace_with_towers_needs_a_past_with_towers(bazaar: Workspace) -> None:
    with open_store(bazaar) as store:
        publish(bazaar, store, WordEncoder(), {f"thing-{row}": "mug" for row in range(ITEMS)})
        taught: list[Path] = []

        def lists(store: VectorStore, **options: object) -> list[RankerCase]:
            return ranker_cases(
                bazaar,
                store,
                WordEncoder(),
                no_opinion(),
                settings=SETTINGS,
                users=3,
                seed=0,
                **options,  # type: ignore[arg-type]
            )

        with pytest.raises(ValueError, match="has towers"):
            lists(store)

        def teach(past: Workspace) -> None:
            taught.append(past.path)
            with open_store(past) as past_store:
                publish(past, past_store, WordEncoder(), {f"thing-{row}": "mug" for row in range(ITEMS)})

        made = lists(store, prepare=teach)
        assert len(taught) == 1
        assert all(any("relevance:behavioural" in row for row in case.rows) for case in made)


def test_too_few_users_leave_no_ranker(bazaar: Workspace) -> None:
    with open_store(bazaar) as store, pytest.raises(InteractionError, match="of 2 users hold the item"):
        fit_ranker(bazaar, store, WordEncoder(), no_opinion(), training=RankerTraining(users=4), settings=SETTINGS)
    assert not (bazaar.path / RANKER_NAME).exists()
