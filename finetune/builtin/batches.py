"""From examples to tensors: token rows, where the pictures go, and what is to be learned at which place."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from agent.models.base import Picture, Prompt
from agent.prompts import LETTERS, Detail, caption_prompt
from finetune.builtin.answers import make_answer
from finetune.builtin.comparisons import make_comparison
from finetune.builtin.drafts import Drafts
from finetune.builtin.gallery import Gallery
from finetune.builtin.phrases import caption
from finetune.builtin.rankings import Ranking, Task, make_ranking
from finetune.builtin.reasonings import make_reasoning
from finetune.builtin.schemas import Schema, random_schema, shop_schema
from finetune.builtin.talk_schemas import talk_schema
from finetune.builtin.taste_lists import Shelves, TasteList, TasteTask, make_taste_list
from finetune.builtin.tokenizer import END, IMAGE, render, token_id
from finetune.builtin.updates import make_update

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's examples, padded on the right.

    ids: (n, length) int64. pictures: gallery rows in reading order, one for each run of picture tokens.
    targets: (n, length) int64, the token to predict at each place, IGNORED where nothing is learned.
    relevance: (n, length) float32, -1 where there is none; at the last token of each candidate.
    match: the same at the last token of each candidate's attributes and pictures: how much this is what is wanted.
    sections: (n, length) int64, whether a place is in the history, the request or the list; IGNORED elsewhere.
    names: (n, length) int64, at the last token of each candidate the place of its letter; IGNORED elsewhere.
    chances: (n, letters) float32, how likely each letter is the answer; the answer's 1 where there is just one, and a
    row of 0 where no letter is the answer. kinds: by example, what decides it.
    """

    ids: torch.Tensor
    pictures: torch.Tensor
    targets: torch.Tensor
    relevance: torch.Tensor
    match: torch.Tensor
    sections: torch.Tensor
    names: torch.Tensor
    chances: torch.Tensor
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
    chances: dict[int, float] = field(default_factory=dict)


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
        right = LETTERS.index(example.answer)
        encoded, text, offsets = self._list(example.prompt, example.letters, example.relevance, {right: 1.0})
        wanted = dict.fromkeys(example.wanted, 1.0)
        match = _matches(text, offsets, encoded.ids, self.image, wanted, example.seen)
        return replace(encoded, kind=example.kind, match=match)

    def taste(self, example: TasteList) -> Encoded:
        chances = dict(zip(map(LETTERS.index, example.letters), example.chances, strict=True))
        encoded, text, offsets = self._list(example.prompt, example.letters, example.relevance, chances)
        return replace(encoded, match=_matches(text, offsets, encoded.ids, self.image, example.worth, example.seen))

    def _list(
        self, prompt: Prompt, letters: Sequence[str], relevance: Sequence[float], chances: dict[int, float]
    ) -> tuple[Encoded, str, Sequence[tuple[int, int]]]:
        """A list to choose from, with its text and where in it each token stands."""
        text = render(prompt, self.picture_tokens)
        encoding = self.tokenizer.encode(text)
        ids = list(encoding.ids)
        ends = [place for place, token in enumerate(ids) if token == self.line_end][-len(letters) :]
        best = LETTERS[max(chances, key=chances.__getitem__)]
        encoded = Encoded(
            ids,
            _rows(prompt),
            {len(ids) - 1: self.letters[best]},
            dict(zip(ends, relevance, strict=True)),
            "taste",
            sections=_sections(text, encoding.offsets),
            names=dict(zip(ends, map(LETTERS.index, letters), strict=True)),
            chances=chances,
        )
        return encoded, text, encoding.offsets

    def writing(self, prompt: Prompt, text: str, kind: str) -> Encoded:
        """A prompt and the text to be written after it."""
        ids = self.prompt(prompt)
        answer = [*self.tokenizer.encode(text).ids, self.end]
        targets = {len(ids) - 1 + offset: token for offset, token in enumerate(answer)}
        return Encoded(ids + answer[:-1], _rows(prompt), targets, {}, kind)


