"""A picture in the making: parts with pattern, light and outline, collected as SVG text."""

from __future__ import annotations

import math

import numpy as np

from finetune.builtin.drawing.look import Look
from finetune.builtin.drawing.palette import (
    INK,
    Rgb,
    accent_colour,
    css,
    darker,
    lighter,
    main_colour,
)
from finetune.builtin.drawing.patterns import Box, Ink, Motif, motifs
from finetune.builtin.drawing.surfaces import Points, Profile, Surface, flat, turned

_SHINE = {"matte": 0.45, "satin": 0.85, "glossy": 1.25}
EVERYWHERE = Box(-128, -128, 128, 128)
"""Texture for the whole canvas around its middle."""
TILT = 0.15
"""Height to width of a level circle: everything is seen from a little above."""


class Sketch:
    """One product on a canvas of 256 x 256 units.

    look: what is drawn; turn: degrees around the vertical axis.
    """

    def __init__(self, look: Look, turn: float = 0.0) -> None:
        self.look = look
        self.turn = turn
        self.main = main_colour(look)
        self.accent = accent_colour(look)
        self.trim_colour = self.main if look.trim == "none" else self.accent
        self.contrast = self.accent if look.trim == "contrast" else self.main
        self._parts: list[str] = []
        self._clips = 0

    @property
    def markup(self) -> str:
        return "".join(self._parts)

    @property
    def squash(self) -> float:
        """Width of a flat product that is turned, 1 from the front."""
        cos = math.cos(math.radians(self.turn))
        return math.copysign(max(abs(cos), 0.12), cos)

    def has(self, trim: str) -> bool:
        return self.look.trim == trim

    def add(self, markup: str) -> None:
        self._parts.append(markup)

    def part(
        self,
        outline: Points | str,
        fill: Rgb,
        *,
        light: str = "flat",
        surface: Surface | None = None,
        box: Box | None = None,
        zoom: float = 1.0,
        turns: float = 0.0,
        around: float = 1.0,
        line: float = 1.3,
    ) -> None:
        """A closed shape: filled, patterned where a surface and a box of texture are given, lit, outlined.

        light: the name of a gradient of `light_defs`, or "" for none.
        """
        path = outline if isinstance(outline, str) else closed(outline)
        edge = css(darker(fill, 0.45))
        seen = None if isinstance(outline, str) else (outline.min(axis=0) - 1, outline.max(axis=0) + 1)
        inner = f'<path d="{path}" fill="{css(fill)}"/>'
        if surface is not None and box is not None and self.look.pattern != "plain":
            inner += self._pattern(surface, motifs(self.look, box, zoom=zoom, turns=turns, around=around), seen)
        for name in light.split():
            inner += f'<path d="{path}" fill="url(#{name})"/>'
        if surface is not None:
            self._clips += 1
            inner = (
                f'<clipPath id="c{self._clips}"><path d="{path}"/></clipPath><g clip-path="url(#c{self._clips})">'
                f"{inner}</g>"
            )
        self.add(inner)
        if line:
            self.add(
                f'<path d="{path}" fill="none" stroke="{edge}" stroke-opacity=".55" stroke-width="{line}" '
                'stroke-linejoin="round"/>'
            )

    def _pattern(self, surface: Surface, drawn: list[Motif], seen: tuple[Points, Points] | None) -> str:
        """The motifs on their surface; those outside the corners of `seen` are left out."""
        heart = lighter(self.accent, 0.75) if sum(self.accent) < 480 else darker(self.accent, 0.45)
        ink = {
            Ink.ACCENT: f'fill="{css(self.accent)}"',
            Ink.VEIL: f'fill="{css(self.accent)}" fill-opacity=".6"',
            Ink.HEART: f'fill="{css(heart)}"',
        }
        if not drawn:
            return ""
        placed = surface(np.concatenate([points for _, points in drawn]))
        ends = np.cumsum([len(points) for _, points in drawn])
        starts = np.concatenate([[0], ends[:-1]])
        kept = np.ones(len(drawn), dtype=np.bool_)
        if seen is not None:
            low, high = np.minimum.reduceat(placed, starts), np.maximum.reduceat(placed, starts)
            kept &= np.all((low < seen[1]) & (high > seen[0]), axis=1)
        paths: dict[Ink, list[str]] = {}
        markup = []
        for index in np.flatnonzero(kept):
            kind, points = drawn[index][0], placed[starts[index] : ends[index]]
            if kind is Ink.VEIL:  # each band veils those below it
                markup.append(f'<path d="{closed(points)}" {ink[kind]}/>')
            else:
                paths.setdefault(kind, []).append(closed(points))
        markup += [f'<path d="{"".join(group)}" {ink[kind]}/>' for kind, group in paths.items()]
        return "".join(markup)

    def turned(
        self,
        profile: Profile,
        fill: Rgb,
        *,
        cx: float = 128.0,
        tilt: float = TILT,
        pattern: bool = False,
        light: str = "round",
        zoom: float = 1.0,
        line: float = 1.3,
    ) -> None:
        """A turned body (vase, shade, cup); the pattern goes around it and moves with the turn."""
        widest = float(profile.r.max())
        reach = widest * math.pi / 2
        box = Box(-reach, profile.top - tilt * widest - 4, reach, profile.bottom + 4)
        self.part(
            profile.outline(cx, tilt),
            fill,
            light=light,
            surface=turned(cx, profile, tilt) if pattern else None,
            box=box if pattern else None,
            zoom=zoom,
            turns=self.turn / 360,
            around=4 * reach,
            line=line,
        )

    def patch(self, within: Points, piece: Points | str, fill: Rgb, *, light: str = "flat") -> None:
        """A piece in one colour, cut to the outline that it is sewn or painted on."""
        self._clips += 1
        self.add(
            f'<clipPath id="c{self._clips}"><path d="{closed(within)}"/></clipPath><g clip-path="url(#c{self._clips})">'
        )
        self.part(piece, fill, light=light, line=0.8)
        self.add("</g>")

    def flat_part(
        self,
        outline: Points | str,
        fill: Rgb,
        *,
        light: str = "flat",
        surface: Surface | None = None,
        zoom: float = 1.0,
    ) -> None:
        """A patterned piece of cloth or board."""
        self.part(outline, fill, light=light, surface=surface or flat(), box=EVERYWHERE, zoom=zoom)

    def ring(
        self, profile: Profile, y: float, height: float, fill: Rgb, *, cx: float = 128.0, tilt: float = TILT
    ) -> None:
        """A band around a turned body, y: its upper edge."""
        self.turned(profile.part(y, y + height, grow=0.6), fill, cx=cx, tilt=tilt, line=0.7)

    def opening(
        self, y: float, radius: float, fill: Rgb, *, cx: float = 128.0, rim: Rgb | None = None, tilt: float = TILT
    ) -> None:
        """The mouth of a vessel: the inside in shadow, and its rim."""
        stroke = css(rim if rim is not None else lighter(fill, 0.12))
        at = f'<ellipse cx="{cx:.1f}" cy="{y:.1f}" rx="{radius:.1f}" ry="{radius * tilt:.1f}" '
        edge = f'stroke="{css(darker(fill, 0.5))}" stroke-width="4" stroke-opacity=".6"'
        self.add(
            f'{at}fill="{css(darker(fill, 0.35))}"/>{at}fill="url(#inside)" {edge}/>'
            f'{at}fill="none" stroke="{stroke}" stroke-width="{3.4 if rim is not None else 2.4}"/>'
        )

    def tube(self, path: str, width: float, fill: Rgb) -> None:
        """A bent round bar: handles, straps, legs."""
        self.add(
            f'<g fill="none" stroke-linecap="round" stroke-linejoin="round">'
            f'<path d="{path}" stroke="{css(darker(fill, 0.42))}" stroke-width="{width + 1.8:.1f}"/>'
            f'<path d="{path}" stroke="{css(fill)}" stroke-width="{width:.1f}"/>'
            f'<path d="{path}" stroke="{css(lighter(fill, 0.5))}" stroke-opacity=".5" stroke-width="{width * 0.3:.1f}" '
            f'transform="translate({-width * 0.14:.1f} {-width * 0.14:.1f})"/></g>'
        )

    def line(self, path: str, colour: Rgb, width: float = 1.2, *, opacity: float = 1.0, dash: str = "") -> None:
        """A seam, a stitch, a drawn line."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.add(
            f'<path d="{path}" fill="none" stroke="{css(colour)}" stroke-width="{width}" stroke-opacity="{opacity}" '
            f'stroke-linecap="round" stroke-linejoin="round"{dashes}/>'
        )

    def fold(self, path: str, *, width: float = 3.0, dark: bool = True) -> None:
        """A soft crease in cloth."""
        self.line(path, INK if dark else (255, 255, 255), width, opacity=0.10)
        self.line(path, INK if dark else (255, 255, 255), width * 0.45, opacity=0.14)

    def gleam(self, path: str, width: float) -> None:
        """A reflection on a glossy body; nothing on a matte one."""
        if self.look.sheen == "matte":
            return
        opacity = 0.55 if self.look.sheen == "glossy" else 0.22
        self.add(
            f'<path d="{path}" fill="none" stroke="#fff" stroke-width="{width}" stroke-opacity="{opacity}" '
            'stroke-linecap="round"/>'
        )

    def ground(self, cx: float, y: float, rx: float, ry: float) -> None:
        """The shadow of something that stands on the floor."""
        at = f'cx="{cx + rx * 0.14:.1f}" cy="{y:.1f}" rx="{rx * 1.28:.1f}" ry="{ry * 1.5:.1f}"'
        self.add(f'<ellipse {at} fill="url(#shadow)"/>')

    def cast(self, outline: Points | str, *, dx: float = 3.0, dy: float = 5.0) -> None:
        """The soft shadow of something that lies on, or hangs before, the backdrop."""
        path = outline if isinstance(outline, str) else closed(outline)
        layers = "".join(
            f'<path d="{path}" fill="#3a2f38" stroke="#3a2f38" stroke-width="{spread}" stroke-linejoin="round" '
            f'opacity="{opacity}"/>'
            for spread, opacity in ((11, 0.045), (6, 0.06), (1.5, 0.09))
        )
        self.add(f'<g transform="translate({dx} {dy})">{layers}</g>')


def path(*pieces: str | float) -> str:
    """SVG path text from letters and numbers, the numbers to one decimal."""
    return " ".join(piece if isinstance(piece, str) else f"{piece:.1f}" for piece in pieces)


def closed(points: Points) -> str:
    """The points as a closed SVG path."""
    return "M" + " ".join(map(str, np.round(points, 1).ravel().tolist())) + "Z"


def symmetric(points: list[tuple[float, float]], *, cx: float = 128.0, rounds: int = 2) -> Points:
    """A smooth outline, symmetric about cx, from the right half's corners (top to bottom).

    Corners are cut (Chaikin) `rounds` times.
    """
    right = np.array(points, dtype=float)
    left = right[::-1] * (-1, 1) + (2 * cx, 0)
    return smooth(np.concatenate([right, left]), rounds=rounds)


def smooth(corners: Points, *, rounds: int = 2, keep: float = 0.25) -> Points:
    """A closed outline with its corners cut `rounds` times (Chaikin 1974); keep: share cut from each side."""
    points = corners
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        cut = np.empty((2 * len(points), 2))
        cut[0::2] = points * (1 - keep) + after * keep
        cut[1::2] = points * keep + after * (1 - keep)
        points = cut
    return points


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Points:
    """A rectangle with round corners."""
    arc = np.linspace(0, math.pi / 2, 7)
    corners = []
    for cx, cy, start in (
        (right - radius, top + radius, -math.pi / 2),
        (right - radius, bottom - radius, 0.0),
        (left + radius, bottom - radius, math.pi / 2),
        (left + radius, top + radius, math.pi),
    ):
        corners.append(np.stack([cx + radius * np.cos(arc + start), cy + radius * np.sin(arc + start)], axis=1))
    return np.concatenate(corners)


def ellipse(cx: float, cy: float, rx: float, ry: float, *, points: int = 40) -> Points:
    angle = np.linspace(0, 2 * math.pi, points, endpoint=False)
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def squashed(s: Sketch, points: Points) -> Points:
    """A flat thing's points, narrower as it turns away."""
    narrow: Points = (points - (128, 0)) * (s.squash, 1) + np.array((128, 0))
    return narrow


