"""Which items of the shown list a message speaks of, and how many items it asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.dialogue import MOST_COUNT
from agent.fillers import FILLERS, words
from agent.mentions import Mention, Token, tokens_of
from agent.quantities import NUMBER_WORDS

_IN_ORDER = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINALS = {word: place for place, word in enumerate(_IN_ORDER, start=1)}
_PLACE = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b|(?:#|\b(?:number|no\.?|nr\.?|num|option|item)\s*#?)(\d{1,2})\b")
_SPELT = re.compile(
    rf"\b(?:number|option|item)\s+({'|'.join(NUMBER_WORDS)})\b|(?<!\ba )(?<!\bjust )\b({'|'.join(_ORDINALS)})\b"
    r"(?! (?:thoughts?|of all|things? first|glance|sight)\b)"
)
_SEVERAL = re.compile(rf"\b(first|top|last|bottom)\s+(\d|{'|'.join(NUMBER_WORDS)}|couple)\b(?!\s*(?:of|years|weeks))")
_LAST = re.compile(r"\b(?:the|your|that)\s+(?:very\s+)?last\b(?!\s+(?:time|year|week|month|thing))")
_BARE = re.compile(r"(?<![\w.,£$€#])(\d{1,2})(?![\w£$€%]|[.,]\d)")
_ALL = re.compile(r"\b(?:both|these two|those two|the two)\b")
_BEFORE = re.compile(r"(?:\b(?:the|that|your|this)\s+)?(?:\bvery\s+)?$")
_AFTER = re.compile(r"\s+ones?\b")
_DEFINITE, _WHERE = (
    words("the this that two both"),
    words("for in into to at on from"),
)
_JUDGES = re.compile(
    r"\b(?:pass on|thumbs (?:up|down) (?:for|to)|(?:yes|no|similar|close|closer|compared|alternatives?|led you) to|"
    r"going for|reasons? for|siblings of) (?:the|this|that) $"
)
_NAMERS = re.compile(
    r"\b(?:skip|save|keep|remember|explain|hate|dislike|not|why|than|vs|versus|over|against|compare|and|or|between|"
    r"(?:version|price|rest|reason|logic|choice) (?:of|for|behind)|me about|is|does|was|would|did) $"
)
_JUDGED = re.compile(r"^ (?:is(?:n't| not)?|looks?|suits|vs|versus|or|against|yes|no)\b")
_INSIDE = words("in by and with of the to")
_MOST_BETWEEN = 2
_THIS = re.compile(r"\b(?:this|that|it|it's|one|its)\b")
_COMPARES = re.compile(r"\b(?:compar\w*|differ\w*|between|better|versus|vs|side by side)\b")
_COUNTED = re.compile(
    rf"\b(?:show|give|get|see|list|find|recommend|suggest|want|need|just|only|me|top|cheapest|newest|best|have|another|"
    r"pick|(?:i|we)(?:'d| would|d) like)\s+(?:me\s+)?(?:just\s+|only\s+|a\s+|another\s+)?"
    rf"(\d{{1,2}}|{'|'.join(NUMBER_WORDS)}|couple)\b"
    r"(?!\s*(?:[£$€%&-]|eur|usd|pound|quid|dollar|st\b|nd\b|rd\b|th\b|inch|min|hour|gb|(?:and|or|,) (?:\d|the\b)))"
)


_LABELLED = re.compile(rf"\bnumber\s*[:=]\s*(\d{{1,2}}|{'|'.join(NUMBER_WORDS)})\b")


@dataclass(frozen=True, slots=True)
class Reference:
    """Words that mean a shown item. place: its place in the list, from 1. start, end: the words' characters."""

    place: int
    start: int
    end: int


