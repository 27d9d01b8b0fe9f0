"""The words of a wish that no attribute covers: what is searched for by meaning."""

from __future__ import annotations

from collections.abc import Sequence

from agent.dialogue import QUERY_CHARS
from agent.fillers import FILLERS
from agent.mentions import Token

_LEAST_CHARS = 3


def residue(message: str, tokens: Sequence[Token], covered: Sequence[tuple[int, int]]) -> str:
    """The longest stretch of the message with words of its own, as typed.

    covered: characters that are already understood. Words of grammar are kept inside a stretch, not at its ends.
    """
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
    own = [t for t in stretch if t.text not in FILLERS and len(t.text) >= _LEAST_CHARS and not t.text.isdigit()]
    return (len(own), message[own[0].start : own[-1].end]) if own else (0, "")
