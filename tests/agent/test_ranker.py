"""The last stage: features are what they say, and a ranker orders what it was fitted for and nothing else."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.features import PLAIN, describe, price_of, relevance_of
from agent.models.scripted import ScriptedModel
from agent.ranker import RANKER_NAME, Ranker, Validation, Weight, load_ranker, save_ranker, weigh
from agent.recommender import Recommender
from agent.rerank import Ranked
from agent.settings import RecommenderSettings, RerankSettings
from retrieval.blend import Blend, save_blend
from retrieval.candidates import CandidateFinder
from retrieval.errors import StoreError, WorkspaceError
from retrieval.indexing import index_catalog
from retrieval.standing import Standing
from retrieval.store import open_store
from retrieval.types import Candidate, Event, EventType, Found, Item, Money
from retrieval.workspace import Workspace
from tests.conftest import TinyShop, draw_product
from tests.retrieval.words import WordEncoder

TASTE = ("co-occurrence", "history", "popular")
BETTER = Validation(users=100, plain=0.1, fitted=0.2, difference=0.1, low=0.05, high=0.15)
CLOSE_PRICES = Ranker({"price_distance": Weight(-1.0, 0.0, 1.0)}, TASTE, "scripted", None, None, 50, BETTER)
"""Whatever is as dear as what the user wants comes first."""


BACKWARDS = replace(CLOSE_PRICES, weights={"log_prior": Weight(-1.0, 0.0, 1.0)})
"""The retrievers' order from its end: nobody could miss that it is used."""


def priced(item_id: str, price: object) -> Item:
    return Item(item_id, item_id, {"price": price} if price is not None else {})  # type: ignore[dict-item]


def candidate(item_id: str, *found: Found, score: float = 1.0) -> Ranked:
    return Ranked(Candidate(item_id, score, found), -1.0, 0.0)


def rows(items: list[Item], history: list[Item]) -> list[dict[str, float]]:
    ranked = [candidate(item.item_id) for item in items]
    known = {item.item_id: item for item in items}
    return [dict(row) for row in describe(ranked, known, history, [Standing(0, 0.0)] * len(items))]


class TestFeatures:
    def test_what_is_known_of_a_candidate(self) -> None:
        ranked = [
            candidate("a", Found("history", 0, 0.9), Found("popular", 9, 3.0), score=3.0),
            candidate("b", score=1.0),
        ]
        items = {"a": priced("a", Money(2000, "EUR")), "b": priced("b", None)}
        first, second = describe(
            ranked, items, [priced("h", Money(1000, "EUR"))], [Standing(7, 0.25), Standing(0, 1.0)]
        )
        assert first == pytest.approx(
            {
                "log_prob": -1.0,
                "log_prior": math.log(0.75),
                "log_wanted_by": math.log(8),
                "newness": 0.25,
                "price_distance": math.log(2),
                "price_unknown": 0.0,
                "found_by": 2.0,
                "relevance:history": math.log(101),
                "relevance:popular": math.log(10.1),
            }
        )
        assert tuple(second) == PLAIN
        assert (second["price_distance"], second["price_unknown"], second["newness"]) == (0.0, 1.0, 1.0)

    def test_a_place_beyond_the_depth_says_nothing(self) -> None:
        (row,) = describe([candidate("a", Found("history", 400, 0.1))], {"a": priced("a", None)}, [], [Standing(0, 0)])
        assert row["relevance:history"] == 0

    def test_the_usual_price_is_the_geometric_mean_of_the_same_currency(self) -> None:
        history = [priced("x", Money(1000, "EUR")), priced("y", Money(4000, "EUR")), priced("z", Money(999, "JPY"))]
        asked = [priced("a", Money(2000, "EUR")), priced("b", Money(999, "JPY")), priced("c", Money(2000, "USD"))]
        assert [(row["price_distance"], row["price_unknown"]) for row in rows(asked, history)] == [
            (pytest.approx(0), 0),
            (pytest.approx(0), 0),
            (0, 1),
        ]

    @pytest.mark.parametrize("price", [None, Money(0, "EUR"), Money(-500, "EUR"), 0, math.inf, "dear", ("1", "2")])
    def test_no_price_is_a_flag_and_no_distance(self, price: object) -> None:
        (row,) = rows([priced("a", price)], [priced("h", Money(1000, "EUR"))])
        assert (row["price_distance"], row["price_unknown"]) == (0, 1)
        (row,) = rows([priced("a", Money(1000, "EUR"))], [priced("h", price)])
        assert (row["price_distance"], row["price_unknown"]) == (0, 1)

    def test_of_several_prices_the_one_of_that_name(self) -> None:
        both = Item("a", "a", {"shipping": Money(100, "EUR"), "list_price": 9.0, "price": Money(2000, "EUR")})
        assert price_of(both) == ("EUR", pytest.approx(math.log(20)))
        assert price_of(Item("a", "a", {"pages": 300, "list_price": 9.0})) == ("", pytest.approx(math.log(9)))
        assert price_of(Item("a", "a", {"pages": 300, "year": 1995})) is None


