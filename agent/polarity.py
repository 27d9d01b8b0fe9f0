"""Whether a value is wanted, would be nice, or is refused: by the cue words around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from agent.fillers import words
from agent.mentions import Mention, Token


class Polarity(Enum):
    """How a message takes a value; NONE for one that is only named ("rather than blue")."""

    WANT = "want"
    PREFER = "prefer"
    AVOID = "avoid"
    NONE = "none"


_AVOID = words(
    """
    not no without except avoid skip never excluding minus nothing hate hates dislike nor besides non don't
    dont isn't isnt doesn't doesnt can't cant won't shouldn't aren't neither loathe
    """
)
_AVOID_PAIRS = frozenset(
    (
        *(("anything", "but"), ("other", "than"), ("apart", "from"), ("allergic", "to"), ("no", "more")),
        *(("too", "many"), ("too", "much"), ("had", "enough"), ("enough", "of"), ("sick", "of"), ("tired", "of")),
        *(("spare", "me"), ("leave", "out"), ("drop", "the"), ("lose", "the"), ("rid", "of")),
    )
)
_EXCEPTS = re.compile(r"\b(?:any|every|all|whatever|whichever)(?: \w+){0,2} but(?: for)?(?: an?| the)?$")
_TAKES, _AWAY, _AROUND = words("leave take keep rule strike"), words("out off away"), 3
_DENIALS = words("don't dont not never wouldn't didn't doesn't won't can't")
_ALLOWING = words("only just sure matter mind problem too necessarily object limit")
_REPLACED = frozenset(
    (
        ("instead", "of"),
        ("rather", "than"),
        ("forget", "the"),
        ("not", "just"),
        *(("already", own) for own in ("have", "own", "got")),
    )
)
_TURNS = words("but just only instead rather make want wants prefer i'd give show more")
_PREFER = words(
    """
    preferably ideally prefer preferred maybe perhaps possibly possible hopefully bonus lean leaning tend
    """
)
_NICE = words("nice lovely great good ideal better bonus perfect plus")
_WOULD = words("would could be being it'd that'd")
_JOINS = words("or and nor & the a an in of any with for by either on")


def polarities(tokens: Sequence[Token], mentions: Sequence[Mention]) -> tuple[Polarity, ...]:
    """One for each mention, in their order."""
    found: list[Polarity] = []
    for place, mention in enumerate(mentions):
        before = mentions[place - 1] if place else None
        found.append(_polarity(tokens, mention, before, found[-1] if found else Polarity.WANT))
    return _softened(tokens, mentions, found)


def _polarity(tokens: Sequence[Token], mention: Mention, before: Mention | None, last: Polarity) -> Polarity:
    """By the nearest cue before the mention in its clause; a list goes on as it began."""
    start = before.last if before is not None and tokens[before.last - 1].clause == tokens[mention.first].clause else 0
    between = [t for t in tokens[start : mention.first] if t.clause == tokens[mention.first].clause]
    words = [t.text for t in between]
    if before is not None and start and all(word in _JOINS for word in words) and words:
        return last
    if _EXCEPTS.search(" ".join(words)) or _takes_away(tokens, mention):
        return Polarity.AVOID
    for place in reversed(range(len(words))):
        if place and (words[place - 1], words[place]) in _AVOID_PAIRS:
            return Polarity.AVOID
        pair = (words[place], words[place + 1] if place + 1 < len(words) else None)
        if pair in _REPLACED:
            return Polarity.NONE
        if pair[0] in _AVOID and pair[1] not in _ALLOWING:
            return Polarity.AVOID
        if words[place] in _TURNS:
            if place and words[place - 1] in _DENIALS:
                return Polarity.AVOID
            break
        if words[place] == "than":
            return Polarity.NONE
    return Polarity.WANT


def _takes_away(tokens: Sequence[Token], mention: Mention) -> bool:
    """Whether "leave ... out" and the like stand around the value: leave the red ones out."""
    clause = tokens[mention.first].clause
    before = {t.text for t in tokens[max(0, mention.first - _AROUND) : mention.first] if t.clause == clause}
    after = {t.text for t in tokens[mention.last : mention.last + _AROUND] if t.clause == clause}
    return bool(before & _TAKES) and bool((before | after) & _AWAY)


def _softened(tokens: Sequence[Token], mentions: Sequence[Mention], found: list[Polarity]) -> tuple[Polarity, ...]:
    """Wanted values that a "preferably" before, or an "if possible" or "would be nice" after them, makes preferred."""
    for place, token in enumerate(tokens):
        words = [t.text for t in tokens[max(0, place - 3) : place]]
        nice = token.text in _NICE and any(word in _WOULD for word in words)
        if not nice and token.text not in _PREFER:
            continue
        after = [] if nice else _of_clause(tokens, mentions, place, after=True)
        for row in after or _of_clause(tokens, mentions, place, after=False):
            found[row] = Polarity.PREFER if found[row] is Polarity.WANT else found[row]
    return tuple(found)


def _of_clause(tokens: Sequence[Token], mentions: Sequence[Mention], place: int, *, after: bool) -> list[int]:
    """The mentions of a cue's clause that come after it, or the nearest one before it with those joined to it."""
    clause = tokens[place].clause
    rows = [row for row, m in enumerate(mentions) if tokens[m.first].clause == clause and (m.first > place) is after]
    if after:
        return rows
    kept = rows[-1:]
    for row in reversed(rows[:-1]):
        joined = all(t.text in _JOINS for t in tokens[mentions[row].last : mentions[kept[0]].first])
        if not joined or mentions[row].facet != mentions[kept[0]].facet:
            break
        kept.insert(0, row)
    return kept
