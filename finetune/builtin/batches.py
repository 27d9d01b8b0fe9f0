"""From examples to tensors: token rows, where the pictures go, and what is to be learned at which place."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from agent.models.base import Picture, Prompt
from agent.prompts import LETTERS, Detail, caption_prompt
from finetune.builtin.corpus import Gallery, Ranking, Task, make_ranking, random_schema, shop_schema
from finetune.builtin.phrases import caption
from finetune.builtin.reasonings import make_reasoning
from finetune.builtin.tokenizer import END, IMAGE, render, token_id

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's examples, padded on the right.

    ids: (n, length) int64. pictures: gallery rows in reading order, one for each run of picture tokens.
    targets: (n, length) int64, the token to predict at each place, IGNORED where nothing is learned.
    relevance: (n, length) float32, -1 where there is none; at the last token of each candidate.
    match: the same at the last token of each candidate's attributes and pictures: whether this is what is wanted.
    sections: (n, length) int64, whether a place is in the history, the request or the list; IGNORED elsewhere.
    names: (n, length) int64, at the last token of each candidate the place of its letter; IGNORED elsewhere.
    kinds: by example, what decides it.
    """

    ids: torch.Tensor
    pictures: torch.Tensor
    targets: torch.Tensor
    relevance: torch.Tensor
    match: torch.Tensor
    sections: torch.Tensor
    names: torch.Tensor
    kinds: tuple[str, ...]

    @property
    def tokens(self) -> int:
        return self.ids.numel()


@dataclass(frozen=True, slots=True)
class Encoded:
    ids: list[int]
    pictures: list[int]
    targets: dict[int, int]
    relevance: dict[int, float]
    kind: str
    match: dict[int, float] = field(default_factory=dict)
    sections: list[int] = field(default_factory=list)
    names: dict[int, int] = field(default_factory=dict)


