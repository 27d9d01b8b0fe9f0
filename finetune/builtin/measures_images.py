"""How good the image encoder is on drawn items that it was not trained on, through the encoder that is served."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from finetune.builtin.captions import full_caption
from finetune.builtin.figures import Figure, Floats, mean

if TYPE_CHECKING:
    from PIL.Image import Image

    from finetune.builtin.drawing.look import Look
    from retrieval.encoders import Encoder

GALLERY = 500
_WANTED = {"category": (0.95, 0.99), "colour": (0.85, 0.95), "pattern": (0.75, 0.90)}


def captions_of(encoder: Encoder, looks: Sequence[Look]) -> Floats:
    """(n, dimensions) of full descriptions of the looks."""
    rng = random.Random(0)  # noqa: S311
    return np.asarray(encoder.embed_text([full_caption(look, rng).text for look in looks]), dtype=np.float64)


def pictures_of(encoder: Encoder, pictures: Sequence[Image]) -> Floats:
    """(n, dimensions) of the pictures."""
    return np.asarray(encoder.embed_pictures(pictures), dtype=np.float64)


def measure_recall(texts: Floats, images: Floats, where: str) -> list[Figure]:
    """Whether a description finds its picture among 500, or among all where there are fewer: Recall@10.

    texts, images: (n, dimensions) of length 1, in pairs.
    """
    size = min(GALLERY, len(images))
    hits: list[float] = []
    for start in range(0, len(images) - size + 1, size) if size else ():
        cosines = texts[start : start + size] @ images[start : start + size].T
        hits += ((cosines > np.diag(cosines)[:, None]).sum(axis=1) < 10).astype(float).tolist()
    floor, aim = (0.5, 0.75) if size == GALLERY else (None, None)
    name = f"text-to-picture Recall@10 among {size}, {where}"
    return [Figure(name, *mean(np.array(hits)), floor, aim, n=len(hits))]


def measure_neighbours(
    asked: Floats, looks: Sequence[Look], known: Floats, known_looks: Sequence[Look], where: str
) -> list[Figure]:
    """How often the nearest known picture has the same category, colour and pattern.

    asked, known: (n, dimensions) of length 1. Where both are the same array, a picture is not its own neighbour.
    """
    cosines = asked @ known.T
    if asked is known:
        np.fill_diagonal(cosines, -np.inf)
    nearest = cosines.argmax(axis=1)
    figures = []
    for name, (floor, aim) in _WANTED.items():
        same = [
            getattr(known_looks[row], name) == getattr(look, name) for row, look in zip(nearest, looks, strict=True)
        ]
        told = mean(np.array(same, dtype=np.float64))
        note = f"neighbours among {len(known):,}"
        figures.append(
            Figure(f"nearest neighbour has the same {name}, {where}", *told, floor, aim, n=len(same), note=note)
        )
    return figures