def references(
    text: str,
    tokens: Sequence[Token],
    shown: Sequence[str],
    taken: Sequence[tuple[int, int]] = (),
    mentions: Sequence[Mention] = (),
) -> tuple[Reference, ...]:
    """The shown items that a message names by number, by order, or by words of their titles.

    taken: characters that already mean something else, such as a price. mentions: the values that the message names:
    "oak desk" is no oak lamp that is shown.
    """
    plain = text.replace("’", "'").lower()
    found = _numbered(plain, len(shown), taken)
    if not found and len(shown) == 2 and (both := _ALL.search(plain)):
        found = [Reference(1, *both.span()), Reference(2, *both.span())]
    found = found or _titled(text, tokens, shown, mentions)
    return tuple(dict.fromkeys(one for one in found if 1 <= one.place <= len(shown)))


def pointed(text: str, named: Sequence[Reference]) -> str:
    """The message, in lower case, with "this one" for the words that mean shown items, and "these" for several."""
    plain, spans = text.replace("’", "'").lower(), {(one.start, one.end): 0 for one in named}
    for one in named:
        spans[one.start, one.end] += 1
    for (start, end), count in sorted(spans.items(), reverse=True):
        told = "this one" if count == 1 else "these"
        before, after = plain[:start], plain[end:]
        before, after = before[: _opening(before)], after[_closing(after) :]
        plain = f"{before}{told}{after}"
    return plain


def _opening(before: str) -> int:
    found = _BEFORE.search(before)
    return found.start() if found else len(before)


def _closing(after: str) -> int:
    found = _AFTER.match(after)
    return found.end() if found else 0


def the_one(text: str, shown: Sequence[str], focus: int | None = None) -> tuple[int, ...]:
    """The item that "this" or "it" means in a message: the only one, or the one that was spoken of last."""
    place = 1 if len(shown) == 1 else focus
    return (place,) if place is not None and place <= len(shown) and _THIS.search(text.lower()) else ()


def count_of(text: str, taken: Sequence[tuple[int, int]] = ()) -> int | None:
    """How many items a message asks for."""
    return next(iter(_counts(text.lower(), taken)), (None, 0))[0]


