"""Comparing systems on the same lists: who is better, by how much, and what decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from finetune.event_table import Floats
from finetune.examples import Example
from finetune.list_scores import (
    ALPHAS,
    crossed_ndcgs,
    likeliest_alpha,
    ndcgs,
    priors,
    share_changed,
    surest_alpha,
    with_prior,
)
from finetune.tuned_figures import Comparison, Scores, compare_tuned, labels_lead

LISTS = 60


def lists(seed: int) -> list[Example]:
    """Lists of five in the retrievers' order; the wanted one is anywhere, and in every tenth list nowhere."""
    rng = np.random.default_rng(seed)
    candidates, scores = tuple("abcde"), (0.5, 0.4, 0.3, 0.2, 0.1)
    targets = [-1 if row % 10 == 0 else int(rng.integers(5)) for row in range(LISTS)]
    return [
        Example(f"u{row}", ("h",), candidates, scores, target, tuple(float(place == target) for place in range(5)))
        for row, target in enumerate(targets)
    ]


def knowing(examples: list[Example], nats: float) -> list[Floats]:
    """A model that finds the wanted item likelier than the others by so much."""
    return [nats * np.array(example.relevance) - 5.0 for example in examples]


def compared(nats_now: float, nats_tuned: float) -> Comparison:
    validation, test = lists(1), lists(2)
    systems = {
        name: Scores(knowing(validation, nats), knowing(test, nats))
        for name, nats in (("base", 0.0), ("now", nats_now), ("tuned", nats_tuned), ("text_only", nats_tuned / 2))
    }
    return compare_tuned(validation, test, now_alpha=0.5, seed=0, **systems)


def test_a_model_that_knows_is_better_beyond_doubt() -> None:
    found = compared(0.0, 4.0)
    rows = dict(found.rows)
    assert found.better
    assert rows["tuned"].mean == pytest.approx(0.9), "a list without the wanted item counts 0"
    assert rows["base"] == rows["in use"] == rows["retriever"]
    assert found.over_base.mean == pytest.approx(rows["tuned"].mean - rows["base"].mean)
    assert found.over_retriever.low > 0
    assert found.of_pictures.low >= 0
    assert 0.5 < found.changed <= 1
    assert (found.lists, found.users, found.telling) == (LISTS, LISTS, LISTS - LISTS // 10)
    assert {figure.name for figure in found.figures()} >= {"NDCG@10 tuned", "validation: tuned over in use"}


def test_a_model_that_knows_no_more_than_what_is_in_use_is_not() -> None:
    found = compared(4.0, 4.0)
    assert not found.better
    assert found.validation.mean == 0
    assert found.over_base.low > 0, "though it is better than the base"


def test_what_labels_lead_the_retrievers_by_is_told() -> None:
    learned = [example for example in lists(1) if example.target >= 0]
    lead = labels_lead(learned, seed=0)
    before = ndcgs([priors(example) for example in learned], learned)
    assert lead.mean == pytest.approx(1 - before.mean()), "labels that know put each wanted item first"
    assert lead.low > 0
    same = [replace(example, relevance=example.scores) for example in learned]
    assert labels_lead(same, seed=0).mean == 0


def test_what_is_in_use_is_measured_as_it_is_served() -> None:
    validation, test = lists(1), lists(2)
    known = Scores(knowing(validation, 4.0), knowing(test, 4.0))
    found = {
        alpha: compare_tuned(
            validation, test, base=known, now=known, now_alpha=alpha, tuned=known, text_only=known, seed=0
        )
        for alpha in (0.5, ALPHAS[-1])
    }
    assert not found[0.5].better
    assert found[ALPHAS[-1]].better, "the same model, served with a weight that lets the retrievers decide"
    rows = dict(found[ALPHAS[-1]].rows)
    assert rows["in use"] == rows["retriever"]
    assert rows["base"] == rows["tuned"]


def test_no_list_helps_to_choose_the_weight_that_it_is_ordered_by() -> None:
    examples = lists(3)
    lucky = next(row for row, example in enumerate(examples) if example.target == 4)
    scores = [row if place == lucky else np.zeros(5) for place, row in enumerate(knowing(examples, 40.0))]
    before = ndcgs([priors(example) for example in examples], examples)
    assert crossed_ndcgs(scores, examples, seed=0).tolist() == before.tolist()
    everywhere = knowing(examples, 4.0)
    assert float(crossed_ndcgs(everywhere, examples, seed=0).mean()) == pytest.approx(0.9)


def test_the_surest_weight_follows_a_model_that_knows_and_lets_a_lucky_one_decide_nothing() -> None:
    """Two of 60 lists are better by the lucky model and one is worse, which is as good as nothing."""
    examples = lists(3)
    known = surest_alpha(knowing(examples, 4.0), examples)
    assert known < 24
    order = with_prior(knowing(examples, 4.0), examples, known)
    assert float(ndcgs(order, examples).mean()) == pytest.approx(0.9)
    found, lost = ([row for row, example in enumerate(examples) if example.target == place] for place in (4, 0))
    signs = dict.fromkeys(found[:2], 1) | dict.fromkeys(lost[:1], -1)
    lucky = [signs.get(place, 0) * row for place, row in enumerate(knowing(examples, 40.0))]
    means = {alpha: float(ndcgs(with_prior(lucky, examples, alpha), examples).mean()) for alpha in ALPHAS}
    assert max(means.values()) > means[ALPHAS[-1]]
    assert surest_alpha(lucky, examples) == ALPHAS[-1]
    assert surest_alpha([-row for row in knowing(examples, 4.0)], examples) == ALPHAS[-1]


def test_the_likeliest_weight_is_the_one_by_which_the_wanted_were_drawn() -> None:
    rng = np.random.default_rng(0)
    (like, *_) = lists(0)
    drawn = {
        planted: [replace(like, target=int(rng.choice(5, p=softmax(planted * priors(like))))) for _ in range(1_500)]
        for planted in (0.0, 1.0, 2.5)
    }
    for planted, examples in drawn.items():
        assert likeliest_alpha(examples) == pytest.approx(planted, abs=0.2)
    put_in = replace(like, scores=(0.5, 0.4, 0.3, 0.2, 0.0), target=4)
    assert likeliest_alpha([put_in]) == pytest.approx(0, abs=0.01)


def test_ndcg_of_equal_scores_takes_the_first_for_the_first() -> None:
    first, last = lists(0)[1], lists(0)[2]
    flat = [np.zeros(5), np.zeros(5)]
    pair = [
        Example(first.user_id, first.history, first.candidates, first.scores, 0, first.relevance),
        Example(last.user_id, last.history, last.candidates, last.scores, 4, last.relevance),
    ]
    assert ndcgs(flat, pair).tolist() == [1.0, pytest.approx(1 / np.log2(6))]


def test_a_list_is_changed_when_its_first_ones_are_others_or_in_another_order() -> None:
    example = lists(0)[1]
    as_found, turned = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([5.0, 4.0, 3.0, 1.0, 2.0])
    assert share_changed([as_found, turned], [example, example]) == 0.5
    assert share_changed([turned], [example], k=3) == 0
    assert share_changed([], []) == 0
