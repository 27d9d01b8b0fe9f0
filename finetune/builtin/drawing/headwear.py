"""Hats and scarves. Each function draws its shapes on a sketch."""

from __future__ import annotations

import math

import numpy as np

from finetune.builtin.drawing.palette import CREAM, INK, STEEL, WOOD, darker, lighter, mix
from finetune.builtin.drawing.sketch import (
    EVERYWHERE,
    Sketch,
    closed,
    ellipse,
    path,
    smooth,
    squashed,
)
from finetune.builtin.drawing.surfaces import Profile, cloth, flat


def hat(s: Sketch) -> None:
    shape, w = s.look.shape, 1 + 0.05 * s.look.stretch
    if shape == "beanie":
        s.ground(128, 212, 80, 12)
        dome = Profile.through((54, 14), (66, 42), (100, 70 * w), (150, 80 * w), (172, 80 * w))
        s.turned(dome, s.main, pattern=True)
        cuff = Profile.through((160, 83 * w), (176, 87 * w), (206, 84 * w))
        s.turned(cuff, s.accent if s.has("band") or s.has("contrast") else s.main, line=1.4)
        for x in np.linspace(-76, 76, 15):
            s.line(f"M{128 + x * w:.1f} {170 + 10 * (1 - (x / 80) ** 2):.1f} l{x * 0.01:.1f} 34", INK, 2, opacity=0.22)
        if s.has("edge") or s.has("contrast"):
            s.part(
                smooth(
                    ellipse(128, 44, 24, 22, points=18) + np.array([(2.6 if i % 2 else -1.6, 0) for i in range(18)]),
                    rounds=1,
                ),
                s.accent,
                light="ball",
            )
        return
    if shape == "cap":
        s.ground(132, 196, 90, 12)
        dome = Profile.through((62, 16), (74, 46), (108, 72 * w), (150, 80 * w), (166, 80 * w))
        s.turned(dome, s.main, pattern=True)
        if s.has("band"):
            s.ring(dome, 146, 18, s.accent)
        for x in (-34, 34):
            s.line(f"M128 62 Q{128 + x * 1.5:.1f} 110 {128 + x * 1.4:.1f} 176", INK, 1.6, opacity=0.28)
        s.line("M128 62 L128 178", INK, 1.6, opacity=0.28)
        peak = s.accent if s.has("contrast") else s.main
        s.part("M48 162 Q128 194 208 162 Q236 182 222 200 Q128 226 34 200 Q20 182 48 162Z", peak, light="down")
        s.line("M40 194 Q128 218 216 194", lighter(peak, 0.4), 1.6, opacity=0.7, dash="5 4")
        if s.has("edge"):
            s.line("M34 199 Q128 225 222 199", s.accent, 7)
        s.part(ellipse(128, 61, 9, 6), s.trim_colour, light="ball")
        return
    if shape == "bucket":
        s.ground(128, 204, 96, 14)
        s.part(
            Profile.through((150, 70 * w), (178, 92 * w), (198, 104 * w)).outline(128, 0.16), s.contrast, light="round"
        )
        if s.has("edge"):
            s.ring(Profile.through((150, 70 * w), (178, 92 * w), (198, 104 * w)), 186, 12, s.accent, tilt=0.16)
        dome = Profile.through((58, 56 * w), (66, 60 * w), (110, 66 * w), (156, 74 * w))
        s.turned(dome, s.main, pattern=True)
        s.part(ellipse(128, 58, 56 * w, 9), lighter(s.main, 0.12), light="flat")
    else:
        s.ground(128, 200, 108, 16)
        brim = ellipse(128, 176, 112 * w, 30)
        s.part(brim, s.contrast if s.has("contrast") else darker(s.main, 0.06), light="round")
        if s.has("edge"):
            s.line(closed(ellipse(128, 176, 110 * w, 28.5)), s.accent, 6)
        dome = Profile.through((62, 38), (70, 54), (110, 60 * w), (166, 68 * w))
        s.turned(dome, s.main, pattern=True)
        s.add('<ellipse cx="128" cy="62" rx="34" ry="7" fill="#1c1420" opacity=".22"/>')
        s.ring(dome, 144, 20, s.accent if s.trim_colour == s.accent else darker(s.main, 0.4))
        return
    if s.has("band"):
        s.ring(dome, 132, 18, s.accent)