def _matches(
    text: str,
    offsets: Sequence[tuple[int, int]],
    ids: Sequence[int],
    image: int,
    wanted: Mapping[tuple[str, str], float],
    seen: Sequence[float],
) -> dict[int, float]:
    """Where an attribute of a candidate ends, and how much it is wanted; for pictures, how much what they show is.

    Of a value with an echo it is the echo's number that tells.
    wanted: by name and value, 0 to 1. seen: by candidate.
    """
    start = text.index("Candidates:\n")
    labels: dict[int, float] = {}
    by_end = {end: place for place, (begin, end) in enumerate(offsets) if end > begin >= start}
    for found in _ATTRIBUTE.finditer(text, start):
        named = [(value, share) for (name, value), share in wanted.items() if found[1].startswith(f"{name} ")]
        hits = [
            (_echo_end(found[1], at + len(value)), share) for value, share in named if (at := found[1].find(value)) >= 0
        ]
        ends = [(found.start(1) + end, share) for end, share in hits] or [(found.end(1), 0.0)]
        labels |= {by_end[end]: share for end, share in ends if end in by_end}
    lasts = [p for p in range(len(ids) - 1) if ids[p] == image != ids[p + 1] and offsets[p][0] >= start]
    return labels | dict(zip(lasts, seen, strict=False))


def _echo_end(attribute: str, end: int) -> int:
    """Where the echo of the value that ends here ends; without one, here."""
    echo = _ECHO.match(attribute, end)
    return echo.end() if echo else end


