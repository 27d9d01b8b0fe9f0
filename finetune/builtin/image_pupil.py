"""What the image encoder learns from: its losses, how it starts, and in which order the losses come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.builtin.image_lesson import Attribute
from retrieval.builtin.image_tower import ImageTower, TowerSettings

_SHARPNESS, _REACH = 16.0, 0.6


@dataclass(frozen=True, slots=True)
class Weights:
    """How much counts at a moment. join: all that is about the vector, 0 to 1; kin: of that, what neighbours share.

    strength: of the augmentation, 0 to 1.
    """

    join: float = 1.0
    kin: float = 5.0
    strength: float = 0.5


def weights_at(share: float) -> Weights:
    """The lesson plan, by the share of the steps that are done.

    First the tower learns to name what it sees, since patterns take longest; then comes the text; last, with pictures
    that are hardly changed, how near neighbours are.
    """
    last = _ramp(share, 0.30, 0.40)
    return Weights(
        join=_ramp(share, 0.15, 0.30),
        kin=2 + 3 * last,
        strength=0.1 + 0.45 * _ramp(share, 0.10, 0.30) - 0.40 * last,
    )


def _ramp(share: float, start: float, stop: float) -> float:
    return min(1.0, max(0.0, (share - start) / (stop - start)))


class Pupil(nn.Module):
    """The tower, with what only learning needs: a temperature, and heads that name what the tower has no names for."""

    def __init__(self, attributes: Sequence[Attribute], tower: ImageTower | None = None) -> None:
        """tower: what to go on from; without it, one that reads waves and is to name these attributes."""
        super().__init__()
        names = tuple(a.values for a in attributes if a.effort)
        self.tower = tower or wave_tower(TowerSettings(names=names))
        self.attributes = tuple(attributes)
        self.log_scale = nn.Parameter(torch.tensor(math.log(20.0)))
        own = self.tower.settings.names == names
        self.heads = self.tower.heads if own else nn.ModuleList(nn.Linear(self.tower.seen, count) for count in names)

    def losses(self, pixels: Tensor, text: Tensor, told: Tensor, labels: Tensor, weights: Weights) -> dict[str, Tensor]:
        """The losses of a batch; text: (n, 384), told: (n, attributes) bool, labels: (n, attributes), -1 unknown."""
        pooled = self.tower.pooled(pixels)
        named = self._naming(pooled, labels)
        see = sum((a.effort * named[a.name] for a in self.attributes if a.effort), torch.zeros((), device=text.device))
        joined = self.joining(pooled, text, told, labels, weights)
        return {**joined, "loss": see + weights.join * joined["loss"], **named}

    def joining(
        self, pooled: Tensor, text: Tensor, told: Tensor, labels: Tensor, weights: Weights
    ) -> dict[str, Tensor]:
        """The losses of the vectors alone; pooled: (n, seen), what the tower saw."""
        vectors = self.tower.vectors(pooled)
        contrast = self.contrast(vectors, text, told, labels)
        align = (1 - (vectors * text).sum(dim=-1)).mean()
        kin = kin_loss(vectors, labels, self.attributes)
        return {"loss": contrast + align + weights.kin * kin, "contrast": contrast, "align": align, "kin": kin}

    def _naming(self, pooled: Tensor, labels: Tensor) -> dict[str, Tensor]:
        columns = [column for column, a in enumerate(self.attributes) if a.effort]
        return {
            self.attributes[column].name: _named(head(pooled), labels[:, column])
            for column, head in zip(columns, self.heads, strict=True)
        }

    def contrast(self, vectors: Tensor, text: Tensor, told: Tensor, labels: Tensor) -> Tensor:
        """Text against pictures, both ways; a caption fits every picture that agrees in all that it tells."""
        fits = ((labels[:, None] == labels[None]) | ~told[:, None]).all(dim=-1).float()
        logits = text @ vectors.T * self.log_scale.exp().clamp(max=100)
        return (_spread(logits, fits) + _spread(logits.T, fits.T)) / 2


def _named(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy over the labels that are known, 0 where none is."""
    total = functional.cross_entropy(logits, labels, ignore_index=-1, reduction="sum")
    return total / (labels >= 0).sum().clamp(min=1)


def _spread(logits: Tensor, fits: Tensor) -> Tensor:
    """Cross-entropy against a target that is even over all that fit."""
    target = fits / fits.sum(dim=1, keepdim=True)
    return -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def kin_loss(vectors: Tensor, labels: Tensor, attributes: Sequence[Attribute]) -> Tensor:
    """How far each picture's order of neighbours is from the order of shared attributes (Kullback-Leibler, 0 if not).

    Two pictures that share all attributes are meant to be nearer by a cosine of _REACH than two that share none.
    """
    apart = ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    shares = torch.tensor([a.share for a in attributes], device=vectors.device)
    same = (labels[:, None] == labels[None]) & (labels[:, None] >= 0)
    target = (same.float() @ shares)[apart].view(len(vectors), -1).mul(_SHARPNESS).log_softmax(dim=1)
    found = (vectors @ vectors.T)[apart].view(len(vectors), -1).mul(_SHARPNESS / _REACH).log_softmax(dim=1)
    return functional.kl_div(found, target, log_target=True, reduction="batchmean")


def wave_tower(settings: TowerSettings | None = None) -> ImageTower:
    """A tower whose first look reads windows as waves: a cosine transform of brightness and two colour contrasts.

    A random start sees colours and outlines, and takes many times as long to tell stripes from zigzags. Fine waves are
    weak in pictures, and so are made louder.
    """
    tower = ImageTower(settings)
    count, _, side, _ = tower.look.weight.shape
    wave = np.arange(side)[:, None]
    cosines = np.cos(np.pi * (np.arange(side) + 0.5) * wave / side)
    cosines /= np.linalg.norm(cosines, axis=1, keepdims=True)
    found = []
    for colour, coarser in (((1, 1, 1), 1.0), ((1, -1, 0), 1.5), ((1, 1, -2), 1.5)):
        contrast = np.array(colour) / np.linalg.norm(colour)
        found += [(coarser * np.hypot(u, v), contrast, u, v) for u in range(side) for v in range(side)]
    found.sort(key=lambda one: one[0])
    waves = [
        np.einsum("c,i,j->cij", contrast, cosines[u], cosines[v]) * (0.3 + np.hypot(u, v))
        for _, contrast, u, v in found[:count]
    ]
    with torch.no_grad():
        tower.look.weight.copy_(torch.from_numpy(np.stack(waves)))
        nn.init.zeros_(tower.look.bias)  # type: ignore[arg-type]  # it has one
    return tower
