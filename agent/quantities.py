"""Numbers in a message: bounds of numeric attributes, and steps up and down from what was shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from agent.dialogue import Facet
from agent.measures import YEARS, counts, in_its_unit, is_unit, measured, of_kind, steps

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", *(f"{ten}teen" for ten in ("thir", "four", "fif", "six", "seven", "eigh", "nine")))
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: number for number, word in enumerate((*_ONES, *_TEENS), start=1)}
_BIG = {word: number for number, word in zip(range(20, 100, 10), _TENS, strict=True)}
_SCALES = {"hundred": 100, "thousand": 1000}
NUMBER_WORDS = _SMALL | _BIG
"""Of numbers of one word each."""

_FEW = 12
_WORD = "|".join(sorted((*NUMBER_WORDS, *_SCALES), key=len, reverse=True))
_SPELT = rf"(?:an? (?=hundred|thousand))?(?:{_WORD})(?:(?: and |[ -])(?:{_WORD}))*\b"
_AROUND = 0.2
_N = rf"(\d[\d,]*(?:\.\d+)?|{_SPELT})"
_MONEY = r"(?:[£$€]|eur\b|usd\b|gbp\b)?\s*"
_UNIT = r"(?:\s*(?P<unit>[£$€]|(?!onward|upward)[a-z]+))?(?:\s+of\s+(?P<of>[a-z]+))?"
_MOST = "|".join(
    (
        "under|below|before|pre|within|until|up to|at (?:the )?most|max(?:imum)?|budget|south of|(?:not )?exceeding",
        "cap(?:ped)?(?: (?:it|that|them))?(?: at| of)|(?:price )?(?:limit|ceiling|cap) of",
        "(?:less|fewer|cheaper|shorter|smaller|older|earlier|slower|lighter) than",
        "(?:no|not) (?:more|longer|later|newer|higher|bigger|faster) than|(?:not|nothing|never) (?:over|above)",
    )
)
_LEAST = "|".join(
    (
        "over|above|after|post|since|from|at least|min(?:imum)?|starting (?:at|from)|upwards? of|north of",
        "(?:more|newer|later|longer|bigger|larger|higher|faster|heavier) than",
        "(?:no|not) (?:less|fewer|shorter|older|earlier|slower|cheaper|smaller|lighter) than|(?:not|nothing|"
        "never) (?:under|below)",
    )
)
_ABOUT = (
    "around|about|roughly|approximately|circa|give or take|somewhere (?:near|around)|close to|"
    "in the (?:region|neighbou?rhood|ballpark) of"
)
_TAIL_ABOUT = "or so|or thereabouts|(?:more or less|give or take)(?!\\s+\\d)"
_TAIL_MOST, _TAIL_LEAST = (
    "max(?:imum)?|tops|at most|at the outside|to (?:play with|spend)|is as (?:far|high|much) as|"
    "(?:is|'s) (?:my|our|the) (?:absolute |upper )?(?:limit|ceiling|max(?:imum)?|cap|budget)|"
    "or (?:less|under|below|fewer|cheaper|older|earlier|shorter|smaller|slower|lower|lighter)",
    "min(?:imum)?(?! or\\b)|at least|(?:or|and) (?:more|over|up|above|upwards?|later|[a-z]+er)|onwards?|upwards?",
)
_RANGE = re.compile(rf"(between|from)?\s*{_MONEY}{_N}\s*[a-z£$€]*\s*(-|–|to|and|till)\s*{_MONEY}{_N}{_UNIT}")
_BOUND = re.compile(
    rf"\b(?P<how>{_MOST}|{_LEAST}|{_ABOUT})\s+(?:(?:an? |the )?(?P<what>[a-z]+) of |is |of |than )?"
    rf"{_MONEY}(?P<n>{_N}){_UNIT}(?:\s+(?:onwards?|upwards?|on)\b)?"
)
_TAIL = re.compile(
    rf"{_MONEY}(?P<n>{_N})\s*(?P<unit>[£$€]|[a-z]+)??(?:\s+of\s+(?P<of>[a-z]+))?\s*\b(?P<how>{_TAIL_MOST}|"
    rf"{_TAIL_LEAST}|{_TAIL_ABOUT})\b"
    rf"(?!\s*{_MONEY}\d)"
)
_ISH = re.compile(rf"{_MONEY}(?P<n>\d[\d,]*(?:\.\d+)?)[ -]?(?P<how>ish)\b{_UNIT}")
_COMPARED = re.compile(r"\b(?:differ\w*|compar\w*|choos\w*|choice|decid\w*|torn)\s*$")
_ASKS_OF = re.compile(r"\b(?:tell me|more|what|how|know)\s*$")
_SPENDING = (
    "really|set|me|us|back|want|wants|wish|like|to|pay|spend|cost|costs|go|be|is|have|need|any|it|ever|even|exceed|"
    "take|last|of"
)
_DECADE = re.compile(r"\b(19|20)?(\d)0'?s\b")


@dataclass(slots=True)
class Numbers:
    """What a message's numbers say. spans: the characters that said it."""

    at_most: dict[str, float] = field(default_factory=dict)
    at_least: dict[str, float] = field(default_factory=dict)
    step: dict[str, str] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def free(self, start: int, end: int) -> bool:
        """Whether no bound or step was read from these characters."""
        return all(end <= first or last <= start for first, last in self.spans)

    def says(self, name: str) -> bool:
        """Whether anything was read of the attribute."""
        return name in self.at_most or name in self.at_least or name in self.step

    def bound(self, name: str, low: float | None, high: float | None, span: tuple[int, int]) -> None:
        """Note a bound, or two."""
        self.at_least |= {} if low is None else {name: low}
        self.at_most |= {} if high is None else {name: high}
        self.spans.append(span)


