"""Comparisons and answers to learn from say only what is true of the items and what the prompt tells."""

from __future__ import annotations

import random
import re

import pytest

from agent.models.base import Picture, Prompt
from agent.prompts import Detail, value_text
from finetune.builtin.answers import make_answer
from finetune.builtin.comparisons import make_comparison
from finetune.builtin.drawing.look import random_look
from finetune.builtin.gallery import Gallery
from finetune.builtin.item_facts import told_facts, verb_phrase
from finetune.builtin.schemas import Schema, random_schema, shop_schema
from finetune.builtin.things import Thing

pytestmark = pytest.mark.usefixtures("short_word_list")


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    rng = random.Random(3)
    return Gallery.of([random_look(rng) for _ in range(500)])


def drawn(seed: int, gallery: Gallery) -> tuple[random.Random, Schema, Detail, Gallery | None]:
    rng = random.Random(seed)
    schema = shop_schema(rng) if seed % 2 else random_schema(rng)
    return rng, schema, Detail(rng.choice((60, 90, 150))), gallery if seed % 3 else None


def truths(thing: Thing) -> dict[str, str]:
    """All that is so of an item, told or not."""
    told = {name: value_text(value) for name, value in thing.item.attributes.items()}
    return {name: ", ".join(held) for name, held in thing.values.items() if name != "plot"} | told


def sayings(thing: Thing) -> str:
    return "|".join(re.escape(verb_phrase(name, value)) for name, value in truths(thing).items())


def text_of(prompt: Prompt) -> str:
    return "".join(part if isinstance(part, str) else "(picture)" for part in prompt[1].parts)


@pytest.mark.parametrize("seed", range(300))
def test_a_comparison_says_only_what_is_so_and_different(seed, gallery):
    example = make_comparison(*drawn(seed, gallery))
    if example.text == "Nothing that is told here sets them apart.":
        return
    one, other = re.escape(example.one.item.title), re.escape(example.other.item.title)
    this, that = sayings(example.one), sayings(example.other)
    by_item = rf"{one} ({this})(?: and ({this}))?, (?:while|whereas) {other} ({that})(?: and ({that}))?\."
    by_fact = rf"{one} ({this}) and {other} ({that})\.(?: {one} ({this}) and {other} ({that})\.)?"
    found = re.fullmatch(rf"(?:{by_item}|{by_fact})(?P<both> Both .+\.)?", example.text)
    assert found, example.text
    texts, others = truths(example.one), truths(example.other)
    if both := found["both"]:
        shared = [name for name, text in texts.items() if others.get(name) == text]
        assert both[6:] in [f"{verb_phrase(name, texts[name], several=True)}." for name in shared]
    said = example.text.removesuffix(both or "")
    assert any(verb_phrase(name, text) in said for name, text in texts.items() if others.get(name) != text)


def test_a_comparison_tells_what_only_the_pictures_show(gallery):
    seen = 0
    for seed in range(400):
        rng, schema = random.Random(seed), shop_schema(random.Random(seed))
        example = make_comparison(rng, schema, Detail(200), gallery)
        assert sum(isinstance(part, Picture) for part in example.prompt[1].parts) == 2
        if "pattern" not in example.one.item.attributes:
            seen += verb_phrase("pattern", example.one.values["pattern"][0]) in example.text
    assert seen > 20


def test_a_fact_that_is_cut_off_is_not_told(gallery):
    for seed in range(200):
        rng, schema, detail, _ = drawn(seed, gallery)
        example = make_answer(rng, schema, detail, None)
        shown = text_of(example.prompt)
        for value in told_facts(example.thing, detail.candidate_chars).values():
            assert value in shown


@pytest.mark.parametrize("seed", range(400))
def test_an_answer_is_true_or_says_that_nobody_told(seed, gallery):
    rng, schema, detail, pictures = drawn(seed, gallery)
    example = make_answer(rng, schema, detail, pictures)
    thing, text = example.thing, example.text
    true = [verb_phrase(name, value) for name, value in truths(thing).items()]
    values = [verb_phrase(name, value) for name, held in thing.values.items() for value in held]
    if text.startswith("The description does not say"):
        shown = text_of(example.prompt)
        if found := re.fullmatch(r"The description does not say what its (\w+) is\.", text):
            assert f"; {found[1]} " not in shown
            assert found[1] in example.question.lower() or "warranty" in text
    elif text.startswith("The picture shows the "):
        assert thing.picture_row is not None
        look = gallery.looks[thing.picture_row]
        seen = {"colour": look.colour, "pattern": look.pattern, "accent colour": look.accent}
        assert text in {f"The picture shows the {name} {value}." for name, value in seen.items() if name in text}
        assert "picture" in example.question
    elif text.startswith("Yes, it "):
        assert text[8:-1] in true + values
    elif text.startswith("No, it "):
        assert text[7:-1] in true
    else:
        subject = "It" if text.startswith("It ") else thing.item.title
        assert text.removeprefix(f"{subject} ")[:-1] in true


def test_an_answer_about_the_picture_is_of_the_picture_that_is_shown(gallery):
    """Even where it is another item's than the one that the text is about."""
    belied = 0
    for seed in range(1, 400, 2):
        example = make_answer(*drawn(seed, gallery)[:3], gallery)
        if example.text.startswith("The picture shows the "):
            picture = next(part for part in example.prompt[1].parts if isinstance(part, Picture))
            look = gallery.looks[int(picture.key)]
            name = next(name for name in ("accent colour", "pattern", "colour") if f"the {name} " in example.text)
            value = getattr(look, name.removesuffix(" colour"))
            assert name in example.question.lower()
            assert example.text == f"The picture shows the {name} {value}."
            belied += value not in example.thing.values.get(name.removesuffix(" colour"), (value,))
    assert belied > 10


def test_a_yes_and_a_no_fit_their_question(gallery):
    counts = {"Yes": 0, "No": 0}
    for seed in range(600):
        rng, schema, detail, pictures = drawn(seed, gallery)
        example = make_answer(rng, schema, detail, pictures)
        word = example.text.split(",")[0]
        if word not in counts:
            continue
        counts[word] += 1
        asked = example.question.lower()
        if limit := re.search(r"(under|less than|more than|over) (\d+)\?", asked):
            price = example.thing.item.attributes["price"].major
            below = limit[1] in ("under", "less than")
            assert (word == "Yes") == (price < int(limit[2]) if below else price > int(limit[2]))
        else:
            held = {value.lower() for values in example.thing.values.values() for value in values}
            spoken = any(asked.endswith(f" {value}?") or f" {value} " in asked for value in held)
            assert spoken or word == "No" or verb_phrase("pattern", example.thing.values["pattern"][0])
    assert min(counts.values()) > 60
