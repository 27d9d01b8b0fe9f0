"""Patterns as polygons in texture space, so that they bend with the surface they lie on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from finetune.builtin.drawing.look import Look
from finetune.builtin.drawing.surfaces import Points


class Ink(Enum):
    """What a motif is filled with."""

    ACCENT = "accent"
    VEIL = "veil"  # accent, half transparent
    HEART = "heart"  # a light or dark dot in the accent


@dataclass(frozen=True)
class Box:
    """A rectangle of texture that must be covered."""

    left: float
    top: float
    right: float
    bottom: float

    def grid(self, step_u: float, step_v: float, *, shift_rows: float = 0.0) -> Iterator[tuple[float, float, int, int]]:
        """Centres (u, v, row, column) of a grid over the box; odd rows are shifted by a share of the step."""
        for row in range(math.floor(self.top / step_v), math.ceil(self.bottom / step_v) + 1):
            offset = shift_rows * step_u if row % 2 else 0.0
            for column in range(math.floor(self.left / step_u) - 1, math.ceil(self.right / step_u) + 1):
                yield column * step_u + offset, row * step_v, row, column


Motif = tuple[Ink, Points]
_PERIODS = {
    "stripes": (30.0, 15.0),
    "dots": (32.0, 19.0),
    "checks": (40.0, 24.0),
    "zigzag": (34.0, 20.0),
    "floral": (46.0, 30.0),
    "diamonds": (42.0, 26.0),
    "leaves": (44.0, 29.0),
}
_REPEATS = {"stripes": 0.5 * math.hypot(1.0, 0.8) / 0.8, "leaves": 0.8}
"""Length of a repeat along u, in two periods, where it is not two periods."""


def motifs(look: Look, box: Box, *, zoom: float = 1.0, turns: float = 0.0, around: float = 1.0) -> list[Motif]:
    """The polygons of the look's pattern over the box, in drawing order; none for plain.

    zoom: below 1 for small parts. turns: moves the texture along u by this share of `around`, the texture's
    length around the body, rounded to whole repeats, so that one full turn ends where it began.
    """
    if look.pattern == "plain":
        return []
    large, small = _PERIODS[look.pattern]
    period = (large + (small - large) * look.density) * zoom
    repeat = 2 * period * _REPEATS.get(look.pattern, 1.0)
    shift = turns * max(1, round(around / repeat)) * repeat
    moved = Box(box.left - shift, box.top, box.right - shift, box.bottom)
    drawn = _PATTERNS[look.pattern](moved, period, look.layout)
    return [(ink, points + np.array((shift, 0.0))) for ink, points in drawn]


def _rectangle(left: float, top: float, right: float, bottom: float, step: float = 9.0) -> Points:
    """A rectangle with points all along its sides, so that it can bend."""
    across = np.linspace(left, right, max(2, int((right - left) / step) + 1))
    down = np.linspace(top, bottom, max(2, int((bottom - top) / step) + 1))
    return np.concatenate(
        [
            np.stack([across, np.full_like(across, top)], axis=1),
            np.stack([np.full_like(down, right), down], axis=1),
            np.stack([across[::-1], np.full_like(across, bottom)], axis=1),
            np.stack([np.full_like(down, left), down[::-1]], axis=1),
        ]
    )


def _blob(u: float, v: float, radius: float, *, petals: int = 0, depth: float = 0.0, points: int = 12) -> Points:
    """A circle, or a flower whose petals cut `depth` of the radius."""
    angle = np.linspace(0, 2 * math.pi, points, endpoint=False)
    reach = radius * (1 - depth * (0.5 + 0.5 * np.cos(petals * angle)) ** 2) if petals else np.full(points, radius)
    return np.stack([u + reach * np.sin(angle), v - reach * np.cos(angle)], axis=1)


def _band(points: Points, thickness: float) -> Points:
    """A line drawn with a thickness measured along v."""
    lower = points[::-1] + np.array((0.0, thickness))
    return np.concatenate([points, lower])


def _rotated(points: Points, angle: float) -> Points:
    cos, sin = math.cos(angle), math.sin(angle)
    rotated: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return rotated


def _stripes(box: Box, period: float, layout: int) -> list[Motif]:
    width = period * 0.42
    if layout == 2:
        columns = range(math.floor(box.left / period) - 1, math.ceil(box.right / period) + 1)
        return [(Ink.ACCENT, _rectangle(at * period, box.top, at * period + width, box.bottom)) for at in columns]
    lean = 0.8 if layout == 3 else 0.0
    step = period * math.hypot(1.0, lean)
    rise = sorted((lean * box.left, lean * box.right))
    rows = range(math.floor((box.top - rise[1]) / step) - 1, math.ceil((box.bottom - rise[0]) / step) + 1)
    across = np.linspace(box.left, box.right, max(2, int((box.right - box.left) / 9) + 1))
    drawn: list[Motif] = []
    for row in rows:
        thickness = width * step / period * (0.45 if layout == 1 and row % 2 else 1.0)
        drawn.append((Ink.ACCENT, _band(np.stack([across, row * step + lean * across], axis=1), thickness)))
    return drawn


def _dots(box: Box, period: float, layout: int) -> list[Motif]:
    drawn: list[Motif] = []
    step_v = period if layout == 2 else period * 0.86
    for u, v, row, column in box.grid(period, step_v, shift_rows=0.0 if layout == 2 else 0.5):
        small = layout == 1 and (row + column) % 2
        drawn.append((Ink.ACCENT, _blob(u, v, period * (0.16 if small else 0.29))))
    return drawn


def _checks(box: Box, period: float, layout: int) -> list[Motif]:
    if layout == 1:
        half = period * 0.5
        return [
            (Ink.ACCENT, _rectangle(u, v, u + half * 0.88, v + half * 0.88))
            for u, v, row, column in box.grid(half, half)
            if (row + column) % 2 == 0
        ]
    wide = period * (0.2 if layout == 2 else 0.4)
    ink = Ink.ACCENT if layout == 2 else Ink.VEIL
    rows = range(math.floor(box.top / period) - 1, math.ceil(box.bottom / period) + 1)
    columns = range(math.floor(box.left / period) - 1, math.ceil(box.right / period) + 1)
    across: list[Motif] = [
        (ink, _rectangle(box.left - period, row * period, box.right + period, row * period + wide)) for row in rows
    ]
    down: list[Motif] = [
        (ink, _rectangle(column * period, box.top - period, column * period + wide, box.bottom + period))
        for column in columns
    ]
    return across + down


def _zigzag(box: Box, period: float, layout: int) -> list[Motif]:
    if layout == 2:
        upright = _zigzag(Box(box.top, box.left, box.bottom, box.right), period, 0)
        return [(ink, points[:, ::-1]) for ink, points in upright]
    half = period * (0.5 if layout != 1 else 0.36)
    height = period * (0.46 if layout != 1 else 0.4)
    first = math.floor(box.left / (2 * half)) * 2 - 2
    corners = np.arange(first, math.ceil(box.right / half) + 3)
    drawn: list[Motif] = []
    for row in range(math.floor(box.top / period) - 1, math.ceil(box.bottom / period) + 1):
        line = np.stack([corners * half, row * period + np.where(corners % 2 == 0, 0.0, height)], axis=1)
        drawn.append((Ink.ACCENT, _band(_halved(_halved(line)), period * 0.38)))
    return drawn


def _halved(line: Points) -> Points:
    """The same line with a point in the middle of each piece."""
    middle = (line[:-1] + line[1:]) / 2
    between = np.empty((len(line) + len(middle), 2))
    between[0::2], between[1::2] = line, middle
    return between


def _floral(box: Box, period: float, layout: int) -> list[Motif]:
    petals, depth = ((5, 0.46), (6, 0.5), (8, 0.4), (4, 0.5))[layout]
    drawn: list[Motif] = []
    for u, v, row, column in box.grid(period, period * 0.82, shift_rows=0.5):
        radius = period * (0.40 if (row + column) % 2 else 0.34)
        drawn.append((Ink.ACCENT, _blob(u, v, radius, petals=petals, depth=depth, points=petals * 6)))
        drawn.append((Ink.HEART, _blob(u, v, radius * 0.3, points=10)))
    return drawn


def _diamonds(box: Box, period: float, layout: int) -> list[Motif]:
    tall = period * (1.35 if layout != 1 else 1.0)
    shape = np.array([(0, -0.5), (0.5, 0), (0, 0.5), (-0.5, 0)])
    drawn: list[Motif] = []
    for u, v, row, _ in box.grid(period, tall / 2, shift_rows=0.5):
        if layout in (0, 1) and row % 2:
            continue
        size = 0.82 if layout in (0, 1) else 0.62
        rhombus = _halved(np.concatenate([shape, shape[:1]]) * (period * size, tall * size))
        drawn.append((Ink.ACCENT, rhombus + np.array((u, v))))
        if layout in (2, 3):
            drawn.append((Ink.HEART, shape * (period * 0.22, tall * 0.22) + np.array((u, v))))
    return drawn


def _leaf(length: float, width: float, *, start: float = 0.0) -> Points:
    """A leaf that points up; start: where its stem sits, in lengths above the origin."""
    along = np.linspace(0, 1, 8)
    side = width * np.sin(math.pi * along**0.85)
    right = np.stack([side, -length * (along + start)], axis=1)
    left = np.stack([-side, -length * (along + start)], axis=1)[::-1]
    return np.concatenate([right, left])


def _leaves(box: Box, period: float, layout: int) -> list[Motif]:
    drawn: list[Motif] = []
    if layout in (0, 1):
        for u, v, row, column in box.grid(period * 0.8, period * 0.8, shift_rows=0.5):
            angle = math.radians(((40, -40), (140, 220))[row % 2][column % 2] if layout else (35 if row % 2 else -35))
            points = _rotated(_leaf(period * 0.74, period * 0.19, start=-0.5), angle)
            drawn.append((Ink.ACCENT, points + np.array((u, v))))
        return drawn
    columns = range(math.floor(box.left / period) - 1, math.ceil(box.right / period) + 2)
    thin = period * 0.05
    for column in columns:
        drawn.append((Ink.ACCENT, _rectangle(column * period - thin, box.top, column * period + thin, box.bottom)))
        step = period * 0.5
        for row in range(math.floor(box.top / step) - 1, math.ceil(box.bottom / step) + 2):
            for side in (-1, 1):
                points = _rotated(_leaf(period * 0.56, period * 0.15), math.radians(52 * side))
                lag = step / 2 if layout == 3 and side > 0 else 0.0
                drawn.append((Ink.ACCENT, points + np.array((column * period, row * step + lag))))
    return drawn


_PATTERNS: dict[str, Callable[[Box, float, int], list[Motif]]] = {
    "stripes": _stripes,
    "dots": _dots,
    "checks": _checks,
    "zigzag": _zigzag,
    "floral": _floral,
    "diamonds": _diamonds,
    "leaves": _leaves,
}
