"""What goes out of the house: sneakers, backpacks, umbrellas and tote bags."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from finetune.builtin.drawing.palette import BRASS, CREAM, INK, STEEL, WOOD, darker, lighter, mix
from finetune.builtin.drawing.patterns import Box
from finetune.builtin.drawing.sketch import (
    EVERYWHERE,
    Sketch,
    closed,
    ellipse,
    path,
    rounded,
    smooth,
    squashed,
    symmetric,
)
from finetune.builtin.drawing.surfaces import Profile, cloth, flat, turned


def sneaker(s: Sketch) -> None:
    shape = s.look.shape
    sole = s.accent if s.has("contrast") or s.has("edge") else CREAM
    s.ground(128, 206, 106, 12)
    if s.squash < 0:
        s.add('<g transform="matrix(-1 0 0 1 256 0)">')
    top = {"low": 104, "high-top": 62, "slip-on": 108}[shape]
    back = 44 if shape != "high-top" else 46
    upper = f"M38 182 C34 150 40 {top + 30} {back} {top + 2} Q{back + 10} {top - 8} {back + 22} {top + 4} "
    if shape == "high-top":
        upper += "L106 62 C112 92 118 108 136 122 C160 138 196 134 216 158 Q224 170 222 184 Z"
    elif shape == "slip-on":
        upper += f"C{back + 40} {top + 14} 92 118 122 104 C146 112 168 138 200 144 Q224 152 222 184 Z"
    else:
        upper += f"C{back + 34} {top + 18} 92 114 112 98 L122 98 C134 124 156 140 190 146 Q222 152 222 184 Z"
    tongue = {
        "low": "M100 112 Q104 84 118 82 Q128 84 132 118Z",
        "high-top": "M92 74 Q98 44 112 46 Q120 50 122 96Z",
    }.get(shape)
    if tongue:
        s.part(tongue, mix(s.contrast, INK, 0.08), light="flat")
    s.part(upper, s.main, light="down flat", surface=flat(), box=EVERYWHERE, zoom=0.8)
    toe = "M176 140 Q220 146 223 186 L168 186 Q166 156 176 140Z"
    heel = f"M38 184 C34 150 40 {top + 30} {back} {top + 2} Q{back + 6} {top - 4} {back + 14} {top} "
    heel += f"C{back + 10} {top + 40} 64 150 62 184Z"
    if s.has("band") or s.has("contrast"):
        s.part(heel, s.accent, light="flat", line=0.9)
    if s.has("edge") and shape != "slip-on":
        s.part(toe, s.accent, light="flat", line=0.9)
    if s.has("band"):
        s.part("M86 184 L112 130 L128 138 L104 184Z", s.accent, light="flat", line=0.8)
    if shape == "slip-on":
        s.part("M92 116 L112 109 L120 146 L100 150Z", darker(s.main, 0.35), line=0.8)
    else:
        start = (
            np.array([(110, 98), (122, 112), (136, 124), (152, 134)])
            if shape == "low"
            else np.array([(104, 72), (110, 90), (120, 106), (134, 120), (150, 130)])
        )
        for x, y in start:
            s.line(f"M{x - 1} {y + 2} q-16 4 -22 16", darker(CREAM, 0.3), 6)
            s.line(f"M{x - 1} {y + 2} q-16 4 -22 16", CREAM, 4.4)
    s.part("M32 180 Q128 190 226 178 Q232 190 226 203 Q222 208 210 208 L46 208 Q32 208 30 198 Z", sole, light="down")
    s.line("M34 193 Q128 200 227 191", darker(sole, 0.35), 1.6, opacity=0.7)
    s.line("M44 176 Q128 184 218 174", lighter(s.main, 0.5), 1.3, opacity=0.7, dash="4 3")
    s.gleam("M188 152 Q206 156 212 168", 4)
    if s.squash < 0:
        s.add("</g>")


def backpack(s: Sketch) -> None:
    shape, w = s.look.shape, 1 + 0.05 * s.look.stretch
    k = s.squash
    half = 68 * w
    top = 40 if shape != "roll-top" else 52
    s.ground(128, 226, 74, 10)
    s.tube(
        path("M", 128 - 18 * k, top + 6, "C", 128 - 18 * k, top - 24, 128 + 18 * k, top - 24, 128 + 18 * k, top + 6),
        8,
        s.contrast,
    )
    for sign in (1, -1):
        a, b, c, d = (128 + sign * reach * k for reach in (half * 0.7, half + 34, half + 26, half * 0.9))
        s.tube(path("M", a, 96, "C", b, 120, c, 190, d, 212), 11, darker(s.contrast, 0.25))
    corners = {
        "round-topped": [(0, 40), (38, 42), (62, 62), (70, 110), (72, 196), (66, 222), (0, 224)],
        "square": [(0, 42), (60, 42), (68, 48), (70, 120), (70, 216), (64, 224), (0, 224)],
        "roll-top": [(0, 66), (58, 66), (66, 110), (71, 196), (66, 222), (0, 224)],
    }[shape]
    body = squashed(s, symmetric([(128 + x * w, y) for x, y in corners], rounds=2))
    s.part(body, s.main, light="round down", surface=flat(), box=EVERYWHERE)
    if shape == "roll-top":
        roll = squashed(s, rounded(128 - 64 * w, 48, 128 + 64 * w, 84, 15))
        s.part(roll, s.accent if s.has("edge") else s.main, light="down")
        s.line(
            f"M{128 - 40 * k:.1f} 50 L{128 - 40 * k:.1f} 120 M{128 + 40 * k:.1f} 50 L{128 + 40 * k:.1f} 120",
            darker(s.contrast, 0.3),
            7,
        )
    else:
        a, b, c = 58 * w * k, 56 * w * k, 50 * w * k
        left = path("M", 128 - a, 128, "L", 128 - b, 86, "Q", 128 - c, 58, 128, 56)
        zip_path = left + path("Q", 128 + c, 58, 128 + b, 86, "L", 128 + a, 128)
        s.line(zip_path, darker(s.main, 0.5), 3, opacity=0.8)
        s.line(zip_path, STEEL, 1.4, dash="2 2")
    pocket = squashed(
        s,
        smooth(
            np.array([(128 - 50 * w, 142), (128 + 50 * w, 142), (128 + 54 * w, 206), (128 - 54 * w, 206)]),
            rounds=3,
            keep=0.16,
        ),
    )
    if s.has("contrast") or s.has("band"):
        s.part(pocket, s.accent, light="flat")
    else:
        s.part(pocket, s.main, light="flat", surface=flat(128, 132), box=EVERYWHERE)
    flap = f"M{128 - 47 * w * k:.1f} 158 L{128 + 47 * w * k:.1f} 158"
    s.line(flap, INK, 3.4, opacity=0.45)
    s.line(flap, BRASS, 1.6, dash="2.4 2")
    s.part(rounded(128 - 4, 156, 128 + 4, 172, 2), BRASS, line=0.8)
    if s.has("edge"):
        s.line(closed(body), s.accent, 5)
        s.line(closed(pocket), s.accent, 4)
    s.part(
        squashed(s, rounded(112, 100, 144, 120, 3)),
        lighter(s.contrast, 0.7) if not s.has("none") else CREAM,
        light="flat",
        line=0.9,
    )
    s.gleam(f"M{128 - 56 * k:.1f} 100 Q{128 - 58 * k:.1f} 82 {128 - 44 * k:.1f} 66", 4)


def umbrella(s: Sketch) -> None:
    shape = s.look.shape
    handle = s.accent if s.has("contrast") else WOOD
    if shape == "closed":
        s.tube("M128 20 L128 40", 5, STEEL)
        s.tube("M128 184 L128 214 Q128 238 148 236 Q162 232 160 216", 8, handle)
        body = symmetric([(130, 34), (146, 50), (158, 90), (150, 140), (136, 190), (132, 194)], rounds=2)
        s.part(body, s.main, light="round drape", surface=flat(), box=EVERYWHERE, zoom=0.8)
        for x in (-16, 6, 20):
            s.fold(f"M{128 + x * 0.3:.1f} 44 Q{128 + x * 1.3:.1f} 110 {128 + x * 0.3:.1f} 188", width=3.4)
        if s.trim_colour == s.accent:
            s.part(Profile.through((132, 25), (146, 24)).outline(128, 0.12), s.accent, light="round")
        if s.has("edge"):
            s.line("M152 58 Q164 100 140 176", s.accent, 4)
        return
    low = 132 if shape == "open" else 150
    top, half = (42, 108) if shape == "open" else (30, 96)
    s.ground(128, 232, 26, 5)
    s.tube(f"M128 {low - 8} L128 212 Q128 234 146 232 Q158 228 157 216", 8, handle)
    s.tube(f"M128 {low - 20} L128 190", 4.5, STEEL)
    dome = Profile.through(
        (top, 5), (top + 8, half * 0.36), (top + 30, half * 0.72), (low - 24, half * 0.95), (low, half)
    )
    ribs = np.linspace(-1, 1, 6)
    scallop = []
    for a, b in pairwise(ribs):
        for t in np.linspace(0, 1, 7)[:-1]:
            scallop.append(
                (128 + half * (a + (b - a) * t), low - 12 * math.sin(math.pi * t) + 10 * (1 - (a + (b - a) * t) ** 2))
            )
    scallop.append((128 + half, low))
    sides = np.concatenate([np.stack([128 - dome.r, dome.y], axis=1)[::-1], np.stack([128 + dome.r, dome.y], axis=1)])
    under = np.concatenate([np.array(scallop) + np.array((0, 4)), ellipse(128, low - 4, half * 0.98, 9)[20:][::-1]])
    s.part(under, darker(s.main, 0.55), light="", line=0)
    reach = half * math.pi / 2
    canopy = np.concatenate([sides, np.array(scallop)[::-1]])
    s.part(
        canopy,
        s.main,
        light="ball round",
        surface=turned(128, dome, 0.1),
        box=Box(-reach, top - 16, reach, low + 14),
        turns=s.turn / 360,
        around=4 * reach,
    )
    for index, x in enumerate(ribs[1:-1]):
        foot = low + 10 * (1 - x**2)
        s.line(
            f"M128 {top} Q{128 + half * x * 0.75:.1f} {top + 22:.1f} {128 + half * x:.1f} {foot:.1f}",
            INK,
            1.8,
            opacity=0.32,
        )
        if s.has("contrast") and index % 2 == 0:
            s.line(
                f"M128 {top} Q{128 + half * x * 0.75:.1f} {top + 22:.1f} {128 + half * x:.1f} {foot:.1f}", s.accent, 5
            )
    edge = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in scallop)
    if s.has("edge") or s.has("band"):
        s.line(edge, s.accent, 8 if s.has("edge") else 15)
    s.tube(f"M128 {top - 14} L128 {top}", 5, s.trim_colour)


def tote_bag(s: Sketch) -> None:
    shape, w, k = s.look.shape, 4 * s.look.stretch, s.squash
    corners = {
        "classic": [(0, 94), (60 + w, 94), (73 + w, 95), (71, 160), (67, 214), (58, 223), (0, 224)],
        "slouchy": [(0, 106), (40, 102), (60, 96), (76 + w, 128), (86 + w, 196), (62, 222), (0, 226)],
        "boxy": [(0, 90), (78 + w, 90), (90 + w, 92), (90 + w, 150), (90 + w, 208), (80 + w, 215), (0, 216)],
    }[shape]
    s.ground(128, 224, 78, 10)
    strap = s.accent if s.has("contrast") or s.has("edge") else darker(s.main, 0.3)
    inner = 34 * k
    loop = f"M{128 - inner:.1f} 112 C{128 - inner:.1f} 12 {128 + inner:.1f} 12 {128 + inner:.1f} 112"
    s.tube(loop.replace(" 12 ", " 20 "), 8, darker(strap, 0.25))
    body = squashed(s, symmetric([(128 + x, y) for x, y in corners], rounds=2))
    light = "drape flat" if shape == "slouchy" else "flat down"
    s.part(body, s.main, light=light, surface=cloth(128, 140, wave=1.5), box=EVERYWHERE)
    if s.has("band"):
        s.patch(body, rounded(20, 148, 236, 176, 1), s.accent)
    if s.has("contrast"):
        s.patch(body, rounded(20, 184, 236, 240, 1), s.accent, light="down")
    if s.has("edge"):
        s.patch(body, rounded(20, 80, 236, 112, 1), s.accent)
    for sign in (1, -1):
        x = 128 + sign * inner
        s.part(rounded(x - 7, 98, x + 7, 132, 3), strap, light="flat", line=0.9)
        s.line(f"M{x - 3.5:.1f} 126 l7 0 M{x - 3.5:.1f} 108 l7 0", CREAM, 1.5, opacity=0.8)
    s.tube(loop, 9, strap)
    s.fold(f"M{128 - 48 * k:.1f} 118 Q{128 - 40 * k:.1f} 160 {128 - 46 * k:.1f} 206")
    s.fold(f"M{128 + 50 * k:.1f} 116 Q{128 + 44 * k:.1f} 170 {128 + 48 * k:.1f} 208")
