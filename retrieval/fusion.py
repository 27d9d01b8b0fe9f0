"""Fusion: an item's text and picture as one vector, in the ways that the literature knows, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from retrieval.errors import SettingsError

FusionName = Literal["none", "text", "image", "mean", "concat", "attention", "bilinear"]
FIRST_STD = 0.02
"""Standard deviation of fused vectors before training: that of the id vectors they are added to."""


class Fusion(nn.Module):
    """(n, text dimensions), (n, image dimensions) and what there is of them -> (n, width).

    Each side is projected and normalised; where an item lacks one, a learned vector stands in its place.
    """

    def __init__(self, text_dimensions: int, image_dimensions: int, width: int) -> None:
        super().__init__()
        self.text = nn.Sequential(nn.Linear(text_dimensions, width), nn.LayerNorm(width))
        self.image = nn.Sequential(nn.Linear(image_dimensions, width), nn.LayerNorm(width))
        self.absent = nn.Parameter(torch.zeros(2, width))
        self.out = nn.Linear(width, width)
        nn.init.normal_(self.out.weight, std=FIRST_STD / width**0.5)
        nn.init.zeros_(self.out.bias)

    def forward(self, text: Tensor, image: Tensor, present: Tensor) -> Tensor:
        """text: (n, text dimensions). image: (n, image dimensions). present: (n, 2) bool, text and image.

        What is absent may hold anything finite. Returns (n, width).
        """
        sides = torch.stack([self.text(text), self.image(image)], dim=1)  # (n, 2, width)
        sides = torch.where(present[..., None], sides, self.absent.to(sides.dtype))
        fused: Tensor = self.out(self.joined(sides, present))
        return fused

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        """sides: (n, 2, width), text and image. present: (n, 2) bool. Returns (n, width)."""
        raise NotImplementedError


class TextOnly(Fusion):
    """The text alone."""

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        del present
        return sides[:, 0]


class ImageOnly(Fusion):
    """The picture alone."""

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        del present
        return sides[:, 1]


class MeanFusion(Fusion):
    """The mean of what is there."""

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        shares = _shares(torch.zeros_like(sides[..., 0]), present)
        return (shares[..., None] * sides).sum(dim=1)


class ConcatFusion(Fusion):
    """Both, side by side, through a layer that mixes them."""

    def __init__(self, text_dimensions: int, image_dimensions: int, width: int) -> None:
        super().__init__(text_dimensions, image_dimensions, width)
        self.mix = nn.Sequential(nn.Linear(2 * width, width), nn.GELU())

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        del present
        mixed: Tensor = self.mix(sides.flatten(1))
        return mixed


class AttentionFusion(Fusion):
    """The mean of what is there, weighted by how much each side has to say (Bahdanau et al. 2015, eq. 6, one query)."""

    def __init__(self, text_dimensions: int, image_dimensions: int, width: int) -> None:
        super().__init__(text_dimensions, image_dimensions, width)
        self.attend = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        shares = _shares(self.attend(sides)[..., 0], present)
        return (shares[..., None] * sides).sum(dim=1)


class BilinearFusion(Fusion):
    """Low-rank bilinear pooling: the product of both sides, with a shortcut (Kim et al. 2017, eq. 7 and 3.3)."""

    def __init__(self, text_dimensions: int, image_dimensions: int, width: int) -> None:
        super().__init__(text_dimensions, image_dimensions, width)
        self.left, self.right = nn.Linear(width, width), nn.Linear(width, width)

    def joined(self, sides: Tensor, present: Tensor) -> Tensor:
        shares = _shares(torch.zeros_like(sides[..., 0]), present)
        product = torch.tanh(self.left(sides[:, 0])) * torch.tanh(self.right(sides[:, 1]))
        return product + (shares[..., None] * sides).sum(dim=1)


FUSIONS: Mapping[str, Callable[[int, int, int], Fusion]] = MappingProxyType(
    {
        "text": TextOnly,
        "image": ImageOnly,
        "mean": MeanFusion,
        "concat": ConcatFusion,
        "attention": AttentionFusion,
        "bilinear": BilinearFusion,
    }
)


def make_fusion(name: str, text_dimensions: int, image_dimensions: int, width: int) -> Fusion:
    """The strategy of that name, untrained. Raises SettingsError that lists the names."""
    if name not in FUSIONS:
        raise SettingsError(f"no fusion {name!r}; expected one of {', '.join(FUSIONS)}")
    return FUSIONS[name](text_dimensions, image_dimensions, width)


def _shares(logits: Tensor, present: Tensor) -> Tensor:
    """(n, 2) shares that sum to 1 over what is there; halves where nothing is."""
    nothing = ~present.any(dim=1, keepdim=True)
    return torch.softmax(logits.masked_fill(~(present | nothing), -torch.inf), dim=1)
