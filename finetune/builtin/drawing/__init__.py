"""Products drawn in code: a `Look` says what, `draw` makes the picture."""

from finetune.builtin.drawing.look import (
    BACKDROPS,
    CATEGORIES,
    COLOURS,
    PATTERNS,
    SHAPES,
    SHEENS,
    TRIMS,
    Look,
    random_look,
)
from finetune.builtin.drawing.scene import draw, svg

__all__ = [
    "BACKDROPS",
    "CATEGORIES",
    "COLOURS",
    "PATTERNS",
    "SHAPES",
    "SHEENS",
    "TRIMS",
    "Look",
    "draw",
    "random_look",
    "svg",
]
