"""Lists to learn from: what they hold, and what they must not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finetune.event_table import EventTable, read_events
from finetune.examples import Example, ListSettings, asked_lists, read_examples, save_examples, training_lists
from finetune.past import known_events, past_workspace
from finetune.splits import Part, last_wanted
from finetune.tuning_lists import folds_of
from retrieval.candidates import CandidateFinder
from retrieval.errors import SettingsError
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from tests.finetune.colour_shop import ENCODER, colour_shop

USERS = 24
SETTINGS = ListSettings(size=6, sampled=2, depth=8, put_in=1.0)
SERVED = ListSettings(size=4, sampled=2, depth=8)
World = tuple[EventTable, Part, CandidateFinder]


@pytest.fixture
def world(empty_workspace: Workspace, tiny_shop: TinyShop, tmp_path: Path) -> Iterator[World]:
    """The log, the two last wanted things of each user but the last, and the retrievers as they were before them."""
    with ExitStack() as stack:
        store = stack.enter_context(colour_shop(empty_workspace, tiny_shop, users=USERS))
        table = read_events(empty_workspace)
        part = last_wanted(table, 1, 3)
        known = known_events(empty_workspace, table, part.past)
        past = stack.enter_context(past_workspace(empty_workspace, store, tmp_path / "past", known))
        yield table, part, CandidateFinder(past, stack.enter_context(open_store(past)), ENCODER)


def learned(world: World, settings: ListSettings = SETTINGS, **changes: int) -> list[Example]:
    table, part, finder = world
    return training_lists(part, table, finder, settings, **{"count": 100, "seed": 0, **changes})


def test_each_list_has_the_wanted_item_among_others(world: World) -> None:
    table, part, _ = world
    examples = learned(world)
    assert len(examples) == len(part) == 2 * USERS
    for case, example in enumerate(examples):
        assert example.user_id == table.user_ids[part.queries.user[case]]
        assert example.candidates[example.target] == table.item_ids[part.target[case]]
        assert len(set(example.candidates)) == len(example.candidates) == SETTINGS.size
        assert not set(example.candidates) & set(example.history)
        assert example.relevance[example.target] == 1
    assert len({example.target for example in examples}) == SETTINGS.size, "shuffled"


def test_nothing_of_what_comes_later_is_known(world: World) -> None:
    table, _, _ = world
    for user_id in table.user_ids:
        wanted = [table.item_ids[row] for row in table.item[table.user == table.user_ids.index(user_id)].tolist()]
        first, second = (example for example in learned(world) if example.user_id == user_id)
        assert (first.history, second.history) == (tuple(wanted[:1]), tuple(wanted[:2]))
        for example in (first, second):
            assert wanted[3] not in example.candidates or example.relevance[example.candidates.index(wanted[3])] == 0


def test_what_was_wanted_after_the_next_item_counts_less(world: World) -> None:
    later = [example for example in learned(world) if sorted(example.relevance)[-2] > 0]
    assert later
    for example in later:
        assert len(example.history) == 1, "only the first of two has a later one in the part"
        assert sorted(example.relevance)[-2:] == [SETTINGS.later, 1.0]
        other = example.candidates[example.relevance.index(SETTINGS.later)]
        assert other.split("-")[0] == example.candidates[example.target].split("-")[0]


def test_the_seed_draws_and_the_same_one_draws_the_same(world: World) -> None:
    assert learned(world) == learned(world)
    assert learned(world) != learned(world, seed=1)
    few = learned(world, count=5)
    assert len(few) == 5


def test_lists_are_as_shown_where_what_was_wanted_is_shown(world: World) -> None:
    table, part, finder = world
    shown = {
        (example.user_id, example.history): example
        for example in asked_lists(part, table, finder, size=4, count=100, seed=0)
    }
    telling = sum(example.target >= 0 for example in shown.values())
    assert telling >= 40
    examples = learned(world, SERVED)
    assert len(examples) == telling
    for example in examples:
        same = shown[example.user_id, example.history]
        assert set(zip(example.candidates, example.scores, strict=True)) == set(
            zip(same.candidates, same.scores, strict=True)
        )
        assert example.candidates[example.target] == same.candidates[same.target]
    assert len({example.target for example in examples}) == 4, "shuffled"


def test_some_are_put_in_where_so_wanted_or_where_too_few_are_shown(world: World) -> None:
    half = learned(world, replace(SERVED, put_in=0.5), count=20)
    assert len(half) == 20
    assert sum(0 not in example.scores for example in half) >= 10
    narrow = learned(world, replace(SERVED, size=2, sampled=0))
    assert len(narrow) == 40, "as few as can be learned from"
    assert all(example.target >= 0 for example in narrow)


def test_asked_lists_are_as_the_retrievers_put_them(world: World) -> None:
    table, part, finder = world
    examples = asked_lists(part, table, finder, size=4, count=9, seed=0)
    assert len(examples) == 8, "all cases of a user or none"
    assert any(example.target < 0 for example in examples) or all(example.relevance for example in examples)
    for example in examples:
        assert list(example.scores) == sorted(example.scores, reverse=True)
        wanted = [item for item, relevance in zip(example.candidates, example.relevance, strict=True) if relevance]
        assert wanted == ([example.candidates[example.target]] if example.target >= 0 else [])


@pytest.mark.parametrize("kind", ["learned", "asked"])
def test_how_many_wanted_each_candidate_is_what_was_known_then(world: World, kind: str) -> None:
    table, part, finder = world
    examples = learned(world) if kind == "learned" else asked_lists(part, table, finder, size=4, count=100, seed=0)
    wants = set(zip(table.user[part.past].tolist(), table.item[part.past].tolist(), strict=True))
    known = Counter(table.item_ids[item] for _, item in wants)
    assert max(known.values()) > 1
    assert examples
    for example in examples:
        assert example.wanted_by == tuple(known[item_id] for item_id in example.candidates)


def test_examples_are_saved_whole_with_a_hash_of_what_they_are(world: World, tmp_path: Path) -> None:
    examples = learned(world)
    saved = save_examples(examples, tmp_path / "lists.jsonl")
    assert read_examples(tmp_path / "lists.jsonl") == examples
    assert save_examples(examples, tmp_path / "again.jsonl") == saved
    assert save_examples(examples[1:], tmp_path / "other.jsonl") != saved


@pytest.mark.parametrize(
    "changes",
    [{"size": 1}, {"size": 21}, {"sampled": 20}, {"sampled": -1}, {"depth": 19}, {"later": 1.0}, {"put_in": 1.1}],
)
def test_settings_are_checked(changes: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        ListSettings(**changes)  # type: ignore[arg-type]


def test_of_each_fold_only_what_its_own_users_did_later_is_unknown(world: World) -> None:
    table, part, _ = world
    most = last_wanted(table, 0, 1).past
    folds = list(folds_of(part, table, most, 3, seed=0))
    users = [set(fold.queries.user.tolist()) for fold in folds]
    assert sum(map(len, users)) == len(set.union(*users)) == USERS
    for mine, fold in zip(users, folds, strict=True):
        own = np.isin(table.user, list(mine))
        assert (fold.past[own] == part.past[own]).all()
        assert (fold.past[~own] == most[~own]).all()
        assert fold.past.sum() > part.past.sum()
        cases = [row for row, user in enumerate(part.queries.user.tolist()) if user in mine]
        assert fold.target.tolist() == part.target[cases].tolist()
