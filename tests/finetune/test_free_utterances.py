"""The hand-written utterances: all there, all valid, and measured as they should be."""

import json
from collections import Counter

import pytest

from agent.dialogue import Action, Update, parse_update, update_text
from finetune.builtin.free_utterances import UTTERANCES, FreeCase, free_cases, measure_free
from finetune.builtin.products import products

LINES = [json.loads(line) for line in UTTERANCES.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def cases() -> tuple[FreeCase, ...]:
    return free_cases()


def test_there_are_150_different_messages(cases: tuple[FreeCase, ...]) -> None:
    assert len(cases) == 150
    assert len({case.message for case in cases}) == 150
    assert sum(line["facets"] == "shop" for line in LINES) == 110


def test_every_action_and_every_field_is_asked_for(cases: tuple[FreeCase, ...]) -> None:
    assert Counter(case.update.action for case in cases) >= Counter(dict.fromkeys(Action, 6))
    fields = ("items", "want", "prefer", "avoid", "drop", "at_most", "at_least", "step", "count", "query")
    assert all(sum(bool(getattr(case.update, name)) for case in cases) >= 5 for name in fields)


@pytest.mark.parametrize("row", range(150))
def test_the_expected_update_is_one_that_the_catalogue_allows(row: int, cases: tuple[FreeCase, ...]) -> None:
    case = cases[row]
    assert json.loads(update_text(case.update)) == LINES[row]["update"]  # reading it left nothing out
    assert parse_update(update_text(case.update), case.facets) == case.update
    assert case.update.query in case.message
    assert all(place <= len(case.shown) for place in case.update.items)
    assert case.update.action is not Action.REFINE or case.standing


def test_the_shop_facets_hold_every_value_of_the_shop(cases: tuple[FreeCase, ...]) -> None:
    facets = {facet.name: facet.values for facet in cases[0].facets if facet.values}
    for product in products(400, seed=1):
        row = product.row()
        assert all(row[name] in values for name, values in facets.items() if name in row)


def test_a_perfect_answer_measures_one_and_an_empty_one_little() -> None:
    perfect = measure_free(lambda case: case.update)
    assert perfect["f1"] == perfect["exact"] == 1
    assert perfect["cases"] == 150
    lazy = measure_free(lambda case: Update(Action.SEARCH))
    assert lazy["f1"] < 0.3
    assert lazy["f1_search"] > lazy["f1_why"] == 0
