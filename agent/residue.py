"""The words of a wish that no attribute covers: what is searched for by meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.asides import aside_spans
from agent.dialogue import QUERY_CHARS
from agent.fillers import FILLERS, KINDS_OF_THINGS, words
from agent.idioms import CHATTER, idiom_spans
from agent.mentions import Mention, Token
from agent.quantities import NUMBER_WORDS

_LEAST_CHARS = 3
_DEGREES = words("very really quite too good nice not")
_TELLS_OF = words("about with featuring where that which who whose like of in")
_FOLLOWED = re.compile(r"\b(?:kind|good|nice|great|fine|easy|safe) (?:to|for|and|with)(?: the| my)? $", re.IGNORECASE)
_ADJECTIVES = words("kind first second third next last little lovely great fine")
"""Words of grammar or politeness, which are words of their own between an article and a noun: a kind teacher."""


def residue(message: str, tokens: Sequence[Token], covered: Sequence[tuple[int, int]]) -> str:
    """The longest stretch of the message with words of its own, as typed.

    covered: characters that are already understood. Words of grammar are kept inside a stretch, not at its ends.
    """
    covered = [*covered, *aside_spans(message), *idiom_spans(message)]
    best, stretch = (0, ""), list[Token]()
    for token in (*tokens, None):
        if token is not None and _free(token, covered) and (not stretch or token.clause - stretch[-1].clause <= 1):
            stretch.append(token)
            continue
        best = max(best, _told(message, stretch), key=lambda told: told[0])
        stretch = [token] if token is not None and _free(token, covered) else []
    return best[1][:QUERY_CHARS].strip()


def lead_in(tokens: Sequence[Token], heads: Sequence[Mention]) -> list[tuple[int, int]]:
    """The characters from the start of a clause to the thing that it asks for, if those only lead up to it.

    heads: the values that say what a thing is. "kindly assist me in locating a brown chair" leads up to a chair; in "a
    quiet chair" nothing does, and what is said with "about" or "with" is wanted of the thing.
    "A cover for a chair" begins with a thing of its own.
    """
    if not heads:
        return []
    clause, place = tokens[heads[0].first].clause, heads[0].first
    while place and tokens[place - 1].clause == clause and _is_in_phrase(tokens[place - 1]):
        place -= 1
    before = [t for t in tokens[:place] if t.clause == clause]
    while before and before[-1].text in FILLERS:
        before.pop()
    names = bool(before) and before[0].text in ("a", "an", "some")
    leads = bool(before) and not names and not any(t.text in _TELLS_OF for t in before)
    return [(before[0].start, before[-1].end)] if leads else []


def _is_in_phrase(token: Token) -> bool:
    return token.text not in FILLERS or token.text in _DEGREES or token.text in ("and", "or", "but")


def _free(token: Token, covered: Sequence[tuple[int, int]]) -> bool:
    return all(token.end <= first or last <= token.start for first, last in covered)


def _told(message: str, stretch: Sequence[Token]) -> tuple[int, str]:
    """How many words of its own a stretch has, and the text from the first to the last of them."""
    own = [place for place, t in enumerate(stretch) if _is_own(t)]
    own = [place for place in own if stretch[place].text not in CHATTER or _is_to_do(stretch, place)]
    if all(_is_to_do(stretch, place) for place in own):
        return 0, ""
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


def _is_to_do(stretch: Sequence[Token], place: int) -> bool:
    """Whether a word of chat is what something is good to do: "easy to use"."""
    return stretch[place].text in CHATTER and place > 1 and stretch[place - 1].text == "to"


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
