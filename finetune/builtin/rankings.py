"""Ranking lists drawn from random catalogues: what the built-in model learns to rank from."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.echoes import with_echoes
from agent.models.base import Prompt
from agent.prompts import LETTERS, Detail, Shown, rank_prompt
from finetune.builtin.drawing.look import accents_for
from finetune.builtin.gallery import Gallery
from finetune.builtin.phrases import request_text
from finetune.builtin.schemas import LOOKS, Schema, Want
from finetune.builtin.things import Thing, make_thing, shown_as


@dataclass(frozen=True, slots=True)
class Ranking:
    """One listwise example.

    prompt: as the product asks it. pictures in it carry no pixels, only their row in the gallery as key.
    answer: the letter of the best candidate. relevance: by candidate in prompt order, 0 to 1.
    kind: "request", "text" (taste by text), "look" (taste by look alone), "both".
    wanted: what decides, as attribute and value. seen: by candidate, the share of it that its picture shows.
    history, request, shown: what the prompt is made of.
    """

    prompt: Prompt
    letters: tuple[str, ...]
    answer: str
    relevance: tuple[float, ...]
    kind: str
    wanted: tuple[Want, ...]
    seen: tuple[float, ...]
    history: tuple[Shown, ...]
    request: str | None
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Settings of one list: how many candidates, what decides, and how much text the items have.

    target_place: where the best candidate stands, from 0; None leaves it to chance.
    """

    candidates: int
    kind: str
    pictures: bool
    detail: Detail
    shuffled_letters: bool = True
    junk_titles: bool = False
    target_place: int | None = None


def make_ranking(rng: random.Random, schema: Schema, task: Task, gallery: Gallery | None) -> Ranking:
    """A list with exactly one best candidate, hard ones among the others, in random order."""
    gallery = gallery if task.pictures else None
    while True:  # a small gallery has not every look: then somebody wants something else
        asked, liked = _wants(rng, schema, task)
        schema = _early(rng, schema, [*asked, *liked])
        hidden = _hidden(schema, task, liked)
        history = _history(rng, schema, liked, gallery, hidden)
        things, scores = _candidates(rng, schema, task, asked, liked, gallery, hidden)
        if scores.count(max(scores)) == 1:
            break
    best = max(range(len(scores)), key=scores.__getitem__)
    if task.target_place is not None:
        _swap(things, best, task.target_place)
        _swap(scores, best, task.target_place)
        best = task.target_place
    letters = tuple(rng.sample(LETTERS, task.candidates)) if task.shuffled_letters else LETTERS[: task.candidates]
    request = request_text(rng, asked, shop=schema.shop) if asked else None
    shown = [shown_as(rng, thing, junk=task.junk_titles) for thing in things]
    liked_ones = [shown_as(rng, thing) for thing in history]
    prompt = rank_prompt(liked_ones, request, with_echoes(shown, liked_ones), task.detail, letters=letters)
    wanted = (*asked, *liked)
    seen = tuple(_seen(thing, wanted) for thing in things) if gallery is not None and schema.shop else ()
    told = (tuple(liked_ones), request, tuple(shown))
    return Ranking(prompt, letters, letters[best], tuple(scores), task.kind, wanted, seen, *told)


def _seen(thing: Thing, wanted: Sequence[Want]) -> float:
    """Which share of what is wanted the picture shows."""
    return sum(name in LOOKS and thing.has((name, value)) for name, value in wanted) / len(wanted)


def _swap(row: list[Any], one: int, other: int) -> None:
    row[one], row[other] = row[other], row[one]


