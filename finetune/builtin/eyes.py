"""First lesson: the vision tower learns to tell category, colour, pattern and accent of drawn products."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from finetune.builtin.corpus import LOOKS
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, Look
from finetune.builtin.model import MEAN, STD
from finetune.builtin.optimizer import make_optimizers, set_rate

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration

BATCH = 64
_NAMES = {"category": CATEGORIES, "colour": COLOURS, "pattern": PATTERNS, "accent": COLOURS}


def pixels(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """(n, px, px, 3) uint8 -> (n, 3, px, px) float32 as the processor gives them."""
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def labels(looks: Sequence[Look]) -> torch.Tensor:
    """(n, 4) int64: category, colour, pattern, accent."""
    return torch.tensor([[_NAMES[name].index(getattr(look, name)) for name in LOOKS] for look in looks])


def see(model: LlavaForConditionalGeneration, pixel_values: torch.Tensor) -> torch.Tensor:
    """(n, 3, px, px) -> (n, patches, eye width): the tower's last layer without the class token, unprojected."""
    features: torch.Tensor = model.model.vision_tower(pixel_values, output_hidden_states=True).hidden_states[-1]
    return features[:, 1:]


@torch.no_grad()
def features_of(model: LlavaForConditionalGeneration, pictures: NDArray[np.uint8], device: str) -> torch.Tensor:
    """All pictures through the tower once: (n, patches, eye width) bfloat16, for as long as it stays frozen."""
    parts = [
        see(model, pixels(pictures[start : start + 256]).to(device)).bfloat16()
        for start in range(0, len(pictures), 256)
    ]
    return torch.cat(parts)


def train_eyes(
    model: LlavaForConditionalGeneration,
    pictures: NDArray[np.uint8],
    looks: Sequence[Look],
    *,
    epochs: int,
    seed: int,
    device: str,
    report: Callable[[str], None],
) -> None:
    """Train tower and projector so that a linear reader of the projected tokens' mean tells the look."""
    generator = torch.Generator().manual_seed(seed)
    width = model.lm_head.in_features
    heads = nn.ModuleList(nn.Linear(width, len(_NAMES[name])) for name in LOOKS).to(device)
    eye, projector = model.model.vision_tower, model.model.multi_modal_projector
    eye.set_attn_implementation("eager")  # on a CPU, twice as fast as the fused one for so few patches
    optimizers = make_optimizers((eye, projector, heads), [eye.encoder], muon_lr=0.02, adam_lr=1.5e-3)
    wanted, steps, step, started = labels(looks), epochs * (len(looks) // BATCH), 0, time.monotonic()
    for epoch in range(epochs):
        order, right = torch.randperm(len(looks), generator=generator), torch.zeros(len(LOOKS))
        for rows in torch.split(order, BATCH)[: len(looks) // BATCH]:
            set_rate(optimizers, min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps)))
            batch = _jitter(pixels(pictures[rows.numpy()]), generator).to(device)
            with torch.autocast(device, dtype=torch.bfloat16):
                pooled = projector(see(model, batch)).mean(1)
                logits = [head(pooled).float() for head in heads]
            right += _learn(logits, wanted[rows].to(device), optimizers)
            step += 1
        shares = " ".join(f"{n} {v:.2f}" for n, v in zip(LOOKS, (right / (len(looks) // BATCH)).tolist(), strict=True))
        report(f"eyes {epoch + 1}/{epochs}: {shares}, {time.monotonic() - started:.0f} s")


def _learn(
    logits: Sequence[torch.Tensor], wanted: torch.Tensor, optimizers: Sequence[torch.optim.Optimizer]
) -> torch.Tensor:
    """One step; returns the share of right answers by attribute."""
    losses = [functional.cross_entropy(logit, wanted[:, place]) for place, logit in enumerate(logits)]
    torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return torch.stack([(lo.argmax(-1) == wanted[:, place]).float().mean() for place, lo in enumerate(logits)]).cpu()


def _jitter(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Shift and mirror, so that the place of a motif is not learned by heart."""
    shift = torch.randint(-5, 6, (2,), generator=generator).tolist()
    batch = torch.roll(batch, shifts=(shift[0], shift[1]), dims=(2, 3))
    return batch.flip(3) if torch.rand((), generator=generator) < 0.5 else batch
