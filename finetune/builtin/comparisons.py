"""Two items compared: what differs and what they share, said from what the prompt tells of them and no more."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from agent.models.base import Prompt
from agent.prompts import Detail, clean, compare_prompt
from finetune.builtin.gallery import Gallery
from finetune.builtin.item_facts import chosen, same_and_other, told_facts, verb_phrase
from finetune.builtin.schemas import Schema
from finetune.builtin.things import Thing, make_thing, shown_as

_ALIKE = "Nothing that is told here sets them apart."
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two items, the prompt that asks how they differ, and one or two sentences that say it."""

    prompt: Prompt
    text: str
    one: Thing
    other: Thing


def make_comparison(rng: random.Random, schema: Schema, detail: Detail, gallery: Gallery | None) -> Comparison:
    """Two items of one catalogue that share a thing more often than not."""
    one = make_thing(rng, schema, {}, gallery)
    names = [field.name for field in schema.fields if field.name != "plot"]
    shared = rng.sample(names, min(len(names), rng.choice((0, 1, 1, 2))))
    if schema.shop and names[0] == "category" and rng.random() < 0.6:
        shared.append("category")
    for _ in range(_TRIES):
        other = make_thing(rng, schema, {name: rng.choice(one.values[name]) for name in shared}, gallery)
        text = compared(one, other, detail.candidate_chars)
        if other.item.title != one.item.title and text != _ALIKE:
            break
    prompt = compare_prompt(shown_as(rng, one), shown_as(rng, other), detail)
    return Comparison(prompt, text, one, other)


def compared(one: Thing, other: Thing, max_chars: int) -> str:
    """How two items differ, in words that depend on their titles and on what max_chars of text and pictures tell."""
    facts, others = told_facts(one, max_chars), told_facts(other, max_chars)
    shared, different = same_and_other(facts, others)
    titles = clean(one.item.title, max_chars), clean(other.item.title, max_chars)
    key = "|".join(titles)
    if len(different) > 1 and "category" in different and facts["category"] in titles[0]:
        different.remove("category")  # the titles say it
    if not different:
        return _ALIKE
    first = chosen(titles[0], (0, 0, 1, 2)) % len(different)
    different = different[first:] + different[:first]
    kept = different[: chosen(key, (1, 2, 2))]
    if "price" in different[1:] and chosen(titles[1], (True, False)):
        kept = [different[0], "price"]
    write = _by_item if chosen(key, (True, False, True)) else _by_fact
    text = write(titles, kept, facts, others)
    if chosen(f"{key}|shared", (True, False)) and shared:
        text = f"{text} Both {verb_phrase(shared[0], facts[shared[0]], several=True)}."
    return text


def _by_item(titles: tuple[str, str], names: list[str], facts: Mapping[str, str], others: Mapping[str, str]) -> str:
    """ "Alva is blue and has dots, while Bera is red and has stripes." """
    one, other = (" and ".join(verb_phrase(name, held[name]) for name in names) for held in (facts, others))
    return f"{titles[0]} {one}, {chosen(titles[0], ('while', 'whereas', 'while'))} {titles[1]} {other}."


def _by_fact(titles: tuple[str, str], names: list[str], facts: Mapping[str, str], others: Mapping[str, str]) -> str:
    """ "Alva is blue and Bera is red. Alva has dots and Bera has stripes." """
    told = [
        f"{titles[0]} {verb_phrase(name, facts[name])} and {titles[1]} {verb_phrase(name, others[name])}."
        for name in names
    ]
    return " ".join(told)
