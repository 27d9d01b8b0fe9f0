"""Things that hold something: mugs, vases, bowls, plant pots and teapots."""

from __future__ import annotations

import math

from finetune.builtin.drawing.palette import darker, lighter
from finetune.builtin.drawing.sketch import (
    TILT,
    Sketch,
    ellipse,
    path,
    slim,
)
from finetune.builtin.drawing.surfaces import Profile


def mug(s: Sketch) -> None:
    w = slim(s, 0.08)
    s.ground(132, 214, 70, 12)
    body = {
        "straight": Profile.through((70, 60 * w), (140, 60 * w), (202, 58 * w), (210, 52 * w)),
        "tapered": Profile.through((66, 66 * w), (140, 57 * w), (204, 46 * w), (210, 42 * w)),
        "round": Profile.through((72, 54 * w), (100, 64 * w), (140, 68 * w), (182, 60 * w), (210, 42 * w)),
        "tall": Profile.through((44, 50 * w), (130, 48 * w), (202, 46 * w), (210, 42 * w)),
    }[s.look.shape]
    angle = math.radians(90 + s.turn)
    side, front = math.sin(angle), math.cos(angle) > 0.02
    high, low = body.top + 26, body.bottom - 34
    near, reach = body.radius((high + low) / 2) - 4, 40.0

    def handle() -> None:
        out = 128 + side * (near + reach)
        start = 128 + side * near
        s.tube(
            path("M", start, high, "C", out, high - 8, out + 4 * side, low + 6, start - 3 * side, low),
            13,
            s.contrast,
        )

    if not front:
        handle()
    s.turned(body, s.main, pattern=True)
    if s.has("band"):
        s.ring(body, body.bottom - 34, 16, s.accent)
    if s.has("edge"):
        s.ring(body, body.top, 9, s.accent)
    inside = s.accent if s.has("contrast") else lighter(s.main, 0.55)
    s.opening(body.top, body.radius(body.top), inside, rim=s.accent if s.has("edge") else lighter(s.main, 0.15))
    x = 128 - body.radius(130) * 0.62
    s.gleam(f"M{x:.1f} {body.top + 24:.1f} Q{x - 2:.1f} 140 {x + 2:.1f} 182", 5)
    if front:
        handle()


def vase(s: Sketch) -> None:
    w = slim(s, 0.12)
    s.ground(128, 224, 46, 10)
    body = {
        "bottle": Profile.through(
            (30, 20 * w),
            (48, 16 * w),
            (88, 18 * w),
            (110, 30 * w),
            (136, 51 * w),
            (164, 62 * w),
            (190, 60 * w),
            (210, 48 * w),
            (222, 38 * w),
        ),
        "amphora": Profile.through(
            (34, 36 * w),
            (52, 25 * w),
            (68, 29 * w),
            (88, 52 * w),
            (110, 67 * w),
            (134, 69 * w),
            (166, 56 * w),
            (200, 38 * w),
            (222, 32 * w),
        ),
        "cylinder": Profile.through((36, 50 * w), (60, 46 * w), (130, 46 * w), (204, 48 * w), (222, 44 * w)),
        "bulb": Profile.through(
            (56, 32 * w),
            (68, 25 * w),
            (84, 36 * w),
            (108, 62 * w),
            (136, 76 * w),
            (164, 77 * w),
            (190, 67 * w),
            (212, 48 * w),
            (222, 38 * w),
        ),
    }[s.look.shape]
    s.turned(body, s.main, pattern=True)
    top, bottom = body.top, body.bottom
    if s.has("band"):
        s.ring(body, top + (bottom - top) * 0.60, 16, s.accent)
    if s.has("contrast"):
        s.turned(body.part(bottom - 46, bottom, grow=0.5), s.accent)
    if s.has("edge"):
        s.ring(body, top, 12, s.accent)
    s.opening(top, body.radius(top), s.main, rim=s.trim_colour if s.has("edge") else None)
    r = body.radius(150)
    s.gleam(f"M{128 - r * 0.62:.1f} 128 Q{128 - r * 0.74:.1f} 156 {128 - r * 0.58:.1f} 188", 6)


