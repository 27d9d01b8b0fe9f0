"""The built-in image encoder: a small convolutional tower whose vectors live in MiniLM's space.

Trained by `finetune/builtin/train_image_encoder.py`; its model card is docs/models/image-encoder.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from retrieval.errors import WeightsError
from retrieval.hashing import file_sha256
from retrieval.media import fit

if TYPE_CHECKING:
    from PIL.Image import Image

TOWER_VERSION = 1
WEIGHTS = Path(__file__).with_name("image_encoder.safetensors")
_BATCH = 64
_MEAN, _STD = 0.5, 0.25


@dataclass(frozen=True, slots=True)
class TowerSettings:
    """The shape of the tower. widths, blocks: channels and residual blocks by stage; each stage halves the side."""

    image_px: int = 96
    dimensions: int = 384
    stem: int = 24
    widths: tuple[int, ...] = (32, 64, 128, 224)
    blocks: tuple[int, ...] = (1, 1, 2, 1)


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (He et al. 2016, basic block)."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outer)
        self.second = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outer)
        same = inner == outer and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inner, outer, 1, stride, bias=False)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        inside = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(inside)) + self.shortcut(x))


class ImageTower(nn.Module):
    """Pictures (n, 3, px, px) to unit vectors (n, 384) in the space of the text encoder it was trained beside."""

    def __init__(self, settings: TowerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or TowerSettings()
        stem, widths = self.settings.stem, self.settings.widths
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 6, 2, 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU())
        blocks: list[nn.Module] = []
        inner = stem
        for width, count in zip(widths, self.settings.blocks, strict=True):
            blocks += [_Block(inner if index == 0 else width, width, 2 if index == 0 else 1) for index in range(count)]
            inner = width
        self.blocks = nn.Sequential(*blocks)
        self.projection = nn.Sequential(
            nn.Linear(2 * inner, self.settings.dimensions),
            nn.GELU(),
            nn.Linear(self.settings.dimensions, self.settings.dimensions),
        )

    @property
    def image_px(self) -> int:
        """Side of the square pictures that it takes."""
        return self.settings.image_px

    @property
    def dimensions(self) -> int:
        return self.settings.dimensions

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (n, 3, px, px) float, 0 to 1. Returns (n, dimensions), normalised."""
        return functional.normalize(self.projection(self.pooled(pixels)), dim=-1)

    def pooled(self, pixels: Tensor) -> Tensor:
        """What the convolutions saw, before the projection: (n, 2 * last width), mean and maximum over places."""
        seen = self.blocks(self.stem((pixels - _MEAN) / _STD))
        return torch.cat([seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))], dim=1)

    def embed(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Unit vectors (n, 384) float32 of opened pictures; those of another size are letterboxed on white."""
        self.eval()
        parts = [np.zeros((0, self.dimensions), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(pictures), _BATCH):
                batch = np.stack([_square(picture, self.image_px) for picture in pictures[start : start + _BATCH]])
                parts.append(self(pixels_of(batch)).float().numpy())
        return np.concatenate(parts)


def pixels_of(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, px, px, 3) uint8 RGB to (n, 3, px, px) float32, 0 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)


def load_image_tower(weights: Path = WEIGHTS) -> ImageTower:
    """The trained tower, ready to embed.

    Raises WeightsError when the file is missing, of another version, or not the one whose SHA-256 stands beside it.
    """
    from safetensors.torch import load_file

    settings = _checked_settings(weights)
    tower = ImageTower(settings)
    try:
        tower.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()}, strict=True)
    except RuntimeError as error:
        raise WeightsError(
            f"{weights} does not fit the tower that {_beside(weights).name} describes: {error}"
        ) from error
    return tower.eval()


def save_image_tower(tower: ImageTower, weights: Path, facts: dict[str, Any]) -> str:
    """Write the weights in half precision and the settings beside them; returns the weights' SHA-256.

    facts: how it was trained, kept in the settings file for the reader.
    """
    from safetensors.torch import save_file

    state = {name: (t.half() if t.is_floating_point() else t).contiguous() for name, t in tower.state_dict().items()}
    save_file(state, weights)
    weights.chmod(0o644)  # safetensors writes files that only their owner may read
    digest = file_sha256(weights)
    described = {"version": TOWER_VERSION, "sha256": digest, "settings": asdict(tower.settings), "training": facts}
    _beside(weights).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return digest


def _checked_settings(weights: Path) -> TowerSettings:
    beside = _beside(weights)
    try:
        described = json.loads(beside.read_text(encoding="utf-8"))
        version, expected = described["version"], described["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{beside} cannot be read ({error}); install the package again") from error
    if version != TOWER_VERSION:
        raise WeightsError(
            f"{weights} is of version {version}, this program reads {TOWER_VERSION}; use matching releases"
        )
    try:
        found = file_sha256(weights)
    except OSError as error:
        raise WeightsError(f"{weights} cannot be read ({error}); install the package again") from error
    if found != expected:
        raise WeightsError(
            f"{weights} has SHA-256 {found}, expected {expected}; it is damaged: install the package again"
        )
    known = {field.name for field in fields(TowerSettings)}
    values = described.get("settings", {})
    if not isinstance(values, dict) or set(values) != known:
        raise WeightsError(f"{beside} lacks the tower's settings {sorted(known)}; install the package again")
    shapes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return TowerSettings(**shapes)


def _beside(weights: Path) -> Path:
    return weights.with_suffix(".json")


def _square(picture: Image, px: int) -> NDArray[np.uint8]:
    """The picture as (px, px, 3) RGB, letterboxed on white like the thumbnails that models are shown."""
    from PIL import Image as PilImage

    rgb = picture.convert("RGB")
    if rgb.size != (px, px):
        fitted = fit(rgb, px)
        rgb = PilImage.new("RGB", (px, px), "white")
        # An odd pixel of white goes to the right and below, where the weights saw it in training.
        rgb.paste(fitted, ((px - fitted.width) // 2, (px - fitted.height) // 2))
    return np.asarray(rgb, dtype=np.uint8)