def _sections(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """0 up to the request, 1 in it, 2 from the candidates on."""
    bounds = (text.index("\nRequest: "), text.index("Candidates:\n"))
    return [sum(begin > bound for bound in bounds) for begin, _ in offsets]


_ECHO = re.compile(r" \|\d+")
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
    chances = torch.zeros(len(examples), len(LETTERS))
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
        for letter, chance in example.chances.items():
            chances[row, letter] = chance
        if example.sections:
            sections[row, : len(example.ids)] = torch.tensor(example.sections)
    pictures = torch.tensor([row for example in examples for row in example.pictures], dtype=torch.long)
    kinds = tuple(example.kind for example in examples)
    return Batch(ids, pictures, targets, relevance, match, sections, names, chances, kinds)


@dataclass(frozen=True, slots=True)
class Lesson:
    """How hard the lists are. most: attributes of an item. details: how much text is shown of each.

    tastes: candidates of lists by taste, one as likely as the other. Short ones teach to weigh what a history tells, of
    which long ones of the same length in tokens have fewer.
    """

    candidates: int
    most: int
    details: tuple[Detail, ...]
    request: float
    text: float
    look: float
    tastes: tuple[int, ...]


LESSONS = (
    Lesson(3, 1, (Detail(60, 60),), request=0.7, text=0.3, look=0.0, tastes=(3,)),
    Lesson(3, 2, (Detail(60, 60),), request=0.5, text=0.35, look=0.1, tastes=(3, 6)),
    Lesson(6, 3, (Detail(80, 60),), request=0.4, text=0.3, look=0.15, tastes=(3, 6, 6, 12)),
    Lesson(12, 5, (Detail(80, 60), Detail(110, 80)), request=0.35, text=0.25, look=0.18, tastes=(6, 12, 12, 20)),
    Lesson(
        20,
        8,
        (Detail(80, 60), Detail(110, 80), Detail(150, 80)),
        request=0.35,
        text=0.25,
        look=0.18,
        tastes=(6, 12, 20, 20),
    ),
)


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often each kind of step is drawn; what is left of 1 are captions.

    shop: share of the drawn shop among the catalogues of lists, reasons and talk. pictures: whether lists have any.
    full_lists: share of lists of 20.
    """

    rank: float = 0.15
    taste: float = 0.35
    reason: float = 0.17
    update: float = 0.22
    compare: float = 0.02
    answer: float = 0.03
    shop: float = 0.45
    pictures: bool = True
    full_lists: float = 0.05


@dataclass(frozen=True, slots=True)
class Material:
    """What examples are made from: drawn pictures by their look, articles that have them, and drafts of updates."""

    gallery: Gallery
    shelves: Shelves
    drafts: Drafts


def draw_batch(
    rng: random.Random, encoder: Encoder, material: Material, mixture: Mixture, *, level: int, tokens: int
) -> Batch:
    """One step: examples of one kind, as many as make about `tokens` tokens."""
    drawn = rng.choices(_KINDS, weights=_weights(mixture))[0]
    if drawn == "rank":
        examples = _rankings(rng, encoder, material.gallery, mixture, level, tokens)
    elif drawn == "taste":
        examples = _tastes(rng, encoder, material.shelves, mixture, level, tokens)
    elif drawn == "caption":
        examples = _captions(rng, encoder, material.gallery, tokens)
    elif drawn == "update":
        examples = _updates(rng, encoder, material.drafts, tokens)
    else:
        examples = _writings(rng, encoder, material.gallery, mixture, drawn, tokens)
    return collate(examples, pad=0)


_UPDATE_TOKENS, _DRAFTED = 300, 0.9
"""Tokens of a message's prompt with its answer, roughly; share of the prompts that hold a draft."""
_KINDS = ("rank", "taste", "reason", "update", "compare", "answer", "caption")


def _weights(mixture: Mixture) -> list[float]:
    told = [getattr(mixture, kind) for kind in _KINDS[:-1]]
    return [*told, max(0.0, 1 - sum(told)) if mixture.pictures else 0.0]


def _tastes(
    rng: random.Random, encoder: Encoder, shelves: Shelves, mixture: Mixture, level: int, tokens: int
) -> list[Encoded]:
    candidates = rng.choice(LESSONS[level].tastes)
    pictures = mixture.pictures and rng.random() < 0.6
    detail = rng.choice((Detail(), Detail().shorter(), Detail().shorter().shorter()))
    examples: list[Encoded] = []
    while _budget(examples) < tokens:
        ordered = candidates == len(LETTERS) and rng.random() < 0.5
        task = TasteTask(candidates, pictures, rng.random() < 0.4, detail, not ordered, rng.random() < 0.1)
        examples.append(encoder.taste(make_taste_list(rng, shelves, task)))
    return examples


def _rankings(
    rng: random.Random, encoder: Encoder, gallery: Gallery, mixture: Mixture, level: int, tokens: int
) -> list[Encoded]:
    if rng.random() < 0.35:
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


def _updates(rng: random.Random, encoder: Encoder, drafts: Drafts, tokens: int) -> list[Encoded]:
    """What messages change; most prompts hold a draft, as the product's do."""
    drawn = [make_update(rng, talk_schema(rng)) for _ in range(max(2, tokens // _UPDATE_TOKENS))]
    made = [draft if rng.random() < _DRAFTED else None for draft in drafts.of(drawn)]
    return [
        encoder.writing(example.prompt(draft), example.text, "update")
        for example, draft in zip(drawn, made, strict=True)
    ]


def _writings(
    rng: random.Random, encoder: Encoder, gallery: Gallery, mixture: Mixture, kind: str, tokens: int
) -> list[Encoded]:
    """Reasons, comparisons or answers."""
    examples: list[Encoded] = []
    detail = rng.choice((Detail(40), Detail(90), Detail(), Detail()))
    while _budget(examples) < tokens:
        schema = shop_schema(rng) if rng.random() < mixture.shop else random_schema(rng)
        seen = gallery if mixture.pictures and rng.random() < 0.4 else None
        examples.append(encoder.writing(*_written(rng, schema, detail, seen, kind), kind))
    return examples


def _written(
    rng: random.Random, schema: Schema, detail: Detail, gallery: Gallery | None, kind: str
) -> tuple[Prompt, str]:
    """A prompt and what is to be written after it."""
    match kind:
        case "reason":
            reasoning = make_reasoning(rng, schema, detail, gallery)
            return reasoning.prompt, reasoning.reason
        case "compare":
            comparison = make_comparison(rng, schema, detail, gallery)
            return comparison.prompt, comparison.text
        case _:
            answer = make_answer(rng, schema, detail, gallery)
            return answer.prompt, answer.text


def _captions(rng: random.Random, encoder: Encoder, gallery: Gallery, tokens: int) -> list[Encoded]:
    examples: list[Encoded] = []
    while _budget(examples) < min(tokens, 6000):
        row = rng.randrange(len(gallery.looks))
        prompt = caption_prompt(Picture(image=None, key=str(row)))  # type: ignore[arg-type]
        examples.append(encoder.writing(prompt, caption(gallery.looks[row]), "caption"))
    return examples


def _budget(examples: Sequence[Encoded]) -> int:
    return len(examples) * max((len(example.ids) for example in examples), default=0)
