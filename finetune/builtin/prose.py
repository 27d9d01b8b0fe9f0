"""Titles and descriptions: a small grammar of our own, so that no two products read alike.

Nothing here names a pattern or a second colour unless it is given one: the words around must not give away
what only the picture shows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

from finetune.builtin.wording import PATTERN_ADJECTIVES, PATTERN_NOUNS, sentence, with_article

NAMES = (
    *("Alva", "Bera", "Cato", "Dunya", "Elin", "Fjord", "Gilda", "Haru", "Iris", "Juno", "Kalla", "Lund", "Mirre"),
    *("Nola", "Orla", "Pilar", "Quinn", "Runa", "Sefa", "Tilde", "Umi", "Vesna", "Wren", "Yara", "Zella", "Arlo"),
    *("Bodil", "Corin", "Delphi", "Esker", "Fenna", "Greta", "Hollis", "Ida", "Joss", "Kerry", "Linde", "Otto"),
)
"""What products are called."""

_TITLES = (
    "{brand} {form}, {colour}",
    "{name} {form} in {colour} {material}",
    "{colour} {material} {form}",
    "{brand} {name} {form}",
    "{name}: {style} {form} in {colour}",
    "{style} {form} by {brand}, {colour}",
    "{form} {name}, {colour}",
    "{material} {form} in {colour} by {brand}",
)
_TITLES_SEEN = (
    "{brand} {pattern} {form}, {colour}",
    "{name} {form} in {colour} with {noun}",
    "{pattern} {colour} {form}",
    "{colour} and {accent} {form} by {brand}",
    "{name} {pattern} {form} in {colour} and {accent}",
    "{style} {pattern} {form}, {material}",
)

_MADE_OF = (
    "it is made of {material}",
    "the material is {material}",
    "{material} all through",
    "we chose {material} for it",
)

_OPENINGS = (
    "{a_form} in {colour}, made of {material}",
    "{brand} makes {this_form} from {material}",
    "{this_form} comes in {colour} {material}",
    "{colour} {material}, shaped into {a_form}",
    "meet {name}, {a_form} in {colour}",
    "from the workshop of {brand}: {a_form} of {material}",
    "we asked {brand} for {a_form} that lasts, and got this one in {colour} {material}",
    "if you have been looking for {a_form} in {colour}, here it is",
    "{name} is {a_form} in {colour}, with a good feel of {material} in the hand",
    "at {brand}, {a_form} starts with two decisions: good {material} and {a_colour} dye",
)
_STYLES = {
    "Scandinavian": (
        "calm Scandinavian lines",
        "the design is Scandinavian: light, honest and without fuss",
        "it borrows its quiet from Scandinavian homes",
        "a Scandinavian piece for people who like to see the table",
        "drawn in the Scandinavian way, with one idea and no more",
    ),
    "rustic": (
        "rustic by nature, with the small marks of handwork",
        "it has a rustic warmth that suits old wood",
        "a rustic piece that gets better with use",
        "think of a farmhouse shelf: rustic and in use",
        "the rustic finish is left as the tools leave it",
    ),
    "retro": (
        "the look is retro, straight from a seventies catalogue",
        "retro at heart and new in every seam and joint",
        "a retro favourite that came back for good reasons",
        "your parents may have had one: a retro design, remade",
        "retro curves and present-day quality",
    ),
    "minimalist": (
        "minimalist in form: nothing to add, nothing to take away",
        "a minimalist outline keeps it out of the way",
        "its minimalist shape is all that it needs",
        "a minimalist would keep this one",
        "the minimalist approach: one piece, one purpose",
    ),
    "bohemian": (
        "bohemian and generous, happiest in good company",
        "it brings a bohemian ease wherever it goes",
        "made for bohemian corners and long evenings",
        "a little bohemian, a little unruly, very likeable",
        "it would look right in a bohemian attic",
    ),
    "classic": (
        "a classic that does not go out of fashion",
        "its proportions are classic, and have been for a century",
        "classic through and through",
        "a classic shape, made as it always was",
        "the classic choice when you are unsure",
    ),
    "playful": (
        "playful without being childish",
        "a playful piece that makes people smile",
        "it takes a playful view of a serious job",
        "children like it, and playful grown-ups do too",
        "playful lines, serious workmanship",
    ),
    "industrial": (
        "industrial in spirit: strong joints and no ornament too many",
        "it has the frank, industrial look of a good workshop",
        "industrial chic, and built like it",
        "an industrial piece that hides nothing",
        "from the drawing board of an industrial designer",
    ),
}
_PLACES = {
    "room": (
        "at home in the {place}",
        "made with the {place} in mind",
        "it earns its keep in the {place}",
        "the {place} is where it shines",
        "our customers mostly keep it in the {place}",
        "a good start for a new {place}",
    ),
    "everyday": ("for everyday, and we mean every day", "easy enough for everyday use", "an everyday companion"),
    "work": ("smart enough for work", "it goes to work and stays tidy", "for work, meetings and the way there"),
    "weekend": ("saved for the weekend, or not", "made for slow weekend mornings", "the weekend starts here"),
    "travel": ("light enough for travel", "it was made for travel and packs well", "a travel companion with manners"),
    "party": ("for a party, or for looking like one", "it has never missed a party", "dressed for a party in a minute"),
    "sport": ("ready for sport", "it keeps up with sport and with the way home", "made to move: sport first"),
    "beach": (
        "bound for the beach",
        "sand shakes off it: take it to the beach",
        "for the beach and the way back",
    ),
    "rainy days": ("a friend on rainy days", "rainy days are what it was made for", "it makes rainy days shorter"),
}
_CARE = {
    "pottery": (
        "it may go into the dishwasher",
        "fired twice, so it does not mind knocks",
        "glazed inside and out",
        "each one comes out of the kiln a little different",
    ),
    "cloth": (
        "wash it cold and dry it flat",
        "pre-washed, so it keeps its size",
        "it gets softer with each wash",
        "dyed in small batches without chlorine",
        "the seams are sewn twice",
    ),
    "hard": (
        "wipe it with a damp cloth, nothing more",
        "every part can be replaced",
        "it comes in one piece and needs no tools",
        "tested for ten years of use",
    ),
}
_POTTERY = frozenset(["stoneware", "porcelain", "enamel", "earthenware", "terracotta", "ceramic", "glass", "concrete"])
_HARD = frozenset(
    ["paper", "opal glass", "brass", "oak", "ash wood", "steel", "bamboo", "cast iron", "recycled plastic"]
)
_CLOSINGS = (
    "ships within two days",
    "gift-wrapped if you ask",
    "thirty days to change your mind",
    "one of our own favourites",
    "made in small numbers",
    "sold singly",
    "with a two-year guarantee",
    "packed without plastic",
    "designed in-house, made nearby",
    "a present that does not look like a last-minute one",
)
_SEEN = (
    "{accent} {noun} on {a_colour} ground",
    "{noun} in {accent} run across the {colour}",
    "the {colour} is covered in {accent} {noun}",
    "look out for the {accent} {noun}",
    "patterned with {noun} in {accent}",
    "{accent} {noun} give the {colour} its rhythm",
    "{a_pattern} design: {accent} on {colour}",
)
_SEEN_PLAIN = (
    "plain {colour} with {accent} details",
    "no pattern, only {colour} and a touch of {accent}",
    "kept plain, apart from a detail in {accent}",
    "solid {colour}, finished with {accent}",
)


def title(facts: Mapping[str, str], seen: Mapping[str, str], rng: random.Random) -> str:
    """A title of the product; facts and seen as for `describe`."""
    patterned = seen and seen["pattern"] != "plain"
    templates = _TITLES + _TITLES_SEEN * 2 if patterned else _TITLES
    text = rng.choice(templates).format(**_slots(facts, seen, rng))
    return text[:1].upper() + text[1:]


def describe(facts: Mapping[str, str], seen: Mapping[str, str], rng: random.Random) -> str:
    """Three to six sentences about the product.

    facts: form, category, colour, material, style, place, brand, name. seen: pattern and accent, or empty where only
    the picture may tell them.
    """
    slots = _slots(facts, seen, rng)
    body = [
        rng.choice(_STYLES[facts["style"]]),
        rng.choice(_places(facts["place"])),
        rng.choice(_care(facts["material"])),
    ]
    if rng.random() < 0.5:
        body.append(rng.choice(_CLOSINGS))
    if seen:
        body.append(rng.choice(_SEEN_PLAIN if seen["pattern"] == "plain" else _SEEN))
    rng.shuffle(body)
    body = body[: rng.randint(max(2, len(body) - 1), len(body))] if not seen else body
    opening = rng.choice(_OPENINGS)
    if "{material}" not in opening:
        body.insert(rng.randrange(2), rng.choice(_MADE_OF))
    return " ".join(sentence(part.format(**slots)) for part in _joined([opening, *body], rng))


def _joined(parts: Sequence[str], rng: random.Random) -> list[str]:
    """Now and then two neighbours become one sentence."""
    joined = [parts[0]]
    for part in parts[1:]:
        short = len(joined[-1]) + len(part) < 110 and not re.search(r"[.:!?;]", joined[-1] + part)
        if short and len(joined) > 1 and rng.random() < 0.3:
            joined[-1] = f"{joined[-1]}; {part}"
        else:
            joined.append(part)
    return joined


def _slots(facts: Mapping[str, str], seen: Mapping[str, str], rng: random.Random) -> dict[str, str]:
    noun = facts["form"]
    plural = noun.endswith("socks")
    slots = dict(facts)
    slots |= {
        "a_form": with_article(noun),
        "a_colour": with_article(facts["colour"]),
        "this_form": f"this pair of {noun}" if plural else f"this {noun}",
    }
    if seen:
        slots["accent"] = seen["accent"]
        slots["pattern"] = rng.choice(PATTERN_ADJECTIVES[seen["pattern"]])
        slots["a_pattern"] = with_article(slots["pattern"])
        slots["noun"] = PATTERN_NOUNS.get(seen["pattern"], ("trim",))[0]
    return slots


def _places(place: str) -> tuple[str, ...]:
    return _PLACES.get(place) or tuple(text.format(place=place) for text in _PLACES["room"])


def _care(material: str) -> tuple[str, ...]:
    return _CARE["pottery" if material in _POTTERY else "hard" if material in _HARD else "cloth"]
