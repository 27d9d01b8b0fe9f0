"""Reranking puts the planted best first, whatever the list's length, and says so when it cannot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from PIL import Image

from agent.models.base import Picture, Prompt
from agent.models.scripted import ScriptedModel, table
from agent.prompts import Shown
from agent.rerank import Contender, rerank
from agent.settings import RerankSettings
from retrieval.errors import ModelAnswerError, ModelUnavailableError, PromptTooLongError
from retrieval.types import Candidate, Item

MODEL_ALONE = RerankSettings(alpha=0)


def contenders(
    size: int, *, scores: Sequence[float] | None = None, prose: str = "", look: bool = False
) -> list[Contender]:
    picture = Picture(Image.new("RGB", (96, 96)), "black") if look else None
    return [
        Contender(
            Candidate(f"i{row:03}", scores[row] if scores else 1 / (60 + row)),
            Shown(Item(f"i{row:03}", f"Film number-{row:03}", {"plot": prose} if prose else {}), picture),
        )
        for row in range(size)
    ]


def points(size: int, favourites: Sequence[int]) -> dict[str, float]:
    """Titles with points: the favourites first in this order, the others by falling number."""
    order = [*favourites, *(row for row in range(size) if row not in favourites)]
    return {f"number-{row:03}": float(size - place) for place, row in enumerate(order)}


def ids(ranked: Sequence) -> list[str]:
    return [entry.candidate.item_id for entry in ranked]


def test_the_models_favourites_come_first() -> None:
    model = ScriptedModel(table(points(20, [7, 3, 11])))
    ranked = rerank(model, [], "anything", contenders(20), settings=MODEL_ALONE)
    assert ids(ranked)[:3] == ["i007", "i003", "i011"]
    assert len(ranked) == 20


def test_the_score_is_the_log_probability_and_the_weighted_log_prior() -> None:
    model = ScriptedModel(table({"number-000": 0.0, "number-001": 1.0}))
    ranked = rerank(model, [], None, contenders(2, scores=[3.0, 1.0]), settings=RerankSettings(alpha=2))
    by_id = {entry.candidate.item_id: entry for entry in ranked}
    first = math.log(0.99) - math.log(1 + math.e)
    assert by_id["i000"].log_prob == pytest.approx(first)
    assert by_id["i000"].score == pytest.approx(first + 2 * math.log(0.75))
    assert by_id["i001"].score == pytest.approx(first + 1 + 2 * math.log(0.25))
    assert ids(ranked) == ["i000", "i001"]


def test_the_prior_weighs_what_was_fitted_for_the_model_unless_told() -> None:
    model = ScriptedModel(table({"number-000": 0.0, "number-001": 1.0}))
    model.info = replace(model.info, alpha=50.0)
    pair = contenders(2, scores=[3.0, 1.0])
    best, other = rerank(model, [], None, pair)
    assert best.candidate.item_id == "i000"
    assert best.score - other.score == pytest.approx(-1 + 50 * math.log(3))
    assert ids(rerank(model, [], None, pair, settings=MODEL_ALONE)) == ["i001", "i000"]


def test_a_model_without_preference_leaves_the_retrievers_order() -> None:
    ranked = rerank(ScriptedModel(lambda _t, c: [0.0] * len(c)), [], None, contenders(20))
    assert ids(ranked) == [f"i{row:03}" for row in range(20)]


@pytest.mark.parametrize("size", [21, 40, 57, 100])
def test_long_lists_are_ranked_on_one_scale(size: int) -> None:
    favourites = [size - 1, size // 2, 0, 13]
    model = ScriptedModel(table(points(size, favourites)))
    ranked = rerank(model, [], "anything", contenders(size), settings=MODEL_ALONE)
    order = [*favourites, *(row for row in range(size) if row not in favourites)]
    assert ids(ranked) == [f"i{row:03}" for row in order]


def test_more_windows_than_places_in_a_final_still_find_the_best() -> None:
    model = ScriptedModel(table(points(50, [49, 20])))
    ranked = rerank(model, [], None, contenders(50), settings=RerankSettings(alpha=0, list_size=3))
    assert ids(ranked)[:2] == ["i049", "i020"]
    assert sorted(ids(ranked)) == [f"i{row:03}" for row in range(50)]


def test_nothing_to_rank() -> None:
    assert rerank(ScriptedModel(), [], "anything", []) == []


def test_history_reaches_the_model() -> None:
    shown = [Contender(Candidate(n, 1.0), Shown(Item(n, n, {"genre": g}))) for n, g in [("a", "War"), ("b", "Comedy")]]
    liked = [Shown(Item("c", "c", {"genre": "Comedy"}))]
    assert ids(rerank(ScriptedModel(), liked, None, shown, settings=MODEL_ALONE)) == ["b", "a"]


def test_only_the_latest_history_is_told() -> None:
    seen: list[str] = []

    def rule(text: str, choices: Sequence[str]) -> list[float]:
        seen.append(text)
        return [0.0] * len(choices)

    history = [Shown(Item(str(row), f"liked-{row}")) for row in range(9)]
    rerank(ScriptedModel(rule), history, None, contenders(2), settings=RerankSettings(history_items=2))
    rerank(ScriptedModel(rule), history, None, contenders(2), settings=RerankSettings(history_items=0))
    assert "liked-8" in seen[0]
    assert "liked-7" in seen[0]
    assert "liked-6" not in seen[0]
    assert "liked-8" not in seen[1]


def test_candidates_are_told_what_they_share_with_more_than_the_prompt_shows() -> None:
    seen: list[str] = []

    def rule(text: str, choices: Sequence[str]) -> list[float]:
        seen.append(text)
        return [0.0] * len(choices)

    history = [Shown(Item(str(row), f"liked-{row}", {"genre": "War" if row < 3 else "Noir"})) for row in range(5)]
    shown = [Contender(Candidate("a", 1.0), Shown(Item("a", "a", {"genre": "War"})))]
    for counted in (5, 2):
        settings = RerankSettings(history_items=1, counted_items=counted)
        rerank(ScriptedModel(rule), history, None, shown, settings=settings)
    assert "genre War |6" in seen[0]
    assert "liked-3" not in seen[0]
    assert "genre War»" in seen[1]


def test_how_widely_candidates_are_wanted_is_told_to_who_learned_with_it() -> None:
    seen: list[str] = []

    def rule(text: str, choices: Sequence[str]) -> list[float]:
        seen.append(text)
        return [0.0] * len(choices)

    listed = [replace(one, wanted_by=people) for one, people in zip(contenders(2), (30, 4), strict=True)]
    for popularity in (True, False):
        model = ScriptedModel(rule)
        model.info = replace(model.info, popularity=popularity)
        rerank(model, [], None, listed)
    assert "Film number-000» wanted |10\n" in seen[0]
    assert "Film number-001» wanted |5\n" in seen[0]
    assert "wanted" not in seen[1]


@pytest.mark.parametrize("orders", [1, 2])
def test_two_orders_take_a_places_advantage_away(orders: int) -> None:
    """A model that likes number-002 a little, and whatever stands first very much."""

    def rule(text: str, choices: Sequence[str]) -> list[float]:
        points = [5.0 - 5 * place / len(choices) for place in range(len(choices))]
        line = next(line for line in text.splitlines() if "number-002" in line)
        return [p + (choice == line[0]) for p, choice in zip(points, choices, strict=True)]

    settings = RerankSettings(alpha=0, orders=orders)
    assert ids(rerank(ScriptedModel(rule), [], None, contenders(6), settings=settings))[0] == f"i00{(0, 2)[orders - 1]}"


def test_a_model_says_itself_in_how_many_orders_it_reads() -> None:
    asked: list[int] = []

    class Counting(ScriptedModel):
        def score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
            asked.append(len(prompts))
            return super().score(prompts, choices)

    model = Counting()
    rerank(model, [], None, contenders(30))
    model.info = replace(model.info, orders=2)
    rerank(model, [], None, contenders(30))
    rerank(model, [], None, contenders(5), settings=RerankSettings(orders=1))
    assert asked == [2, 1, 4, 2, 1]


def test_long_texts_are_shortened_until_the_prompt_fits() -> None:
    model = ScriptedModel(table(points(20, [4])), max_prompt_tokens=330)
    ranked = rerank(model, [], None, contenders(20, prose="words and words " * 40), settings=MODEL_ALONE)
    assert ids(ranked)[0] == "i004"


def test_history_goes_before_candidates_when_there_is_no_room() -> None:
    model = ScriptedModel(table(points(20, [4])), max_prompt_tokens=140)
    history = [Shown(Item(str(row), "a b c d e f g h i j k l m n o p")) for row in range(6)]
    ranked = rerank(model, history, None, contenders(20, prose="x y z " * 40), settings=MODEL_ALONE)
    assert ids(ranked)[0] == "i004"


def test_a_model_with_no_room_at_all_says_so() -> None:
    with pytest.raises(PromptTooLongError):
        rerank(ScriptedModel(max_prompt_tokens=5), [], None, contenders(20))


def test_no_more_pictures_than_the_model_takes() -> None:
    model = ScriptedModel(table(points(20, [2])), max_images=4, max_prompt_tokens=240)
    ranked = rerank(model, [], None, contenders(20, look=True), settings=MODEL_ALONE)
    assert ids(ranked)[0] == "i002"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_no_answer(bad: float) -> None:
    class Broken(ScriptedModel):
        def score(self, prompts: object, choices: Sequence[str]) -> list[list[float]]:
            return [[bad, *([-1.0] * (len(choices) - 1))]]

    with pytest.raises(ModelAnswerError, match="finite"):
        rerank(Broken(), [], None, contenders(3))


@pytest.mark.parametrize("row", [[5.0, 5.0, 5.0], [1e300, -1.0, -2.0], [-0.1, -0.1, -5.0], [0.0, 0.0, 0.0]])
def test_scores_that_are_no_log_probabilities_are_no_answer(row: list[float]) -> None:
    class Broken(ScriptedModel):
        def score(self, prompts: object, choices: Sequence[str]) -> list[list[float]]:
            return [row]

    with pytest.raises(ModelAnswerError, match="natural logs of probabilities"):
        rerank(Broken(), [], None, contenders(3))


@pytest.mark.parametrize("row", [[0.0, -50.0, -60.0], [1e-6, -20.0, -30.0], [math.log(0.5), math.log(0.5), -40.0]])
def test_a_model_that_is_sure_is_believed(row: list[float]) -> None:
    class Sure(ScriptedModel):
        def score(self, prompts: object, choices: Sequence[str]) -> list[list[float]]:
            return [row]

    assert len(rerank(Sure(), [], None, contenders(3))) == 3


def test_missing_letters_are_no_answer() -> None:
    class Short(ScriptedModel):
        def score(self, prompts: object, choices: Sequence[str]) -> list[list[float]]:
            return [[-1.0, -2.0]]

    with pytest.raises(ModelAnswerError, match="3 candidates"):
        rerank(Short(), [], None, contenders(3))


def test_a_server_that_is_down_is_the_callers_to_handle() -> None:
    def down(_text: str, _choices: Sequence[str]) -> list[float]:
        raise ModelUnavailableError("no answer within 30 s")

    with pytest.raises(ModelUnavailableError):
        rerank(ScriptedModel(down), [], None, contenders(3))


def test_candidates_without_a_usable_score_rank_last_by_prior() -> None:
    model = ScriptedModel(lambda _t, c: [0.0] * len(c))
    ranked = rerank(model, [], None, contenders(4, scores=[math.nan, 0.0, 0.5, -3.0]))
    assert ids(ranked)[0] == "i002"
    assert all(math.isfinite(entry.score) for entry in ranked)
