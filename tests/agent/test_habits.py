"""Habits are read from a message as it means them: what it refuses is never loved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.dialogue import Facet
from agent.habits import said, stated_in, taken_back
from agent.linker import link
from agent.mentions import Embed
from retrieval.encoders import open_encoder
from retrieval.preferences import Preference

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


NEVER = Preference("material", "wool", avoided=True, stated=datetime(2026, 1, 1, tzinfo=UTC))
GLADLY = Preference("material", "leather", avoided=False, stated=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ("forget that I hate wool", {NEVER}),
        ("I don't mind wool any more", {NEVER}),
        ("wool is fine after all", {NEVER}),
        ("I do like wool after all", {NEVER}),
        ("I no longer love leather", {GLADLY}),
        ("I don't like leather anymore", {GLADLY}),
        ("forget that I love leather", {GLADLY}),
        ("I changed my mind about wool and leather", {NEVER, GLADLY}),
        ("I take back what I said about wool", {NEVER}),
        ("take me back to the wool rugs", set()),
        ("I took it back since the wool itched", set()),
        ("I hate wool after all", set()),
        ("I don't like wool anymore", set()),
        ("I hate jute after all", set()),
        ("a wool hat", set()),
        ("I don't mind the colour, just no wool", set()),
        ("jute is fine, but no wool please", set()),
    ],
)
def test_only_what_a_message_denies_is_taken_back(message: str, gone: set[Preference]) -> None:
    assert set(taken_back(message, (NEVER, GLADLY), SHOP)) == gone
