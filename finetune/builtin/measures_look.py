"""Whether the model says what it sees: attributes that only the picture tells, and pictures that belie the text."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from agent.prompts import Detail, Shown, answer_prompt, caption_prompt
from agent.wording import fold, stem, words_of
from finetune.builtin.drawing.look import COLOURS, PATTERNS, Look
from finetune.builtin.figures import Figure, share

if TYPE_CHECKING:
    from agent.models.base import Picture, Prompt, VisionLanguageModel

SEEN = ("pattern", "accent")
"""What 40% of the shop's items tell nowhere but in the picture."""

QUESTIONS = MappingProxyType(
    {
        "colour": "Which colour does its picture show?",
        "pattern": "Which pattern does its picture show?",
        "accent": "Which accent colour does its picture show?",
    }
)
_BATCH = 20
_TOKENS = 30
_ACCENT = re.compile(
    r"accents?(?: colour)?(?: is| are|:| of| in)? (?P<after>[a-z]+)|(?P<before>[a-z]+) (?:accents?|details|trim|edges)"
)
_SYNONYMS = MappingProxyType(
    {"flow": "floral", "flower": "floral", "leaf": "leaves", "polka": "dots", "solid": "plain"}
)
_PATTERN_OF = {stem(fold(pattern)): pattern for pattern in PATTERNS} | dict(_SYNONYMS)


@dataclass(frozen=True, slots=True)
class Seen:
    """A drawn item as the agent shows it, with how it really looks."""

    shown: Shown
    look: Look

    @property
    def picture(self) -> Picture:
        """Raises ValueError for an item without one."""
        if self.shown.picture is None:
            raise ValueError(f"{self.shown.item.item_id} has no picture")
        return self.shown.picture


def said_of(text: str) -> Mapping[str, str]:
    """What a phrase says of a look: colour, pattern and accent, each where it says it."""
    folded = fold(text)
    patterns = [_PATTERN_OF[word.stem] for word in words_of(folded) if word.stem in _PATTERN_OF]
    accents = [m["after"] or m["before"] for m in _ACCENT.finditer(folded) if (m["after"] or m["before"]) in COLOURS]
    colours = [word.folded for word in words_of(folded) if word.folded in COLOURS]
    said = {"pattern": patterns[0]} if patterns else {}
    if accents:
        said["accent"] = accents[-1]
        colours.remove(accents[-1])
    return said | ({"colour": colours[0]} if colours else {})


def measure_captions(model: VisionLanguageModel, seen: Sequence[Seen]) -> list[Figure]:
    """Pattern and accent that captions name rightly, over all that are there.

    seen: items never trained on, whose text tells neither.
    """
    texts = _written(model, [caption_prompt(entry.picture) for entry in seen])
    right = np.array(
        [
            [said_of(text).get(name) == getattr(entry.look, name) for name in SEEN]
            for text, entry in zip(texts, seen, strict=True)
        ],
        dtype=np.float64,
    ).reshape(len(seen), len(SEEN))
    each = ", ".join(f"{name} {right[:, i].mean():.3f}" for i, name in enumerate(SEEN)) if seen else ""
    value, low, high = share(right.sum(axis=1), np.full(len(seen), float(len(SEEN))))
    return [Figure("picture-only attributes named correctly", value, low, high, 0.8, 0.92, n=len(seen), note=each)]


def measure_swapped(model: VisionLanguageModel, seen: Sequence[Seen], *, count: int, seed: int = 1) -> list[Figure]:
    """Items shown with another item's picture: what is said of it when asked what the picture shows, and in captions.

    seen: items whose text tells colour, pattern and accent. An answer follows the picture when it names the picture's
    value and not the text's. Captions, whose prompt has no text of the item, are told beside it.
    """
    rng = random.Random(f"{seed}/swapped")  # noqa: S311
    asked = [_swap(rng, seen) for _ in range(count)]
    prompts = [answer_prompt(shown, QUESTIONS[name], Detail()) for shown, name, _, _ in asked]
    answers = _written(model, prompts)
    follows = np.array([_follows(t, told, there) for t, (_, _, told, there) in zip(answers, asked, strict=True)], float)
    copies = np.array([_follows(t, there, told) for t, (_, _, told, there) in zip(answers, asked, strict=True)], float)
    captions = _written(model, [caption_prompt(shown.picture) for shown, *_ in asked if shown.picture is not None])
    named = [said_of(text).get(name) == there for text, (_, name, _, there) in zip(captions, asked, strict=True)]
    each = [
        f"{name} {follows[[n == name for _, n, _, _ in asked]].mean():.3f}"
        for name in QUESTIONS
        if any(n == name for _, n, _, _ in asked)
    ]
    note = f"{', '.join(each)}; answers that follow the text {copies.mean():.3f}"
    name = "swapped picture: the words follow the picture"
    caption = "swapped picture: the caption follows the picture"
    return [
        Figure(name, *share(follows, np.ones(count)), 0.8, 0.92, n=count, note=note),
        Figure(caption, *share(np.array(named, float), np.ones(count)), n=count),
    ]


def _swap(rng: random.Random, seen: Sequence[Seen]) -> tuple[Shown, str, str, str]:
    """An item with another's picture, an attribute in which they differ, what the text says and the picture shows.

    Neither value is another attribute's of the other look, so that a word tells whom it follows.
    """
    name = rng.choice(tuple(QUESTIONS))
    while True:
        text, picture = rng.sample(list(seen), 2)
        told, there = str(getattr(text.look, name)), str(getattr(picture.look, name))
        if told not in (picture.look.colour, picture.look.accent, picture.look.pattern) and there not in (
            text.look.colour,
            text.look.accent,
            text.look.pattern,
        ):
            return Shown(text.shown.item, picture.picture), name, told, there


def _follows(text: str, not_this: str, this: str) -> bool:
    stems = {word.stem for word in words_of(fold(text))}
    named = {_PATTERN_OF.get(each, each) for each in stems} | stems
    wanted, other = ({value, stem(fold(value))} for value in (this, not_this))
    return bool(named & wanted) and not named & other


def _written(model: VisionLanguageModel, prompts: Sequence[Prompt]) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(prompts), _BATCH):
        texts += model.generate(prompts[start : start + _BATCH], max_tokens=_TOKENS)
    return texts
