"""The words of a wish that no attribute covers: what is searched for by meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.asides import aside_spans
from agent.dialogue import QUERY_CHARS
from agent.fillers import FILLERS, KINDS_OF_THINGS, words
from agent.mentions import Token
from agent.quantities import NUMBER_WORDS

_LEAST_CHARS = 3
_DEGREES = words("very really quite too good nice not")
_FOLLOWED = re.compile(r"\b(?:kind|good|nice|great|fine|easy|safe) (?:to|for|and|with)(?: the| my)? $", re.IGNORECASE)
_ADJECTIVES = words("kind first second third next last little lovely great fine")
"""Words of grammar or politeness, which are words of their own between an article and a noun: a kind teacher."""


def residue(message: str, tokens: Sequence[Token], covered: Sequence[tuple[int, int]]) -> str:
    """The longest stretch of the message with words of its own, as typed.

    covered: characters that are already understood. Words of grammar are kept inside a stretch, not at its ends.
    """
    covered = [*covered, *aside_spans(message)]
    best, stretch = (0, ""), list[Token]()
    for token in (*tokens, None):
        if token is not None and _free(token, covered) and (not stretch or token.clause - stretch[-1].clause <= 1):
            stretch.append(token)
            continue
        best = max(best, _told(message, stretch), key=lambda told: told[0])
        stretch = [token] if token is not None and _free(token, covered) else []
    return best[1][:QUERY_CHARS].strip()


def _free(token: Token, covered: Sequence[tuple[int, int]]) -> bool:
    return all(token.end <= first or last <= token.start for first, last in covered)


def _told(message: str, stretch: Sequence[Token]) -> tuple[int, str]:
    """How many words of its own a stretch has, and the text from the first to the last of them."""
    own = [place for place, t in enumerate(stretch) if _is_own(t)]
    if not own:
        return 0, ""
    first, last = own[0], own[-1] + 1
    while first and _belongs(stretch, first):
        first -= 1
    if led := _FOLLOWED.search(message[stretch[0].start : stretch[first].start]):
        first = next(place for place, t in enumerate(stretch) if t.start >= stretch[0].start + led.start())
    last += (
        2 if [t.text for t in stretch[last : last + 1]] == ["for"] and _is_number(stretch[last + 1 : last + 2]) else 0
    )
    return len(own), message[stretch[first].start : stretch[last - 1].end]


def _belongs(stretch: Sequence[Token], place: int) -> bool:
    """Whether the word before this one says how much or how many of it: "very quiet", "two handles"."""
    before, own = stretch[place - 1], stretch[place]
    counts = before.text in NUMBER_WORDS and own.text.endswith("s")
    article = (
        before.text in _ADJECTIVES and place > 1 and stretch[place - 2].text in ("a", "an", "the", "about", "with")
    )
    return before.clause == own.clause and (counts or article or before.text in _DEGREES)


def _is_number(tokens: Sequence[Token]) -> bool:
    return any(token.text in NUMBER_WORDS for token in tokens)


def _is_own(token: Token) -> bool:
    if token.text.isdigit() or len(token.text) < _LEAST_CHARS:
        return False
    return not (token.text in FILLERS or token.text in KINDS_OF_THINGS)
