"""Clothes: T-shirts, dresses and socks. Each function draws its shapes on a sketch."""

from __future__ import annotations

import numpy as np

from finetune.builtin.drawing.palette import INK, darker
from finetune.builtin.drawing.patterns import Box
from finetune.builtin.drawing.sketch import (
    EVERYWHERE,
    Sketch,
    path,
    rounded,
    smooth,
    squashed,
)
from finetune.builtin.drawing.surfaces import Points, Profile, cloth, flare, flat


def _gown(s: Sketch, outline: Points, *, light: str = "flat") -> None:
    s.part(outline, s.main, light=light, surface=cloth(128, 128), box=EVERYWHERE)


def t_shirt(s: Sketch) -> None:
    long = s.look.shape == "long-sleeved"
    w = 4 * s.look.stretch
    body = smooth(
        squashed(
            s,
            np.array(
                [
                    (102, 44),
                    (154, 44),
                    (182, 54),
                    (190, 84),
                    (184, 120),
                    (184 + w, 218),
                    (128, 222),
                    (72 - w, 218),
                    (72, 120),
                    (66, 84),
                    (74, 54),
                ]
            ),
        ),
        rounds=2,
        keep=0.12,
    )
    arm = (
        [(178, 50), (196, 62), (228, 196), (196, 206), (178, 118)]
        if long
        else [(176, 49), (198, 62), (234, 112), (202, 136), (180, 106)]
    )
    right = squashed(s, np.array(arm, dtype=float))
    left = squashed(s, np.array([(256 - x, y) for x, y in arm], dtype=float))
    sleeves = [smooth(right, rounds=2, keep=0.12), smooth(left, rounds=2, keep=0.12)]
    s.cast(body)
    for sleeve in sleeves:
        s.cast(sleeve)
    for sleeve in sleeves:
        if s.has("contrast"):
            s.part(sleeve, s.accent, light="flat")
        else:
            _gown(s, sleeve)
    cuffs = ((222, 188, 200, 196),) if long else ((229, 110, 203, 129),)
    if s.has("edge") or s.has("band"):
        for x0, y0, x1, y1 in cuffs:
            for sign in (1, -1):
                ends = squashed(s, np.array([(128 + sign * (x0 - 128), y0), (128 + sign * (x1 - 128), y1)]))
                s.line(f"M{ends[0][0]:.1f} {ends[0][1]:.1f} L{ends[1][0]:.1f} {ends[1][1]:.1f}", s.accent, 8)
    _gown(s, body)
    if s.has("band"):
        s.patch(body, rounded(20, 112, 236, 142, 1), s.accent)
    k = s.squash
    neck = s.accent if s.trim_colour == s.accent else darker(s.main, 0.14)
    if s.look.shape == "V-neck":
        hole, rib = (
            f"M{128 - 27 * k} 43 L128 88 L{128 + 27 * k} 43 Q128 50 {128 - 27 * k} 43Z",
            f"M{128 - 29 * k} 43 L128 91 L{128 + 29 * k} 43",
        )
    else:
        hole, rib = (
            f"M{128 - 27 * k} 43 Q128 80 {128 + 27 * k} 43 Q128 50 {128 - 27 * k} 43Z",
            f"M{128 - 29 * k} 43 Q128 85 {128 + 29 * k} 43",
        )
    s.add(f'<path d="{hole}" fill="#3b3238" opacity=".55"/>')
    s.line(rib, darker(neck, 0.35), 9.5)
    s.line(rib, neck, 7.5)
    for crease in (
        f"M{128 - 54 * k} 112 q10 14 8 40",
        f"M{128 + 54 * k} 112 q-10 14 -8 40",
        f"M{128 - 30 * k} 214 q6 -26 2 -50",
        f"M{128 + 34 * k} 214 q-4 -30 2 -56",
    ):
        s.fold(crease)
    if s.has("edge"):
        hem = squashed(s, np.array([(73 - w, 213), (128, 217), (183 + w, 213)]))
        s.line(f"M{hem[0][0]:.1f} {hem[0][1]} Q{hem[1][0]:.1f} {hem[1][1]} {hem[2][0]:.1f} {hem[2][1]}", s.accent, 7)


