"""Questions about the catalogue as a whole, and what is said of its counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from agent.fillers import FILLERS
from agent.mentions import stem, tokens_of
from agent.prompts import clean

if TYPE_CHECKING:
    from agent.dialogue import Facet

_CHARS, _LISTED = 60, 12
_ASKS_WHICH = re.compile(r"\b(?:what|which|list|show me|(?:run|walk) me through)\b")
_OF_STOCK = re.compile(
    r"\b(?:do you (?:have|sell|carry|stock|offer|keep)|have you(?: got)?|are there|is there|there are|"
    r"can i (?:choose|get|have|pick)|come in|exist|available|in stock|you (?:have|sell|carry|stock))\b"
)
_WHICH_ONES = re.compile(
    r"^(?:(?:and|so|ok|okay|but)[, ]+)*(?:which|what)(?: (?:other|different|kinds? of|sorts? of))? (?:\w+ )?\w+s\W*$"
)
_ALL_OF_IT = re.compile(
    r"^(?:so |ok |and )*what (?:(?:kinds?|sorts?|types?) of (?:things|stuff|items|products|goods) )?"
    r"(?:do you (?:have|sell|carry|offer)|is there|can i (?:get|find|buy)(?: here)?)[ ?.!]*$"
)
_HOW_MANY = re.compile(r"\bhow (?:many|much choice)\b|\b(?:number|count) of\b")
_HAVE = re.compile(
    r"\b(?:do you (?:also |even )?(?:have|sell|carry|stock|offer)|have you got|got any|is there (?:a|an|any|some)|"
    r"are there (?:any|some))\b"
)


class Asks(Enum):
    """VALUES: which values an attribute has. HOW_MANY: how many there are. HAVE: whether there are any."""

    VALUES = "values"
    HOW_MANY = "how many"
    HAVE = "have"


@dataclass(frozen=True, slots=True)
class CatalogQuestion:
    """attribute: whose values are asked for; empty for the other kinds of question."""

    asks: Asks
    attribute: str = ""


def question_of(message: str, facets: Sequence[Facet]) -> CatalogQuestion | None:
    """What the message asks about the catalogue; None where it asks nothing of it."""
    text = message.replace("’", "'").lower()
    valued = [facet for facet in facets if not facet.numeric]
    if _ALL_OF_IT.search(text) and valued:
        return CatalogQuestion(Asks.VALUES, valued[0].name)
    if _HOW_MANY.search(text):
        return CatalogQuestion(Asks.HOW_MANY)
    if named := asked_attribute(text, valued):
        return CatalogQuestion(Asks.VALUES, named)
    return CatalogQuestion(Asks.HAVE) if _HAVE.search(text) else None


def asked_attribute(message: str, facets: Sequence[Facet]) -> str:
    """The attribute whose values a message asks for, "which sizes are there?"; empty for none."""
    text = message.replace("’", "'").lower()
    tokens = tokens_of(text)
    if not (_ASKS_WHICH.search(text) and _OF_STOCK.search(text)):
        tokens = tokens[-1:] if _WHICH_ONES.search(text) else tokens[:0]
    stems = {one for token in tokens for one in (token.stem, stem(token.stem))}
    return next((facet.name for facet in facets if {stem(part) for part in facet.name.lower().split("_")} & stems), "")


def listing(attribute: str, counts: Mapping[str, int], of: str) -> str:
    """The values of an attribute with their counts. of: what they are counted among, in words; empty for all."""
    name, told = clean(attribute.replace("_", " "), _CHARS), [(value, n) for value, n in counts.items() if n]
    among = f" of {clean(of, _CHARS)}" if of else ""
    if not told:
        return f"The catalogue tells no {name}{among}."
    some = ", ".join(f"{clean(value, _CHARS)} ({number:,})" for value, number in told[:_LISTED])
    more = f", and {len(told) - _LISTED:,} others" if len(told) > _LISTED else ""
    return f"The catalogue has {len(told):,} {'value' if len(told) == 1 else 'values'} of {name}{among}: {some}{more}."


def counted(asks: Asks, count: int, of: str) -> str:
    """How many there are, as an answer to the question. of: what is counted, in words."""
    things = f"{count:,} {'thing' if count == 1 else 'things'}"
    lead = "Yes: " if asks is Asks.HAVE else ""
    return f"{lead}{things}{f' with {of}' if of else ''} {'fits' if count == 1 else 'fit'}."


def none_of(alone: Mapping[str, int], *, whole: bool) -> str:
    """That nothing has all of it. alone: how many things fit each part alone. whole: whether there is no other part."""
    told = [f"{n:,} {'thing fits' if n == 1 else 'things fit'} {clean(label, _CHARS)}" for label, n in alone.items()]
    if whole and len(told) == 1:
        return f"No, nothing fits {clean(next(iter(alone)), _CHARS)}."
    lead = "No, nothing fits all of that" if whole else "No, not with all that you asked for"
    return f"{lead}; by itself, {', and '.join(told)}."


def unknown_word(message: str, known: str) -> str | None:
    """The first word of its own in what is asked for that the words of the items found do not have; None for none.

    known: the titles and values of what was found.
    """
    have = {token.stem for token in tokens_of(known)}
    own = [t for t in tokens_of(message) if t.text not in FILLERS and len(t.text) > 2 and t.stem not in have]
    return own[0].text if own else None


def names_a_thing(message: str, query: str) -> bool:
    """Whether the words of a wish that no attribute covers are one, and it ends in this as in a thing: "a red kite"."""
    word = query.strip().lower()
    ends = re.search(rf"\b(?:an?|any) (?:[\w-]+ )*{re.escape(word)}\W*$", message.lower())
    return bool(word) and " " not in word and ends is not None