def bowl(s: Sketch) -> None:
    w = slim(s, 0.07)
    foot = 30 if s.look.shape != "wide" else 38
    s.ground(128, 206, 60, 12)
    body = {
        "wide": Profile.through((112, 98 * w), (128, 94 * w), (156, 78 * w), (182, 52), (196, foot)),
        "deep": Profile.through((88, 84 * w), (112, 84 * w), (150, 76 * w), (182, 54), (202, foot)),
        "footed": Profile.through((92, 92 * w), (108, 88 * w), (134, 70 * w), (158, 36), (170, 18)),
    }[s.look.shape]
    if s.look.shape == "footed":
        s.turned(Profile.through((164, 15), (176, 14), (192, 26), (206, 44)), s.contrast)
    else:
        s.turned(Profile.through((body.bottom - 4, foot), (body.bottom + 8, foot - 2)), darker(s.contrast, 0.1))
    tilt = 0.26
    s.turned(body, s.main, pattern=True, tilt=tilt)
    if s.has("band"):
        s.ring(body, body.top + 18, 14, s.accent, tilt=tilt)
    if s.has("edge"):
        s.ring(body, body.top, 9, s.accent, tilt=tilt)
    inside = s.accent if s.has("contrast") else lighter(s.main, 0.35)
    s.opening(body.top, body.radius(body.top), inside, rim=s.accent if s.has("edge") else None, tilt=tilt)
    r = body.radius(140)
    s.gleam(f"M{128 - r * 0.8:.1f} 148 Q{128 - r * 0.66:.1f} 168 {128 - r * 0.42:.1f} 182", 5)


def plant_pot(s: Sketch) -> None:
    w = slim(s, 0.08)
    s.ground(128, 222, 56, 11)
    pot = {
        "tapered": Profile.through((126, 60 * w), (170, 52 * w), (218, 42 * w)),
        "cylindrical": Profile.through((124, 54 * w), (208, 54 * w), (219, 50 * w)),
        "round": Profile.through((130, 46 * w), (146, 58 * w), (172, 64 * w), (200, 54 * w), (220, 40 * w)),
    }[s.look.shape]
    _plant(s, pot.radius(pot.top))
    s.turned(pot, s.main, pattern=True)
    if s.has("band"):
        s.ring(pot, pot.top + 52, 14, s.accent)
    if s.has("contrast"):
        s.turned(Profile.through((214, pot.radius(214) + 10), (224, pot.radius(214) + 6)), s.accent)
    if s.has("edge") or s.look.shape == "tapered":
        rim = s.accent if s.has("edge") else s.main
        s.turned(pot.part(pot.top, pot.top + 17, grow=4.0), rim)
    x = 128 - pot.radius(170) * 0.64
    s.gleam(f"M{x:.1f} 156 L{x + 3:.1f} 196", 5)


_GREENS = ((72, 128, 78), (98, 150, 84), (58, 108, 84))
_EARTH_Y = 128.0


def _plant(s: Sketch, radius: float) -> None:
    """Earth and a plant; the kind follows the backdrop, so that it says nothing about the pot."""
    s.add(f'<ellipse cx="128" cy="{_EARTH_Y}" rx="{radius}" ry="{radius * TILT}" fill="#4a372c"/>')
    kinds = (_swords, _round_leaves, _fern)
    kinds[(len(s.look.backdrop) + s.look.layout) % 3](s)


def _swords(s: Sketch) -> None:
    """Upright leaves with a light middle."""
    top = _EARTH_Y
    for index, (lean, height, wide) in enumerate(
        ((-30, 74, 10), (30, 70, 10), (-15, 98, 11), (17, 92, 11), (0, 110, 12))
    ):
        x, bent, tip = 128 + lean * 0.6, lean * 0.3, 128 + lean * 1.4
        left = path("M", x - wide, top + 4, "Q", x - wide + bent, top - height * 0.6, tip, top - height)
        right = path("Q", x + wide + bent, top - height * 0.5, x + wide, top + 4, "Z")
        s.part(left + right, _GREENS[index % 3], light="round", line=0.8)
        middle = path("M", x, top, "Q", x + bent, top - height * 0.6, tip, top - height + 6)
        s.line(middle, (214, 226, 160), 1.6, opacity=0.6)


