"""Reasons to learn from: an item, evidence as the product gathers it, and a text that keeps to it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.models.base import Prompt
from agent.prompts import Detail, reason_prompt, value_text
from finetune.builtin.gallery import Gallery
from finetune.builtin.phrases import (
    PROSE,
    Fact,
    asked_fact,
    close_fact,
    looks_fact,
    people_fact,
    picture_fact,
    popular_fact,
    request_text,
    shared_fact,
    similar_fact,
    write_reason,
)
from finetune.builtin.schemas import Schema, Want
from finetune.builtin.things import Thing, make_thing, shown_as, title_of
from retrieval.types import Item


@dataclass(frozen=True, slots=True)
class Reasoning:
    """One example of a reason: the item, its prompt, the facts that the prompt gives, and a text that says them."""

    item: Item
    prompt: Prompt
    facts: tuple[Fact, ...]
    reason: str


_MOST_FACTS = 4
"""As many as the product gives the model (`ReasonSettings.max_facts`)."""


def make_reasoning(rng: random.Random, schema: Schema, detail: Detail, gallery: Gallery | None) -> Reasoning:
    """An item, what was asked, evidence as the product gathers it, and a reason that keeps to it."""
    thing = make_thing(rng, schema, {}, gallery)
    values = _tellable(rng, thing, schema)
    asked = values[: rng.choice((0, 0, 1, 1, 2))]
    missed = [] if asked or rng.random() < 0.5 else _tellable(rng, make_thing(rng, schema, {}, None), schema)[:2]
    facts = [asked_fact(name, value) for name, value in asked]
    if missed or (asked and rng.random() < 0.4):
        facts.append(rng.choice((close_fact, close_fact, picture_fact))())
    facts += _facts_of_history(rng, schema, values[len(asked) :], least=0 if facts else 1)
    facts = facts[:_MOST_FACTS]
    wishes = asked or missed
    request = request_text(rng, wishes, shop=schema.shop and wishes[0][0] != "title") if wishes else None
    prompt = reason_prompt(shown_as(rng, thing), request, [fact.evidence for fact in facts], detail)
    return Reasoning(thing.item, prompt, tuple(facts), write_reason(rng, facts))


def _tellable(rng: random.Random, thing: Thing, schema: Schema) -> list[Want]:
    """Attribute values that evidence may be about, in random order: also words of a plot or of the title."""
    told = []
    for name, value in thing.item.attributes.items():
        text = value_text(value)
        if name == "plot":
            spoken = [word.strip(".,") for word in text.split() if len(word) > 4]
            told.append((name, ", ".join(rng.sample(spoken, min(len(spoken), rng.randint(1, 2))))))
        elif name not in schema.extra:
            told.append((name, rng.choice(thing.values.get(name, (text,)))))
    rng.shuffle(told)
    title = ("title", rng.choice(thing.item.title.split()))
    return [title, *told] if not told or rng.random() < 0.08 else told


def _facts_of_history(rng: random.Random, schema: Schema, values: Sequence[Want], *, least: int) -> list[Fact]:
    """What the past says for an item, `least` facts at least: shared values, and through what it was found."""
    titles = [maketitle_of(rng, schema) for _ in range(2)]
    shareable = [want for want in values if want[0] not in PROSE]
    facts = [shared_fact(name, value, rng.choice(titles)) for name, value in shareable[: rng.choice((0, 1, 1, 2))]]
    others = (looks_fact(titles[0]), people_fact(titles[1]), similar_fact(titles[0]), popular_fact())
    return facts + rng.sample(others, max(rng.choice((0, 1, 1, 2)), least - len(facts)))


def maketitle_of(rng: random.Random, schema: Schema) -> str:
    """The title of another item of the catalogue, sometimes a long one."""
    title = make_thing(rng, schema, {}, None).item.title
    if rng.random() < 0.15:
        return f"{title} ({rng.randint(1920, 2026)})"
    return f"{title}: {title_of(rng, replace(schema, titles='story'), {})}" if rng.random() < 0.1 else title
