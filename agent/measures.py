"""Numeric attributes by the words people use of them: which one "pages", "cheaper" or "since 1990" speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from agent.fillers import FILLERS, words
from agent.mentions import stem

KINDS = MappingProxyType(
    {
        "price": frozenset(["price", "cost", "budget"]),
        "year": words("year released published date"),
        "length": words("minutes length duration runtime page pages hours"),
        "speed": frozenset(["bpm", "tempo", "speed"]),
        "size": words("screen inches size width height diagonal diameter depth cm"),
        "weight": frozenset(["weight", "kg", "grams"]),
        "rating": words("rating score stars votes"),
    }
)
"""What the parts of an attribute's name say about how people compare it."""

MONEY = words("£ $ € eur euro euros usd gbp pound pounds quid buck bucks dollar dollars")
HOURS = words("h hr hrs hour hours")
_SHORT = MappingProxyType(
    {"min": "minutes", "mins": "minutes", "m": "minutes", "gig": "gb", "gigs": "gb", "p": "pages"}
)
_UNITS = MappingProxyType(
    dict.fromkeys(words("minute minutes page pages"), "length")
    | dict.fromkeys(words("bpm"), "speed")
    | dict.fromkeys(words("star stars"), "rating")
    | dict.fromkeys(words("cm mm centimetre centimetres centimeter centimeters inch inches"), "size")
    | dict.fromkeys(words("kg g kilo kilos kilogram kilograms gram grams"), "weight")
)
"""The kind of number that a unit counts, where no attribute has the unit in its name."""

_OTHER_UNITS = words("people persons litre litres liter liters pieces pcs days weeks")
YEARS = range(1800, 2101)
_BY = r"(?:sort|sorted|order|ordered|rank|ranked) (?:them |it |these |those )?by (?:the )?(?:lowest )?"
_NO_KIN = r"(?! (?:friend|son|daughter|child|kid|sister|brother|cousin|nephew|niece|memor|wish))"
_STEPS = (
    ("price", "lowest", rf"cheapest|least (?:expensive|costly)|lowest[- ]price[ds]?|lowest cost|{_BY}(?:price|cost)"),
    ("price", "highest", rf"most (?:expensive|costly)|priciest|dearest{_NO_KIN}|highest[- ]price[ds]?"),
    ("year", "highest", rf"newest|most recent|{_BY}(?:year|date)"),
    ("year", "lowest", rf"oldest{_NO_KIN}"),
    ("length", "lowest", r"shortest"),
    ("length", "highest", r"longest"),
    ("size", "highest", r"biggest|largest"),
    ("size", "lowest", r"smallest|tiniest"),
    ("weight", "lowest", r"lightest"),
    ("weight", "highest", r"heaviest"),
    ("rating", "highest", rf"(?:best|top|highest)[- ]rated|{_BY}ratings?"),
    ("price", "lower", r"cheaper|more affordable|less (?:expensive|pricey|costly|money)|(?:lower|down) (?:in )?price"),
    ("price", "lower", r"(?:too|bit|so|rather|very|quite) (?:expensive|pricey|dear|costly|steep)|too much(?: money)?"),
    (
        "price",
        "lower",
        r"a bit rich|(?:costs? )?an arm and a leg|costs? a (?:fortune|bomb)|breaks? the bank|eye-watering",
    ),
    ("price", "lower", r"(?:bring|get|knock|take) the price down(?: a (?:notch|bit|little))?"),
    (
        "price",
        "lower",
        r"budget (?:won't|doesn't|can't|does not) (?:stretch|go|reach)(?: (?:that|so) far| to (?:that|it))?",
    ),
    ("price", "lower", r"(?:spend|pay|cost) (?:a (?:bit|little|lot) )?less|can(?:'t|not) afford"),
    ("price", "lower", r"more than (?:i|we) (?:can|could|want to|wanted to|meant to) (?:spend|pay|afford)"),
    ("price", "lower", r"(?:over|beyond|above|out of) (?:my|our|the) budget"),
    ("price", "lower", r"(?:kinder|easier|gentler|lighter) (?:on|to) (?:my|our|the) (?:wallet|purse|pocket|budget)"),
    (
        "price",
        "higher",
        r"(?:more expensive|pricier|dearer|more upmarket|(?:higher|up) (?:in )?price|posher|too cheap)",
    ),
    ("price", "higher", r"(?:spend|pay|cost) (?:a (?:bit|little|lot) )?more"),
    ("year", "higher", r"newer|more (?:recent|modern)|later|too old"),
    ("year", "lower", r"older|earlier|less (?:recent|new)|too (?:new|recent|modern)"),
    ("length", "lower", r"shorter|too long|less long|quicker|thinner"),
    ("length", "higher", r"(?<!no )longer|too short|thicker"),
    ("speed", "lower", r"slower|too fast"),
    ("speed", "higher", r"faster|too slow"),
    ("size", "higher", r"bigger|larger|too (?:small|tiny)"),
    ("size", "lower", r"smaller|too (?:big|large)"),
    ("weight", "lower", r"lighter|less heavy|too heavy"),
    ("weight", "higher", r"heavier|more solid|too light"),
    ("rating", "lower", r"(?:lower|worse) rated|less praised|too highly rated"),
    ("rating", "higher", r"better (?:rated|reviewed|reviews)|higher rated|too poorly rated"),
)


