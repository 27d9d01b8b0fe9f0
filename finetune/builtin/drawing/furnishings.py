"""Hard furnishings: lamps, chairs and clocks. Each function draws its shapes on a sketch."""

from __future__ import annotations

import math

import numpy as np

from finetune.builtin.drawing.palette import BRASS, CREAM, INK, WOOD, darker, mix
from finetune.builtin.drawing.sketch import (
    TILT,
    Sketch,
    closed,
    ellipse,
    path,
    slim,
    smooth,
)
from finetune.builtin.drawing.surfaces import Points, Profile, View


def lamp(s: Sketch) -> None:
    w = slim(s)
    stand = s.accent if s.has("contrast") else (WOOD if s.look.tone < 0 else BRASS)
    s.ground(128, 222, 46, 9)
    s.add('<ellipse cx="128" cy="96" rx="122" ry="104" fill="url(#glow)"/>')
    shape = s.look.shape
    if shape == "dome":
        s.turned(Profile.through((150, 5), (190, 5), (216, 7)), stand)
        s.turned(Profile.through((206, 16), (213, 36), (221, 38)), stand)
        shade = Profile.through((44, 7), (50, 34 * w), (72, 66 * w), (104, 84 * w), (146, 92 * w))
        s.add(f'<ellipse cx="128" cy="148" rx="{88 * w}" ry="15" fill="#fff3c8"/>')
    elif shape == "globe":
        s.turned(Profile.through((166, 7), (196, 7), (206, 10)), stand)
        s.turned(Profile.through((200, 20), (208, 40), (222, 42)), stand)
        shade = Profile.through(
            (34, 16), (44, 44 * w), (68, 66 * w), (102, 74 * w), (136, 64 * w), (160, 40 * w), (170, 20)
        )
    elif shape == "drum":
        s.turned(Profile.through((134, 6), (160, 8), (204, 9)), stand)
        s.turned(Profile.through((200, 34), (222, 36)), stand)
        shade = Profile.through((36, 66 * w), (146, 72 * w))
    else:
        s.turned(Profile.through((136, 8), (146, 14), (166, 30), (190, 36), (208, 26), (222, 24)), stand)
        s.gleam("M110 168 Q104 184 110 200", 4)
        shade = Profile.through((34, 36 * w), (146, 84 * w))
    s.turned(shade, s.main, pattern=True)
    s.add(f'<path d="{closed(shade.outline(128, TILT))}" fill="#ffe9a8" opacity=".10"/>')
    if s.has("edge") or s.has("band"):
        wide = 13 if s.has("band") else 7
        s.ring(shade, shade.bottom - wide, wide, s.accent)
        if shape in ("cone", "drum"):
            s.ring(shade, shade.top, wide * 0.8, s.accent)
    if shape in ("cone", "drum"):
        s.opening(shade.top, shade.radius(shade.top), mix(s.main, (255, 240, 200), 0.5))
    s.tube("M128 30 L128 36", 4, stand)


