"""A catalogue as a lesson for the image encoder: its items' pictures, texts, and what they have in common."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetune.builtin.image_lesson import Attribute, Embed, Lesson, embed_texts_once
from retrieval.passages import passage
from retrieval.types import Item

IDENTITY = "title"
"""The last attribute of every catalogue: items of one title are not told apart by it."""

_MOST_VALUES, _LEAST_ITEMS, _LEAST_SHARE = 200, 5, 0.5
_MOST_CHARS = 40


def catalog_lesson(items: Sequence[Item], pictures: NDArray[np.uint8], embed: Embed, *, seed: int = 0) -> Lesson:
    """pictures: (n, px, px, 3) uint8 RGB, one for each item; embed: texts to (n, 384) unit vectors.

    Two captions for each item: its title or whole passage, which fits items of that title, and some of its values,
    which fit all items that have them.
    """
    shared = shared_values(items)
    names = sorted(shared, key=lambda name: -len(set(shared[name])))
    titles = list(dict.fromkeys(item.title for item in items))
    row_of = {title: row for row, title in enumerate(titles)}
    columns = [_numbered(shared[name]) for name in names] + [[row_of[item.title] for item in items]]
    attributes = (*_attributes(names, columns), Attribute(IDENTITY, len(titles), effort=0.0, share=0.0))
    rng = random.Random(seed)  # noqa: S311
    captions = [
        (_own_caption(item, len(names), rng), _common_caption(item, [shared[name][row] for name in names], rng))
        for row, item in enumerate(items)
    ]
    vectors = embed_texts_once([[text for text, _ in pair] for pair in captions], embed)
    told = torch.tensor([[told for _, told in pair] for pair in captions])
    return Lesson(pictures, attributes, torch.tensor(columns).T.contiguous(), vectors, told)


def shared_values(items: Sequence[Item]) -> Mapping[str, list[str]]:
    """By attribute that sorts the items, the value of each item, empty where it is unknown or rare.

    Such an attribute has 2 to 200 short texts as values, each of at least 5 items, which half of the items have.
    """
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for item in items for name in item.attributes):
        told = [item.attributes.get(name) for item in items]
        values = [value if isinstance(value, str) and len(value) <= _MOST_CHARS else "" for value in told]
        often = {value for value, count in Counter(values).items() if value and count >= _LEAST_ITEMS}
        kept = [value if value in often else "" for value in values]
        if 2 <= len(often) <= _MOST_VALUES and sum(map(bool, kept)) >= _LEAST_SHARE * len(items):
            found[name] = kept
    return found


def _numbered(values: Sequence[str]) -> list[int]:
    """Each value as its number, -1 for an empty one."""
    known = {value: number for number, value in enumerate(sorted(set(values) - {""}))}
    return [known.get(value, -1) for value in values]


def _attributes(names: Sequence[str], columns: Sequence[Sequence[int]]) -> Iterator[Attribute]:
    """What tells more counts more: the shares are as the entropies of the columns."""
    entropies = [_entropy(column) for column, _ in zip(columns, names, strict=False)]
    for name, column, entropy in zip(names, columns, entropies, strict=False):
        yield Attribute(name, max(column) + 1, effort=1.0, share=entropy / sum(entropies))


def _entropy(column: Sequence[int]) -> float:
    counts = Counter(number for number in column if number >= 0)
    total = counts.total()
    return -sum(count / total * math.log(count / total) for count in counts.values())


def _own_caption(item: Item, named: int, rng: random.Random) -> tuple[str, list[bool]]:
    text = item.title if rng.random() < 0.5 else passage(item)
    return text, [False] * named + [True]


def _common_caption(item: Item, values: Sequence[str], rng: random.Random) -> tuple[str, list[bool]]:
    """One to three of the values that the item shares with others, in any order; its title where it has none."""
    known = [column for column, value in enumerate(values) if value]
    if not known:
        return item.title, [False] * len(values) + [True]
    chosen = rng.sample(known, min(len(known), rng.randint(1, 3)))
    told = [column in chosen for column in range(len(values))]
    return " ".join(values[column] for column in chosen), [*told, False]


def held_out(count: int, share: float, most: int, *, seed: int) -> Tensor:
    """(count,) bool: which items are kept for measuring, at random."""
    kept = torch.zeros(count, dtype=torch.bool)
    kept[torch.randperm(count, generator=torch.Generator().manual_seed(seed))[: min(most, int(count * share))]] = True
    return kept
