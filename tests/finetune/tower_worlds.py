"""Small worlds whose next item is known: what towers must find out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from finetune.tower_data import Sequences, TowerData
from retrieval.two_towers import Content

KINDS, EACH = 6, 8
ITEMS = KINDS * EACH


def row_of(kind: int, number: int) -> int:
    """The row of a kind's item of that number, 0 to 7."""
    return number * KINDS + kind


def kind_of(row: int) -> int:
    return row % KINDS


def world(users: int = 150, seed: int = 0, cold: int = 0) -> TowerData:
    """Whoever wanted an item of a kind wants one of the next kind then; an item's text tells its kind, noisily.

    cold: so many of the last items nobody has wanted yet.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(users):
        kinds = (int(rng.integers(KINDS)) + np.arange(int(rng.integers(4, 9)))) % KINDS
        wanted = [int(rng.choice(np.arange(kind, ITEMS - cold, KINDS))) for kind in kinds]
        rows.append(np.array(list(dict.fromkeys(wanted)), dtype=np.int64))
    meanings = np.eye(KINDS, 12)[np.arange(ITEMS) % KINDS] + 0.1 * rng.normal(size=(ITEMS, 12))
    return TowerData(tuple(f"item {row:02}" for row in range(ITEMS)), ITEMS - cold, sequences(rows), content(meanings))


def sequences(rows: list[NDArray[np.int64]]) -> Sequences:
    nothing = tuple(np.zeros(len(each), dtype=np.int64) for each in rows)
    return Sequences(tuple(rows), nothing, nothing, tuple(np.ones(len(each), dtype=np.float32) for each in rows))


def content(texts: NDArray[np.float64]) -> Content:
    """These texts' vectors, and no pictures."""
    text = torch.from_numpy(texts).float()
    return Content(text, torch.zeros_like(text), torch.tensor([[True, False]]).repeat(len(texts), 1))
