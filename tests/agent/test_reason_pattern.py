"""The pattern that a small model's reasons keep to."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest

from agent.evidence import YOUR_PICTURE
from agent.prompts import Detail
from agent.reason_pattern import reason_pattern, ways
from finetune.builtin.reasonings import Reasoning, make_reasoning
from finetune.builtin.schemas import random_schema, shop_schema
from retrieval.types import Evidence, EvidenceKind, Item

TITLE = "Quinn: chair (2005) in A+B"
CHAIR = Item("c", "Bolvo chair", {"colour": "blue", "material": "ash wood"})
PLACES = 6
EVIDENCE = [
    Evidence(EvidenceKind.REQUEST, "matches the request: blue (colour)", "colour", "blue"),
    Evidence(EvidenceKind.HISTORY, f"shares material ash wood with {TITLE}", "material", "ash wood", "1", TITLE),
]
POPULAR = Evidence(EvidenceKind.RETRIEVER, "popular with many people")
PICTURE = Evidence(EvidenceKind.RETRIEVER, f"looks like {YOUR_PICTURE}")


def can_be_said(text: str, evidence: Sequence[Evidence]) -> int:
    """At how many places of a list this may be said of the chair."""
    return sum(re.fullmatch(reason_pattern(CHAIR, evidence, place), text) is not None for place in range(PLACES))


@pytest.mark.parametrize(
    "text",
    [
        "Its colour is blue, as you asked.",
        f"You liked {TITLE}, and this has the material ash wood too.",
        f"Its colour is blue, as you asked. Like {TITLE}, it has the material ash wood.",
        f"Its colour is blue, as you asked, and like {TITLE}, it has the material ash wood.",
    ],
)
def test_what_the_evidence_says_can_be_said_at_a_third_of_the_places(text: str) -> None:
    assert can_be_said(text, EVIDENCE) == PLACES // 3


@pytest.mark.parametrize(
    "text",
    [
        "You liked Quinn: chair, and this has the material ash wood too.",
        "Its colour is ash wood, as you asked.",
        "Its colour is red, as you asked.",
        f"Like {TITLE}.",
        "You liked pink, and this has the material ash wood too.",
        "It is popular with many people.",
        "It looks like your picture.",
        "Its colour is not blue.",
        "Its colour is blue, as you asked, and it answers your wish for blue.",
        "You asked for blue, and this is what its description is close to what you asked for.",
        f"It answers your wish for blue. It answers your wish for {TITLE}.",
        "Its colour is blue",
    ],
)
def test_what_the_evidence_does_not_say_cannot(text: str) -> None:
    assert can_be_said(text, EVIDENCE) == 0


def test_what_names_nothing_can_be_said_where_it_is_evidence() -> None:
    assert can_be_said("It is popular with many people.", [POPULAR])
    assert can_be_said("Its colour is blue, as you asked. It looks like your picture.", [EVIDENCE[0], PICTURE])


def test_two_sentences_begin_differently() -> None:
    twice = [
        *EVIDENCE[:1],
        Evidence(EvidenceKind.REQUEST, "matches the request: ash wood (material)", "material", "ash wood"),
    ]
    says = "and this is what its material says"
    assert can_be_said(f"Its colour is blue, as you asked. You asked for ash wood, {says}.", twice)
    assert not can_be_said(
        f"You asked for blue, and this is what its colour says. You asked for ash wood, {says}.", twice
    )


def test_a_wish_is_told_together_with_what_else_there_is() -> None:
    asked = Evidence(EvidenceKind.REQUEST, "matches the request: ash wood (material)", "material", "ash wood")
    wishes = [EVIDENCE[0], asked]
    both = "Its colour is blue, as you asked, and its material is ash wood, as you asked."
    assert can_be_said(both, wishes)
    assert not can_be_said(both, [*wishes, EVIDENCE[1]])
    assert can_be_said(f"Its colour is blue, as you asked. Like {TITLE}, it has the material ash wood.", EVIDENCE)


def test_of_several_values_one_is_included() -> None:
    desk = Item("d", "Desk", {"rooms": ("study",), "use": ("work", "play"), "material": ("oak",)})
    asked = {
        name: ways(desk, Evidence(EvidenceKind.REQUEST, f"matches the request: {value} ({name})", name, value))
        for name, value in {"rooms": "study", "use": "work", "material": "oak"}.items()
    }
    assert "You asked for study, and its rooms include that" in asked["rooms"]
    assert "You asked for work, and its use includes that" in asked["use"]
    assert "Its material is oak, as you asked" in asked["material"]


def test_nearly_all_that_training_teaches_can_be_said() -> None:
    rng = random.Random(4)
    examples = []
    for number in range(120):
        schema = shop_schema(rng) if number % 2 else random_schema(rng)
        examples.append(make_reasoning(rng, schema, Detail(), None))
    assert sum(map(_is_made_of_ways, examples)) > 108


def _is_made_of_ways(example: Reasoning) -> bool:
    some = [way for fact in example.facts for way in ways(example.item, fact.evidence)]
    second = [*(f". {way}" for way in some), *(f", and {way[0].lower()}{way[1:]}" for way in some), ""]
    return example.reason in {f"{first}{rest}." for first in some for rest in second}
