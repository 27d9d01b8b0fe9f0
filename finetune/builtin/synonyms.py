"""How people call the values of a household shop: other words, inflections and shades, by attribute and value.

A form is used only where it is no value of its own in the catalogue at hand, so that it can mean one thing only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from finetune.builtin.wording import CATEGORY_WORDS, COLOUR_WORDS, PATTERN_ADJECTIVES, PATTERN_NOUNS

SHADES = MappingProxyType(
    {
        "red": ("scarlet", "crimson", "cherry red", "reddish"),
        "orange": ("tangerine", "pumpkin orange", "orangey"),
        "yellow": ("mustard", "lemon yellow", "sunny yellow"),
        "green": ("olive green", "emerald", "forest green", "greenish"),
        "teal": ("turquoise", "petrol"),
        "blue": ("navy", "sky blue", "cobalt", "bluish"),
        "purple": ("violet", "lilac", "plum"),
        "pink": ("rosy pink", "fuchsia", "pinkish"),
        "brown": ("chestnut brown", "chocolate brown", "brownish"),
        "grey": ("gray", "charcoal", "greyish"),
        "black": ("jet black", "pitch black"),
        "white": ("off-white", "snow white", "ivory"),
    }
)
CATEGORIES = MappingProxyType(
    {
        "lamp": ("table lamp", "light"),
        "mug": ("cup", "coffee mug", "coffee cup"),
        "chair": ("seat",),
        "vase": ("flower vase",),
        "cushion": ("pillow", "throw pillow"),
        "rug": ("carpet",),
        "clock": ("wall clock",),
        "teapot": ("tea pot",),
        "blanket": ("throw",),
        "bowl": ("dish",),
        "plant pot": ("flowerpot", "planter", "flower pot"),
        "T-shirt": ("tee", "t-shirt", "tshirt"),
        "dress": ("frock",),
        "sneaker": ("trainer", "running shoe"),
        "hat": (),
        "scarf": ("shawl",),
        "backpack": ("rucksack", "daypack"),
        "umbrella": ("brolly", "parasol"),
        "tote bag": ("tote", "shopping bag"),
        "socks": (),
    }
)
MATERIALS = MappingProxyType(
    {
        "oak": ("oak wood", "oakwood"),
        "ash wood": ("ash", "ashwood"),
        "pine": ("pine wood", "pinewood"),
        "leather": ("real leather",),
        "wool": ("woollen", "woolen"),
        "cotton": ("pure cotton",),
        "silk": ("silken",),
        "glass": ("clear glass",),
        "ceramic": ("ceramics",),
        "recycled polyester": ("polyester",),
        "recycled plastic": ("plastic",),
        "bamboo viscose": ("viscose",),
        "cast iron": ("iron",),
        "waxed cotton": ("waxed fabric",),
        "opal glass": ("milk glass",),
        "merino": ("merino wool",),
        "steel": ("stainless steel",),
        "concrete": ("cement",),
        "fleece": ("fleecy",),
        "straw": ("woven straw",),
        "velvet": ("velvety",),
    }
)
STYLES = MappingProxyType(
    {
        "Scandinavian": ("Nordic", "scandi", "Scandinavian-looking"),
        "rustic": ("farmhouse", "country-house"),
        "retro": ("fifties-style", "old-school"),
        "minimalist": ("minimal", "pared-down"),
        "bohemian": ("boho",),
        "classic": ("timeless", "classical"),
        "playful": ("quirky", "whimsical"),
        "industrial": ("factory-style", "loft-style"),
        "modern": ("contemporary",),
        "vintage": ("antique-looking",),
        "elegant": ("sophisticated",),
        "coastal": ("seaside",),
    }
)
PLACES = MappingProxyType(
    {
        "nursery": ("kids' room", "baby's room", "children's room"),
        "study": ("home office",),
        "living room": ("lounge", "sitting room"),
        "hallway": ("entrance hall", "corridor"),
        "garden": ("back garden", "yard"),
        "balcony": ("veranda",),
        "bathroom": ("bath",),
        "party": ("celebration",),
        "travel": ("travelling", "trips", "journeys"),
        "sport": ("sports", "workouts", "exercise"),
        "work": ("the workplace",),
        "rainy days": ("rain", "wet weather"),
        "everyday": ("daily use", "every day", "everyday use"),
        "weekend": ("weekends", "Sundays"),
    }
)
GENRES = MappingProxyType(
    {
        "Sci-Fi": ("science fiction", "scifi", "SF"),
        "Romance": ("romantic", "love story"),
        "Comedy": ("funny", "comedies"),
        "Horror": ("scary", "horror"),
        "Crime": ("gangster",),
        "Documentary": ("documentaries", "non-fiction"),
        "Children": ("kids", "children's"),
        "Animation": ("animated", "cartoon"),
        "Thriller": ("suspense", "thrillers"),
        "Western": ("cowboy",),
        "Musical": ("musicals",),
    }
)
_TOO_WIDE = frozenset(("bag", "shoe", "shirt", "pair of socks"))
_OTHER_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "colour": SHADES,
        "accent": SHADES,
        "category": CATEGORIES,
        "material": MATERIALS,
        "style": STYLES,
        "room": PLACES,
        "occasion": PLACES,
        "genre": GENRES,
    }
)


_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def other_words(kind: str, value: str, taken: frozenset[str]) -> tuple[str, ...]:
    """Other words for a value of a kind of attribute; none that is in `taken`, the values listed, in lower case."""
    words = (*_OTHER_WORDS.get(kind, _NONE).get(value, ()), *_of_the_drawings(kind, value))
    return tuple(word for word in words if word.lower() not in taken)


def _of_the_drawings(kind: str, value: str) -> tuple[str, ...]:
    match kind:
        case "colour" | "accent":
            return COLOUR_WORDS.get(value, ())[1:]
        case "category":
            return tuple(word for word in CATEGORY_WORDS.get(value, ())[1:] if word not in _TOO_WIDE)
        case _:
            return ()


def pattern_adjectives(value: str) -> tuple[str, ...]:
    """ "striped", "stripy": a pattern before its noun; the value itself where there is no other way."""
    return PATTERN_ADJECTIVES.get(value, (value,))


def pattern_nouns(value: str) -> tuple[str, ...]:
    """ "stripes", "polka dots": a pattern after "with"; nothing for plain."""
    return () if value == "plain" else PATTERN_NOUNS.get(value, (value,))


def plural(noun: str) -> str:
    """More than one of it; socks stay socks."""
    if noun.endswith(("socks", "headphones")) or noun in ("something", "anything"):
        return noun
    if noun.endswith("scarf"):
        return f"{noun[:-1]}ves"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def with_article(noun: str) -> str:
    """ "an umbrella", "a pair of socks"."""
    if noun.split()[-1:] in (["socks"], ["headphones"]):
        noun = f"pair of {noun}"
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
