"""What reranking is worth, on lists whose best order is planted, and on a small real shop before its window."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from agent.models.base import Picture, Prompt
from agent.models.scripted import ScriptedModel
from finetune.builtin.boosted import boosted_points
from finetune.builtin.figures import Figure
from finetune.builtin.measures_rank import (
    fit_alpha,
    measure_adapter,
    measure_pictures,
    measure_requests,
    measure_rerank,
    ndcg,
)
from finetune.builtin.measures_rolling import measure_rolling, window_lists
from finetune.builtin.past_shop import PastShop, Shopper, past_shop, shoppers
from finetune.builtin.scored_lists import KeptLists, ScoredList, listed, request_of, scored
from finetune.builtin.shoppers import APPEAL_SHARE
from finetune.builtin.truth import Truth, load_truth
from finetune.examples import Example
from retrieval.builtin import SHOP_FOLDER


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(SHOP_FOLDER)


@pytest.fixture(scope="module")
def asked(truth: Truth) -> list[Shopper]:
    """Thirty shoppers who want one thing that stands fifth in their list, and one that is not there."""
    offers = list(truth.offers)
    kinds = ("visual", "textual", "both")
    return [
        Shopper(name, kinds[row % 3], frozenset({offers[row + 4], offers[-1]}))
        for row, name in enumerate(truth.test_shoppers[:30])
    ]


def lists_of(truth: Truth, asked: list[Shopper], *, target: float) -> dict[str, ScoredList]:
    """Lists whose prior falls slightly, and in which the model gives the wanted item this much more than others."""
    offers = list(truth.offers)
    found = {}
    for row, shopper in enumerate(asked):
        ids = tuple(offers[row : row + 20])
        log_probs = tuple(-4.0 + (target if item_id in shopper.wanted else 0.0) for item_id in ids)
        found[shopper.user_id] = ScoredList(
            shopper.user_id, ids, tuple(-0.01 * place for place in range(20)), log_probs
        )
    return found


def by_name(figures: list[Figure]) -> Mapping[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_ndcg_is_that_of_the_definition() -> None:
    wanted = [False, True, False, True]
    ideal = 1 + 1 / math.log2(3)
    assert ndcg([4.0, 3.0, 2.0, 1.0], wanted, 2) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert ndcg([1.0, 2.0, 1.0, 3.0], wanted, 2) == 1.0
    assert ndcg([1.0] * 4, wanted, 2) == ndcg([4.0, 3.0, 2.0, 1.0], wanted, 2)  # equal points stay in order
    assert math.isnan(ndcg([1.0], [False], 0))


def test_a_model_that_knows_is_a_gain_and_one_that_shrugs_none(truth: Truth, asked: list[Shopper]) -> None:
    """From the fifth place to the first: 1 / (1 / log2(6)) - 1 = 158 percent, for everybody alike."""
    knows = by_name(measure_rerank(asked, lists_of(truth, asked, target=3.0), truth, alpha=1.0))
    gain = knows["reranker over retriever order, NDCG@10"]
    assert (gain.value, gain.low, gain.high) == pytest.approx((100 * (math.log2(6) - 1),) * 3)
    assert gain.verdict == "aim"
    assert knows["reranked: NDCG@10 in the list"].value == 1.0
    assert knows["reranked: NDCG@10 of all"].value == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert knows["lists that the reranker changed"].value == 100
    assert knows["shoppers with something wanted among the candidates"].value == 100

    shrugs = by_name(measure_rerank(asked, lists_of(truth, asked, target=0.0), truth, alpha=1.0))
    assert shrugs["reranker over retriever order, NDCG@10"].value == 0
    assert shrugs["reranker over retriever order, NDCG@10"].verdict == "below"
    assert shrugs["lists that the reranker changed"].value == 0


def test_an_adapter_is_measured_beside_the_model_without_it(truth: Truth, asked: list[Shopper]) -> None:
    """Without it the wanted item stays fifth; beside a prior of great weight one that knows leaves it there too."""
    with_it, without = lists_of(truth, asked, target=3.0), lists_of(truth, asked, target=0.0)
    found = by_name(measure_adapter(asked, with_it, without, alpha=1.0, bare_alpha=1.0))
    gain = found["with the shop's adapter over without it, NDCG@10"]
    assert (gain.value, gain.low) == pytest.approx((100 * (math.log2(6) - 1),) * 2)
    assert gain.verdict == "aim"
    assert found["reranker without the shop's adapter over retriever order, NDCG@10"].value == 0
    weighed = by_name(measure_adapter(asked, with_it, without, alpha=1e6, bare_alpha=1.0))
    assert weighed["with the shop's adapter over without it, NDCG@10"].value == 0


def test_who_ranks_by_the_planted_taste_closes_the_gap(truth: Truth, asked: list[Shopper]) -> None:
    def liked(entry: ScoredList) -> ScoredList:
        likings = [
            truth.liking(entry.user_id, item_id, truth.window_start) + APPEAL_SHARE * truth.offers[item_id].appeal
            for item_id in entry.item_ids
        ]
        return replace(entry, log_probs=tuple(value - 50 for value in likings))

    shrugging = lists_of(truth, asked, target=0.0)
    lists = {name: liked(entry) for name, entry in shrugging.items()}
    best = [
        replace(shopper, wanted=frozenset({max(zip(entry.log_probs, entry.item_ids, strict=True))[1]}))
        for shopper, entry in zip(asked, lists.values(), strict=True)
    ]
    gap = "gap between retriever and planted-taste oracle that is closed"
    assert by_name(measure_rerank(best, lists, truth, alpha=0.0))[gap].value == pytest.approx(100)
    assert by_name(measure_rerank(best, shrugging, truth, alpha=1.0))[gap].value == pytest.approx(0)


def test_alpha_is_high_for_a_model_that_knows_nothing(truth: Truth, asked: list[Shopper]) -> None:
    wanted = [shopper.wanted for shopper in asked]
    assert fit_alpha(list(lists_of(truth, asked, target=-3.0).values()), wanted) == 256
    assert fit_alpha(list(lists_of(truth, asked, target=0.5).values()), wanted) <= 12


def test_pictures_count_on_shoppers_with_visual_taste(truth: Truth, asked: list[Shopper]) -> None:
    seen, blind = lists_of(truth, asked, target=3.0), lists_of(truth, asked, target=0.0)
    found = measure_pictures(asked, seen, blind, alpha=1.0)[0]
    assert found.n == 10
    assert found.value == pytest.approx(100 * (math.log2(6) - 1))
    assert measure_pictures(asked, seen, seen, alpha=1.0)[0].value == 0


def test_lists_are_scored_once(tmp_path: Path, truth: Truth, asked: list[Shopper]) -> None:
    """Of a run that was cut off in the middle of a line, the whole ones count."""
    lists = lists_of(truth, asked, target=1.0)
    seen: list[str] = []

    def score(shopper: Shopper) -> ScoredList:
        seen.append(shopper.user_id)
        return lists[shopper.user_id]

    KeptLists(tmp_path, "key").all(asked[:3], "text", score)
    path = tmp_path / "text-key.jsonl"
    path.write_text(path.read_text()[:-30])
    found = KeptLists(tmp_path, "key").all(asked[:4], "text", score)
    assert found == {shopper.user_id: lists[shopper.user_id] for shopper in asked[:4]}
    assert seen == [shopper.user_id for shopper in (*asked[:3], asked[2], asked[3])]
    assert KeptLists(tmp_path, "key").all(asked[:4], "text", lambda _: pytest.fail("asked again")) == found
    KeptLists(tmp_path, "other").all(asked[:1], "text", score)
    assert len(seen) == 6


@pytest.fixture(scope="module")
def past(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastShop]:
    folder = tmp_path_factory.mktemp("past")
    with past_shop(folder / "w", small_shop, made=folder / "made") as opened:
        yield opened


def test_the_past_ends_where_the_window_begins(past: PastShop, small_shop: Path) -> None:
    test, others = shoppers(past.truth, small_shop)
    assert {s.user_id for s in test} <= set(past.truth.test_shoppers)
    assert not {s.user_id for s in others} & set(past.truth.test_shoppers)
    assert len(others) > 20
    for shopper in test:
        history = past.workspace.log.history(shopper.user_id, limit=1000)
        assert history
        assert all(event.timestamp < past.truth.window_start for event in history)
        assert not shopper.wanted & {event.item_id for event in history}


def test_the_window_is_asked_about_want_by_want(past: PastShop, small_shop: Path, tmp_path: Path) -> None:
    """As the retrievers stood before it, with what the shopper did in it up to each want; the past stays the past."""
    before = past.workspace.log.count()
    lists = window_lists(past, small_shop, tmp_path / "whole")
    assert past.workspace.log.count() == before
    assert {example.user_id for example in lists} <= set(past.truth.test_shoppers)
    with (small_shop / "interactions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["type"] in ("click", "like", "buy")]
    wants = {(row["user_id"], row["item_id"]): datetime.fromisoformat(row["timestamp"]) for row in reversed(rows)}
    asked = [example for example in lists if example.target >= 0]
    assert len(asked) > 10
    for example in asked:
        moment = wants[example.user_id, example.candidates[example.target]]
        assert moment >= past.truth.window_start
        assert all(wants[example.user_id, item_id] < moment for item_id in example.history)


def test_a_model_that_knows_each_want_is_worth_as_much_as_it_lifts_them() -> None:
    """Of two lists one holds what was wanted, in the second place: from 1 / log2(3) to 1, for everybody alike."""
    there = Example("u", (), ("a", "b"), (0.9, 0.8), 1, (0.0, 1.0))
    lists = [replace(there, user_id=name) for name in "uvw"] + [replace(there, target=-1)]
    knows, shrugs = [np.array([0.0, 9.0])] * 4, [np.zeros(2)] * 4
    looks = [True, True, False, True]
    options = {"visual": looks, "served": knows, "blind": shrugs, "alpha": 1.0, "bare_alpha": 1.0}
    found = by_name(measure_rolling(lists, bare=shrugs, **options))
    adapted = "with the shop's adapter over without it, want by want, NDCG@10"
    pictures = "multimodal over text-only, want by want, NDCG@10, shoppers with visual taste"
    for name in ("reranker over retriever order, want by want, NDCG@10", pictures, adapted):
        assert (found[name].value, found[name].low) == pytest.approx((100 * (math.log2(3) - 1),) * 2)
        assert found[name].verdict == "aim"
    assert found[pictures].n == 3
    assert adapted not in by_name(measure_rolling(lists, bare=None, **options))
    assert found["reranked: NDCG@10, want by want"].value == pytest.approx(3 / 4)
    assert found["retriever: NDCG@10, want by want"].value == pytest.approx(3 / 4 / math.log2(3))


class Counting(ScriptedModel):
    """Remembers how many pictures the last list had."""

    pictures = 0

    def score(self, prompts: list[Prompt], choices: list[str]) -> list[list[float]]:  # type: ignore[override]
        (prompt,) = prompts
        self.pictures = sum(isinstance(part, Picture) for message in prompt for part in message.parts)
        return super().score(prompts, choices)


def test_the_text_arm_differs_in_pictures_alone(past: PastShop, small_shop: Path) -> None:
    test = shoppers(past.truth, small_shop)[0]
    shopper = next(s for s in test if past.workspace.log.positives(s.user_id, limit=1))
    model = Counting()
    seen = scored(model, past, shopper, "pictures")
    assert model.pictures > len(seen.item_ids)  # of the candidates, and of what was liked
    blind = scored(model, past, shopper, "text")
    assert model.pictures == 0
    assert (seen.item_ids, seen.log_priors) == (blind.item_ids, blind.log_priors)
    assert len(seen.item_ids) == 20


def test_people_ask_for_what_they_wanted(truth: Truth) -> None:
    """Test shoppers in the words of the window; whoever left none there, for something they wanted."""
    test, others = shoppers(truth)
    real = [s for s in test if s.user_id in truth.wishes and request_of(s, truth)[0] == truth.wishes[s.user_id].text]
    assert len(real) > len(test) // 2
    for shopper in (*test, *others[:50]):
        request, answering = request_of(shopper, truth)
        assert request
        assert answering
        assert answering <= shopper.wanted


def test_a_request_brings_up_what_answers_it(past: PastShop, small_shop: Path) -> None:
    """The retriever finds what answers; where the prior decides alone, the reranker leaves it as it is."""
    test = shoppers(past.truth, small_shop)[0][:12]
    model = ScriptedModel()
    lists = {s.user_id: scored(model, past, s, "request") for s in test}
    found = by_name(measure_requests(test, lists, past.truth, alpha=1e6))
    assert found["retriever, with a request: NDCG@10 of all"].value > 0.3
    assert found["reranker over retriever order with a request, NDCG@10"].value == 0
    assert found["lists with a request that the reranker changed"].value == 0


def test_trees_learn_from_others_and_rank_the_same_candidates(past: PastShop, small_shop: Path) -> None:
    pytest.importorskip("lightgbm")
    test, others = shoppers(past.truth, small_shop)
    points = boosted_points(past, others, test[:5])
    assert points is not None
    for shopper in test[:5]:
        found = listed(past, shopper, "text", image_px=96).contenders
        assert len(points[shopper.user_id]) == len(found)
    spread = np.concatenate(list(points.values()))
    assert spread.std() > 0
