"""Habits are read from a message as it means them: what it refuses is never loved."""

from __future__ import annotations

import pytest

from agent.dialogue import Facet
from agent.habits import said, stated_in
from agent.linker import link
from agent.mentions import Embed
from retrieval.encoders import open_encoder

SHOP = (Facet("category", ("dress", "hat", "lamp")), Facet("material", ("wool", "leather", "jute")))


@pytest.fixture(scope="module")
def embed() -> Embed:
    return open_encoder("builtin").embed_text


@pytest.mark.parametrize(
    ("message", "habits"),
    [
        ("I never wear wool", {"never material wool"}),
        ("I hate leather", {"never material leather"}),
        ("I avoid jute", {"never material jute"}),
        ("I love leather", {"gladly material leather"}),
        ("I love leather, but I never wear wool", {"never material wool", "gladly material leather"}),
    ],
)
def test_a_refused_value_is_never_loved_and_the_verb_is_no_value(message: str, habits: set[str], embed: Embed) -> None:
    assert {said(habit) for habit in stated_in(link(message, SHOP, embed=embed), message)} == habits


def test_the_same_one_but_in_a_colour_that_it_has_keeps_the_colour(embed: Embed) -> None:
    facets = (Facet("colour", ("red", "blue")),)
    update = link("the second one but in blue", facets, standing="red", shown=("Red mug", "Blue mug"), embed=embed)
    assert (update.items, update.want) == ((2,), {"colour": ("blue",)})