def chair(s: Sketch) -> None:
    view = View(cy=200, yaw=math.radians(-28 + s.turn), tilt=math.radians(20))
    wood = s.accent if s.has("contrast") else (WOOD if s.look.density < 0.7 else darker(WOOD, 0.45))
    wide, deep, seat_y = 54 + 5 * s.look.stretch, 50.0, 78.0
    high = {"dining": 172.0, "padded": 166.0, "armchair": 158.0}[s.look.shape]
    s.ground(130, 206, 74, 20)

    def leg(x: float, z: float) -> None:
        foot, top = view.project(np.array([(x * 1.08, 0, z * 1.08), (x * 0.94, seat_y, z * 0.94)]))
        s.tube(f"M{foot[0]:.1f} {foot[1]:.1f} L{top[0]:.1f} {top[1]:.1f}", 8, wood)

    def slab(
        corners: list[tuple[float, float, float]],
        thick: tuple[float, float, float],
        across: tuple[float, float, float],
        down: tuple[float, float, float],
        light: str,
    ) -> None:
        """A cushioned board: its far face moved by `thick`, then its near face with the pattern."""
        near = np.array(corners, dtype=float)
        face = smooth(view.project(near), rounds=3, keep=0.16)
        back = smooth(view.project(near + thick), rounds=3, keep=0.16)
        hull = _hull(np.concatenate([face, back]))
        s.part(hull, darker(s.main, 0.28), light="down")
        if s.has("edge"):
            s.line(closed(face), s.accent, 5)
        surface = view.plane(tuple(near.mean(axis=0)), across, down)
        s.flat_part(face, s.main, light=light, surface=surface, zoom=0.95)
        if s.has("edge"):
            s.line(closed(face), s.accent, 2.6)

    legs = sorted(((-wide, -deep), (wide, -deep), (-wide, deep), (wide, deep)), key=lambda at: view.depth(*at))
    for x, z in legs[:2]:
        leg(x, z)
    behind = view.depth(0, -deep) <= 0

    def backrest() -> None:
        z, low = -deep, seat_y + 14
        if s.look.shape == "dining":
            for x in (-wide + 5, wide - 5):
                a, b = view.project(np.array([(x, seat_y, z), (x, high, z - 8)]))
                s.tube(f"M{a[0]:.1f} {a[1]:.1f} L{b[0]:.1f} {b[1]:.1f}", 8, wood)
            low = high - 58
        lean = -8 if s.look.shape != "armchair" else -14
        corners = [(-wide, high, z + lean), (wide, high, z + lean), (wide, low, z), (-wide, low, z)]
        thick = (0, 0, -10) if behind else (0, 0, 10)
        if not behind:
            corners = [(x, y, q - 10) for x, y, q in corners]
        slab(corners, thick, (1, 0, 0), (0, -1, 0), "flat")
        if s.has("band"):
            mid = (high + low) / 2
            a, b = view.project(np.array([(-wide + 4, mid, z - 4), (wide - 4, mid, z - 4)]))
            stripe = path("M", a[0], a[1], "L", b[0], b[1])
            s.line(stripe, darker(s.main, 0.3), 14.5)
            s.line(stripe, s.accent, 12)

    def seat() -> None:
        y = seat_y + 8
        slab(
            [(-wide - 3, y, -deep), (wide + 3, y, -deep), (wide + 3, y, deep + 6), (-wide - 3, y, deep + 6)],
            (0, -14, 0),
            (1, 0, 0),
            (0, 0, 1),
            "flat",
        )

    def arm(x: float) -> None:
        a, b, c = view.project(
            np.array([(x, seat_y + 40, -deep + 4), (x, seat_y + 36, deep - 2), (x, seat_y - 4, deep - 2)])
        )
        s.tube(f"M{a[0]:.1f} {a[1]:.1f} L{b[0]:.1f} {b[1]:.1f} L{c[0]:.1f} {c[1]:.1f}", 9, wood)

    arms = sorted((-wide - 4, wide + 4), key=lambda x: view.depth(x, 0)) if s.look.shape == "armchair" else []
    if behind:
        backrest()
    for x in arms[:1]:
        arm(x)
    for x, z in legs[2:]:
        leg(x, z)
    seat()
    for x in arms[1:]:
        arm(x)
    if not behind:
        backrest()


def _hull(points: Points) -> Points:
    """The convex hull, by Andrew's monotone chain."""
    ordered = sorted(map(tuple, points.tolist()))

    def half(path: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        chain: list[tuple[float, ...]] = []
        for point in path:
            while len(chain) > 1 and (chain[-1][0] - chain[-2][0]) * (point[1] - chain[-2][1]) <= (
                chain[-1][1] - chain[-2][1]
            ) * (point[0] - chain[-2][0]):
                chain.pop()
            chain.append(point)
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1]))


def clock(s: Sketch) -> None:
    shape, k = s.look.shape, s.squash
    n = {"round": 60, "square": 4, "octagonal": 8}[shape]
    r = {"round": 96.0, "square": 118.0, "octagonal": 100.0}[shape]
    angle = np.linspace(0, 2 * math.pi, n, endpoint=False) + (math.pi / n if n < 60 else 0)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outline = ring * (r, r) if n == 60 else smooth(ring * (r, r), rounds=3, keep=0.14)
    body = outline * (k, 1) + (128, 128)
    s.cast(body, dx=4, dy=8)
    s.flat_part(body, s.main, light="flat")
    if s.has("edge"):
        s.line(closed(outline * (0.965 * k, 0.965) + (128, 128)), s.accent, 9)
    face = ellipse(128, 128, 58 * k, 58)
    dial = s.accent if s.has("contrast") else CREAM
    if s.has("band"):
        s.part(ellipse(128, 128, 66 * k, 66), s.accent)
    s.part(face, darker(dial, 0.12), light="", line=1.4)
    s.part(ellipse(128 + 1, 129.5, 55 * k, 55), dial, light="flat", line=0)
    hand = INK if sum(dial) > 380 else CREAM

    def spoke(angle: float, start: float, stop: float, width: float) -> None:
        x, y = k * math.sin(angle), -math.cos(angle)
        s.line(path("M", 128 + start * x, 128 + start * y, "L", 128 + stop * x, 128 + stop * y), hand, width)

    for hour in range(12):
        spoke(math.radians(hour * 30), 40 if hour % 3 else 36, 47, 2 if hour % 3 else 4)
    minutes = s.look.layout * 77 + 300
    for degrees, length, width in ((minutes / 12, 27, 5.5), (minutes * 1.0, 42, 3.6)):
        spoke(math.radians(degrees), -7, length, width)
    s.part(ellipse(128, 128, 5, 5), s.trim_colour if s.trim_colour != s.main else hand, line=0.8)
    s.gleam(f"M{128 - 42 * k:.1f} 104 Q{128 - 30 * k:.1f} 84 {128 - 6 * k:.1f} 79", 5)
