"""Learned towers, ready to use: item vectors for the store, and a user's vector from the last thing that was wanted.

Trained by `finetune/towers.py`. The store keeps the item vectors; a user's vector is made when it is asked for, so that
the next request sees the last click.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from retrieval.errors import StoreError, WeightsError
from retrieval.hashing import file_sha256
from retrieval.two_towers import Circumstances, Content, TowerSettings, TwoTowers, gap_classes, type_class

if TYPE_CHECKING:
    from retrieval.types import Event
    from retrieval.vectors import Vector, Vectors

FORMAT = 1
_ITEMS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class TowerFacts:
    """What is kept beside the weights.

    item_ids: of the id vectors, in their order. encoder: fingerprint of the encoder whose vectors are the content.
    dimensions: of that encoder. scale: the length that stands for 1 in the item vectors. training: how they were
    trained, for the reader.
    """

    settings: TowerSettings
    item_ids: tuple[str, ...]
    encoder: str | None
    dimensions: int
    scale: float
    training: Mapping[str, Any]


class Towers:
    """Trained towers. Safe to use from several threads. known: the items that they have seen somebody want.

    Vectors have width + 1 dimensions and length 1: an item's are divided by `scale`, and the last one fills them up to
    length 1, so that the cosine to a user's vector, whose last one is 0, orders items as the dot product does
    (Bachrach et al. 2014, section 3).
    """

    def __init__(self, network: TwoTowers, facts: TowerFacts) -> None:
        self.facts = facts
        self.network = network.eval()
        self.known = frozenset(facts.item_ids)
        self._row_of = {item_id: row for row, item_id in enumerate(facts.item_ids)}

    @property
    def dimensions(self) -> int:
        """Of the vectors."""
        return self.facts.settings.width + 1

    def item_vectors(
        self, item_ids: Sequence[str], texts: Mapping[str, Vector], images: Mapping[str, Vector]
    ) -> Vectors:
        """(n_items, dimensions) float32 of length 1. An item that training has not seen speaks by its content alone.

        texts, images: the content vectors by item, as far as there are any.
        """
        parts = [np.zeros((0, self.dimensions), dtype=np.float32)]
        for start in range(0, len(item_ids), _ITEMS_AT_ONCE):
            some = item_ids[start : start + _ITEMS_AT_ONCE]
            rows = torch.tensor([self._row_of.get(item_id, -1) for item_id in some])
            content = content_of(some, texts, images, self.facts.dimensions)
            known = rows >= 0
            with torch.inference_mode():
                trained = self.network.item(content, rows.clamp(min=0), known)
                raw = torch.where(known[:, None], trained, self.network.item.guess(content))
            parts.append(augmented(raw.numpy(), self.facts.scale))
        return np.concatenate(parts)

    def user_vector(self, history: Sequence[Event], vectors: Mapping[str, Vector]) -> Vector | None:
        """(dimensions,) float32 of length 1: what somebody with this history wants next; None where it says nothing.

        history: wanted items, oldest first. vectors: item vectors as `item_vectors` gives them; others are left out.
        """
        settings = self.facts.settings
        known = [event for event in history if event.item_id in vectors][-settings.length :]
        if not known:
            return None
        wanted = np.stack([vectors[event.item_id][:-1] for event in known]) * np.float32(self.facts.scale)
        times = [event.timestamp for event in known]
        gaps = [0, *gap_classes([(after - before).total_seconds() for before, after in pairwise(times)])]
        types = [type_class(event.type) for event in known]
        with torch.inference_mode():
            circumstances = Circumstances(torch.tensor([gaps]), torch.tensor([types]))
            user = self.network.user(torch.from_numpy(wanted)[None], circumstances)[0, -1].numpy()
        return np.append(user / max(float(np.linalg.norm(user)), 1e-9), np.float32(0)).astype(np.float32)


def augmented(vectors: Vectors, scale: float) -> Vectors:
    """(n, d) any float32 to (n, d + 1) of length 1; those longer than the scale are shortened to it."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    within = vectors / np.maximum(lengths, scale)
    rest = np.sqrt(np.maximum(0.0, 1 - np.sum(within**2, axis=1, keepdims=True)))
    return np.concatenate([within, rest], axis=1).astype(np.float32)


def content_of(
    item_ids: Sequence[str], texts: Mapping[str, Vector], images: Mapping[str, Vector], dimensions: int
) -> Content:
    """The items' content as the item tower reads it; zeros where there is none."""
    present = torch.tensor([[item_id in texts, item_id in images] for item_id in item_ids]).reshape(-1, 2)
    nothing = np.zeros(dimensions, dtype=np.float32)
    sides = [
        np.stack([side.get(item_id, nothing) for item_id in item_ids]) if item_ids else np.zeros((0, dimensions))
        for side in (texts, images)
    ]
    text, image = (torch.from_numpy(side.astype(np.float32)) for side in sides)
    return Content(text, image, present)


def save_towers(towers: Towers, folder: Path) -> str:
    """Write the towers into the folder, whole or not at all; returns their version, which names the files.

    Raises StoreError when the disk is full.
    """
    from safetensors.torch import save_file

    try:
        folder.mkdir(exist_ok=True)
        fresh = folder / ".new.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in towers.network.state_dict().items()}, fresh)
        version = file_sha256(fresh)[:16]
        described = {"format": FORMAT, "sha256": file_sha256(fresh), **asdict(towers.facts)}
        beside = folder / ".new.json"
        beside.write_text(json.dumps(described) + "\n", encoding="utf-8")
        for path in (fresh, beside):
            path.chmod(0o644)  # safetensors writes files that only their owner may read
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(folder / f"{version}{path.suffix}")
    except OSError as error:
        raise StoreError(
            f"the towers cannot be written to {folder} ({error}); free some space and run again"
        ) from error
    return version


def load_towers(folder: Path, version: str) -> Towers:
    """The towers of that version. Raises WeightsError when they are missing, damaged or of another format."""
    from safetensors.torch import load_file

    weights = folder / f"{version}.safetensors"
    facts = _read_facts(weights)
    network = TwoTowers(facts.settings, len(facts.item_ids), facts.dimensions, facts.dimensions)
    try:
        network.load_state_dict(load_file(weights), strict=True)
    except (RuntimeError, OSError) as error:
        raise WeightsError(f"{weights} does not fit what {version}.json says of it: {error}; {_AGAIN}") from error
    return Towers(network, facts)


_AGAIN = "run tastemaker finetune towers again"


def _read_facts(weights: Path) -> TowerFacts:
    beside = weights.with_suffix(".json")
    try:
        described = json.loads(beside.read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise WeightsError(f"{beside} has format {described['format']}, expected {FORMAT}; {_AGAIN}")
        found, expected = file_sha256(weights), described["sha256"]
        if found != expected:
            raise WeightsError(f"{weights} has SHA-256 {found}, expected {expected}; it is damaged: {_AGAIN}")
        if not found.startswith(weights.stem):
            raise WeightsError(
                f"{weights} has SHA-256 {found}, and the vectors were made by towers whose SHA-256 begins with "
                f"{weights.stem}; these are another catalogue's, or of another time: {_AGAIN}"
            )
        return TowerFacts(
            TowerSettings(**described["settings"]),
            tuple(described["item_ids"]),
            described["encoder"],
            int(described["dimensions"]),
            float(described["scale"]),
            described["training"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{beside} cannot be read ({error}); {_AGAIN}") from error
