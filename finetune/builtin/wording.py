"""Words for looks: what shapes, patterns and colours are called in prose. Shared by products and captions."""

from __future__ import annotations

from types import MappingProxyType

_FORMS: dict[tuple[str, str], str] = {
    ("lamp", "cone"): "cone-shade lamp",
    ("lamp", "drum"): "drum-shade lamp",
    ("lamp", "dome"): "dome lamp",
    ("lamp", "globe"): "globe lamp",
    ("mug", "straight"): "straight-sided mug",
    ("mug", "round"): "barrel mug",
    ("chair", "padded"): "padded chair",
    ("chair", "dining"): "dining chair",
    ("chair", "armchair"): "armchair",
    ("vase", "bottle"): "bottle vase",
    ("vase", "bulb"): "bulb vase",
    ("rug", "runner"): "runner rug",
    ("blanket", "folded"): "blanket",
    ("blanket", "draped"): "fringed blanket",
    ("blanket", "rolled"): "rolled blanket",
    ("sneaker", "low"): "low sneaker",
    ("sneaker", "slip-on"): "slip-on sneaker",
    ("hat", "beanie"): "beanie hat",
    ("hat", "cap"): "cap",
    ("scarf", "hanging"): "long scarf",
    ("scarf", "looped"): "loop scarf",
    ("umbrella", "open"): "umbrella",
    ("umbrella", "domed"): "dome umbrella",
    ("umbrella", "closed"): "folding umbrella",
    ("socks", "crew"): "crew socks",
    ("socks", "ankle"): "ankle socks",
    ("socks", "knee-high"): "knee-high socks",
}

PATTERN_NOUNS = MappingProxyType(
    {
        "stripes": ("stripes", "bands of stripes", "striping"),
        "dots": ("dots", "polka dots", "round dots"),
        "checks": ("checks", "checked pattern", "check pattern"),
        "zigzag": ("zigzags", "zigzag pattern", "zigzag lines"),
        "floral": ("flowers", "blossoms", "floral print"),
        "diamonds": ("diamonds", "diamond pattern", "diamond lattice"),
        "leaves": ("leaves", "leaf print", "leafy sprigs"),
    }
)
"""What each pattern is called as a noun; plain has none."""

PATTERN_ADJECTIVES = MappingProxyType(
    {
        "plain": ("plain", "solid"),
        "stripes": ("striped", "stripy"),
        "dots": ("dotted", "polka-dot"),
        "checks": ("checked", "chequered"),
        "zigzag": ("zigzag", "chevron"),
        "floral": ("floral", "flowered"),
        "diamonds": ("diamond-patterned", "argyle"),
        "leaves": ("leaf-print", "leafy"),
    }
)

CATEGORY_WORDS = MappingProxyType(
    {
        "lamp": ("lamp", "table lamp"),
        "mug": ("mug", "coffee mug", "cup"),
        "chair": ("chair",),
        "vase": ("vase", "flower vase"),
        "cushion": ("cushion", "throw pillow"),
        "rug": ("rug", "carpet"),
        "clock": ("clock", "wall clock"),
        "teapot": ("teapot", "tea pot"),
        "blanket": ("blanket", "throw"),
        "bowl": ("bowl",),
        "plant pot": ("plant pot", "flowerpot", "planter"),
        "T-shirt": ("T-shirt", "tee", "shirt"),
        "dress": ("dress", "frock"),
        "sneaker": ("sneaker", "trainer", "shoe"),
        "hat": ("hat",),
        "scarf": ("scarf",),
        "backpack": ("backpack", "rucksack"),
        "umbrella": ("umbrella",),
        "tote bag": ("tote bag", "handbag", "bag"),
        "socks": ("socks", "pair of socks"),
    }
)

COLOUR_WORDS = MappingProxyType(
    {
        "red": ("red", "crimson"),
        "orange": ("orange",),
        "yellow": ("yellow", "golden yellow"),
        "green": ("green",),
        "teal": ("teal", "turquoise"),
        "blue": ("blue",),
        "purple": ("purple", "violet"),
        "pink": ("pink", "rose pink"),
        "brown": ("brown",),
        "grey": ("grey", "gray"),
        "black": ("black",),
        "white": ("white", "off-white"),
    }
)

PURPOSES = MappingProxyType(
    {"everyday": "everyday use", "weekend": "the weekend", "party": "a party", "beach": "the beach"}
)
"""How an occasion is named after "for", where the bare word will not do."""


def form(category: str, shape: str) -> str:
    """The shape and the category as one noun: "amphora vase", "ankle socks"."""
    return _FORMS.get((category, shape), f"{shape} {category}")


def with_article(noun: str) -> str:
    """ "an amphora vase", "a pair of ankle socks"."""
    if noun.endswith("socks") and not noun.startswith("pair"):
        noun = f"pair of {noun}"
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")