def _counts(text: str, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """How many items a message asks for, with where the number stands; empty where those shown are compared."""
    found = [*_LABELLED.finditer(text), *([] if _COMPARES.search(text) else _COUNTED.finditer(text))]
    told = [(2 if m[1] == "couple" else NUMBER_WORDS.get(m[1]) or int(m[1]), m) for m in found]
    return [(n, m.start(1)) for n, m in told if 1 <= n <= MOST_COUNT and m[1] != "one" and _free(m.span(1), taken)]


def _numbered(text: str, shown: int, taken: Sequence[tuple[int, int]]) -> list[Reference]:
    counted = {start for _, start in _counts(text, taken)}
    found: list[Reference] = []
    for match in _SEVERAL.finditer(text):
        many = 2 if match[2] == "couple" else NUMBER_WORDS.get(match[2]) or int(match[2])
        if (many == 1 and match[1] in ("first", "last")) or match.start(2) in counted:  # an ordinal, or how many
            continue
        places = range(1, many + 1) if match[1] in ("first", "top") else range(shown - many + 1, shown + 1)
        found += [Reference(place, *match.span()) for place in places]
    if found:
        return found
    found += [Reference(int(m[1] or m[2]), *m.span()) for m in _PLACE.finditer(text)]
    found += [Reference(NUMBER_WORDS[m[1]] if m[1] else _ORDINALS[m[2]], *m.span()) for m in _SPELT.finditer(text)]
    bare = [m for m in _BARE.finditer(text) if _free(m.span(1), taken) and m.start(1) not in counted]
    found += [Reference(int(m[1]), *m.span()) for m in bare if _free(m.span(), [(r.start, r.end) for r in found])]
    return [*found, *(Reference(shown, *m.span()) for m in _LAST.finditer(text))]


def _free(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    return all(span[1] <= first or last <= span[0] for first, last in taken)


def _titled(text: str, tokens: Sequence[Token], shown: Sequence[str], mentions: Sequence[Mention]) -> list[Reference]:
    """The items that "the brass one" or a whole title means, where not all of the list is meant."""
    stems = [{token.stem for token in tokens_of(title) if token.text not in FILLERS} for title in shown]
    found = _in_full(tokens, shown)
    for first, last in runs(tokens, set().union(*stems)):
        if not _free((tokens[first].start, tokens[last - 1].end), [(one.start, one.end) for one in found]):
            continue
        words = [token.stem for token in tokens[first:last] if token.text not in FILLERS]
        held = [{place for place, title in enumerate(stems, start=1) if word in title} for word in words]
        common = set.intersection(*held) or min(held, key=len)
        clause = tokens[first].clause
        near = [m for m in mentions if m.first == last or m.last == first]
        beside = {t.stem for m in near for t in tokens[m.first : m.last] if t.clause == clause}
        common = {place for place in common if beside <= stems[place - 1]}
        whole = {place for place in common if stems[place - 1] <= set(words)}
        named = _is_definite(text, tokens, first) or _is_all(tokens, first, last, mentions)
        named = named or _is_a_name(text, tokens, first, last, mentions)
        meant = common if named else whole
        meant = meant if len(meant) == 1 or _ALL.search(text.lower()) else whole
        found += [Reference(place, tokens[first].start, tokens[last - 1].end) for place in sorted(meant)]
    return found


def _in_full(tokens: Sequence[Token], shown: Sequence[str]) -> list[Reference]:
    """The items whose titles, of more words than one, stand in the message in full; the longest first."""
    said, found = [token.stem for token in tokens], list[Reference]()
    titles = [(place, [token.stem for token in tokens_of(title)]) for place, title in enumerate(shown, start=1)]
    for place, title in sorted(titles, key=lambda told: -len(told[1])):
        for first in range(len(said) - len(title) + 1 if len(title) > 1 else 0):
            span = (tokens[first].start, tokens[first + len(title) - 1].end)
            if said[first : first + len(title)] == title and _free(span, [(one.start, one.end) for one in found]):
                found.append(Reference(place, *span))
    return found


def runs(tokens: Sequence[Token], known: set[str]) -> list[tuple[int, int]]:
    """First and one past the last of the words in a row whose stems are known, but for words of grammar at the ends."""
    found: list[tuple[int, int]] = []
    for place, token in enumerate(tokens):
        if token.text in FILLERS or token.stem not in known:
            continue
        between = tokens[found[-1][1] : place] if found else ()
        if found and len(between) <= _MOST_BETWEEN and all(t.text in _INSIDE for t in between):
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def _is_all(tokens: Sequence[Token], first: int, last: int, mentions: Sequence[Mention]) -> bool:
    """Whether a message says nothing but these words, which are no value: a name."""
    others = (token for place, token in enumerate(tokens) if not first <= place < last)
    return all(token.text in FILLERS for token in others) and not any(m.touches(first, last) for m in mentions)


def _is_definite(text: str, tokens: Sequence[Token], first: int) -> bool:
    before = [token.text for token in tokens[max(0, first - 2) : first]]
    if not before or before[-1] not in _DEFINITE:
        return False
    return len(before) == 1 or before[0] not in _WHERE or bool(_JUDGES.search(text[: tokens[first].start].lower()))


def _is_a_name(text: str, tokens: Sequence[Token], first: int, last: int, mentions: Sequence[Mention]) -> bool:
    """Whether the words, which are no value, stand where a name does, or in capitals inside a message that does not."""
    start, end = tokens[first].start, tokens[last - 1].end
    capital = first > 0 and text[start].isupper() and not text.isupper()
    told = text.lower()
    placed = _NAMERS.search(told[:start]) or (first == 0 and _JUDGED.search(told[end:]))
    ends = last == len(tokens) or tokens[last].text in FILLERS or tokens[last].clause != tokens[first].clause
    return (capital or (bool(placed) and ends)) and not any(m.touches(first, last) for m in mentions)
