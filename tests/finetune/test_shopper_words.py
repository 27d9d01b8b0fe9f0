"""Shoppers' sentences are their own: the built-in model has not been trained on their ways to put things."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune import builtin, shopper_words
from finetune.shopper_words import listed, named, thing, typed

TRAINED_ON = (
    "utterance_families",
    "remark_families",
    "slot_phrases",
    "noun_phrases",
    "talk_numbers",
    "value_phrases",
    "queries",
    "item_references",
    "updates",
    "update_acts",
    "utterances",
    "utterance_noise",
)
_SLOT = re.compile(r"{[^{}]*}")
_WORD = re.compile(r"_|[a-z0-9']+")


def template_runs(text: str) -> set[tuple[str, ...]]:
    """Every four words in a row of a template, slots as one word each."""
    words = _WORD.findall(_SLOT.sub("_", text).lower().replace("’", "'"))
    return {tuple(words[at : at + 4]) for at in range(len(words) - 3)}


def texts_of(path: Path) -> Iterator[str]:
    """Every text in a module, the parts of a list between bars one by one, and f-strings with their slots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{x}" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split("|")


def templates() -> list[str]:
    groups = [value for name, value in vars(shopper_words).items() if name.isupper() and not name.startswith("_")]
    return [template for group in groups for template in group]


def test_no_four_words_of_a_template_are_in_what_the_model_was_trained_on() -> None:
    folder = Path(builtin.__file__).parent
    trained = set[tuple[str, ...]]()
    for name in TRAINED_ON:
        for text in texts_of(folder / f"{name}.py"):
            trained |= template_runs(text)
    assert ("i", "am", "looking", "for") in trained
    shared = {run: text for text in templates() for run in template_runs(text) & trained}
    assert shared == {}


def test_there_are_ways_to_develop_on_and_others() -> None:
    for name, group in vars(shopper_words).items():
        if name.isupper() and not name.startswith("_"):
            assert len(group) >= 4, name
            assert len(set(group)) == len(group), name


@pytest.mark.parametrize(
    ("head", "told", "said"),
    [
        ("mug", [("colour", "red")], {"a red mug"}),
        ("umbrella", [("room", "hall")], {"an umbrella for the hall", "an umbrella to go in the hall"}),
        ("socks", [("material", "wool")], {"wool socks"}),
        ("something", [("style", "retro")], {"something retro"}),
        ("rug", [("pattern", "stripes")], {"a stripy rug", "a striped rug", "a rug with stripes"}),
    ],
)
def test_things_in_words(head: str, told: list[tuple[str, str]], said: set[str]) -> None:
    assert {thing(head, told, random.Random(seed)) for seed in range(40)} == said


def test_values_in_words() -> None:
    assert {listed([("colour", "blue"), ("brand", "Ann")], random.Random(seed)) for seed in range(40)} == {
        f"{colour} and {brand}" for colour in ("blue", "in blue") for brand in ("by Ann", "from Ann")
    }
    assert named("material", "wool", random.Random(1)) == "wool"
    assert {named("pattern", "dots", random.Random(seed)) for seed in range(40)} == {
        "dotted ones",
        "polka-dotted ones",
        "ones with dots",
    }


def test_slips_of_the_pen_are_rare_and_small() -> None:
    text = "the striped umbrella"
    typed_ = [typed(text, random.Random(seed)).lower() for seed in range(400)]
    slips = [one for one in typed_ if one != text]
    assert 20 < len(slips) < 100
    assert all(abs(len(one) - len(text)) <= 1 for one in slips)
