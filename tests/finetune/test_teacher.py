"""Labels by trees: what they say of candidates where the wanted ones are of a colour that was liked before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.models.base import ModelInfo
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.examples import Example
from finetune.list_prompts import ListPrompts
from finetune.teacher import LEAST_TAUGHT, taught
from retrieval.workspace import Workspace
from tests.conftest import COLOURS, SHAPES, TinyShop, fill

INFO = ModelInfo("builtin", None, 96, 1920, 32)
CONTRARY = "user 7"
"""Of all users the one who wants what has no colour that they liked."""


@pytest.fixture
def prompts(empty_workspace: Workspace, tiny_shop: TinyShop) -> ListPrompts:
    fill(empty_workspace, tiny_shop)
    return ListPrompts(Showcase(empty_workspace), INFO, RerankSettings())


def lists(count: int = 400, *, users: int = 80) -> list[Example]:
    """Of three colours of a thing the liked one is wanted in four of five lists; the last is the retrievers' first."""
    rng = np.random.default_rng(0)
    made = []
    for row in range(count):
        user, (liked, wanted) = f"user {row % users}", rng.choice(SHAPES, 2, replace=False)
        colours = rng.permutation(list(COLOURS)).tolist()
        target = 0 if user != CONTRARY and rng.random() < 0.8 else 1
        candidates = tuple(f"{colour}-{wanted}" for colour in colours)
        relevance = tuple(float(place == target) for place in range(3))
        made.append(Example(user, (f"{colours[0]}-{liked}",), candidates, (0.2, 0.3, 0.5), target, relevance))
    return made


def test_the_labels_say_how_likely_each_candidate_is(prompts: ListPrompts) -> None:
    found = taught(lists(), prompts, share=1.0, seed=0)
    labels = np.array([example.relevance for example in found])
    assert labels.sum(axis=1) == pytest.approx(1)
    assert labels[:, 0].mean() == pytest.approx(0.8, abs=0.06), "as often as it is so, wanted or not"
    assert labels[:, 0].std() < 0.1
    assert [example.target for example in found] == [example.target for example in lists()]


def test_nobody_is_labelled_by_what_they_did_themselves(prompts: ListPrompts) -> None:
    found = [example for example in taught(lists(), prompts, share=1.0, seed=0) if example.user_id == CONTRARY]
    assert all(example.relevance[0] > 0.6 > 0.4 > example.relevance[example.target] for example in found)


def test_a_share_of_the_label_stays_what_was_wanted(prompts: ListPrompts) -> None:
    whole, half = (taught(lists(), prompts, share=share, seed=0) for share in (1.0, 0.5))
    for one, other, was in zip(whole, half, lists(), strict=True):
        mean = (np.array(one.relevance) + np.array(was.relevance)) / 2
        assert other.relevance == pytest.approx(mean.tolist())
    assert taught(lists(), prompts, share=0.0, seed=0) == lists()


def test_trees_see_how_widely_each_is_wanted_where_prompts_tell_it(
    empty_workspace: Workspace, tiny_shop: TinyShop
) -> None:
    fill(empty_workspace, tiny_shop)
    rng = np.random.default_rng(0)
    made = []
    for example in lists():
        people = tuple(rng.permutation([3, 40, 500]).tolist())
        wanted = people.index(500)
        relevance = tuple(float(place == wanted) for place in range(3))
        made.append(replace(example, target=wanted, relevance=relevance, wanted_by=people))
    sure = {}
    for popularity in (True, False):
        shown = ListPrompts(Showcase(empty_workspace), replace(INFO, popularity=popularity), RerankSettings())
        labelled = taught(made, shown, share=1.0, seed=0)
        sure[popularity] = np.mean([example.relevance[example.target] for example in labelled])
    assert sure[True] > 0.9
    assert sure[False] < 0.5


def test_few_lists_keep_what_was_wanted(prompts: ListPrompts) -> None:
    few = lists(LEAST_TAUGHT - 1)
    assert taught(few, prompts, share=1.0, seed=0) == few
