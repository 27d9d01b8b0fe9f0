"""Cloth for the house: cushions, rugs and blankets. Each function draws its shapes on a sketch."""

from __future__ import annotations

import math

import numpy as np

from finetune.builtin.drawing.palette import CREAM, INK, WOOD, darker, lighter, mix
from finetune.builtin.drawing.patterns import Box
from finetune.builtin.drawing.sketch import (
    EVERYWHERE,
    Sketch,
    closed,
    ellipse,
    path,
    rounded,
    smooth,
)
from finetune.builtin.drawing.surfaces import Points, View, flat, pillow


def cushion(s: Sketch) -> None:
    shape = s.look.shape
    if shape == "round":
        s.ground(128, 214, 78, 12)
        outline = ellipse(128, 130, 86 * s.squash, 86)
        s.part(outline, s.main, light="ball flat", surface=flat(), box=EVERYWHERE)
        if s.has("edge"):
            s.line(closed(outline), s.accent, 6)
        if s.has("band"):
            s.line(closed(ellipse(128, 130, 60 * s.squash, 60)), s.accent, 9)
        s.part(ellipse(128, 130, 9, 9), s.contrast if not s.has("band") else s.accent, light="ball")
        return
    half_w, half_h = (84.0, 84.0) if shape == "square" else (102.0, 64.0)
    half_w = half_w * (1 + 0.04 * s.look.stretch)
    cy = 208 - half_h
    s.ground(128, 212, half_w * 0.9, 11)
    dent = 0.13
    side = np.linspace(-1, 1, 12)
    bend = 1 - dent * (1 - side**2)
    edge = np.concatenate(
        [
            np.stack([side, -bend], axis=1),
            np.stack([bend, side], axis=1)[1:],
            np.stack([-side, bend], axis=1)[1:],
            np.stack([-bend, -side], axis=1)[1:-1],
        ]
    )
    outline = smooth(edge * (half_w * s.squash, half_h) + (128, cy), rounds=1)
    s.part(
        outline,
        s.main,
        light="ball flat",
        surface=pillow(128, cy, half_w, half_h),
        box=Box(-half_w * 1.3, -half_h * 1.3, half_w * 1.3, half_h * 1.3),
        zoom=1.0,
    )
    if s.has("edge"):
        s.line(closed(outline), s.accent, 6)
    if s.has("band"):
        for x in (-half_w * 0.62, half_w * 0.62):
            at = 128 + x * s.squash
            bent = 128 + x * 0.9 * s.squash
            s.line(path("M", at, cy - half_h * 0.87, "Q", bent, cy, at, cy + half_h * 0.87), s.accent, 9)
    if s.has("contrast"):
        for x, y in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
            px, py = 128 + x * (half_w - 1) * s.squash, cy + y * (half_h - 1)
            s.line(
                "".join(path("M", px, py, "l", x * a, y * b) for a, b in ((9, 12), (13, 8), (5, 14))),
                s.accent,
                3.4,
            )
            s.part(ellipse(px, py, 6, 6), s.accent, light="ball")
    for crease in (
        f"M{128 - half_w * 0.86 * s.squash:.1f} {cy - half_h * 0.8:.1f} q18 16 24 30",
        f"M{128 + half_w * 0.86 * s.squash:.1f} {cy - half_h * 0.8:.1f} q-18 16 -24 30",
        f"M{128 + half_w * 0.86 * s.squash:.1f} {cy + half_h * 0.82:.1f} q-20 -14 -28 -30",
    ):
        s.fold(crease, width=3.5)


def rug(s: Sketch) -> None:
    view = View(cy=132, yaw=math.radians(-20 + s.turn), tilt=math.radians(52))
    shape = s.look.shape
    half_x, half_z = {"rectangular": (88.0, 70.0), "round": (98.0, 98.0), "runner": (96.0, 44.0)}[shape]
    woven = ellipse(0, 0, half_x, half_z) if shape == "round" else rounded(-half_x, -half_z, half_x, half_z, 5)
    plane = view.plane((0, 0, 0), (1, 0, 0), (0, 0, 1))
    outline = plane(woven)
    s.cast(outline, dx=2, dy=6)
    if shape != "round":
        fringe = s.accent if s.trim_colour == s.accent else mix(s.main, CREAM, 0.6)
        at = np.linspace(-half_z + 3, half_z - 3, 17 if shape == "rectangular" else 11)
        for side in (-1, 1):
            inner = plane(np.stack([np.full_like(at, side * (half_x - 1)), at], axis=1))
            outer = plane(np.stack([np.full_like(at, side * (half_x + 13)), at + 2 * side], axis=1))
            strands = "".join(
                f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" for a, b in zip(inner, outer, strict=True)
            )
            s.line(strands, darker(fringe, 0.3), 4.2)
            s.line(strands, fringe, 3)
    s.part(outline + np.array((0, 4)), darker(s.main, 0.4), light="", line=0)
    s.flat_part(outline, s.main, surface=plane, zoom=1.15)
    for share, width in {"edge": ((0.93, 9.0),), "band": ((0.80, 7.0),), "contrast": ((0.95, 5.0), (0.84, 3.5))}.get(
        s.look.trim, ()
    ):
        inset = half_x * (1 - share)
        border = (
            ellipse(0, 0, half_x * share, half_z * share)
            if shape == "round"
            else rounded(-half_x + inset, -half_z + inset, half_x - inset, half_z - inset, 3)
        )
        s.line(closed(plane(border)), s.accent, width)


