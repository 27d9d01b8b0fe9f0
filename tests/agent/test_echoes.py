"""What candidates have in common with what was liked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.echoes import tenths_wanted, with_echoes
from agent.prompts import Detail, Shown, describe, rank_prompt
from retrieval.types import AttributeValue, Item


def shown(name: str, look: tuple[float, float] | None = None, **attributes: AttributeValue) -> Shown:
    vector = None if look is None else np.array(look, dtype=np.float32)
    return Shown(Item(name, name, attributes), look=vector)


def test_values_are_counted_in_tenths_of_what_was_liked() -> None:
    liked = [shown("a", colour="Red", genres=("War", "Drama")), shown("b", colour="red"), shown("c", colour="blue")]
    (told,) = with_echoes([shown("x", colour="red", genres=("Drama", "Noir"), style="plain")], liked)
    assert told.echoes == {("colour", "red"): 7, ("genres", "Drama"): 4}
    assert told.alike == 0


def test_a_liked_item_that_says_a_value_twice_counts_once() -> None:
    liked = [shown("a", genres=("War", "war"))]
    (told,) = with_echoes([shown("x", genres=("War",))], liked)
    assert told.echoes == {("genres", "War"): 10}


def test_numbers_and_prose_are_no_echo() -> None:
    prose = "A lamp that stands on three legs and gives a warm light."
    (told,) = with_echoes([shown("x", year=1995, plot=prose)], [shown("a", year=1995, plot=prose)])
    assert told.echoes == {}


def test_a_look_comes_back_in_the_nearest_quarter() -> None:
    candidates = [shown(f"c{n}", look=(np.cos(n / 8), np.sin(n / 8))) for n in range(8)]
    liked = [shown("east", look=(1.0, 0.0)), shown("blind"), shown("north", look=(0.0, 1.0))]
    told = with_echoes(candidates, liked)
    assert [one.alike for one in told] == [5, 5, 0, 0, 0, 0, 5, 5]


@pytest.mark.parametrize("liked", [[], [shown("blind")]])
def test_without_a_liked_look_nothing_is_alike(liked: list[Shown]) -> None:
    told = with_echoes([shown("a", look=(1.0, 0.0)), shown("b", look=(0.0, 1.0))], liked)
    assert [one.alike for one in told] == [0, 0]


@pytest.mark.parametrize(
    ("wanted_by", "tenths"),
    [((5, 0, 9, 7), [5, 3, 10, 8]), ((4, 4, 1), [10, 10, 4]), ((0, 0), [0, 0]), ((), [])],
)
def test_how_widely_each_is_wanted_is_told_among_the_others(wanted_by: tuple[int, ...], tenths: list[int]) -> None:
    assert tenths_wanted(wanted_by) == tenths


def test_a_catalogue_cannot_write_echoes_of_its_own() -> None:
    item = Item("x", "Lamp |9", {"colour": "red |10", "style": "plain"})
    told = describe(item, 100, {("style", "plain"): 3})
    assert told == "«Lamp /9; colour red /10; style plain |3»"


def test_what_pictures_tell_counts_and_is_told_like_text() -> None:
    liked = [replace(shown("a"), seen={"pattern": "stripes"}), shown("b", pattern="stripes"), shown("c")]
    (told,) = with_echoes([replace(shown("x"), seen={"pattern": "stripes"})], liked)
    assert told.echoes == {("pattern", "stripes"): 7}
    *_, candidate, _ = rank_prompt(liked, None, [told], Detail())[1].parts[0].splitlines()
    assert candidate == "A «x; pattern stripes |7»"
