"""Which items of the shown list a message speaks of, and how many items it asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.dialogue import MOST_COUNT
from agent.fillers import FILLERS, words
from agent.mentions import Mention, Token, tokens_of
from agent.quantities import NUMBER_WORDS

_IN_ORDER = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINALS = {word: place for place, word in enumerate(_IN_ORDER, start=1)}
_PLACE = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b|(?:#|\b(?:number|no\.?|nr\.?|num|option|item)\s*#?)(\d{1,2})\b")
_SPELT = re.compile(rf"\b(?:number|option|item)\s+({'|'.join(NUMBER_WORDS)})\b|\b({'|'.join(_ORDINALS)})\b")
_SEVERAL = re.compile(rf"\b(first|top|last|bottom)\s+(\d|{'|'.join(NUMBER_WORDS)}|couple)\b(?!\s*(?:of|years|weeks))")
_LAST = re.compile(r"\b(?:the|your|that)\s+(?:very\s+)?last\b(?!\s+(?:time|year|week|month|thing))")
_BARE = re.compile(r"(?<![\w.,£$€#])(\d{1,2})(?![\w£$€%]|[.,]\d)")
_ALL = re.compile(r"\b(?:both|these two|those two|the two)\b")
_DEFINITE, _WHERE = (
    words("the this that two both"),
    words("for in into to at on from"),
)
_INSIDE = words("in by and with of the to")
_THIS = re.compile(r"\b(?:this|that|it|it's|one|its)\b")
_COUNTED = re.compile(
    rf"\b(?:show|give|get|see|list|find|recommend|suggest|want|need|just|only|me|top|cheapest|newest|best|have|another|pick)\s+(?:me\s+)?(?:just\s+|only\s+|a\s+|another\s+)?"
    rf"(\d{{1,2}}|{'|'.join(NUMBER_WORDS)}|couple)\b(?!\s*(?:[£$€%-]|eur|usd|pound|quid|dollar|st\b|nd\b|rd\b|th\b|inch|min|hour|gb))"
)


def places(
    text: str,
    tokens: Sequence[Token],
    shown: Sequence[str],
    taken: Sequence[tuple[int, int]] = (),
    mentions: Sequence[Mention] = (),
) -> tuple[int, ...]:
    """The places, from 1, of the shown items that a message names by number, by order, or by words of their titles.

    taken: characters that already mean something else, such as a price. mentions: the values that the message names:
    "oak desk" is no oak lamp that is shown.
    """
    text = text.replace("’", "'").lower()
    numbered = _numbered(text, len(shown), taken)
    if not numbered and len(shown) == 2 and _ALL.search(text):
        numbered = [1, 2]
    found = numbered or _titled(text, tokens, shown, mentions)
    return tuple(sorted({place for place in found if 1 <= place <= len(shown)}))


def the_one(text: str, shown: Sequence[str], focus: int | None = None) -> tuple[int, ...]:
    """The item that "this" or "it" means in a message: the only one, or the one that was spoken of last."""
    place = 1 if len(shown) == 1 else focus
    return (place,) if place is not None and place <= len(shown) and _THIS.search(text.lower()) else ()


def count_of(text: str, taken: Sequence[tuple[int, int]] = ()) -> int | None:
    """How many items a message asks for."""
    for match in _COUNTED.finditer(text.lower()):
        count = 2 if match[1] == "couple" else NUMBER_WORDS.get(match[1]) or int(match[1])
        if 1 <= count <= MOST_COUNT and match[1] != "one" and _free(match.span(1), taken):
            return count
    return None


def _numbered(text: str, shown: int, taken: Sequence[tuple[int, int]]) -> list[int]:
    found: list[int] = []
    for match in _SEVERAL.finditer(text):
        many = 2 if match[2] == "couple" else NUMBER_WORDS.get(match[2]) or int(match[2])
        if many == 1 and match[1] in ("first", "last"):  # an ordinal, beside which there may be others
            continue
        found += range(1, many + 1) if match[1] in ("first", "top") else range(shown - many + 1, shown + 1)
    if found:
        return found
    found += [int(match[1] or match[2]) for match in _PLACE.finditer(text)]
    found += [NUMBER_WORDS[m[1]] if m[1] else _ORDINALS[m[2]] for m in _SPELT.finditer(text)]
    found += [int(m[1]) for m in _BARE.finditer(text) if _free(m.span(1), taken)]
    return [*found, shown] if _LAST.search(text) else found


def _free(span: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    return all(span[1] <= first or last <= span[0] for first, last in taken)


def _titled(text: str, tokens: Sequence[Token], shown: Sequence[str], mentions: Sequence[Mention]) -> list[int]:
    """The items that "the brass one" or a whole title means, where not all of the list is meant."""
    stems = [{token.stem for token in tokens_of(title) if token.text not in FILLERS} for title in shown]
    found: set[int] = set()
    for first, last in runs(tokens, set().union(*stems)):
        words = [token.stem for token in tokens[first:last] if token.text not in FILLERS]
        held = [{place for place, title in enumerate(stems, start=1) if word in title} for word in words]
        common = set.intersection(*held) or min(held, key=len)
        beside = {t.stem for m in mentions if m.first == last or m.last == first for t in tokens[m.first : m.last]}
        common = {place for place in common if beside <= stems[place - 1]}
        whole = {place for place in common if stems[place - 1] <= set(words)}
        named = _is_definite(tokens, first) or _is_all(tokens, first, last, mentions)
        meant = common if named else whole
        found |= meant if len(meant) == 1 or _ALL.search(text) else whole
    return sorted(found)


def runs(tokens: Sequence[Token], known: set[str]) -> list[tuple[int, int]]:
    """First and one past the last of the words in a row whose stems are known, but for words of grammar at the ends."""
    found: list[tuple[int, int]] = []
    for place, token in enumerate(tokens):
        if token.text in FILLERS or token.stem not in known:
            continue
        between = tokens[found[-1][1] : place] if found else ()
        if found and len(between) <= 1 and all(t.text in _INSIDE for t in between):
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def _is_all(tokens: Sequence[Token], first: int, last: int, mentions: Sequence[Mention]) -> bool:
    """Whether a message says nothing but these words, which are no value: a name."""
    others = (token for place, token in enumerate(tokens) if not first <= place < last)
    return all(token.text in FILLERS for token in others) and not any(m.touches(first, last) for m in mentions)


def _is_definite(tokens: Sequence[Token], first: int) -> bool:
    before = [token.text for token in tokens[max(0, first - 2) : first]]
    return bool(before) and before[-1] in _DEFINITE and (before[0] not in _WHERE or len(before) == 1)