def _wants(rng: random.Random, schema: Schema, task: Task) -> tuple[list[Want], list[Want]]:
    """What the request asks for, and what the history shows to be liked."""
    fields = [one for one in schema.fields if task.kind != "look" or one.name in LOOKS]
    if task.kind == "look":
        fields = [one for one in fields if one.name != "category"]
    count = min(len(fields), rng.choice((1, 1, 2, 2, 3)) if task.kind == "request" else rng.choice((1, 2, 2)))
    if task.kind == "both":
        count = min(len(fields), rng.choice((2, 3)))
    picked = [(one.name, rng.choice(one.values)) for one in rng.sample(fields, count)]
    if schema.shop and not _drawable(dict(picked)):
        picked = picked[:1]
    if task.kind == "request":
        return picked, []
    if task.kind == "both" and len(picked) > 1:
        return picked[:-1], picked[-1:]
    return [], picked


def _drawable(wants: Mapping[str, str]) -> bool:
    """An accent stands out on its colour; not every pair exists."""
    return "accent" not in wants or "colour" not in wants or wants["accent"] in accents_for(wants["colour"])


def _early(rng: random.Random, schema: Schema, wants: Sequence[Want]) -> Schema:
    """The same catalogue with the wanted attributes among the first: long texts are cut, and must not decide."""
    names = {name for name, _ in wants}
    rest = [one for one in schema.fields if one.name not in names]
    rng.shuffle(rest)
    first = [one for one in schema.fields if one.name in names] + rest[:1]
    rng.shuffle(first)
    return replace(schema, fields=(*first, *rest[1:]))


def _hidden(schema: Schema, task: Task, liked: Sequence[Want]) -> frozenset[str]:
    """Attributes that no item of this list tells in words, because the pictures show them."""
    if task.kind == "look" and schema.shop:
        return frozenset(name for name, _ in liked) | {"pattern", "accent"}
    return frozenset()


def _history(
    rng: random.Random,
    schema: Schema,
    liked: Sequence[Want],
    gallery: Gallery | None,
    hidden: frozenset[str],
) -> list[Thing]:
    length = rng.randint(3, 6) if liked else rng.choice((0, 0, 0, 1, 2, 4, 6))
    things: list[Thing] = []
    for _ in range(length):
        common = _too_common(things, length, liked)
        fixed = {name: value for name, value in liked if rng.random() < 0.9}
        things.append(make_thing(rng, schema, fixed, gallery, banned=common, hidden=hidden))
    return things


def _too_common(things: Sequence[Thing], length: int, liked: Sequence[Want]) -> list[Want]:
    """Values that would look like a taste if one more item had them."""
    counts = Counter((name, value) for thing in things for name, held in thing.values.items() for value in held)
    limit = max(1, length // 3)
    return [want for want, n in counts.items() if n >= limit and want not in liked]


_TRIES = 8


def _candidates(
    rng: random.Random,
    schema: Schema,
    task: Task,
    asked: Sequence[Want],
    liked: Sequence[Want],
    gallery: Gallery | None,
    hidden: frozenset[str],
) -> tuple[list[Thing], list[float]]:
    wants = [*asked, *liked]
    weights = [2.0] * len(asked) + [1.0] * len(liked)
    for _ in range(_TRIES):
        subsets = [_subset(rng, wants) for _ in range(task.candidates - 1)]
        things = [_matching(rng, schema, wants, kept, gallery, hidden) for kept in (set(wants), *subsets)]
        rng.shuffle(things)
        scores = [sum(w for want, w in zip(wants, weights, strict=True) if thing.has(want)) for thing in things]
        if scores.count(max(scores)) == 1:
            break
    return things, [score / sum(weights) for score in scores]


def _subset(rng: random.Random, wants: Sequence[Want]) -> set[Want]:
    """What a losing candidate still matches: often all but one."""
    if len(wants) > 1 and rng.random() < 0.5:
        return set(wants) - {rng.choice(wants)}
    return {want for want in wants if rng.random() < 0.25} if len(wants) > 1 else set()


def _matching(
    rng: random.Random,
    schema: Schema,
    wants: Sequence[Want],
    kept: set[Want],
    gallery: Gallery | None,
    hidden: frozenset[str],
) -> Thing:
    banned = [want for want in wants if want not in kept]
    return make_thing(rng, schema, dict(kept), gallery, banned=banned, hidden=hidden)
