"""Slips of the pen: which words are put right, and which are left as typed."""

from __future__ import annotations

import pytest

from agent.slips import corrected, lacks_a_letter

SHOWN = ("Harbour lantern", "Orchard kettle")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("comapre the frist two", "compare the first two"),
        ("somethng chepaer", "something cheaper"),
        ("REALLLY NICE", "REALLY NICE"),
        ("tell me about the Habrour lantern", "tell me about the Harbour lantern"),
        ("the orchrad one", "the orchard one"),
        ("a quiet tree house", "a quiet tree house"),
        ("rugs with zebras", "rugs with zebras"),
    ],
)
def test_one_slip_in_a_word_that_is_known_is_put_right(typed: str, meant: str) -> None:
    assert corrected(typed, SHOWN, lambda word: False) == meant


def test_a_word_that_the_catalogue_has_is_left_as_it_is() -> None:
    assert corrected("lest", (), lambda word: word == "lest") == "lest"
    assert corrected("lest", (), lambda word: False) == "least"


def test_a_letter_is_missed_inside_a_word_only() -> None:
    assert lacks_a_letter("stol", "stool")
    assert not lacks_a_letter("tool", "stool")
    assert not lacks_a_letter("stoo", "stool")