class TestOrder:
    def test_the_weighted_features_decide(self) -> None:
        ranked = [candidate("far"), candidate("near"), candidate("nearer")]
        told = [{"price_distance": 3.0}, {"price_distance": 1.0}, {"price_distance": 0.5}]
        ordered = CLOSE_PRICES.order(ranked, told)
        assert [entry.candidate.item_id for entry in ordered] == ["nearer", "near", "far"]
        assert [entry.score for entry in ordered] == [-0.5, -1.0, -3.0]
        assert ordered[0].log_prob == -1.0

    def test_a_feature_that_is_left_out_is_zero_and_not_the_mean(self) -> None:
        weights = {relevance_of("popular"): Weight(2.0, 3.0, 4.0)}
        assert weigh(weights, {}) == pytest.approx(2 * (0 - 3) / 4)
        assert weigh(weights, {"relevance:popular": 5.0}) == pytest.approx(1)

    def test_equal_ones_stay_as_they_were(self) -> None:
        ranked = [candidate(name) for name in "cab"]
        assert [entry.candidate.item_id for entry in CLOSE_PRICES.order(ranked, [{}, {}, {}])] == ["c", "a", "b"]

    def test_one_candidate_and_none(self) -> None:
        assert [entry.candidate.item_id for entry in CLOSE_PRICES.order([candidate("a")], [{}])] == ["a"]
        assert CLOSE_PRICES.order([], []) == []


class TestFile:
    def test_what_is_saved_is_loaded(self, tmp_path: Path) -> None:
        ranker = replace(CLOSE_PRICES, adapter="autumn", blend="abc", towers="v1")
        save_ranker(ranker, tmp_path)
        assert load_ranker(tmp_path) == ranker
        assert [path.name for path in tmp_path.iterdir()] == [RANKER_NAME]

    def test_none_was_fitted(self, tmp_path: Path) -> None:
        assert load_ranker(tmp_path) is None

    def test_a_ranker_that_could_not_be_validated_is_no_better(self, tmp_path: Path) -> None:
        unknown = Validation(1, 0.0, 0.5, 0.5, math.nan, math.nan)
        save_ranker(replace(CLOSE_PRICES, validation=unknown), tmp_path)
        loaded = load_ranker(tmp_path)
        assert loaded is not None
        assert math.isnan(loaded.validation.low)
        assert not loaded.validation.better

    @pytest.mark.parametrize(
        "damage",
        [
            lambda told: told | {"format": 2},
            lambda told: {name: value for name, value in told.items() if name != "weights"},
            lambda told: told | {"weights": {"shoe size": {"value": 1, "mean": 0, "scale": 1}}},
            lambda told: told | {"weights": {"relevance:semantic": {"value": 1, "mean": 0, "scale": 1}}},
            lambda told: told | {"weights": {"newness": {"value": math.nan, "mean": 0, "scale": 1}}},
            lambda told: told | {"weights": {"newness": {"value": 1, "mean": 0, "scale": 0}}},
            lambda told: told | {"weights": {"newness": {"value": 1, "mean": 0}}},
            lambda told: told | {"weights": [1, 2]},
            lambda told: told | {"validation": None},
            lambda told: told | {"validation": {**told["validation"], "low": "high"}},
            lambda told: [told],
        ],
    )
    def test_a_damaged_file_is_told(self, tmp_path: Path, damage: Callable[[Any], Any]) -> None:
        save_ranker(CLOSE_PRICES, tmp_path)
        path = tmp_path / RANKER_NAME
        path.write_text(json.dumps(damage(json.loads(path.read_text()))))
        with pytest.raises(WorkspaceError, match=r"ranker\.json is damaged.*run tastemaker finetune ranker again"):
            load_ranker(tmp_path)

    @pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
    def test_what_is_no_json_is_told(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / RANKER_NAME).write_bytes(text)
        with pytest.raises(WorkspaceError, match="is damaged"):
            load_ranker(tmp_path)

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="stays in force"):
            save_ranker(CLOSE_PRICES, tmp_path / "missing")


@pytest.fixture
def shop(empty_workspace: Workspace, tiny_shop: TinyShop) -> Iterator[Workspace]:
    """The tiny shop, in which Zoe likes a dear scarf; the mugs and lamps of 12.50 are what most people want."""
    index_catalog(empty_workspace, tiny_shop.catalog, encoder=WordEncoder())
    empty_workspace.log.import_file(tiny_shop.interactions)
    empty_workspace.log.add([Event("zoe", "blue-scarf", EventType.LIKE, datetime(2026, 6, 1, tzinfo=UTC))])
    return empty_workspace


Ask = Callable[..., list[str]]


@pytest.fixture
def ask(shop: Workspace) -> Iterator[Ask]:
    """Asks a recommender that stays open; its model has no opinion, so that the plain order is the retrievers'."""
    settings = RecommenderSettings(rerank=RerankSettings())
    with open_store(shop) as store:
        finder = CandidateFinder(shop, store, WordEncoder())
        with Recommender(
            shop, finder, store, lambda: ScriptedModel(lambda _, choices: [0.0] * len(choices)), settings
        ) as made:

            def asked(k: int = 12, **wish: Any) -> list[str]:
                found = made.recommend(k=k, **wish)
                assert found.reranked == bool(found)
                assert found.note is None
                return [entry.item.item_id for entry in found]

            yield asked


