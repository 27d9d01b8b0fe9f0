"""Whether reasons are true, whose they are, and how much they differ."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from agent.facts import shareable_values
from agent.models.base import Form
from agent.prompts import Detail, value_text
from agent.reason_pattern import reason_pattern
from finetune.builtin.drawing.look import COLOURS, PATTERNS
from finetune.builtin.figures import Figure, Floats, share
from finetune.builtin.named import Named, named_in
from finetune.builtin.reasonings import Reasoning, make_reasoning
from finetune.builtin.schemas import Schema, held_out_schema

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from finetune.builtin.told_reasons import Told
    from finetune.builtin.truth import Truth
    from retrieval.types import Item

_BATCH = 10
_TOKENS = 60
_ITEM = re.compile(r"Item: .*?«(.*?)»", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def measure_true(told: Sequence[Told], items: Iterable[Item], truth: Truth) -> list[Figure]:
    """What the model's reasons, before they are checked, name of the shop's items, against how the items are.

    items: the whole catalogue, whose values are looked for.
    """
    values = {value for item in items for _, value in shareable_values(item)} | {*PATTERNS, *COLOURS}
    written = [entry for entry in told if entry.written]
    named = [_named_of(entry, values, truth) for entry in written]
    figure = _true_figure(
        "attributes named in reasons that are true of the item", named, [entry.user_id for entry in written], 0.95, 0.99
    )
    return [figure]


def _named_of(entry: Told, values: Collection[str], truth: Truth) -> Named:
    look, item = truth.look(entry.item.item_id), entry.item
    own = {value for _, value in shareable_values(item)} | {look.category, look.colour, look.pattern, look.accent}
    said = [item.title, *item.attributes, *map(value_text, item.attributes.values())]
    said += ["pattern", "accent", *(fact.text for fact in entry.evidence)]
    titles = {item.title, *(fact.title for fact in entry.evidence if fact.title)}
    return named_in(entry.written, values=values, own=own, said=said, titles=titles)


def measure_true_unseen(
    model: VisionLanguageModel,
    *,
    count: int,
    seed: int = 1,
    schema: Callable[[random.Random], Schema] = held_out_schema,
) -> list[Figure]:
    """The same on items of catalogues whose attributes, values and invented words no training had."""
    rng = random.Random(f"{seed}/reasons")  # noqa: S311
    schemas = [schema(rng) for _ in range(count)]
    examples = [make_reasoning(rng, one, Detail(), None) for one in schemas]
    texts: list[str] = []
    for start in range(0, count, _BATCH):
        some = examples[start : start + _BATCH]
        form = Form(patterns=_patterns(model, some))
        texts += model.generate([e.prompt for e in some], max_tokens=_TOKENS, form=form)
    named = [_named_unseen(text, e, one) for text, e, one in zip(texts, examples, schemas, strict=True)]
    name = "attributes named in reasons that are true, held-out schemas"
    return [_true_figure(name, named, range(count), 0.85, 0.95)]


def _patterns(model: VisionLanguageModel, examples: Sequence[Reasoning]) -> list[str] | None:
    """As `agent.explain` asks for reasons."""
    if not model.info.guided:
        return None
    return [reason_pattern(example.item, [fact.evidence for fact in example.facts]) for example in examples]


def _named_unseen(text: str, example: Reasoning, schema: Schema) -> Named:
    prompt = "".join(part for part in example.prompt[-1].parts if isinstance(part, str))
    found = _ITEM.search(prompt)
    line = found.group(1) if found else ""
    evidence = [fact.evidence for fact in example.facts]
    values = {value for one in schema.fields for value in one.values}
    own = {value for value in values if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", line)}
    own |= {part for fact in evidence if fact.value for part in (fact.value, *fact.value.split(", "))}
    titles = {line.partition(";")[0], *(fact.title for fact in evidence if fact.title)}
    return named_in(text, values=values, own=own, said=[line, *(fact.text for fact in evidence)], titles=titles)


def _true_figure(name: str, named: Sequence[Named], users: Iterable[Hashable], floor: float, aim: float) -> Figure:
    true, every = np.array([n.true for n in named], float), np.array([n.named for n in named], float)
    value, low, high = share(*_by_user(list(users), true, every))
    false = [word for n in named for word in n.false]
    few = ", ".join(dict.fromkeys(false[:40]))[:120]
    note = f"{int(true.sum())} of {int(every.sum())} named; before the check" + (f"; not true: {few}" if few else "")
    return Figure(name, value, low, high, floor, aim, n=len(named), note=note)


def measure_source(told: Sequence[Told], where: str, *, floor: float, aim: float) -> list[Figure]:
    """The share of the shown reasons that the model wrote, the others being plain evidence."""
    by_model = np.array([float(entry.by_model) for entry in told])
    value, low, high = share(*_by_user([entry.user_id for entry in told], by_model, np.ones(len(told))))
    return [Figure(f"reasons by the model on {where}", value, low, high, floor, aim, n=len(told))]


def measure_variety(told: Sequence[Told]) -> list[Figure]:
    """Different sentences over all sentences of the reasons that are shown; the more reasons, the harder."""
    sentences = [sentence for entry in told for sentence in _SENTENCE.split(entry.reason) if sentence]
    ratio = len(set(sentences)) / len(sentences) if sentences else float("nan")
    reasons = len({entry.reason for entry in told}) / len(told) if told else float("nan")
    note = f"{len(sentences)} sentences; whole reasons {reasons:.3f}"
    return [Figure("different sentences in reasons", ratio, floor=0.6, aim=0.85, n=len(told), note=note)]


def _by_user(users: Sequence[Hashable], *columns: Floats) -> list[Floats]:
    """Each column summed by user, since a user's rows are drawn together."""
    place = {user: row for row, user in enumerate(dict.fromkeys(users))}
    rows = [place[user] for user in users]
    return [np.bincount(rows, weights=column, minlength=len(place)).astype(np.float64) for column in columns]