def blanket(s: Sketch) -> None:
    shape, k = s.look.shape, s.squash
    if shape == "rolled":
        s.ground(128, 200, 92, 15)
        left, right, cy, r = 128 - 82 * k, 128 + 82 * k, 146.0, 54.0
        body = np.concatenate(
            [
                ellipse(right, cy, 22, r, points=32)[24:],
                ellipse(right, cy, 22, r, points=32)[:9],
                ellipse(left, cy, 22, r, points=32)[8:25],
            ]
        )
        s.part(body, s.main, light="down", surface=flat(), box=EVERYWHERE)
        for x in (96, 172):
            if not s.has("none"):
                s.line(
                    f"M{x} {cy - r} q9 {r} 0 {2 * r}",
                    s.accent if s.has("band") or s.has("contrast") else darker(s.main, 0.4),
                    9,
                )
        end = s.accent if s.has("contrast") else lighter(s.main, 0.12)
        s.part(ellipse(right, cy, 22, r), end, light="shade")
        spiral = "M" + " L".join(
            f"{right + 22 * t * math.cos(t * 19):.1f} {cy + r * t * math.sin(t * 19):.1f}"
            for t in np.linspace(0.08, 0.98, 60)
        )
        s.line(spiral, darker(end, 0.45), 2.2, opacity=0.7)
        if s.has("edge"):
            s.line(closed(ellipse(right, cy, 22, r)), s.accent, 4.5)
        return
    if shape == "draped":
        rail = WOOD
        s.cast(rounded(52, 54, 204, 200, 6), dx=6, dy=10)
        s.tube("M22 52 L234 52", 9, rail)
        x0, x1 = 128 - 76 * k, 128 + 76 * k
        wave = np.linspace(0, 1, 15)
        hem = np.stack([x1 + (x0 - x1) * wave, 204 + 4 * np.sin(wave * 15)], axis=1)
        outline = np.concatenate([np.array([(x0 + 3, 50), (128, 46), (x1 - 3, 50)]), hem])
        s.part(outline, s.main, light="drape down", surface=flat(), box=EVERYWHERE)
        hem_path = "M" + " L".join(f"{x:.1f} {y - 5:.1f}" for x, y in hem)
        if s.has("edge") or s.has("contrast"):
            s.line(hem_path, s.accent, 12)
        if s.has("band"):
            s.line(hem_path, s.accent, 12)
            s.add("")
        strands = "".join(f"M{x:.1f} {y:.1f}l{-1 + i % 3} 15" for i, (x, y) in enumerate(_along(hem, 22)))
        fringe = s.trim_colour if not s.has("none") else mix(s.main, CREAM, 0.5)
        s.line(strands, darker(fringe, 0.3), 4)
        s.line(strands, fringe, 2.8)
        return
    s.ground(128, 206, 100, 15)
    heights = (178, 150, 122, 94)
    for index, y in enumerate(heights):
        half = (96 - index * 2) * (1 + 0.03 * s.look.stretch)
        x0, x1 = 128 - half * k, 128 + half * k
        layer = smooth(
            np.array([(x0, y), (x1 - 4, y), (x1, y + 14), (x1 - 4, y + 28), (x0, y + 28), (x0 - 4, y + 14)]),
            rounds=2,
            keep=0.2,
        )
        top = index == len(heights) - 1
        colour = s.accent if s.has("contrast") and index % 2 == 0 else s.main
        if colour == s.accent:
            s.part(layer, colour, light="down")
        else:
            s.part(layer, colour, light="down", surface=flat(128, y), box=EVERYWHERE, zoom=0.9)
        s.line(f"M{x0 + 8:.1f} {y + 27} L{x1 - 8:.1f} {y + 27}", INK, 3, opacity=0.18)
        if top:
            lid = smooth(
                np.array([(x0 + 26 * k, y - 26), (x1 - 22 * k, y - 26), (x1 - 2, y + 4), (x0 + 2, y + 4)]),
                rounds=2,
                keep=0.14,
            )
            s.part(lid, s.main, light="flat", surface=flat(128, y), box=EVERYWHERE)
            if s.has("edge"):
                s.line(f"M{x0 + 4:.1f} {y + 5} L{x1 - 4:.1f} {y + 5}", s.accent, 7)
    if s.has("band"):
        s.part(
            rounded(128 - 14 * k, 66, 128 + 14 * k, 206, 3) if k > 0.3 else rounded(124, 66, 132, 206, 3),
            s.accent,
            light="down",
        )


def _along(line: Points, count: int) -> list[tuple[float, float]]:
    """`count` points spread evenly over the pieces of a line."""
    at = np.linspace(0, len(line) - 1, count)
    whole = np.arange(len(line))
    return list(zip(np.interp(at, whole, line[:, 0]), np.interp(at, whole, line[:, 1]), strict=True))
