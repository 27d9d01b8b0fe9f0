"""What a product looks like, as data: the words that the drawing, the texts and the tests share.

Free of heavy imports, so that training reads the looks of drawn pictures without a renderer.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from types import MappingProxyType

SHAPES = MappingProxyType(
    {
        "lamp": ("cone", "drum", "dome", "globe"),
        "mug": ("straight", "tapered", "round", "tall"),
        "chair": ("dining", "padded", "armchair"),
        "vase": ("bottle", "amphora", "cylinder", "bulb"),
        "cushion": ("square", "round", "lumbar"),
        "rug": ("rectangular", "round", "runner"),
        "clock": ("round", "square", "octagonal"),
        "teapot": ("round", "tall", "squat"),
        "blanket": ("folded", "draped", "rolled"),
        "bowl": ("wide", "deep", "footed"),
        "plant pot": ("tapered", "cylindrical", "round"),
        "T-shirt": ("crew-neck", "V-neck", "long-sleeved"),
        "dress": ("A-line", "shift", "tiered"),
        "sneaker": ("low", "high-top", "slip-on"),
        "hat": ("bucket", "wide-brimmed", "beanie", "cap"),
        "scarf": ("looped", "hanging", "knotted"),
        "backpack": ("round-topped", "square", "roll-top"),
        "umbrella": ("open", "domed", "closed"),
        "tote bag": ("classic", "slouchy", "boxy"),
        "socks": ("crew", "ankle", "knee-high"),
    }
)
"""The shapes that each category is drawn in."""

CATEGORIES = tuple(SHAPES)
COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "grey",
    "black",
    "white",
)
PATTERNS = ("plain", "stripes", "dots", "checks", "zigzag", "floral", "diamonds", "leaves")
SHEENS = ("matte", "satin", "glossy")
TRIMS = ("none", "edge", "band", "contrast")
BACKDROPS = ("cream", "mist", "blush", "sage", "sky", "lilac", "sand", "stone")

_TOO_CLOSE = frozenset(
    frozenset(pair)
    for pair in (
        ("red", "orange"),
        ("red", "pink"),
        ("red", "brown"),
        ("orange", "yellow"),
        ("orange", "brown"),
        ("green", "teal"),
        ("teal", "blue"),
        ("blue", "purple"),
        ("purple", "brown"),
        ("brown", "black"),
        ("green", "grey"),
        ("teal", "grey"),
        ("purple", "grey"),
        ("blue", "grey"),
        ("green", "brown"),
        ("brown", "grey"),
        ("red", "purple"),
        ("green", "blue"),
        ("purple", "teal"),
        ("yellow", "white"),
    )
)


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that the drawing of one product depends on.

    category, shape: a category and one of its SHAPES.
    colour, accent: of COLOURS; the accent is the colour of the pattern and of the trim.
    pattern, sheen, trim, backdrop: of the tuples above; a plain item always has a trim, so that the accent is seen.
    layout: 0 to 3, the pattern's arrangement (direction of stripes, petals of a flower ...).
    density: 0 (large motifs) to 1 (small ones). stretch: -1 (slim) to 1 (wide). tone: -1 (darker) to 1 (lighter).
    """

    category: str
    shape: str
    colour: str
    accent: str
    pattern: str = "plain"
    sheen: str = "satin"
    trim: str = "edge"
    backdrop: str = "cream"
    layout: int = 0
    density: float = 0.5
    stretch: float = 0.0
    tone: float = 0.0


def accents_for(colour: str) -> tuple[str, ...]:
    """The colours that stand out on this one."""
    return tuple(other for other in COLOURS if other != colour and frozenset((colour, other)) not in _TOO_CLOSE)


def random_look(rng: random.Random, *, category: str | None = None) -> Look:
    """A look drawn evenly from all that can be drawn; the same generator state gives the same look."""
    category = category or rng.choice(CATEGORIES)
    colour = rng.choice(COLOURS)
    pattern = rng.choice(PATTERNS)
    return Look(
        category=category,
        shape=rng.choice(SHAPES[category]),
        colour=colour,
        accent=rng.choice(accents_for(colour)),
        pattern=pattern,
        sheen=rng.choice(SHEENS),
        trim=rng.choice(TRIMS[1:] if pattern == "plain" else TRIMS),
        backdrop=rng.choice(BACKDROPS),
        layout=rng.randrange(4),
        density=round(rng.random(), 3),
        stretch=round(rng.uniform(-1, 1), 3),
        tone=round(rng.uniform(-1, 1), 3),
    )


def held_out_look(look: Look) -> bool:
    """One combination of category, colour and pattern in ten is kept for measuring."""
    return zlib.crc32(f"{look.category}/{look.colour}/{look.pattern}".encode()) % 10 == 0