def of_kind(kind: str, numeric: Sequence[str]) -> str | None:
    """The first numeric attribute of a kind."""
    return next((name for name in numeric if KINDS[kind] & _parts(name)), None)


def named(word: str, numeric: Sequence[str]) -> str | None:
    """The numeric attribute that has the word, or its unit, in its name."""
    said = stem(_SHORT.get(word, word))
    return next((name for name in numeric if said in {stem(part) for part in _parts(name)}), None)


def counts(word: str, numeric: Sequence[str]) -> str | None:
    """The numeric attribute that has the word in its name, or counts in it."""
    kind = _UNITS.get(_SHORT.get(word, word)) or next((kind for kind, said in KINDS.items() if word in said), None)
    return named(word, numeric) or (of_kind(kind, numeric) if kind else None)


def is_unit(word: str | None, numeric: Sequence[str]) -> bool:
    """Whether the word after a number says in what it counts."""
    return word is not None and (word in MONEY or word in HOURS or counts(word, numeric) is not None)


def is_unit_word(word: str) -> bool:
    """Whether the word counts something in some catalogue: minutes, stars, people."""
    return word in MONEY or word in HOURS or word in _OTHER_UNITS or _SHORT.get(word, word) in _UNITS


def measured(unit: str | None, of: str | None, number: float, phrase: str, numeric: Sequence[str]) -> str | None:
    """The numeric attribute that a number in a phrase bounds, or None where it fits none.

    unit: the word after the number; of: the noun after "of" ("16 gigs of ram").
    """
    if unit in MONEY or re.search(r"[£$€]", phrase) or re.search(r"budget|cheap", phrase):
        return of_kind("price", numeric)
    for word in filter(None, (of, unit)):
        if name := counts(word, numeric):
            return name
    if unit in HOURS:
        return of_kind("length", numeric)
    if unit in _OTHER_UNITS or _SHORT.get(unit or "", unit) in _UNITS:
        return None
    if unit is not None and unit not in FILLERS and unit.endswith("s"):  # of things: a group of 5 friends
        return None
    year = of_kind("year", numeric)
    if number in YEARS and year:
        return year
    only = numeric[0] if len(numeric) == 1 and numeric[0] != year else None
    return of_kind("price", numeric) or only


def in_its_unit(number: float, unit: str | None, name: str) -> float:
    """Hours as minutes, where the attribute counts minutes."""
    return number * 60 if unit in HOURS and "minutes" in _parts(name) else number


def steps(text: str, numeric: Sequence[str]) -> list[tuple[str, str, tuple[int, int]]]:
    """Each "cheaper" or "longest": the attribute, lower, higher, lowest or highest, and the characters that say it."""
    found = []
    for kind, way, cues in _STEPS:
        name = of_kind(kind, numeric)
        found += [(name, way, m.span()) for m in re.finditer(rf"\b(?:{cues})\b", text) if name]
    for match in re.finditer(r"\b([a-z]+)\s*[:=]\s*(less|lower|fewer|cheaper|more|higher)\b", text):
        if name := named(match[1], numeric):
            found.append((name, "higher" if match[2] in ("more", "higher") else "lower", match.span()))
    for match in re.finditer(r"\b(more|higher|less|fewer|lower|bigger|larger|smaller)\s+([a-z]+)", text):
        if name := named(match[2], numeric):
            found.append(
                (name, "lower" if match[1] in ("less", "fewer", "lower", "smaller") else "higher", match.span())
            )
    return found


def _parts(name: str) -> set[str]:
    return set(re.split(r"[\W_]+", name.lower()))
