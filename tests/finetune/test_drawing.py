"""The drawings show what the look says."""

import random
from dataclasses import replace

import numpy as np
import pytest

from finetune.builtin.drawing import CATEGORIES, COLOURS, PATTERNS, SHAPES, TRIMS, Look, draw, random_look, svg
from finetune.builtin.drawing.look import accents_for
from finetune.builtin.drawing.palette import _NAMED

MUG = Look("mug", "straight", "blue", "white")


def pixels(look: Look, *, px: int = 64, turn: float = 0.0) -> np.ndarray:
    return np.asarray(draw(look, px=px, turn=turn), dtype=float)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_shape_of_a_category_is_another_picture(category):
    pictures = [pixels(Look(category, shape, "teal", "yellow", pattern="dots")) for shape in SHAPES[category]]
    for row, one in enumerate(pictures):
        assert one.shape == (64, 64, 3)
        for other in pictures[row + 1 :]:
            assert difference(one, other) > 1


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_pattern_and_every_trim_can_be_seen(category):
    bare = Look(category, SHAPES[category][0], "blue", "yellow", trim="none")
    plain = pixels(bare)
    for pattern in PATTERNS[1:]:
        assert difference(plain, pixels(replace(bare, pattern=pattern))) > 1, pattern
    for trim in TRIMS[1:]:
        assert difference(plain, pixels(replace(bare, trim=trim))) > 0.15, trim


@pytest.mark.parametrize("colour", COLOURS)
def test_a_plain_mug_has_its_colour_in_the_middle(colour):
    look = replace(MUG, colour=colour, accent=accents_for(colour)[0], sheen="matte")
    middle = pixels(look)[32:42, 28:36].mean(axis=(0, 1))
    nearest = min(_NAMED, key=lambda name: float(np.abs(np.array(_NAMED[name]) - middle).sum()))
    assert nearest == colour


def test_the_same_look_gives_the_same_pixels():
    assert np.array_equal(pixels(MUG), pixels(MUG))
    assert svg(MUG) == svg(replace(MUG))


def test_a_turned_mug_looks_different_and_a_full_turn_ends_where_it_began():
    patterned = replace(MUG, pattern="floral")
    assert difference(pixels(patterned), pixels(patterned, turn=120)) > 2
    assert difference(pixels(patterned), pixels(patterned, turn=360)) < 0.5


def test_sizes_are_in_pixels():
    assert draw(MUG, px=96).size == (96, 96)
    assert draw(MUG).size == (256, 256)


def test_random_looks_repeat_with_the_generator_and_always_show_their_accent():
    looks = [random_look(random.Random(seed)) for seed in range(300)]
    assert looks == [random_look(random.Random(seed)) for seed in range(300)]
    assert all(look.trim != "none" for look in looks if look.pattern == "plain")
    assert all(look.accent in accents_for(look.colour) for look in looks)
    assert {look.category for look in looks} == set(CATEGORIES)


def test_every_colour_has_accents_that_stand_out():
    assert all(len(accents_for(colour)) >= 4 for colour in COLOURS)


def test_an_unknown_category_is_refused():
    with pytest.raises(KeyError, match="spaceship"):
        draw(replace(MUG, category="spaceship"))
