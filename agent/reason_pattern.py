"""What a small model's reason may be made of, as a regular expression: one or two pieces of evidence, each in its ways.

A model of a few million parameters knows what to say next and still misspells a title on the way, or joins halves of
two sentences. Within this pattern it chooses which evidence to tell, in which order and how; a title, a value or an
attribute comes out as the catalogue has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agent.sentences import filled, is_list, is_mentioned, phrasings
from retrieval.types import Evidence, EvidenceKind, Item

_AND, _DEALS = ", and ", 3
_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|/-])")


def reason_pattern(item: Item, evidence: Sequence[Evidence], place: int = 0) -> str:
    """A regular expression that reasons for the item match: one sentence or two, of different kinds of evidence.

    Of the ways to say a piece of evidence each place on a list gets a third, so that what suits for the same reasons is
    still not told in the same words. The second sentence does not begin like the first; "and" does not join what has
    one already. What the pattern is written in, Python, Rust and ECMAScript share. evidence: at least one piece,
    cleaned as it is gathered. place: from 0.
    """
    offered = [_dealt(ways(item, fact), place) for fact in evidence]
    reasons = []
    for number, some in enumerate(offered):
        rest = [way for other in _beside(number, evidence) for way in offered[other]]
        for way in some:
            second = [other for other in rest if _beginning(other) != _beginning(way)]
            going_on = [_going_on(other) for other in second if _AND not in other and _AND not in way]
            joined = [rf"\. {_either(second)}"] if second else []
            joined += [f"{_AND}{_either(going_on)}"] if going_on else []
            reasons.append(_escaped(way) + (f"(?:{'|'.join(joined)})?" if joined else ""))
    return rf"(?:{'|'.join(reasons)})\."


def _beside(number: int, evidence: Sequence[Evidence]) -> list[int]:
    """What may be told beside a piece of evidence: where it is no likeness to a liked item, such a likeness, if any."""
    others = [other for other in range(len(evidence)) if other != number]
    liked = [other for other in others if evidence[other].title and not evidence[number].title]
    return liked or others


def ways(item: Item, fact: Evidence) -> list[str]:
    """The sentences that say a piece of evidence for the item, without their full stops."""
    told = (*phrasings(item, fact), *_further(item, fact))
    return list(dict.fromkeys(filled(fact, way.removesuffix(".")) for way in told))


def _dealt(choices: Sequence[str], place: int) -> Sequence[str]:
    """Every third of the choices, others at the next place of the list."""
    return choices[place % _DEALS :: _DEALS] or choices


def _beginning(way: str) -> list[str]:
    return way.lower().split()[:2]


def _further(item: Item, fact: Evidence) -> tuple[str, ...]:
    """Ways of saying beside the plain ones."""
    match fact.kind:
        case EvidenceKind.REQUEST if is_mentioned(item, fact):
            return (
                "Its {attribute} speaks of {value}",
                "You asked for {value}, and its {attribute} says so",
                "Its {attribute} speaks of {value}, as you asked",
            )
        case EvidenceKind.REQUEST if is_list(item, fact):
            return ("Its {attribute} {includes} {value}, as you asked",)
        case EvidenceKind.REQUEST:
            return (
                "You asked for {value}, and this is what its {attribute} says",
                "The {attribute} {value} is what you asked for",
                "It answers your wish for {value}",
            )
        case EvidenceKind.HISTORY if is_list(item, fact):
            return (
                "Like {title}, it has {value} among its {attribute}",
                "You liked {title}, and both have {value} among their {attribute}",
            )
        case EvidenceKind.HISTORY:
            return (
                "Like {title}, it has the {attribute} {value}",
                "It shares the {attribute} {value} with {title}",
                "You liked {title}, and this has the {attribute} {value} too",
                "As with {title}, the {attribute} {verb} {value}",
            )
        case _:
            return next((ways for start, ways in _FOUND if fact.text.startswith(start)), ())


_FOUND = (
    ("looks like your picture", ("It is close to your picture",)),
    (
        "looks like",
        ("It looks like {title}", "To the eye it is close to {title}", "It is close to {title} to the eye"),
    ),
    ("close in meaning", ("As a whole it is close to your request",)),
    ("similar to", ("As a whole it is similar to {title}", "It is much like {title}")),
    (
        "people who",
        (
            "People who liked {title} liked it too",
            "Those who enjoyed {title} went on to this one",
            "Those who enjoyed {title} went on to it",
        ),
    ),
)


def _going_on(way: str) -> str:
    return way[:1].lower() + way[1:]


def _either(texts: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(_escaped, dict.fromkeys(texts)))})"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
