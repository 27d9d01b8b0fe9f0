"""The built-in model's tokenizer: byte-level BPE, trained on the corpus' own grammar and Python's own English."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from agent.dialogue import Action, Update
from agent.models.base import Prompt
from agent.prompts import Detail
from finetune.builtin import words
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, random_look
from finetune.builtin.gallery import Gallery
from finetune.builtin.phrases import caption
from finetune.builtin.products import MATERIALS, OCCASIONS, ROOMS, STYLES
from finetune.builtin.reasonings import make_reasoning
from finetune.builtin.schemas import random_schema, shop_schema

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<image>")
PAD, END, IMAGE = "<|pad|>", "<|end|>", "<image>"
_PIECES = r"»\n?| ?«|:\n|\n| ?\p{L}+| ?\p{N}{1,4}| ?[^\s\p{L}\p{N}«»]+|\s"


def render(prompt: Prompt, picture_tokens: int) -> str:
    """The prompt as the model reads it, with its place for pictures filled in; what the chat template renders."""
    text = ""
    for message in prompt:
        parts = (part if isinstance(part, str) else IMAGE * picture_tokens for part in message.parts)
        text += f"<|{message.role}|>{''.join(parts)}{END}"
    return f"{text}<|assistant|>"


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The number of a token that must exist. Raises ValueError naming it when it does not."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"the tokenizer has no token {token!r}; train it again")
    return number


def train_tokenizer(vocabulary: int, seed: int) -> Tokenizer:
    """Train the tokenizer: a word reads the same after an opening mark as it does inside a sentence."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("«", "« ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(random.Random(seed)), trainer)  # noqa: S311
    add_quoted_words(tokenizer)
    return tokenizer


def add_quoted_words(tokenizer: Tokenizer) -> None:
    """Add names and words in quotation marks as tokens of their own, for JSON, which spells words without a space.

    Without them "mug" would be written in other pieces than the word of a sentence.
    """
    tokenizer.add_tokens([f'"{word}"' for word in quoted_words()])


def quoted_words() -> tuple[str, ...]:
    """Words that stand in quotation marks in an update: its names, and values and attributes of the corpus."""
    names = [*(one.name for one in fields(Update)), *Action, "lower", "higher"]
    shop = (*CATEGORIES, *COLOURS, *PATTERNS, *STYLES, *OCCASIONS)
    shop += tuple(value for values in (*MATERIALS.values(), *ROOMS.values()) for value in values)
    shown = (*words.STORY_NOUNS, *words.STORY_ADJECTIVES, *words.MATERIALS, *words.TOPICS, *words.GENRES, *words.FOODS)
    told = (*shop, *shown, *words.STYLES, *words.OCCASIONS, *words.ATTRIBUTE_NAMES)
    return tuple(dict.fromkeys(word for word in (*map(str, names), *told) if " " not in word))


def _texts(rng: random.Random) -> Iterator[str]:
    shown = (*words.STORY_NOUNS, *words.STORY_VERBS, *words.STORY_ADJECTIVES, *words.MATERIALS, *words.TOPICS)
    shop = (*CATEGORIES, *COLOURS, *PATTERNS, *words.STYLES, *words.OCCASIONS, *words.FOODS, *words.ATTRIBUTE_NAMES)
    for word in (*shown, *shop, *words.GENRES, *words.FIRST_NAMES):
        yield f" {word}" * 40 + f" {word.capitalize()}" * 25
    for word in words.catalogue_words():
        yield f" {word}" * 12
    gallery = Gallery.of([random_look(rng) for _ in range(500)])
    for index in range(6000):
        schema = shop_schema(rng) if index % 3 == 0 else random_schema(rng)
        example = make_reasoning(rng, schema, replace(Detail(), candidate_chars=250), gallery)
        text = "".join(part for message in example.prompt for part in message.parts if isinstance(part, str))
        yield f"{text}{example.reason}{caption(rng.choice(gallery.looks))}"
    for index, text in enumerate(words.english_texts()):
        if index % 3 == 0:
            yield text