def slim(s: Sketch, amount: float = 0.1) -> float:
    """The factor of a body's width by the look's stretch."""
    return 1 + amount * s.look.stretch


def light_defs(sheen: str) -> str:
    """The gradients that model light from the upper left, stronger on shiny things."""
    shine = _SHINE[sheen]
    bright, soft = 0.34 * shine, 0.16 * shine

    def stops(*listed: tuple[float, str, float]) -> str:
        return "".join(f'<stop offset="{at}" stop-color="{c}" stop-opacity="{o:.3f}"/>' for at, c, o in listed)

    dark, white = "#1c1420", "#fff"
    return (
        '<linearGradient id="round" x1="0" x2="1" y1="0" y2=".06">'
        + stops((0, dark, 0.30), (0.10, dark, 0.12), (0.2, white, 0), (0.33, white, bright), (0.48, white, 0.02))
        + stops((0.56, dark, 0.02), (0.82, dark, 0.20), (1, dark, 0.42))
        + '</linearGradient><radialGradient id="ball" cx=".5" cy=".5" r=".62" fx=".34" fy=".28">'
        + stops((0, white, bright * 1.2), (0.35, white, 0.04), (0.6, dark, 0.06), (1, dark, 0.40))
        + '</radialGradient><linearGradient id="flat" x1="0" y1="0" x2=".8" y2="1">'
        + stops((0, white, soft), (0.45, white, 0), (0.55, dark, 0.02), (1, dark, 0.18))
        + '</linearGradient><linearGradient id="down" x1="0" y1="0" x2="0" y2="1">'
        + stops((0, white, soft), (0.4, white, 0), (0.6, dark, 0.03), (1, dark, 0.24))
        + '</linearGradient><linearGradient id="drape" x1="0" y1="0" x2="1" y2="0">'
        + stops((0, dark, 0.22), (0.09, white, soft), (0.2, dark, 0.13), (0.31, white, soft), (0.45, dark, 0.08))
        + stops(
            (0.55, white, soft * 0.8), (0.68, dark, 0.13), (0.8, white, soft * 0.6), (0.9, dark, 0.14), (1, dark, 0.28)
        )
        + '</linearGradient><linearGradient id="inside" x1="0" y1="0" x2="0" y2="1">'
        + stops((0, dark, 0.5), (0.7, dark, 0.16), (1, dark, 0.02))
        + '</linearGradient><linearGradient id="shade" x1="0" y1="0" x2="0" y2="1">'
        + stops((0, dark, 0.30), (1, dark, 0.10))
        + '</linearGradient><radialGradient id="glow" cx=".5" cy=".5" r=".5">'
        + stops((0, "#fff2c4", 0.75), (0.5, "#ffedb8", 0.28), (1, "#ffedb8", 0))
        + '</radialGradient><radialGradient id="shadow" cx=".5" cy=".5" r=".5">'
        + stops((0, "#2a2028", 0.42), (0.45, "#2a2028", 0.24), (0.75, "#2a2028", 0.08), (1, "#2a2028", 0))
        + "</radialGradient>"
    )


__all__ = [
    "EVERYWHERE",
    "TILT",
    "Sketch",
    "closed",
    "ellipse",
    "light_defs",
    "path",
    "rounded",
    "slim",
    "smooth",
    "squashed",
    "symmetric",
]
