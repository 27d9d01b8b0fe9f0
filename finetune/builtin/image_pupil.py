"""What the image encoder learns from: its losses, and in which order they come."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, SHAPES, Look
from retrieval.builtin.image_tower import ImageTower

FORMS = tuple(f"{category}/{shape}" for category, shapes in SHAPES.items() for shape in shapes)
_SIZES = (len(CATEGORIES), len(FORMS), len(COLOURS), len(COLOURS), len(PATTERNS))
_SHARE = (0.40, 0.05, 0.22, 0.11, 0.22)
_SHARPNESS, _REACH = 16.0, 0.6


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each loss counts at a moment. see: of the five attributes, read from the convolutions.

    join: of all that is about the vector. strength: of the augmentation, 0 to 1. apart: whether batches of two
    categories have begun.
    """

    see: tuple[float, float, float, float, float]
    join: float
    strength: float
    apart: bool


def weights_at(share: float) -> Weights:
    """The lesson plan, by the share of the steps that are done.

    Patterns come first, alone and hardly augmented: learned together with the easy attributes, or on pictures that
    are changed a lot, they stay at chance for longer than the whole training lasts. Then come the other attributes,
    then the text.
    """
    others = 0.05 + 0.45 * _ramp(share, 0.20, 0.28)
    join = _ramp(share, 0.35, 0.45)
    return Weights(
        see=(others, others, 2 * others, 2 * others, 2.0 - join),
        join=join,
        strength=0.1 + 0.9 * _ramp(share, 0.25, 0.60),
        apart=share > 0.40,
    )


def _ramp(share: float, start: float, stop: float) -> float:
    return min(1.0, max(0.0, (share - start) / (stop - start)))


class Pupil(nn.Module):
    """The tower, with what it needs only while it learns: temperature and attribute heads."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = ImageTower()
        self.log_scale = nn.Parameter(torch.tensor(math.log(20.0)))
        self.eyes = nn.ModuleList(nn.Linear(2 * self.tower.settings.widths[-1], size) for size in _SIZES)

    def losses(self, pixels: Tensor, text: Tensor, told: Tensor, labels: Tensor, weights: Weights) -> dict[str, Tensor]:
        """The losses of a batch; text: (n, 384), told: (n, 5) bool, labels: (n, 5) in the order of captions.TOLD."""
        with torch.autocast(pixels.device.type, dtype=torch.bfloat16):
            pooled = self.tower.pooled(pixels)
            vectors = self.tower.projection(pooled)
        vectors, pooled = functional.normalize(vectors.float(), dim=-1), pooled.float()
        parts = [functional.cross_entropy(eye(pooled), labels[:, i]) for i, eye in enumerate(self.eyes)]
        see = sum((w * part for w, part in zip(weights.see, parts, strict=True)), torch.zeros((), device=pixels.device))
        contrast = self.contrast(vectors, text, told, labels)
        align = (1 - (vectors * text).sum(dim=-1)).mean()
        kin = kin_loss(vectors, labels)
        total = see + weights.join * (contrast + align + kin)
        return {
            "loss": total,
            "contrast": contrast,
            "align": align,
            "kin": kin,
            "pattern": parts[-1],
            "colour": parts[2],
        }

    def contrast(self, vectors: Tensor, text: Tensor, told: Tensor, labels: Tensor) -> Tensor:
        """Text against pictures, both ways; a caption fits every picture that agrees in all that it tells."""
        fits = ((labels[:, None] == labels[None]) | ~told[:, None]).all(dim=-1).float()
        logits = text @ vectors.T * self.log_scale.exp().clamp(max=100)
        return (_spread(logits, fits) + _spread(logits.T, fits.T)) / 2


def _spread(logits: Tensor, fits: Tensor) -> Tensor:
    """Cross-entropy against a target that is even over all that fit."""
    target = fits / fits.sum(dim=1, keepdim=True)
    return -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def kin_loss(vectors: Tensor, labels: Tensor) -> Tensor:
    """How far each picture's order of neighbours is from the order of shared attributes (Kullback-Leibler, 0 if not).

    _SHARE weighs the attributes; two pictures that share all are meant to be nearer by a cosine of _REACH than two
    that share none.
    """
    apart = ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    shared = (labels[:, None] == labels[None]).float() @ torch.tensor(_SHARE, device=vectors.device)
    target = shared[apart].view(len(vectors), -1).mul(_SHARPNESS).log_softmax(dim=1)
    found = (vectors @ vectors.T)[apart].view(len(vectors), -1).mul(_SHARPNESS / _REACH).log_softmax(dim=1)
    return functional.kl_div(found, target, log_target=True, reduction="batchmean")


def labels_of(looks: list[Look]) -> Tensor:
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
