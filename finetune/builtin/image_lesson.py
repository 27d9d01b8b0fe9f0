"""What an image encoder is taught with: pictures, what they have in common, and captions as vectors."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetune.builtin.captions import TOLD, captions
from finetune.builtin.draw_pack import load_pack
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, SHAPES, Look

FORMS = tuple(f"{category}/{shape}" for category, shapes in SHAPES.items() for shape in shapes)

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that two pictures can have in common.

    values: how many different ones there are. effort: weight of learning to name it; 0 is for what only tells items
    apart. share: how much nearer two pictures are meant to be that have it in common; of all attributes together 1.
    """

    name: str
    values: int
    effort: float
    share: float


DRAWN = (
    Attribute(TOLD[0], len(CATEGORIES), effort=1.0, share=0.38),
    Attribute(TOLD[1], len(FORMS), effort=0.3, share=0.03),
    Attribute(TOLD[2], len(COLOURS), effort=1.0, share=0.24),
    Attribute(TOLD[3], len(COLOURS), effort=0.7, share=0.09),
    Attribute(TOLD[4], len(PATTERNS), effort=1.5, share=0.26),
)
"""What drawn products can have in common, in the order of TOLD."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Pictures (n, px, px, 3) uint8 RGB; labels (n, attributes) int64, -1 where unknown; captions.

    attributes: what the columns of labels and told are; the first is what batches of lookalikes are made by.
    vectors: (n, captions, 384) float16, each of length 1. told: (n, captions, attributes) bool, what a caption tells.
    """

    pictures: NDArray[np.uint8]
    attributes: tuple[Attribute, ...]
    labels: Tensor
    vectors: Tensor
    told: Tensor

    def __len__(self) -> int:
        return len(self.pictures)


def drawn_lesson(packs: Sequence[Path], embed: Embed, *, count: int, seed: int, cache: Path) -> Lesson:
    """The lesson of drawn packs, with `count` captions for each picture.

    Text vectors are taken from the file `cache` where it is of the same captions, as after an interruption.
    """
    read = [load_pack(pack) for pack in packs]
    looks = [look for _, some in read for look in some]
    rng = random.Random(seed)  # noqa: S311
    written = [captions(look, rng, count) for look in looks]
    vectors = embed_texts_once([[caption.text for caption in row] for row in written], embed, cache)
    pictures = read[0][0] if len(read) == 1 else np.concatenate([some for some, _ in read])
    told = torch.tensor([[caption.told for caption in row] for row in written])
    return Lesson(pictures, DRAWN, labels_of(looks), vectors, told)


def embed_texts_once(written: Sequence[Sequence[str]], embed: Embed, cache: Path | None = None) -> Tensor:
    """(n, captions, 384) float16; each different text is embedded once."""
    texts = [text for row in written for text in row]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    vectors = None if cache is None else _cached(cache, digest)
    if vectors is None:
        distinct = list(dict.fromkeys(texts))
        row_of = {text: row for row, text in enumerate(distinct)}
        embedded = embed(distinct).astype(np.float16)
        vectors = embedded[[row_of[text] for text in texts]].reshape(len(written), len(written[0]), -1)
        if cache is not None:
            np.savez(cache, digest=np.array(digest), vectors=vectors)
    return torch.from_numpy(vectors)


def _cached(cache: Path, digest: str) -> NDArray[np.float16] | None:
    if not cache.is_file():
        return None
    with np.load(cache, allow_pickle=False) as file:
        return file["vectors"] if str(file["digest"]) == digest else None


def labels_of(looks: Sequence[Look]) -> Tensor:
    """(n, 5) int64 in the order of TOLD."""
    return torch.tensor(
        [
            [
                CATEGORIES.index(look.category),
                FORMS.index(f"{look.category}/{look.shape}"),
                COLOURS.index(look.colour),
                COLOURS.index(look.accent),
                PATTERNS.index(look.pattern),
            ]
            for look in looks
        ]
    )
