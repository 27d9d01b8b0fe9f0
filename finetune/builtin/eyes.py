"""What the picture tokens say: the vision tower learns to write a picture's look in the decoder's own words.

A picture becomes the embeddings of "; colour blue; pattern stripes; accent red; category mug", so that a decoder which
can read attributes can read pictures, and need not learn a second language (the frozen-decoder idea of Tsimpoukelli et
al. 2021, with the words themselves as the target).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from finetune.builtin.drawing.look import Look
from finetune.builtin.files import save_whole
from finetune.builtin.model import MEAN, STD
from finetune.builtin.optimizer import make_optimizers, set_rate
from finetune.precision import mixed_precision

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import LlavaForConditionalGeneration

TOLD = ("colour", "pattern", "accent", "category")
"""What is said of a look, in this order."""
CHECKPOINT, WEIGHTS = "eyes.pt", "eyes.safetensors"
"""Files of a run: what it goes on from, and what it made."""
_SHARPNESS = 12.0
"""Squared distance to a word's embedding that makes it e times less likely; the words lie 100 and more apart."""


def pixels(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """(n, px, px, 3) uint8 -> (n, 3, px, px) float32 as the processor gives them."""
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def see(model: LlavaForConditionalGeneration, pixel_values: torch.Tensor) -> torch.Tensor:
    """(n, 3, px, px) -> (n, patches, eye width): the tower's last layer without the class token, unprojected."""
    features: torch.Tensor = model.model.vision_tower(pixel_values, output_hidden_states=True).hidden_states[-1]
    return features[:, 1:]


@torch.no_grad()
def words_of(model: LlavaForConditionalGeneration, pictures: NDArray[np.uint8], device: str) -> torch.Tensor:
    """All pictures through the eyes once: (n, patches, decoder width) bfloat16, for as long as they stay frozen."""
    parts = [
        model.model.multi_modal_projector(see(model, pixels(pictures[start : start + 256]).to(device))).bfloat16()
        for start in range(0, len(pictures), 256)
    ]
    return torch.cat(parts)


class Lines:
    """The tokens that a picture is to become, padded with the last one's separator to the picture's length."""

    def __init__(self, tokenizer: Tokenizer, picture_tokens: int) -> None:
        self.tokenizer, self.length = tokenizer, picture_tokens
        self.separator = tokenizer.encode("; a").ids[0]

    def ids(self, looks: Sequence[Look]) -> torch.Tensor:
        """(n, picture tokens) int64. Raises ValueError for a look that takes more tokens than a picture has."""
        known: dict[str, list[int]] = {}
        return torch.tensor([known.setdefault(line, self._line(line)) for line in map(said, looks)])

    def _line(self, line: str) -> list[int]:
        ids = list(self.tokenizer.encode(line).ids)
        if len(ids) > self.length:
            raise ValueError(f"{line!r} takes {len(ids)} tokens, a picture has {self.length}; give it more patches")
        return ids + [self.separator] * (self.length - len(ids))

    def read(self, rows: torch.Tensor) -> list[str]:
        """What rows of tokens say."""
        return [self.tokenizer.decode(row) for row in rows.tolist()]


def said(look: Look) -> str:
    """A look as the text of an item tells it."""
    return "".join(f"; {name} {getattr(look, name)}" for name in TOLD)


@dataclass(frozen=True, slots=True)
class EyeSettings:
    """epochs: over all pictures. shift: most pixels that a picture is moved, lest places be learned by heart."""

    epochs: int = 12
    batch: int = 128
    muon_lr: float = 0.02
    adam_lr: float = 1.5e-3
    warmup_steps: int = 50
    shift: int = 5
    seed: int = 0


class EyeTrainer:
    """Tower and projector in training, with a frozen copy of the word embeddings that they learn to hit."""

    def __init__(
        self, model: LlavaForConditionalGeneration, lines: Lines, settings: EyeSettings, run: Path, device: str
    ) -> None:
        self.model, self.lines, self.settings, self.run, self.device = model, lines, settings, run, device
        self.parts = _parts(model)
        model.model.vision_tower.set_attn_implementation("eager")  # on a CPU twice as fast for so few patches
        self.optimizers = make_optimizers(
            self.parts, [model.model.vision_tower.encoder], muon_lr=settings.muon_lr, adam_lr=settings.adam_lr
        )
        set_rate(self.optimizers, 1.0)
        self.words = model.model.language_model.embed_tokens.weight.detach().float()
        self.epoch = 0

    def train(
        self, pictures: NDArray[np.uint8], looks: Sequence[Look], report: Callable[[dict[str, float]], None]
    ) -> None:
        """All epochs that are still to come; each ends with a checkpoint and a report of its figures."""
        wanted = self.lines.ids(looks)
        vocabulary = torch.unique(wanted)
        places = torch.searchsorted(vocabulary, wanted)
        words = self.words[vocabulary].to(self.device)
        while self.epoch < self.settings.epochs:
            started = time.monotonic()
            shares = self._epoch(pictures, places, words)
            self.epoch += 1
            self._save()
            report({"epoch": self.epoch, **shares, "seconds": time.monotonic() - started})

    def _epoch(self, pictures: NDArray[np.uint8], places: torch.Tensor, words: torch.Tensor) -> dict[str, float]:
        generator = torch.Generator().manual_seed(self.settings.seed * 1000 + self.epoch)
        order = torch.randperm(len(pictures), generator=generator)
        steps = len(pictures) // self.settings.batch
        right, loss_sum = torch.zeros(self.lines.length), 0.0
        for at, rows in enumerate(torch.split(order, self.settings.batch)[:steps]):
            step = self.epoch * steps + at
            share = step / (self.settings.epochs * steps)
            warm = min(1.0, (step + 1) / self.settings.warmup_steps)
            set_rate(self.optimizers, warm * max(0.5 * (1 + math.cos(math.pi * share)), 0.01))
            batch = _jitter(pixels(pictures[rows.numpy()]), generator, self.settings.shift).to(self.device)
            with mixed_precision(self.device):
                told = self.model.model.multi_modal_projector(see(self.model, batch))
            loss, hits = word_loss(told.float(), places[rows].to(self.device), words)
            loss.backward()  # type: ignore[no-untyped-call]
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad()
            right += hits.cpu()
            loss_sum += loss.item()
        shares = dict(zip(TOLD, (right / steps)[[2, 5, 8, 11]].tolist(), strict=True))
        return {"loss": loss_sum / steps, **shares}

    def _save(self) -> None:
        optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
        state = {"parts": self.parts.state_dict(), "optimizers": optimizers, "epoch": self.epoch}
        save_whole(lambda path: torch.save(state, path), self.run / CHECKPOINT)

    def resume(self) -> bool:
        """Go on from this run's checkpoint, if it has one."""
        path = self.run / CHECKPOINT
        if not path.exists():
            return False
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        self.parts.load_state_dict(state["parts"])
        for optimizer, held in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(held)
        self.epoch = state["epoch"]
        return True


def word_loss(told: torch.Tensor, places: torch.Tensor, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How far picture tokens are from the words that they should be, and which are nearest to them.

    told: (n, tokens, width) float32. places: (n, tokens) int64, rows of words. words: (vocabulary, width).
    Returns the loss, a scalar: cross-entropy over distances, plus a little of the distance itself, so that tokens are
    the words and not merely nearest to them; and (tokens,) the share of the rows whose token is nearest to its word.
    """
    distances = told.pow(2).sum(-1, keepdim=True) - 2 * told @ words.T + words.pow(2).sum(-1)  # (n, tokens, vocabulary)
    logits = -distances / _SHARPNESS
    choice = functional.cross_entropy(logits.flatten(0, 1), places.flatten())
    missed = distances.gather(-1, places.unsqueeze(-1)).mean()
    return choice + 0.01 * missed, (logits.argmax(-1) == places).float().mean(0)


def save_eyes(model: LlavaForConditionalGeneration, run: Path) -> None:
    """Write tower and projector in bfloat16 as RUN/eyes.safetensors: what `load_eyes` reads."""
    from safetensors.torch import save_file

    state = {name: held.bfloat16().contiguous() for name, held in _parts(model).state_dict().items()}
    save_whole(lambda path: save_file(state, path), run / WEIGHTS)


def load_eyes(model: LlavaForConditionalGeneration, run: Path) -> None:
    """Put the tower and the projector of a finished run of `train_eyes` into the model.

    Raises FileNotFoundError when the run has none, and RuntimeError when they have another size.
    """
    from safetensors.torch import load_file

    state = {name: held.float() for name, held in load_file(run / WEIGHTS).items()}
    _parts(model).load_state_dict(state)


def _parts(model: LlavaForConditionalGeneration) -> nn.ModuleList:
    return nn.ModuleList([model.model.vision_tower, model.model.multi_modal_projector])


def _jitter(batch: torch.Tensor, generator: torch.Generator, shift: int) -> torch.Tensor:
    """Shift and mirror, so that the place of a motif is not learned by heart."""
    moved = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
    batch = torch.roll(batch, shifts=(moved[0], moved[1]), dims=(2, 3))
    return batch.flip(3) if torch.rand((), generator=generator) < 0.5 else batch
