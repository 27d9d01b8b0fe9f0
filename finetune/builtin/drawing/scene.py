"""From a look to pixels: backdrop, product, light; resvg draws the SVG."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from finetune.builtin.drawing import carried, furnishings, garments, headwear, textiles, vessels
from finetune.builtin.drawing.look import Look
from finetune.builtin.drawing.palette import backdrop_colours, css, darker, lighter
from finetune.builtin.drawing.sketch import Sketch, light_defs

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

_DRAWINGS: dict[str, Callable[[Sketch], None]] = {
    "lamp": furnishings.lamp,
    "mug": vessels.mug,
    "chair": furnishings.chair,
    "vase": vessels.vase,
    "cushion": textiles.cushion,
    "rug": textiles.rug,
    "clock": furnishings.clock,
    "teapot": vessels.teapot,
    "blanket": textiles.blanket,
    "bowl": vessels.bowl,
    "plant pot": vessels.plant_pot,
    "T-shirt": garments.t_shirt,
    "dress": garments.dress,
    "sneaker": carried.sneaker,
    "hat": headwear.hat,
    "scarf": headwear.scarf,
    "backpack": carried.backpack,
    "umbrella": carried.umbrella,
    "tote bag": carried.tote_bag,
    "socks": garments.socks,
}
_LIES_FLAT = frozenset(["T-shirt", "dress", "scarf", "socks", "clock", "rug", "blanket"])


def svg(look: Look, *, turn: float = 0.0) -> str:
    """The picture as SVG text, 256 x 256 units. turn: degrees around the vertical axis."""
    sketch = Sketch(look, turn)
    _DRAWINGS[look.category](sketch)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256" width="256" height="256">'
        f"<defs>{light_defs(look.sheen)}{_backdrop_defs(look)}</defs>{_backdrop(look)}{sketch.markup}</svg>"
    )


def draw(look: Look, *, px: int = 256, turn: float = 0.0) -> PilImage:
    """The picture of a product, (px, px) RGB; the same look and turn always give the same pixels.

    turn: degrees around the vertical axis, for turntable clips. Raises KeyError for an unknown category or colour.
    """
    import resvg_py
    from PIL import Image

    png = resvg_py.svg_to_bytes(svg_string=svg(look, turn=turn), width=px, height=px, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGB")


def _backdrop_defs(look: Look) -> str:
    wall, floor = backdrop_colours(look)
    return (
        '<radialGradient id="wall" cx=".42" cy=".36" r=".85">'
        f'<stop offset="0" stop-color="{css(lighter(wall, 0.55))}"/><stop offset=".6" stop-color="{css(wall)}"/>'
        f'<stop offset="1" stop-color="{css(darker(wall, 0.10))}"/></radialGradient>'
        '<linearGradient id="floor" x1="0" y1="0" x2="0" y2="1">'
        f'<stop offset="0" stop-color="{css(floor)}"/><stop offset="1" stop-color="{css(lighter(floor, 0.35))}"/>'
        "</linearGradient>"
    )


def _backdrop(look: Look) -> str:
    wall = '<rect width="256" height="256" fill="url(#wall)"/>'
    if look.category in _LIES_FLAT:
        return wall
    return wall + '<rect y="178" width="256" height="78" fill="url(#floor)" opacity=".75"/>'
