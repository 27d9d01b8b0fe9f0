"""The pattern that a small model's reasons keep to."""

from __future__ import annotations

import random
import re

import pytest

from agent.evidence import YOUR_PICTURE
from agent.prompts import Detail
from agent.reason_pattern import reason_pattern
from finetune.builtin.reasonings import make_reasoning
from finetune.builtin.schemas import random_schema, shop_schema
from retrieval.types import Evidence, EvidenceKind

TITLE = "Quinn: chair (2005) in A+B"
EVIDENCE = [
    Evidence(EvidenceKind.REQUEST, "matches the request: blue (colour)", "colour", "blue"),
    Evidence(EvidenceKind.HISTORY, f"shares material ash wood with {TITLE}", "material", "ash wood", "1", TITLE),
]


@pytest.mark.parametrize(
    "text",
    [
        f"You liked {TITLE}, and this has the material ash wood too.",
        f"Its colour is blue, as you asked. Like {TITLE}, it has the material ash wood.",
        "You asked for blue, and this is what its colour says.",
    ],
)
def test_what_the_evidence_says_can_be_said(text: str) -> None:
    assert re.fullmatch(reason_pattern(EVIDENCE), text)


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
        "Its colour is blue, and its colour is blue, and its colour is blue, and its colour is blue.",
        "Its colour is blue",
    ],
)
def test_what_the_evidence_does_not_say_cannot(text: str) -> None:
    assert not re.fullmatch(reason_pattern(EVIDENCE), text)


def test_what_names_nothing_can_be_said_where_it_is_evidence() -> None:
    popular = Evidence(EvidenceKind.RETRIEVER, "popular with many people")
    picture = Evidence(EvidenceKind.RETRIEVER, f"looks like {YOUR_PICTURE}")
    assert re.fullmatch(reason_pattern([popular]), "It is popular with many people.")
    assert re.fullmatch(reason_pattern([*EVIDENCE, picture]), "Its colour is blue. It looks like your picture.")


def test_what_training_teaches_can_be_said() -> None:
    rng = random.Random(4)
    apart = []
    for number in range(120):
        schema = shop_schema(rng) if number % 2 else random_schema(rng)
        example = make_reasoning(rng, schema, Detail(), None)
        if not re.fullmatch(reason_pattern([fact.evidence for fact in example.facts]), example.reason):
            apart.append(example.reason)
    assert not apart