def dress(s: Sketch) -> None:
    shape, w = s.look.shape, 5 * s.look.stretch
    if shape == "A-line":
        outline = Profile.through((40, 34), (70, 42), (104, 32), (150, 58 + w), (228, 92 + w))
    elif shape == "shift":
        outline = Profile.through((40, 38), (72, 46), (120, 47), (180, 56 + w), (226, 62 + w))
    else:
        outline = Profile.through((40, 34), (70, 41), (100, 33), (140, 56 + w), (190, 74), (228, 84 + w))
    k = s.squash
    right = np.stack([128 + outline.r * k, outline.y], axis=1)
    left = np.stack([128 - outline.r * k, outline.y], axis=1)[::-1]
    wave = np.linspace(-1, 1, 17)[1:-1]
    hem = np.stack([128 - outline.r[-1] * k * wave, outline.bottom + 3 + 3 * np.cos(wave * 15)], axis=1)
    shape_points = np.concatenate([right, hem, left])
    s.cast(shape_points)
    for sign in (1, -1):
        if shape == "shift":
            sleeve = smooth(
                squashed(
                    s, np.array([(128 + sign * x, y) for x, y in ((26, 32), (46, 42), (76, 86), (52, 102), (38, 74))])
                ),
                keep=0.14,
            )
            s.cast(sleeve)
            s.part(sleeve, s.contrast, light="flat", surface=cloth(128, 128), box=EVERYWHERE) if not s.has(
                "contrast"
            ) else s.part(sleeve, s.accent)
        else:
            s.line(
                f"M{128 + sign * 27 * k:.1f} 44 Q{128 + sign * 30 * k:.1f} 26 {128 + sign * 20 * k:.1f} 14",
                darker(s.trim_colour, 0.3),
                9,
            )
            s.line(
                f"M{128 + sign * 27 * k:.1f} 44 Q{128 + sign * 30 * k:.1f} 26 {128 + sign * 20 * k:.1f} 14",
                s.trim_colour,
                7,
            )
    s.part(shape_points, s.main, light="drape flat", surface=flare(128, outline, 70), box=Box(-110, 20, 110, 240))
    waist = 104 if shape != "shift" else 118
    r = outline.radius(waist)
    if s.has("band") or s.has("contrast"):
        s.part(rounded(128 - r * abs(k) - 1, waist - 8, 128 + r * abs(k) + 1, waist + 8, 3), s.accent, light="round")
    if shape == "tiered":
        for y in (146, 190):
            rr = outline.radius(y) * k
            s.line(f"M{128 - rr:.1f} {y} Q128 {y + 9} {128 + rr:.1f} {y}", INK, 3, opacity=0.3)
            if s.trim_colour == s.accent:
                s.line(f"M{128 - rr + 1:.1f} {y - 3} Q128 {y + 6} {128 + rr - 1:.1f} {y - 3}", s.accent, 4)
    for x, y0, y1 in ((-26, 130, 218), (4, 124, 224), (34, 132, 220)):
        s.fold(
            f"M{128 + x * 0.6 * k:.1f} {y0} Q{128 + x * k:.1f} {(y0 + y1) / 2} {128 + x * 1.5 * k:.1f} {y1}", width=4
        )
    depth = 66 if shape == "shift" else 62
    neck = path("M", 128 - 25 * k, 39, "Q", 128, depth + 12, 128 + 25 * k, 39, "Q", 128, 46, 128 - 25 * k, 39, "Z")
    s.add(f'<path d="{neck}" fill="#3b3238" opacity=".5"/>')
    if s.has("edge"):
        s.line(f"M{128 - 27 * k:.1f} 40 Q128 {depth + 16} {128 + 27 * k:.1f} 40", s.accent, 6)
        hem_line = "M" + " L".join(f"{x:.1f} {y - 4:.1f}" for x, y in np.concatenate([right[-1:], hem, left[:1]]))
        s.line(hem_line, s.accent, 8)


def socks(s: Sketch) -> None:
    shape = s.look.shape
    top = {"crew": 62, "ankle": 118, "knee-high": 22}[shape]
    for dx, dy, back in ((-40, -8, True), (18, 6, False)):
        left, right = 78 + dx, 78 + dx + 62
        t, foot = top + dy, 170 + dy
        points = np.array(
            [
                (left, t),
                (right, t),
                (right, foot - 26),
                (right + 18, foot - 6),
                (right + 50, foot + 8),
                (right + 56, foot + 28),
                (right + 40, foot + 40),
                (left + 26, foot + 42),
                (left - 2, foot + 22),
                (left + 2, foot - 20),
            ]
        )
        outline = smooth(points.astype(float), rounds=2, keep=0.14)
        s.cast(outline)
        s.part(
            outline,
            s.main if not back else darker(s.main, 0.1),
            light="flat round",
            surface=flat(128 + dx, 128 + dy),
            box=EVERYWHERE,
            zoom=0.85,
        )
        tip = s.accent if s.has("contrast") else darker(s.main, 0.14)
        s.part(
            smooth(
                np.array(
                    [
                        (right + 28, foot + 1),
                        (right + 50, foot + 8),
                        (right + 57, foot + 28),
                        (right + 40, foot + 40),
                        (right + 18, foot + 41),
                    ]
                ),
                keep=0.14,
            ),
            tip,
            light="flat",
            line=0.7,
        )
        s.part(
            smooth(
                np.array([(left + 1, foot - 12), (left + 22, foot + 6), (left + 26, foot + 40), (left - 1, foot + 24)]),
                keep=0.14,
            ),
            tip,
            light="flat",
            line=0.7,
        )
        cuff = s.accent if s.has("edge") or s.has("contrast") else darker(s.main, 0.06)
        s.part(rounded(left - 3, t - 6, right + 3, t + 16, 5), cuff, light="round")
        for x in np.linspace(left + 4, right - 4, 8):
            s.line(f"M{x:.1f} {t - 4} l0 18", INK, 1.5, opacity=0.2)
        if s.has("band"):
            for y in (t + 24, t + 38):
                s.line(f"M{left + 2} {y} L{right - 2} {y}", s.accent, 8)
