"""Colours: the named ones of the shop, the backdrops, and mixing."""

from __future__ import annotations

from finetune.builtin.drawing.look import Look

Rgb = tuple[int, int, int]

_NAMED: dict[str, Rgb] = {
    "red": (200, 56, 52),
    "orange": (232, 128, 48),
    "yellow": (240, 198, 64),
    "green": (82, 148, 84),
    "teal": (36, 142, 146),
    "blue": (58, 108, 186),
    "purple": (122, 84, 168),
    "pink": (234, 146, 172),
    "brown": (132, 86, 56),
    "grey": (142, 146, 152),
    "black": (44, 45, 51),
    "white": (247, 245, 239),
}
_BACKDROPS: dict[str, tuple[Rgb, Rgb]] = {
    "cream": ((246, 238, 226), (228, 214, 196)),
    "mist": ((233, 238, 241), (209, 216, 222)),
    "blush": ((246, 231, 226), (229, 207, 200)),
    "sage": ((232, 238, 227), (208, 218, 201)),
    "sky": ((228, 238, 245), (203, 218, 230)),
    "lilac": ((237, 232, 243), (216, 208, 226)),
    "sand": ((241, 232, 215), (222, 208, 184)),
    "stone": ((235, 232, 228), (213, 208, 202)),
}
WOOD: Rgb = (186, 140, 96)
BRASS: Rgb = (196, 164, 98)
STEEL: Rgb = (176, 180, 186)
CREAM: Rgb = (250, 246, 236)
INK: Rgb = (40, 36, 40)


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """`one` with a share (0 to 1) of `other` in it."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(one, other, strict=True))
    return r, g, b


def darker(colour: Rgb, share: float) -> Rgb:
    return mix(colour, (22, 16, 26), share)


def lighter(colour: Rgb, share: float) -> Rgb:
    return mix(colour, (255, 255, 255), share)


def css(colour: Rgb) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"


def main_colour(look: Look) -> Rgb:
    """The look's colour, a little lighter or darker by its tone."""
    base = _NAMED[look.colour]
    share = 0.10 * abs(look.tone)
    return lighter(base, share) if look.tone > 0 else darker(base, share)


def accent_colour(look: Look) -> Rgb:
    return _NAMED[look.accent]


def backdrop_colours(look: Look) -> tuple[Rgb, Rgb]:
    """The wall's colour and the floor's."""
    return _BACKDROPS[look.backdrop]