class Encoder:
    """Turns examples into token rows with the model's own tokenizer."""

    def __init__(self, tokenizer: Tokenizer, picture_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.picture_tokens = picture_tokens
        self.end = token_id(tokenizer, END)
        self.image = token_id(tokenizer, IMAGE)
        self.line_end = tokenizer.encode("a»\n").ids[-1]
        self.letters = {letter: token_id(tokenizer, letter) for letter in LETTERS}

    def prompt(self, prompt: Prompt) -> list[int]:
        return list(self.tokenizer.encode(render(prompt, self.picture_tokens)).ids)

    def ranking(self, example: Ranking) -> Encoded:
        text = render(example.prompt, self.picture_tokens)
        encoding = self.tokenizer.encode(text)
        ids = list(encoding.ids)
        ends = [place for place, token in enumerate(ids) if token == self.line_end][-len(example.letters) :]
        relevance = dict(zip(ends, example.relevance, strict=True))
        answer = {len(ids) - 1: self.letters[example.answer]}
        match = _matches(text, encoding.offsets, ids, self.image, example)
        sections = _sections(text, encoding.offsets)
        names = dict(zip(ends, map(LETTERS.index, example.letters), strict=True))
        return Encoded(ids, _rows(example.prompt), answer, relevance, example.kind, match, sections, names)

    def writing(self, prompt: Prompt, text: str, kind: str) -> Encoded:
        """A prompt and the text to be written after it."""
        ids = self.prompt(prompt)
        answer = [*self.tokenizer.encode(text).ids, self.end]
        targets = {len(ids) - 1 + offset: token for offset, token in enumerate(answer)}
        return Encoded(ids + answer[:-1], _rows(prompt), targets, {}, kind)


def _matches(
    text: str, offsets: Sequence[tuple[int, int]], ids: Sequence[int], image: int, example: Ranking
) -> dict[int, float]:
    """Where an attribute of a candidate ends, and whether it is wanted; for pictures, which share of it they show."""
    start = text.index("Candidates:\n")
    labels: dict[int, float] = {}
    by_end = {end: place for place, (begin, end) in enumerate(offsets) if end > begin >= start}
    for found in _ATTRIBUTE.finditer(text, start):
        values = [value for name, value in example.wanted if found[1].startswith(f"{name} ")]
        hits = [at for value in values if (at := found[1].find(value)) >= 0]
        ends = [found.start(1) + at + len(v) for at, v in zip(hits, values, strict=False)] or [found.end(1)]
        labels |= {by_end[end]: float(bool(hits)) for end in ends if end in by_end}
    lasts = [p for p in range(len(ids) - 1) if ids[p] == image != ids[p + 1] and offsets[p][0] >= start]
    return labels | dict(zip(lasts, example.seen, strict=False))


def _sections(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """0 up to the request, 1 in it, 2 from the candidates on."""
    bounds = (text.index("\nRequest: "), text.index("Candidates:\n"))
    return [sum(begin > bound for bound in bounds) for begin, _ in offsets]


_ATTRIBUTE = re.compile(r"; ([^;»…]+)(?=[;»…])")


def _rows(prompt: Prompt) -> list[int]:
    return [int(part.key) for message in prompt for part in message.parts if isinstance(part, Picture)]


def collate(examples: Sequence[Encoded], pad: int) -> Batch:
    """Pad to the longest and lay the targets out."""
    shape = (len(examples), max(len(example.ids) for example in examples))
    ids = torch.full(shape, pad, dtype=torch.long)
    targets = torch.full(shape, IGNORED, dtype=torch.long)
    sections = torch.full(shape, IGNORED, dtype=torch.long)
    names = torch.full(shape, IGNORED, dtype=torch.long)
    relevance, match = torch.full(shape, -1.0), torch.full(shape, -1.0)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        for place, token in example.targets.items():
            targets[row, place] = token
        for place, value in example.relevance.items():
            relevance[row, place] = value
        for place, value in example.match.items():
            match[row, place] = value
        for place, name in example.names.items():
            names[row, place] = name
        if example.sections:
            sections[row, : len(example.ids)] = torch.tensor(example.sections)
    pictures = torch.tensor([row for example in examples for row in example.pictures], dtype=torch.long)
    return Batch(ids, pictures, targets, relevance, match, sections, names, tuple(example.kind for example in examples))


@dataclass(frozen=True, slots=True)
class Lesson:
    """How hard the lists are. most: attributes of an item. details: how much text is shown of each."""

    candidates: int
    most: int
    details: tuple[Detail, ...]
    request: float
    text: float
    look: float


LESSONS = (
    Lesson(3, 1, (Detail(60, 60),), request=0.7, text=0.3, look=0.0),
    Lesson(3, 2, (Detail(60, 60),), request=0.5, text=0.35, look=0.1),
    Lesson(6, 3, (Detail(80, 60),), request=0.4, text=0.3, look=0.15),
    Lesson(12, 5, (Detail(80, 60), Detail(110, 80)), request=0.35, text=0.25, look=0.18),
    Lesson(20, 8, (Detail(80, 60), Detail(110, 80), Detail(150, 80)), request=0.35, text=0.25, look=0.18),
)


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often each kind of step is drawn. pictures: whether lists have any; full_lists: share of lists of 20."""

    rank: float = 0.72
    reason: float = 0.2
    shop: float = 0.45
    pictures: bool = True
    full_lists: float = 0.05


def draw_batch(
    rng: random.Random, encoder: Encoder, gallery: Gallery, mixture: Mixture, *, level: int, tokens: int
) -> Batch:
    """One step: rankings, reasons or captions, as many as make about `tokens` tokens."""
    draw = rng.random()
    if draw < mixture.rank or (draw >= mixture.rank + mixture.reason and not mixture.pictures):
        examples = _rankings(rng, encoder, gallery, mixture, level, tokens)
    elif draw < mixture.rank + mixture.reason:
        examples = _reasonings(rng, encoder, gallery, mixture, tokens)
    else:
        examples = _captions(rng, encoder, gallery, tokens)
    return collate(examples, pad=0)


def _rankings(
    rng: random.Random, encoder: Encoder, gallery: Gallery, mixture: Mixture, level: int, tokens: int
) -> list[Encoded]:
    if rng.random() < 0.2:
        level = rng.randint(0, level)
    lesson = LESSONS[level]
    candidates = len(LETTERS) if level and rng.random() < mixture.full_lists else lesson.candidates
    detail = rng.choice(lesson.details)
    shop = rng.random() < mixture.shop
    pictures = mixture.pictures and shop and level > 0 and rng.random() < 0.8
    examples: list[Encoded] = []
    while _budget(examples) < tokens:
        kind = _kind(rng, lesson, pictures)
        schema = shop_schema(rng, most=lesson.most) if shop and kind != "look" else random_schema(rng, most=lesson.most)
        if kind == "look":
            schema = shop_schema(rng)
        ordered = candidates == len(LETTERS) and rng.random() < 0.5
        task = Task(candidates, kind, pictures, detail, not ordered, level > 1 and rng.random() < 0.1)
        examples.append(encoder.ranking(make_ranking(rng, schema, task, gallery)))
    return examples


def _kind(rng: random.Random, lesson: Lesson, pictures: bool) -> str:
    draw = rng.random()
    if draw < lesson.request:
        return "request"
    if draw < lesson.request + lesson.text:
        return "text"
    if draw < lesson.request + lesson.text + lesson.look:
        return "look" if pictures else "text"
    return "both"


def _reasonings(rng: random.Random, encoder: Encoder, gallery: Gallery, mixture: Mixture, tokens: int) -> list[Encoded]:
    examples: list[Encoded] = []
    detail = rng.choice((Detail(40), Detail(40), Detail(90), Detail(150)))
    while _budget(examples) < tokens:
        schema = shop_schema(rng) if rng.random() < mixture.shop else random_schema(rng)
        example = make_reasoning(rng, schema, detail, gallery if mixture.pictures and rng.random() < 0.3 else None)
        examples.append(encoder.writing(example.prompt, example.reason, "reason"))
    return examples


def _captions(rng: random.Random, encoder: Encoder, gallery: Gallery, tokens: int) -> list[Encoded]:
    examples: list[Encoded] = []
    while _budget(examples) < min(tokens, 6000):
        row = rng.randrange(len(gallery.looks))
        prompt = caption_prompt(Picture(image=None, key=str(row)))  # type: ignore[arg-type]
        examples.append(encoder.writing(prompt, caption(gallery.looks[row]), "caption"))
    return examples


def _budget(examples: Sequence[Encoded]) -> int:
    return len(examples) * max((len(example.ids) for example in examples), default=0)