def _round_leaves(s: Sketch) -> None:
    """Round leaves on stems."""
    leaves = ((-48, 60, 20), (46, 62, 20), (-26, 90, 22), (28, 92, 22), (0, 70, 22), (2, 104, 20))
    for index, (lean, height, size) in enumerate(leaves):
        x, y = 128 + lean, _EARTH_Y - height
        s.line(path("M", 128, _EARTH_Y, "Q", 128 + lean * 0.3, y + 20, x, y), darker(_GREENS[0], 0.2), 2.4)
        s.part(ellipse(x, y, size, size * 0.86), _GREENS[index % 3], light="ball", line=0.8)
        vein = path("M", x - size * 0.6, y + size * 0.4, "L", x + size * 0.5, y - size * 0.4)
        s.line(vein, lighter(_GREENS[1], 0.4), 1.2, opacity=0.6)


def _fern(s: Sketch) -> None:
    """Arching narrow leaves."""
    for index, lean in enumerate((-78, 78, -56, 54, -30, 30, 0)):
        x, y = 128 + lean, _EARTH_Y - 108 + abs(lean) * 0.5
        out = path("M", 124, _EARTH_Y + 2, "Q", 126 + lean * 0.25, y - 4, x, y + abs(lean) * 0.32)
        back = path("Q", 134 + lean * 0.45, y + 22, 132, _EARTH_Y + 2, "Z")
        s.part(out + back, _GREENS[index % 3], line=0.8)


def teapot(s: Sketch) -> None:
    w = slim(s, 0.05)
    shape = s.look.shape
    s.ground(128, 214, 66, 12)
    body = {
        "round": Profile.through((92, 34), (104, 54 * w), (140, 66 * w), (180, 58 * w), (208, 38)),
        "tall": Profile.through((68, 32), (84, 42 * w), (140, 52 * w), (190, 56 * w), (210, 48)),
        "squat": Profile.through((112, 34), (122, 54 * w), (154, 69 * w), (188, 60 * w), (208, 40)),
    }[shape]
    middle = (body.top + body.bottom) / 2
    near = body.radius(middle)
    side, front = math.sin(math.radians(90 + s.turn)), math.cos(math.radians(90 + s.turn))

    def handle() -> None:
        high, low = body.top + 20, middle + 30
        start, out = 128 + side * near * 0.86, 128 + side * (near + 44)
        s.tube(
            f"M{start:.1f} {high:.1f} C{out:.1f} {high - 14:.1f} {out:.1f} {low + 4:.1f} {start:.1f} {low:.1f}",
            11,
            s.contrast,
        )

    def spout() -> None:
        rise = body.top - 4 - middle

        def at(out: float, y: float) -> str:
            """A point `out` of the body's side (0: inside it) and y below its middle."""
            return path(128 - side * (near + out if out else near * 0.7), middle + y)

        s.part(
            f"M{at(0, -12)} C{at(16, -8)} {at(20, rise + 26)} {at(31, rise)} "
            f"L{at(45, rise - 6)} C{at(37, rise + 32)} {at(34, 34)} {at(0, 42)}Z",
            s.main,
            light="round",
        )
        s.part(
            ellipse(128 - side * (near + 38), body.top - 7, 8 * abs(side) + 1, 3.4), (60, 48, 56), light="", line=0.6
        )

    if front <= 0:
        handle()
        spout()
    else:
        spout()
    s.turned(body, s.main, pattern=True)
    if s.has("band"):
        s.ring(body, middle + 8, 14, s.accent)
    lid = s.accent if s.has("contrast") or s.has("edge") else s.main
    r = body.radius(body.top)
    s.turned(
        Profile.through((body.top - 22, 9), (body.top - 16, r * 0.6), (body.top - 4, r + 2), (body.top + 1, r + 4)), lid
    )
    s.part(ellipse(128, body.top - 29, 9, 8), s.contrast, light="ball")
    s.gleam(
        path("M", 128 - near * 0.6, middle - 26, "Q", 128 - near * 0.72, middle, 128 - near * 0.58, middle + 28),
        6,
    )
    if front > 0:
        handle()
