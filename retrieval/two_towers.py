"""The networks: an item tower g(y), a user tower f(x), and f . g the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.errors import SettingsError
from retrieval.fusion import FIRST_STD, FusionName, make_fusion
from retrieval.retrievers import HISTORY
from retrieval.types import EventType

_GAPS = 32
"""Classes of the time between two events: class c is 2^(c-1) to 2^c seconds, class 0 is none."""

_TYPES = tuple(EventType)


@dataclass(frozen=True, slots=True)
class TowerSettings:
    """The shape of the towers.

    fusion: how text and picture become content; none: the id alone, as in SASRec. ids: a learned vector per item of the
    log beside its content. width: of item and user vectors. layers, heads: of the user's transformer. length: so many
    of the last wanted items are read. dropout: 0 to 1. times, types: whether the user tower also reads how long ago the
    event before was, and what was done.
    """

    fusion: FusionName = "attention"
    ids: bool = True
    width: int = 64
    layers: int = 1
    heads: int = 1
    length: int = 50
    dropout: float = 0.4
    times: bool = False
    types: bool = False

    def __post_init__(self) -> None:
        if self.fusion not in get_args(FusionName):
            raise SettingsError(f"no fusion {self.fusion!r}; expected one of {', '.join(get_args(FusionName))}")
        if self.fusion == "none" and not self.ids:
            raise SettingsError("fusion is none and ids are off, so nothing tells items apart; give one of them")
        if self.length > HISTORY:
            raise SettingsError(f"length is {self.length}; expected {HISTORY} or less, which is what is read of a user")
        if min(self.width, self.layers, self.heads, self.length) < 1 or self.width % self.heads:
            raise SettingsError(
                f"width {self.width}, layers {self.layers}, heads {self.heads}, length {self.length}; expected 1 or "
                "more, and a width that the heads divide"
            )
        if not 0 <= self.dropout < 1:
            raise SettingsError(f"dropout is {self.dropout}; expected 0 to less than 1")


@dataclass(frozen=True, slots=True)
class Content:
    """What the item tower reads of n items.

    text: (n, text dimensions). image: (n, image dimensions). present: (n, 2) bool, which of both there is.
    """

    text: Tensor
    image: Tensor
    present: Tensor

    def of(self, rows: Tensor) -> Content:
        """Of these items only. rows: (m,) int64."""
        return Content(self.text[rows], self.image[rows], self.present[rows])

    def to(self, device: torch.device) -> Content:
        return Content(self.text.to(device), self.image.to(device), self.present.to(device))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of the wanted items of n users, padded behind: when and how.

    gaps, types: (n, length) int64 classes of the time since the event before, and of what was done.
    """

    gaps: Tensor
    types: Tensor


class ItemTower(nn.Module):
    """v = fused content + id vector; of items that training has not seen, what their content makes likely."""

    def __init__(self, settings: TowerSettings, items: int, text_dimensions: int, image_dimensions: int) -> None:
        super().__init__()
        self.settings = settings
        self.fusion = (
            None
            if settings.fusion == "none"
            else make_fusion(settings.fusion, text_dimensions, image_dimensions, settings.width)
        )
        self.ids = nn.Embedding(items, settings.width) if settings.ids else None
        if self.ids is not None:
            nn.init.normal_(self.ids.weight, std=FIRST_STD)
        guesses = self.fusion is not None and self.ids is not None
        self.newcomer = nn.Linear(text_dimensions + image_dimensions, settings.width) if guesses else None
        self.middle: Tensor
        self.register_buffer("middle", torch.zeros(text_dimensions + image_dimensions))
        if self.newcomer is not None:
            self.newcomer.requires_grad_(False)

    def forward(self, content: Content, rows: Tensor, known: Tensor) -> Tensor:
        """rows: (n,) int64 rows of the id vectors. known: (n,) bool, whether the id vector counts. (n, width)."""
        parts = []
        if self.fusion is not None:
            parts.append(self.fusion(content.text, content.image, content.present))
        if self.ids is not None:
            parts.append(torch.where(known[:, None], self.ids(rows), 0.0))
        return torch.stack(parts).sum(dim=0)

    def guess(self, content: Content) -> Tensor:
        """(n, width) of items that training has not seen: what their content makes likely, nothing where there is none.

        Fitted after training, see `finetune/newcomers.py`; without ids, content says all there is to say.
        """
        if self.newcomer is None:
            nowhere = torch.zeros(len(content.present), dtype=torch.long, device=content.present.device)
            said: Tensor = self(content, nowhere, nowhere > 0)
        else:
            told = torch.cat([content.text, content.image], dim=1) - self.middle
            sides = torch.tensor([content.text.shape[1], content.image.shape[1]], device=told.device)
            said = self.newcomer(told * content.present.repeat_interleave(sides, dim=1))
        return torch.where(content.present.any(dim=1, keepdim=True), said, 0.0)


class UserTower(nn.Module):
    """u = a causal transformer over the wanted items' vectors and their places (Kang and McAuley 2018)."""

    def __init__(self, settings: TowerSettings) -> None:
        super().__init__()
        self.settings = settings
        self.places = nn.Embedding(settings.length, settings.width)
        self.gaps = nn.Embedding(_GAPS, settings.width) if settings.times else None
        self.types = nn.Embedding(len(_TYPES), settings.width) if settings.types else None
        for table in (self.places, self.gaps, self.types):
            if table is not None:
                nn.init.normal_(table.weight, std=FIRST_STD)
        self.dropout = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                settings.width,
                settings.heads,
                4 * settings.width,
                settings.dropout,
                functional.gelu,
                batch_first=True,
                norm_first=True,
            )
            for _ in range(settings.layers)
        )
        self.norm = nn.LayerNorm(settings.width)

    def forward(self, items: Tensor, circumstances: Circumstances) -> Tensor:
        """items: (n, length, width) vectors of the wanted items, oldest first, padded behind.

        Returns (n, length, width): at each place the user's vector as of then.
        """
        length = items.shape[1]
        hidden = items * self.settings.width**0.5 + self.places.weight[:length]
        if self.gaps is not None:
            hidden = hidden + self.gaps(circumstances.gaps)
        if self.types is not None:
            hidden = hidden + self.types(circumstances.types)
        hidden = self.dropout(hidden)
        future = torch.ones(length, length, dtype=torch.bool, device=items.device).triu(1)
        for block in self.blocks:
            hidden = block(hidden, src_mask=future, is_causal=True)
        normed: Tensor = self.norm(hidden)
        return normed


class TwoTowers(nn.Module):
    """Both towers; the score of an item for a user is the dot product of their vectors."""

    def __init__(self, settings: TowerSettings, items: int, text_dimensions: int, image_dimensions: int) -> None:
        super().__init__()
        self.item = ItemTower(settings, items, text_dimensions, image_dimensions)
        self.user = UserTower(settings)


def gap_classes(seconds: Sequence[float]) -> list[int]:
    """Classes of the times between events, 0 to 31: their logarithm to base 2."""
    return [min(_GAPS - 1, int(max(0.0, each)).bit_length()) for each in seconds]


def type_class(kind: EventType) -> int:
    return _TYPES.index(kind)