def dear(found: list[str], count: int = 3) -> bool:
    """Whether the list begins with the blue things, which are as dear as the scarf."""
    return all(item_id.startswith("blue") for item_id in found[:count])


class TestServed:
    def test_the_ranker_orders_a_taste(self, shop: Workspace, ask: Ask) -> None:
        plain = ask(user_id="zoe")
        save_ranker(replace(CLOSE_PRICES, weights={"price_distance": Weight(1.0, 0.0, 1.0)}), shop.path)
        cheap = ask(user_id="zoe")
        assert set(plain) == set(cheap)
        assert all(item_id.startswith("red") for item_id in cheap[:4]), "the farthest in price first"
        save_ranker(CLOSE_PRICES, shop.path)
        assert dear(ask(user_id="zoe")), "a ranker that is fitted meanwhile counts at once"

    @pytest.mark.parametrize(
        "other",
        [
            {"model": "builtin"},
            {"adapter": "autumn"},
            {"blend": "of other towers"},
            {"retrievers": ("popular",)},
            {"validation": replace(BETTER, low=-0.01)},
            {"validation": replace(BETTER, low=math.nan)},
        ],
    )
    def test_what_was_fitted_for_something_else_or_is_no_better_is_not_used(
        self, shop: Workspace, ask: Ask, other: dict[str, Any]
    ) -> None:
        plain = ask(user_id="zoe")
        save_ranker(replace(BACKWARDS, **other), shop.path)
        assert ask(user_id="zoe") == plain

    def test_a_request_is_not_its_business(self, shop: Workspace, ask: Ask) -> None:
        wishes: list[dict[str, Any]] = [
            {"query": "a red lamp", "user_id": "zoe"},
            {"image": draw_product("lamp", "green"), "user_id": "zoe"},
            {"query": "a red lamp"},
            {"user_id": "nobody knows"},
            {},
        ]
        plain = [ask(**wish) for wish in wishes]
        save_ranker(replace(BACKWARDS, retrievers=(*TASTE, "semantic", "lexical", "visual")), shop.path)
        assert [ask(**wish) for wish in wishes] == plain

    def test_a_filter_is_no_request(self, shop: Workspace, ask: Ask) -> None:
        save_ranker(CLOSE_PRICES, shop.path)
        assert ask(user_id="zoe", where="kind = 'mug'") == ["blue-mug", "green-mug", "red-mug"]
        assert ask(user_id="zoe", where="kind = 'mug' and price < 20") == ["red-mug"]
        assert ask(user_id="zoe", where="price > 1000") == []

    def test_a_damaged_ranker_leaves_the_plain_order_and_is_told_once(
        self, shop: Workspace, ask: Ask, caplog: pytest.LogCaptureFixture
    ) -> None:
        plain = ask(user_id="zoe")
        (shop.path / RANKER_NAME).write_text("{")
        with caplog.at_level(logging.WARNING, "agent.ranker"):
            assert [ask(user_id="zoe"), ask(user_id="zoe")] == [plain, plain]
        assert len(caplog.records) == 1
        assert "run tastemaker finetune ranker again" in caplog.text

    def test_new_weights_of_the_retrievers_end_it(
        self, shop: Workspace, ask: Ask, caplog: pytest.LogCaptureFixture
    ) -> None:
        save_ranker(CLOSE_PRICES, shop.path)
        assert dear(ask(user_id="zoe"))
        save_blend(Blend({"popular": 1.0, "co-occurrence": 0.1, "history": 0.1, "behavioural": 0.0}, 100), shop.path)
        assert not dear(ask(user_id="zoe"))
        assert "the retrievers have other weights" in caplog.text

    def test_other_towers_end_it(self, shop: Workspace, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
        plain = ask(user_id="zoe")
        save_ranker(CLOSE_PRICES, shop.path)
        assert ask(user_id="zoe") != plain
        save_ranker(replace(CLOSE_PRICES, towers="before"), shop.path)
        assert ask(user_id="zoe") == plain
        assert "other weights or towers" in caplog.text

    def test_whoever_sets_alpha_gets_what_alpha_says(self, shop: Workspace) -> None:
        save_ranker(BACKWARDS, shop.path)
        with open_store(shop) as store:
            finder = CandidateFinder(shop, store, WordEncoder())
            settings = RecommenderSettings(rerank=RerankSettings(alpha=1))
            with Recommender(shop, finder, store, ScriptedModel, settings) as made:
                scores = [entry.score for entry in made.recommend(user_id="zoe", k=3)]
        assert max(scores) < 0, "log-probabilities"

    def test_answers_are_the_same_again(self, shop: Workspace, ask: Ask) -> None:
        save_ranker(CLOSE_PRICES, shop.path)
        assert ask(user_id="zoe") == ask(user_id="zoe")
