"""Surfaces: how a flat pattern lies on cloth, on a turned body or on the floor.

A surface maps texture points (n, 2) to canvas points (n, 2). The canvas is 256 units wide; y points down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Surface = Callable[[Points], Points]


@dataclass(frozen=True)
class Profile:
    """The outline of a turned body: its radius at each height, from top to bottom, both (n,)."""

    y: NDArray[np.float64]
    r: NDArray[np.float64]

    @classmethod
    def through(cls, *points: tuple[float, float], samples: int = 28) -> Profile:
        """A smooth outline through (y, radius) points, never overshooting (Fritsch and Carlson 1980)."""
        ys, rs = (np.array(values, dtype=float) for values in zip(*points, strict=True))
        rise = np.diff(rs) / np.diff(ys)
        slopes = np.concatenate([rise[:1], np.zeros(len(rs) - 2), rise[-1:]])
        same = rise[:-1] * rise[1:] > 0
        central = (rs[2:] - rs[:-2]) / (ys[2:] - ys[:-2])
        limit = 3 * np.minimum(np.abs(rise[:-1]), np.abs(rise[1:]))
        slopes[1:-1][same] = np.clip(central, -limit, limit)[same]
        at = np.linspace(ys[0], ys[-1], samples)
        piece = np.clip(np.searchsorted(ys, at, side="right") - 1, 0, len(ys) - 2)
        width = ys[piece + 1] - ys[piece]
        t = (at - ys[piece]) / width
        radius = (
            (2 * t**3 - 3 * t**2 + 1) * rs[piece]
            + (t**3 - 2 * t**2 + t) * width * slopes[piece]
            + (3 * t**2 - 2 * t**3) * rs[piece + 1]
            + (t**3 - t**2) * width * slopes[piece + 1]
        )
        return cls(at, np.maximum(radius, 0.5))

    @property
    def top(self) -> float:
        return float(self.y[0])

    @property
    def bottom(self) -> float:
        return float(self.y[-1])

    def radius(self, y: float) -> float:
        return float(np.interp(y, self.y, self.r))

    def part(self, top: float, bottom: float, *, grow: float = 0.0) -> Profile:
        """The piece between two heights, its radius grown by some units (for bands around the body)."""
        at = np.linspace(top, bottom, 8)
        return Profile(at, np.interp(at, self.y, self.r) + grow)

    def outline(self, cx: float, tilt: float) -> Points:
        """The silhouette seen from a little above: both sides, and half ellipses at top and bottom."""
        arc = np.linspace(0, math.pi, 18)[1:-1]
        low = np.stack([self.r[-1] * np.cos(arc), self.bottom + tilt * self.r[-1] * np.sin(arc)], axis=1)
        high = np.stack([-self.r[0] * np.cos(arc), self.top - tilt * self.r[0] * np.sin(arc)], axis=1)
        right = np.stack([self.r, self.y], axis=1)
        left = np.stack([-self.r, self.y], axis=1)[::-1]
        points = np.concatenate([right, low, left, high])
        points[:, 0] += cx
        return points


def flat(cx: float = 128.0, cy: float = 128.0, *, angle: float = 0.0) -> Surface:
    """A plane; texture (0, 0) lies at (cx, cy). angle: radians, clockwise on the screen."""
    cos, sin = math.cos(angle), math.sin(angle)
    rotation = np.array([[cos, sin], [-sin, cos]])

    def place(points: Points) -> Points:
        placed: Points = points @ rotation + np.array((cx, cy))
        return placed

    return place


def cloth(cx: float, cy: float, *, wave: float = 2.0, period: float = 60.0) -> Surface:
    """A plane with soft folds."""

    def place(points: Points) -> Points:
        u, v = points[:, 0], points[:, 1]
        return np.stack(
            [cx + u + wave * np.sin(v * 2 * math.pi / period), cy + v + wave * np.sin(u * 2.6 * math.pi / period)],
            axis=1,
        )

    return place


def pillow(cx: float, cy: float, half_width: float, half_height: float, *, bulge: float = 0.12) -> Surface:
    """A stuffed rectangle: lines far from the middle are bent towards it at their ends."""

    def place(points: Points) -> Points:
        u, v = points[:, 0] / half_width, points[:, 1] / half_height
        return np.stack(
            [cx + half_width * u * (1 - bulge * (v**2 - 0.4)), cy + half_height * v * (1 - bulge * (u**2 - 0.4))],
            axis=1,
        )

    return place


def flare(cx: float, width: Profile, base: float) -> Surface:
    """Cloth that widens with its outline, as a skirt does; base: the half width that is drawn unscaled."""

    def place(points: Points) -> Points:
        share = np.interp(points[:, 1], width.y, width.r) / base
        return np.stack([cx + points[:, 0] * share, points[:, 1] + 0.0006 * points[:, 0] ** 2], axis=1)

    return place


def turned(cx: float, profile: Profile, tilt: float) -> Surface:
    """A turned body seen from a little above. Texture u is arc length at the widest place, v is canvas height.

    What lies behind the body is pressed onto its edge, where the outline hides it.
    """
    widest = float(profile.r.max())

    def place(points: Points) -> Points:
        angle = np.clip(points[:, 0] / widest, -math.pi / 2, math.pi / 2)
        radius = np.interp(points[:, 1], profile.y, profile.r)
        return np.stack([cx + radius * np.sin(angle), points[:, 1] + tilt * radius * np.cos(angle)], axis=1)

    return place


@dataclass(frozen=True)
class View:
    """A camera that looks at the floor: yaw around the vertical axis, tilt downwards, slight perspective.

    World points are (x right, y up, z towards the camera), in canvas units around (cx, cy) on the floor.
    """

    cx: float = 128.0
    cy: float = 190.0
    yaw: float = math.radians(-28)
    tilt: float = math.radians(24)
    distance: float = 900.0

    def project(self, points: Points) -> Points:
        """World (n, 3) to canvas (n, 2)."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        x = points[:, 0] * cos + points[:, 2] * sin
        z = -points[:, 0] * sin + points[:, 2] * cos
        height = points[:, 1] * math.cos(self.tilt) - z * math.sin(self.tilt)
        depth = z * math.cos(self.tilt) + points[:, 1] * math.sin(self.tilt)
        scale = self.distance / (self.distance - depth)
        return np.stack([self.cx + x * scale, self.cy - height * scale], axis=1)

    def depth(self, x: float, z: float) -> float:
        """How near a floor point is; larger is nearer."""
        return -x * math.sin(self.yaw) + z * math.cos(self.yaw)

    def plane(self, origin: Sequence[float], across: Sequence[float], down: Sequence[float]) -> Surface:
        """Texture on a plane of the world; across and down are the directions of u and v."""
        start, right, below = (np.array(vector, dtype=float) for vector in (origin, across, down))

        def place(points: Points) -> Points:
            return self.project(start + points[:, :1] * right + points[:, 1:] * below)

        return place
