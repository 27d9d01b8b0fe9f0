"""The words of a wish that no attribute covers: what is searched for by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from agent.asides import ASIDES
from agent.dialogue import QUERY_CHARS
from agent.fillers import FILLERS, KINDS_OF_THINGS
from agent.mentions import Token

_LEAST_CHARS = 3
_SLIP, _SLIP_CHARS = 0.9, 5


def residue(message: str, tokens: Sequence[Token], covered: Sequence[tuple[int, int]]) -> str:
    """The longest stretch of the message with words of its own, as typed.

    covered: characters that are already understood. Words of grammar are kept inside a stretch, not at its ends.
    """
    covered = [*covered, *(told.span() for told in ASIDES.finditer(message.replace("’", "'").lower()))]
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
    own = [t for t in stretch if _is_own(t)]
    return (len(own), message[own[0].start : own[-1].end]) if own else (0, "")


def _is_own(token: Token) -> bool:
    if token.text.isdigit() or len(token.text) < _LEAST_CHARS:
        return False
    return not (token.text in FILLERS or token.text in KINDS_OF_THINGS or _is_slip(token.text))


@lru_cache(maxsize=4096)
def _is_slip(word: str) -> bool:
    """Whether a word is one of grammar, or what a whole catalogue may be of, with a slip of the pen."""
    if len(word) < _SLIP_CHARS:
        return False
    likely = [known for known in FILLERS | KINDS_OF_THINGS if known[0] == word[0] and len(known) >= _SLIP_CHARS]
    return any(sorted(known) == sorted(word) for known in likely) or bool(
        get_close_matches(word, likely, n=1, cutoff=_SLIP)
    )
