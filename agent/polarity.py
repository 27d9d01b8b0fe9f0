"""Whether a value is wanted, would be nice, or is refused: by the cue words around it."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
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
_ALSO = words("me us you i we one ones first second third fourth fifth last")
"""Before a "too" that means "also"."""
_AVOID_PAIRS = frozenset(
    (
        *(("anything", "but"), ("other", "than"), ("apart", "from"), ("allergic", "to"), ("no", "more")),
        *(("too", "many"), ("too", "much"), ("had", "enough"), ("enough", "of"), ("sick", "of"), ("tired", "of")),
        *(("spare", "me"), ("leave", "out"), ("drop", "the"), ("lose", "the"), ("rid", "of")),
        *(("clear", "of"), ("free", "of"), ("far", "from"), ("gone", "off"), ("went", "off"), ("weed", "out")),
        *(("filter", "out"), ("do", "without"), ("live", "without"), ("short", "on")),
    )
)
_EXCEPTS = re.compile(r"\b(?:any|every|all|whatever|whichever)(?: \w+){0,2} (?:but(?: for)?|bar|save)(?: an?| the)?$")
_REFUSED = re.compile(
    r"(?:would be|is|are|will be) (?:all |simply |just )?(?:wrong|out\b|no good|a no\b|off the table|"
    r"out of the question|a mistake)|"
    r"(?:(?:is|are|was|were) (?:not|never)|isn't|aren't|isnt|arent) (?:really |quite |exactly )?(?:my|our|for (?:me|"
    r"us))\b|"
    r"(?:(?:is|are) )?(?:an? )?(?:deal-?breakers?|deal breakers?|no-gos?|no-go|no go|turn-?offs?|big no)\b|"
    r"(?:puts?|turns?) (?:me|us) (?:off|to sleep)|leaves? (?:me|us) cold|bores? (?:me|us)|do(?:es)? nothing for|"
    r"makes? (?:me|us) (?:itch|sick|sneeze|cringe|yawn|shudder|queasy|ill)|"
    r"(?:don't|doesn't|do not|does not) (?:really )?(?:do it|work|appeal|suit|grab)\b|not so much|no thanks|"
    r"no thank you"
)
_DECLINED = re.compile(r"(?:no thanks|no thank you|nope|nah|no way|not for (?:me|us)|not my thing|pass|no|hard pass)")
"""All that the clause after a value says, where it is refused: "wool, no thanks"."""
_TAKES, _AWAY, _AROUND = words("leave take keep rule strike"), words("out off away"), 3
_DENIALS = words("don't dont not never wouldn't didn't doesn't won't can't")
_ALLOWING = words("only just sure matter mind problem too necessarily object limit")
_NAMED = frozenset((("forget", "the"), ("not", "just"), *(("already", own) for own in ("have", "own", "got"))))
_REPLACED = frozenset((("instead", "of"), ("rather", "than"), ("no", "longer")))
"""Before a value that another one of its attribute takes the place of; where none does, it is refused."""
_TURNS = words("but just only instead rather make want wants prefer i'd give show more")
_PREFER = words("preferably ideally prefer preferred maybe perhaps possibly hopefully bonus lean leaning tend")
_SUFFIXES = re.compile(
    r"\b(?:if (?:at all )?possible|if (?:you|we|i) can|if there (?:is|are)(?: an?y?)?|where possible|"
    r"(?:would|could|might) (?:also )?be (?:\w+ )?(?:nice|lovely|great|good|ideal|better|best|a bonus|perfect|a plus|"
    r"welcome|fine|icing on the cake|cherry on top|treat)|(?:wouldn't|would not) hurt|(?:for|by) (?:preference|choice)|"
    r"if you can manage(?: it| that)?|if you(?:'ve got| have) (?:it|them|any)|if available|at a push)\b"
)
"""They soften what comes before them; at the start of a clause what comes after."""
_PREFIXES = re.compile(
    r"\bbest of all\b|\b(?:it|that)(?: would|'d) be (?:\w+ )?(?:nice|lovely|great|best|ideal) if\b|"
    r"\b(?:extra|bonus|brownie) points (?:for|if)\b|\bsoft spot for\b|\b(?:\w+ )?preference for\b|"
    r"\b(?:(?:i|we)(?:'d| would) be (?:\w+ )?(?:chuffed|delighted|thrilled|pleased)|(?:wouldn't|"
    r"would not) say no) (?:with|to)\b|"
    r"\bif there(?:'s| is) a choice\b|\bgiven (?:a|the) choice\b|\bif i had to (?:choose|pick)\b"
)
_AROUND_VALUES = re.compile(
    r"\b(?:steer(?:ing)? clear|keep (?:it )?free|gone off|far from|weed(?:ing)? out|filter(?:ing)? out|rid of|rule out|"
    r"not keen|(?:do|live) without|kick(?:ing)? out|hold the|an aversion|bar(?= \w+$)|a fan of|can't stomach|"
    r"of any (?:sort|kind))\b"
)
_JOINS = words("or and nor & the a an in of any with for by either on")
_EITHER = words("or nor")
_AFTER_APART = words("that this it them")


def polarities(
    tokens: Sequence[Token], mentions: Sequence[Mention], numbers: Sequence[tuple[int, int]] = ()
) -> tuple[Polarity, ...]:
    """One for each mention, in their order. numbers: the characters of bounds, whose "not over" denies nothing else."""
    bounded = {
        place for place, t in enumerate(tokens) if any(t.start < last and first < t.end for first, last in numbers)
    }
    found: list[Polarity] = []
    for place, mention in enumerate(mentions):
        before = mentions[place - 1] if place else None
        alone = not any(other is not mention and other.facet == mention.facet for other in mentions)
        found.append(_polarity(tokens, mention, before, found[-1] if found else Polarity.WANT, bounded, alone))
    return _softened(tokens, mentions, found)


def _polarity(
    tokens: Sequence[Token], mention: Mention, before: Mention | None, last: Polarity, bounded: Set[int], alone: bool
) -> Polarity:
    """By the nearest cue before the mention in its clause; a list goes on as it began.

    alone: whether the message names no other value of the attribute.
    """
    clause = tokens[mention.first].clause
    start = before.last if before is not None and tokens[before.last - 1].clause == clause else 0
    words = [t.text for t in tokens[start : mention.first] if t.clause == clause]
    if before is not None and start and words and _goes_on(words, same=before.facet == mention.facet):
        return last
    start = max((place + 1 for place in bounded if start <= place < mention.first), default=start)
    words = [t.text for t in tokens[start : mention.first] if t.clause == clause]
    after = " ".join(t.text for t in tokens[mention.last : mention.last + 4] if t.clause == clause)
    if (
        (words[-1:] == ["too"] and not _ALSO & {*words[-2:-1]})
        or _EXCEPTS.search(" ".join(words))
        or _takes_away(tokens, mention)
        or _is_refused(tokens, mention, after)
    ):
        return Polarity.AVOID
    for place in reversed(range(len(words))):
        pair = (words[place], words[place + 1] if place + 1 < len(words) else None)
        if place and (words[place - 1], words[place]) in _AVOID_PAIRS and pair[1] not in _AFTER_APART:
            return Polarity.AVOID
        if pair in _REPLACED:
            return Polarity.AVOID if alone else Polarity.NONE
        if pair == ("no", "to") and words[place - 1 : place] == ["say"]:  # one who wouldn't say no to it
            break
        if pair in _NAMED:
            return Polarity.NONE
        if pair[0] in _AVOID and pair[1] not in _ALLOWING:
            return Polarity.AVOID
        if words[place] in _TURNS:
            if place and words[place - 1] in _DENIALS:
                return Polarity.AVOID
            break
        if words[place] in _PREFER or pair == ("best", "of"):
            break
        if words[place] == "than":
            return Polarity.NONE
    return Polarity.WANT


def _is_refused(tokens: Sequence[Token], mention: Mention, after: str) -> bool:
    """Whether what comes after the value refuses it, or the word itself does: "wool, no thanks", "dot-free".

    after: the next words of its clause.
    """
    last = tokens[mention.last - 1]
    following = [t.text for t in tokens[mention.last :] if t.clause == last.clause + 1]
    declined = not after and bool(_DECLINED.fullmatch(" ".join(following)))
    spelt = tokens[mention.first].text.startswith("non-") or last.text.endswith("-free")
    return bool(_REFUSED.match(after)) or declined or spelt


def refusal_spans(message: str) -> list[tuple[int, int]]:
    """The characters of what refuses or softens a value in more words than one; they mean no thing."""
    text = message.replace("’", "'").lower()
    return [m.span() for cue in (_REFUSED, _SUFFIXES, _PREFIXES, _AROUND_VALUES) for m in cue.finditer(text)]


def _goes_on(words: Sequence[str], *, same: bool) -> bool:
    """Whether a list goes on over these words. same: whether the values on both sides are of one attribute.

    "no wool or red" and "not in red or with dots" are lists of two; "no lamp with dots" refuses no dots, and "no wool
    and dots" wants dots.
    """
    return all(word in _JOINS for word in words) and (same or words[0] in _EITHER)


def _takes_away(tokens: Sequence[Token], mention: Mention) -> bool:
    """Whether "leave ... out" and the like stand around the value: leave the red ones out."""
    clause = tokens[mention.first].clause
    before = {t.text for t in tokens[max(0, mention.first - _AROUND) : mention.first] if t.clause == clause}
    after = {t.text for t in tokens[mention.last : mention.last + _AROUND] if t.clause == clause}
    return bool(before & _TAKES) and bool((before | after) & _AWAY)


def _softened(tokens: Sequence[Token], mentions: Sequence[Mention], found: list[Polarity]) -> tuple[Polarity, ...]:
    """Wanted values that a "preferably" before, or an "if possible" or "would be nice" after them, makes preferred."""
    text = _spaced(tokens)
    cues = [(place, place, False) for place, token in enumerate(tokens) if token.text in _PREFER]
    cues += [(*_place_of(tokens, m.span()), False) for m in _PREFIXES.finditer(text)]
    suffixes = [_place_of(tokens, m.span()) for m in _SUFFIXES.finditer(text)]
    cues += [(first, last, not _opens(tokens, first)) for first, last in suffixes]
    for first, last, suffix in sorted(cues):
        ahead, behind = _ahead(tokens, mentions, last), _behind(tokens, mentions, first)
        for row in behind or ahead if suffix else ahead or behind:
            found[row] = Polarity.PREFER if found[row] is Polarity.WANT else found[row]
    return tuple(found)


def _spaced(tokens: Sequence[Token]) -> str:
    """The words where they stood in the message, and nothing between them."""
    text = ""
    for token in tokens:
        text += " " * (token.start - len(text)) + token.text
    return text


def _place_of(tokens: Sequence[Token], span: tuple[int, int]) -> tuple[int, int]:
    """The places of the first and the last word of these characters."""
    inside = [place for place, token in enumerate(tokens) if span[0] <= token.start < span[1]]
    return inside[0], inside[-1]


def _opens(tokens: Sequence[Token], place: int) -> bool:
    return place == 0 or tokens[place - 1].clause != tokens[place].clause


def _ahead(tokens: Sequence[Token], mentions: Sequence[Mention], place: int) -> list[int]:
    """The first mention after the place in its clause, with those joined to it."""
    rows = [row for row, m in enumerate(mentions) if tokens[m.first].clause == tokens[place].clause and m.first > place]
    kept = rows[:1]
    for row in rows[1:]:
        if not _are_joined(tokens, mentions[kept[-1]], mentions[row]):
            break
        kept.append(row)
    return kept


def _behind(tokens: Sequence[Token], mentions: Sequence[Mention], place: int) -> list[int]:
    """The nearest mention before the place in its clause, with those of the same attribute joined to it."""
    rows = [row for row, m in enumerate(mentions) if tokens[m.first].clause == tokens[place].clause and m.last <= place]
    kept = rows[-1:]
    for row in reversed(rows[:-1]):
        joined = _are_joined(tokens, mentions[row], mentions[kept[0]])
        if not joined or mentions[row].facet != mentions[kept[0]].facet:
            break
        kept.insert(0, row)
    return kept


def _are_joined(tokens: Sequence[Token], one: Mention, other: Mention) -> bool:
    """Whether two values make one phrase: "red wool", "red or blue", "in red or in blue"."""
    words = [t.text for t in tokens[one.last : other.first]]
    return not words or _goes_on(words, same=one.facet == other.facet)
