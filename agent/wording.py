"""Words of a text, so that two texts can be compared: folded case, light stems, function words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END = re.compile(r"[.!?…:][\"'”’)»]*\s+$|^\s*[\"'“‘(«]*$")

_FUNCTION_WORDS = """
a about above across after again all almost along already also although always am among amongst an and another
answer answers any anyone anything are around as asked asking at away be because been before being below
between both but by called came can close come common could description
did different do does done down each either else enjoyed enough even
ever every everyone eye fan fans feel feels few find finds fit fits follow for found from further get gets
give gives go goes good great had has have having he her here hers him his how i if in include includes
including into is it item its itself just keep kind know less let like liked likes little look looking looks
lot love loved loves made make makes many match matches may me mention mentioned mentioning mentions might
mine more most much must my named need needs neither never new next no none nor not now of off often on once
one only onto or other others our out over own people perhaps picture please popular prefer put quite rather
really request said same say says see seem seems set share shared shares she should show shows similar since
so some someone something speak speaking speaks still such suggest suit suits take taken talks taste tastes tell
tells than that the their them then there these they thing this those though through title to together told too
toward towards try two under until up upon us use very want wanted wants was way we well went were what when whole
where which while who whose why will wish with within without word words worth would yes yet you your yours
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that ask, join or praise, and say nothing about an item."""

KINDS = frozenset("film films movie movies book books product products article articles story piece".split())  # noqa: SIM905
"""Words for any item of a catalogue: to ask for a film is no wish for Film-Noir, and to call one a film no claim."""

_SUFFIXES = ("iness", "ingly", "edly", "ness", "ing", "ies", "ied", "ers", "est", "ed", "es", "er", "ly", "y", "s", "e")
_LEAST_STEM = 3


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands in a text: characters start to end, folded form, stem."""

    start: int
    end: int
    text: str
    folded: str
    stem: str

    @property
    def capitalised(self) -> bool:
        return self.text[0].isupper()


def words_of(text: str) -> list[Word]:
    """The words of a text in order; a possessive 's is left off."""
    words = []
    for match in _WORD.finditer(text):
        written = re.sub(r"['’]s$", "", match.group())
        folded = fold(written)
        words.append(Word(match.start(), match.end(), written, folded, stem(folded)))
    return words


def stems_of(text: str) -> tuple[str, ...]:
    """The stems of a text's words in order."""
    return tuple(word.stem for word in words_of(text))


def fold(text: str) -> str:
    """Text without differences of case, accents and compatibility forms."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace("’", "'")


def stem(folded: str) -> str:
    """A word without its ending, so that stripes, striped and stripe are one. Rough, and the same on both sides."""
    if not folded.isalpha():
        return folded
    for suffix in _SUFFIXES:
        if folded.endswith(suffix) and len(folded) - len(suffix) >= _LEAST_STEM:
            folded = folded[: -len(suffix)]
            break
    return folded[:-1] if len(folded) > _LEAST_STEM and folded[-1] == folded[-2] else folded


def starts_sentence(text: str, start: int) -> bool:
    """Whether the word at this place is the first of its sentence."""
    return _SENTENCE_END.search(text[:start]) is not None


def contains(stems: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether the phrase's stems stand in a row among the text's."""
    size = len(phrase)
    return any(stems[start : start + size] == phrase for start in range(len(stems) - size + 1))