def scarf(s: Sketch) -> None:
    shape = s.look.shape
    fringe = s.accent if s.trim_colour == s.accent else mix(s.main, CREAM, 0.45)

    def tail(points: list[tuple[float, float]], lean: float) -> None:
        corners = squashed(s, np.array(points, dtype=float))
        outline = smooth(corners, rounds=2, keep=0.1)
        low = corners[np.argsort(corners[:, 1])[-2:]]
        (x0, y0), (x1, y1) = low[np.argsort(low[:, 0])]
        at = np.linspace(0.06, 0.94, 8)
        strands = "".join(f"M{x0 + (x1 - x0) * t:.1f} {y0 + (y1 - y0) * t - 4:.1f} l{lean:.1f} 20" for t in at)
        s.cast(outline)
        s.line(strands, darker(fringe, 0.35), 4.6)
        s.line(strands, fringe, 3.2)
        s.part(
            outline,
            s.main,
            light="round flat",
            surface=flat(128, 128, angle=math.radians(lean * 2)),
            box=EVERYWHERE,
            zoom=0.8,
        )
        if s.has("band") or s.has("edge") or s.has("contrast"):
            for up in (26,) if s.has("edge") else (22, 44) if s.has("band") else (30,):
                wide = 8 if not s.has("contrast") else 34
                s.line(
                    path("M", x0 + 3 - lean * up * 0.05, y0 - up + 10, "L", x1 - 3 - lean * up * 0.05, y1 - up + 10),
                    s.accent,
                    wide,
                ) if wide < 20 else s.part(
                    np.array([(x0 + 1, y0 - 38), (x1 - 1, y1 - 38), (x1 - 1, y1 - 3), (x0 + 1, y0 - 3)]),
                    s.accent,
                    light="round",
                    line=0.7,
                )

    if shape == "hanging":
        s.tube("M60 30 L196 30", 8, WOOD)
        s.line("M128 30 Q128 8 138 12", STEEL, 4)
        tail([(72, 28), (122, 28), (124, 206), (70, 206)], 0)
        tail([(132, 28), (182, 28), (186, 180), (134, 180)], 0)
        return
    if shape == "knotted":
        tail([(104, 120), (140, 120), (116, 216), (66, 206)], -3)
        tail([(124, 120), (158, 116), (198, 200), (150, 214)], 3)
    else:
        tail([(92, 110), (140, 118), (132, 218), (80, 214)], -1)
        tail([(128, 118), (166, 110), (180, 196), (130, 202)], 1.5)
    loop = ellipse(128, 84, 84 * abs(s.squash), 52)
    hole = ellipse(128, 68, 50 * abs(s.squash), 22)
    s.cast(loop)
    s.part(loop, s.main, light="ball", surface=cloth(128, 84, wave=5, period=90), box=EVERYWHERE, zoom=0.8)
    s.part(hole, darker(s.main, 0.55), light="shade")
    for crease in ("M52 92 Q90 128 152 128", "M64 110 Q104 140 170 122", "M204 88 Q186 116 150 124"):
        s.fold(crease, width=4)
    if shape == "knotted":
        knot = smooth(np.array([(104, 112), (150, 108), (160, 132), (146, 152), (112, 152), (100, 134)], dtype=float))
        if s.has("contrast"):
            s.part(knot, s.accent, light="ball")
        else:
            s.part(knot, s.main, light="ball", surface=flat(128, 128, angle=0.9), box=EVERYWHERE, zoom=0.8)
        s.fold("M112 120 Q128 132 122 150")
        s.fold("M146 118 Q136 134 142 150")