def read_numbers(text: str, facets: Sequence[Facet]) -> Numbers:
    """The bounds and steps of a message; a number that fits no numeric attribute is left alone.

    "around" is a fifth less to a fifth more; "after 1990" and "over 20" keep the number itself.
    """
    text, told = text.replace("’", "'").lower(), Numbers()
    numeric = [facet.name for facet in facets if facet.numeric]
    for read in (_ranges, _bounds, _decades):
        read(text, numeric, told)
    for name, way, span in steps(text, numeric):
        if name not in told.at_most and name not in told.at_least and told.free(*span):
            told.step[name] = way
            told.spans.append(span)
    return told


def _ranges(text: str, numeric: Sequence[str], told: Numbers) -> None:
    for match in _RANGE.finditer(text):
        opening, low, dash, high = match[1], _number(match[2]), match[3], _number(match[4])
        before = re.search(r"\b([a-z]+)(?:\s+(?:of|is|should be|must be))?:?\s*$", text[: match.start()])
        said = counts(before[1], numeric) if before and not is_unit(match["unit"], numeric) else None
        name = said or measured(match["unit"], match["of"], high, match.group(), numeric)
        if (
            dash == "and"
            and high <= _FEW
            and not is_unit(match["unit"], numeric)
            and _COMPARED.search(text[: match.start()])
        ):
            continue  # of two items
        plain = said is not None or (dash != "and" and (match[2][0].isdigit() or is_unit(match["unit"], numeric)))
        if name and 0 < low < high and (opening or plain):
            unit = match["unit"]
            first, last = _said(match, numeric)
            first = before.start(1) if before and said else first
            told.bound(name, in_its_unit(low, unit, name), in_its_unit(high, unit, name), (first, last))


def _bounds(text: str, numeric: Sequence[str], told: Numbers) -> None:
    bounds = list(_BOUND.finditer(text))
    shared = {one.start(): other["unit"] for one, other in pairwise(bounds) if _share_a_unit(one, other)}
    for match in (*bounds, *_TAIL.finditer(text), *_ISH.finditer(text)):
        how, number = match["how"], _number(match["n"])
        unit = shared.get(match.start(), match["unit"])
        before = next((word.rstrip(":") for word in text[: match.start()].split()[-1:]), None)
        of = match["of"] or match.groupdict().get("what") or (before if not is_unit(unit, numeric) else None)
        name = measured(unit, of, number, match.group(), numeric)
        few = not match["n"][0].isdigit() and number <= _FEW and not is_unit(unit, numeric) and not _ends(text, match)
        of_items = how == "about" and number <= _FEW and unit is None and _ASKS_OF.search(text[: match.start()])
        vague = bool(re.fullmatch(f"{_TAIL_ABOUT}|ish", how)) and not is_unit(
            unit, numeric
        )  # of things, or years of age
        if (
            name is None
            or few
            or of_items
            or (vague and not re.search(r"[£$€]", match.group()))
            or not number
            or not told.free(*match.span("n"))
        ):
            continue
        number = in_its_unit(number, unit, name)
        if re.fullmatch(f"{_ABOUT}|{_TAIL_ABOUT}|ish", how):
            told.bound(name, round(number * (1 - _AROUND), 2), round(number * (1 + _AROUND), 2), _said(match, numeric))
            continue
        most = bool(re.fullmatch(f"{_MOST}|{_TAIL_MOST}", how)) is not _is_denied(text[: match.start()])
        low, high = (None, number) if most else (number, None)
        told.bound(name, low, high, _said(match, numeric))


def _decades(text: str, numeric: Sequence[str], told: Numbers) -> None:
    name = of_kind("year", numeric)
    for match in _DECADE.finditer(text):
        if name and told.free(*match.span()):
            century = match[1] or ("20" if int(match[2]) < 3 else "19")
            start = int(f"{century}{match[2]}0")
            told.bound(name, float(start), float(start + 9), match.span())


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a bound ends a clause, so that its number counts nothing: "anything under ten", not "under ten items"."""
    return match["unit"] is None and bool(re.match(r"\s*(?:$|[,.;!?])", text[match.end("n") :]))


def _is_denied(before: str) -> bool:
    """Whether what comes before a bound, in its clause, denies it: "I wouldn't pay more than"."""
    denials = "not|never|cannot|dont|cant|wont|nothing|refuse"
    return bool(re.search(rf"(?:n't|\b(?:{denials}))(?: (?:{_SPENDING}))*\s*$", before))


def _share_a_unit(one: re.Match[str], other: re.Match[str]) -> bool:
    """Whether two bounds are one range: "over 25 but under 150 cm"."""
    return one["unit"] in ("but", "and") and other.start() - one.end() <= 1 and _number(one["n"]) not in YEARS


def _said(match: re.Match[str], numeric: Sequence[str]) -> tuple[int, int]:
    """The characters of a bound, without the word after it where that is no unit."""
    unit = match["unit"]
    return (
        match.start(),
        match.end() if unit is None or match["of"] or is_unit(unit, numeric) else match.start("unit"),
    )


def _number(text: str) -> float:
    return float(text.replace(",", "")) if text[0].isdigit() else float(_spelt_out(text) or 0)


def _spelt_out(text: str) -> int | None:
    """A number in words: "two hundred and fifty"; None for words that are no one number, such as a year's."""
    total = part = last = 0
    for word in re.split(r"[ -]+", text):
        if word in _SCALES:
            part = max(part, 1) * _SCALES[word]
            total, part = (total + part, 0) if word == "thousand" else (total, part)
        elif word in NUMBER_WORDS:
            if last and (last not in _BIG.values() or word not in _ONES):
                return None
            part += NUMBER_WORDS[word]
        last = NUMBER_WORDS.get(word, 0)
    return total + part
