"""Changes that leave a product what it is: frame, angle, light, noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def augment(pixels: Tensor, generator: torch.Generator, *, strength: float = 1.0) -> Tensor:
    """Pictures (n, 3, px, px), 0 to 1, each changed at random; the same generator state gives the same result.

    Turned, zoomed, flipped, squeezed on white (as thumbnails of tall and wide pictures are), lit differently,
    blurred, noisy. strength: 0 (only flipped) to 1.
    """
    count = len(pixels)

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle = strength * uniform(-0.2, 0.2)
    zoom = 1 + strength * uniform(-0.22, 0.12)
    squeeze = torch.where(uniform(0, 1) < 0.3 * strength, uniform(1.0, 1.5), torch.ones(count))
    tall = uniform(0, 1) < 0.5
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    wide = zoom * torch.where(tall, squeeze, torch.ones(count)) * flip
    high = zoom * torch.where(tall, torch.ones(count), squeeze)
    cos, sin = torch.cos(angle), torch.sin(angle)
    across, down = strength * uniform(-0.1, 0.1), strength * uniform(-0.1, 0.1)
    rows = torch.stack([cos * wide, -sin * high, across, sin * wide, cos * high, down], dim=1)
    grid = functional.affine_grid(rows.view(count, 2, 3), list(pixels.shape), align_corners=False)
    # what lies outside becomes white, the colour of letterbox bars
    moved = functional.grid_sample(pixels - 1, grid, align_corners=False, padding_mode="zeros") + 1
    return _lit(moved, generator, strength).clamp_(0, 1)


def _lit(pixels: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    count = len(pixels)

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        return (torch.rand(count, channels, 1, 1, generator=generator) * (high - low)) + low

    contrast = 1 + strength * uniform(-0.15, 0.15)
    lit = (pixels - 0.5) * contrast + 0.5 * (1 + strength * uniform(-0.12, 0.12))
    lit = lit * (1 + strength * uniform(-0.05, 0.05, channels=3))
    blurred = functional.avg_pool2d(lit, 3, 1, 1, count_include_pad=False)
    lit = torch.where(uniform(0, 1) < 0.2 * strength, blurred, lit)
    return lit + torch.randn(lit.shape, generator=generator) * (0.02 * strength)
