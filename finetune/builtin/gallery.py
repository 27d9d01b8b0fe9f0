"""Drawn pictures, found by how they look."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finetune.builtin.drawing.look import Look
from finetune.builtin.schemas import LOOKS, Want


@dataclass(frozen=True, slots=True)
class Gallery:
    """Drawn pictures that lists are made of: row numbers by look, so that a wanted look is found at once."""

    looks: Sequence[Look]
    rows: Mapping[Want, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, looks: Sequence[Look]) -> Gallery:
        rows: dict[Want, list[int]] = {}
        for row, look in enumerate(looks):
            for name in LOOKS:
                rows.setdefault((name, getattr(look, name)), []).append(row)
        return cls(looks, {want: tuple(found) for want, found in rows.items()})

    def find(self, rng: random.Random, fixed: Mapping[str, str], tries: int = 400) -> int:
        """A row whose look has the fixed values; the closest of many tries when none has them all."""
        if not fixed:
            return rng.randrange(len(self.looks))
        pool = min((self.rows[want] for want in fixed.items()), key=len)
        picks = rng.sample(pool, min(tries, len(pool)))
        return max(picks, key=lambda row: sum(getattr(self.looks[row], k) == v for k, v in fixed.items()))
