"""The built-in image encoder: a small tower whose vectors live in MiniLM's space.

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

TOWER_VERSION = 3
WEIGHTS = Path(__file__).with_name("image_encoder.safetensors")
_BATCH = 64
_MEAN, _STD = 0.5, 0.25


@dataclass(frozen=True, slots=True)
class TowerSettings:
    """The shape of the tower. window, stride: of its first look, in pixels. widths, blocks, wider: channels, residual
    blocks and how much wider a block is inside, on the fine grid and on the one of half its side. names: how many
    values each attribute has that it learns to name.
    """

    image_px: int = 96
    dimensions: int = 384
    window: int = 16
    stride: int = 8
    widths: tuple[int, int] = (128, 256)
    blocks: tuple[int, int] = (2, 1)
    wider: tuple[int, int] = (2, 2)
    names: tuple[int, ...] = ()


class _Block(nn.Module):
    """A look at the 3 x 3 neighbours, channel by channel, then a layer across channels (Liu et al. 2022, ConvNeXt).

    Takes and gives (n, height, width, channels): so the wide products need no copies.
    """

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(width, width, 3, 1, 1, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, wider * width)
        self.down = nn.Linear(wider * width, width)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor) -> Tensor:
        inside = self.norm(_channels_last(self.near(_channels_first(x))))
        changed: Tensor = self.down(functional.gelu(self.up(inside)))
        return x + changed


class ImageTower(nn.Module):
    """Pictures (n, 3, px, px) to unit vectors (n, 384) in the space of the text encoder it was trained beside.

    What both grids saw goes into the vector, as mean and maximum over places: a pattern is fine and everywhere. So does
    how surely each attribute has each of its values: what can be read off is not always what a projection tells.
    """

    def __init__(self, settings: TowerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or TowerSettings()
        window, stride, (fine, coarse) = self.settings.window, self.settings.stride, self.settings.widths
        many_fine, many_coarse = self.settings.blocks
        self.look = nn.Conv2d(3, fine, window, stride, (window - stride) // 2)
        self.look_norm = nn.LayerNorm(fine)
        self.fine = nn.Sequential(*(_Block(fine, self.settings.wider[0]) for _ in range(many_fine)))
        self.fine_norm = nn.LayerNorm(fine)
        self.halve = nn.Conv2d(fine, coarse, 2, 2)
        self.coarse = nn.Sequential(*(_Block(coarse, self.settings.wider[1]) for _ in range(many_coarse)))
        self.coarse_norm = nn.LayerNorm(coarse)
        self.heads = nn.ModuleList(nn.Linear(self.seen, values) for values in self.settings.names)
        self.projection = nn.Sequential(
            nn.Linear(self.seen + sum(self.settings.names), self.settings.dimensions),
            nn.GELU(),
            nn.Linear(self.settings.dimensions, self.settings.dimensions),
        )

    @property
    def seen(self) -> int:
        """Length of what `pooled` returns for a picture."""
        return 2 * sum(self.settings.widths)

    @property
    def image_px(self) -> int:
        """Side of the square pictures that it takes."""
        return self.settings.image_px

    @property
    def dimensions(self) -> int:
        return self.settings.dimensions

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (n, 3, px, px) float, 0 to 1. Returns (n, dimensions), normalised."""
        return self.vectors(self.pooled(pixels))

    def vectors(self, pooled: Tensor) -> Tensor:
        """(n, dimensions), normalised, of what the grids saw of each picture, (n, seen)."""
        names = [head(pooled).softmax(dim=-1) for head in self.heads]
        return functional.normalize(self.projection(torch.cat([pooled, *names], dim=1)), dim=-1)

    def pooled(self, pixels: Tensor) -> Tensor:
        """What the grids saw, before the projection: (n, seen), mean and maximum over places of each."""
        fine = self.look_norm(_channels_last(self.look((pixels - _MEAN) / _STD)))
        fine = self.fine_norm(self.fine(fine))
        coarse = self.coarse_norm(self.coarse(_channels_last(self.halve(_channels_first(fine)))))
        return torch.cat([part for x in (fine, coarse) for part in (x.mean(dim=(1, 2)), x.amax(dim=(1, 2)))], dim=1)

    def embed(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Unit vectors (n, 384) float32 of opened pictures; those of another size are letterboxed on white."""
        self.eval()
        parts = [np.zeros((0, self.dimensions), dtype=np.float32)]
        with torch.inference_mode():
            for start in range(0, len(pictures), _BATCH):
                batch = np.stack([squared(picture, self.image_px) for picture in pictures[start : start + _BATCH]])
                parts.append(self(pixels_of(batch)).float().numpy())
        return np.concatenate(parts)


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def pixels_of(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, px, px, 3) uint8 RGB to (n, 3, px, px) float32, 0 to 1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)


def load_image_tower(weights: Path = WEIGHTS, *, remedy: str = "install the package again") -> ImageTower:
    """The trained tower, ready to embed. remedy: what to do about bad weights, for the message.

    Raises WeightsError when the file is missing, of another version, or not the one whose SHA-256 stands beside it.
    """
    from safetensors.torch import load_file

    settings = _checked_settings(weights, remedy)
    tower = ImageTower(settings)
    try:
        tower.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()}, strict=True)
    except RuntimeError as error:
        raise WeightsError(
            f"{weights} does not fit the tower that {_beside(weights).name} describes ({error}); {remedy}"
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


def _checked_settings(weights: Path, remedy: str) -> TowerSettings:
    beside = _beside(weights)
    try:
        described = json.loads(beside.read_text(encoding="utf-8"))
        version, expected = described["version"], described["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{beside} cannot be read ({error}); {remedy}") from error
    if version != TOWER_VERSION:
        raise WeightsError(
            f"{weights} is of version {version}, this program reads {TOWER_VERSION}; use matching releases, or {remedy}"
        )
    try:
        found = file_sha256(weights)
    except OSError as error:
        raise WeightsError(f"{weights} cannot be read ({error}); {remedy}") from error
    if found != expected:
        raise WeightsError(f"{weights} has SHA-256 {found}, expected {expected}; it is damaged: {remedy}")
    known = {field.name for field in fields(TowerSettings)}
    values = described.get("settings", {})
    if not isinstance(values, dict) or set(values) != known:
        raise WeightsError(f"{beside} lacks the tower's settings {sorted(known)}; {remedy}")
    shapes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return TowerSettings(**shapes)


def _beside(weights: Path) -> Path:
    return weights.with_suffix(".json")


def squared(picture: Image, px: int) -> NDArray[np.uint8]:
    """The picture as (px, px, 3) RGB, letterboxed on white like the thumbnails that models are shown."""
    from PIL import Image as PilImage

    rgb = picture.convert("RGB")
    if rgb.size != (px, px):
        fitted = fit(rgb, px)
        rgb = PilImage.new("RGB", (px, px), "white")
        # An odd pixel of white goes to the right and below, where the weights saw it in training.
        rgb.paste(fitted, ((px - fitted.width) // 2, (px - fitted.height) // 2))
    return np.asarray(rgb, dtype=np.uint8)
