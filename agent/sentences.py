"""Plain sentences made from evidence: shown where the model wrote nothing, or nothing that could be checked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from agent.evidence import TITLE, VALUE_CHARS, YOUR_PICTURE
from agent.facts import told_values
from agent.prompts import clean
from retrieval.types import Evidence, EvidenceKind, Item

_MATCHES_VALUE = (
    "Its {attribute} {verb} {value}, as you asked.",
    "You asked for {value}, and that is what its {attribute} says.",
    "It answers your request: its {attribute} {verb} {value}.",
)
_MATCHES_LIST = (
    "You asked for {value}, and its {attribute} {includes} that.",
    "It has {value} among its {attribute}, as you asked.",
    "Its {attribute} {includes} {value}, which you asked for.",
)
_MATCHES_PROSE = (
    "Its {attribute} speaks of “{value}”, which you asked for.",
    "You asked for “{value}”, and its {attribute} has it.",
)
_MATCHES_TITLE = ("Its title has “{value}”, which you asked for.", "You asked for “{value}”, and it is in the title.")
_SHARES_VALUE = (
    "Like {title}, which you liked, its {attribute} {verb} {value}.",
    "You liked {title}, and its {attribute} {verb} {value} too.",
    "It shares its {attribute} with {title}: {value}.",
)
_SHARES_LIST = (
    "Like {title}, which you liked, it has {value} among its {attribute}.",
    "You liked {title}; both have {value} among their {attribute}.",
    "It has {value} in common with {title}, among its {attribute}.",
)
_LOOKS = ("It looks like {title}, which you liked.", "To the eye it is close to {title}, which you liked.")
_LOOKS_LIKE_YOURS = ("It looks like your picture.", "To the eye it is close to your picture.")
_PEOPLE = ("People who liked {title} liked this too.", "Others who liked {title}, as you did, also liked this.")
_POPULAR = ("It is popular with many people.", "Many people like it.")
_CLOSE = ("Its description is close to what you asked for.", "Taken as a whole, it is close to your request.")
_SIMILAR = (
    "Taken as a whole, it is similar to {title}, which you liked.",
    "It is much like {title}, which you liked.",
)
_BY_WORDS = ("It came up for the words of your request.",)
_BY_LIKING = ("It came up because you liked {title}.",)
_WANTED = ("Other people have liked it.",)
_NEW = ("It is a little different from what you know, and may be worth a look.", "Something new that you might like.")


def plain_reason(item: Item, evidence: Sequence[Evidence]) -> str:
    """One or two true sentences about the item, the same for the same input; there is always something to say."""
    if not evidence:
        return _pick(_NEW, item.item_id)
    first, *others = evidence
    second = next((fact for fact in others if fact.kind != first.kind), others[0] if others else None)
    sentences = [_sentence(item, first)]
    if second is not None:
        sentences.append(_sentence(item, second))
    return " ".join(sentences)


def _sentence(item: Item, fact: Evidence) -> str:
    return filled(fact, _pick(phrasings(item, fact), item.item_id + fact.text))


def filled(fact: Evidence, phrasing: str) -> str:
    """The piece of evidence in this phrasing, which names its {attribute}, {verb}, {includes}, {value} and {title}."""
    attribute = _spoken(fact.attribute or "")
    verb, includes = ("are", "include") if is_plural(attribute) else ("is", "includes")
    return phrasing.format(attribute=attribute, verb=verb, includes=includes, value=fact.value, title=fact.title)


def phrasings(item: Item, fact: Evidence) -> tuple[str, ...]:
    """The plain ways to say a piece of evidence for the item, as whole sentences; at least one."""
    match fact.kind:
        case EvidenceKind.REQUEST if fact.attribute == TITLE:
            return _MATCHES_TITLE
        case EvidenceKind.REQUEST if is_mentioned(item, fact):
            return _MATCHES_PROSE
        case EvidenceKind.REQUEST:
            return _MATCHES_LIST if is_list(item, fact) else _MATCHES_VALUE
        case EvidenceKind.HISTORY:
            return _SHARES_LIST if is_list(item, fact) else _SHARES_VALUE
        case _:
            return next(phrasings for start, phrasings in _FOUND if fact.text.startswith(start))


_FOUND = (
    (f"looks like {YOUR_PICTURE}", _LOOKS_LIKE_YOURS),
    ("looks like", _LOOKS),
    ("close in meaning", _CLOSE),
    ("similar to", _SIMILAR),
    ("people who", _PEOPLE),
    ("popular", _POPULAR),
    ("found by the words", _BY_WORDS),
    ("found by your liking", _BY_LIKING),
    ("liked by other", _WANTED),
)
"""How the evidence of retrievers is said, by how its text begins."""


def is_list(item: Item, fact: Evidence) -> bool:
    """Whether the item may have several values of what the evidence is about, by the number or the name."""
    value = item.attributes.get(fact.attribute or "")
    return isinstance(value, tuple) and (len(value) > 1 or is_plural(fact.attribute or ""))


def is_plural(attribute: str) -> bool:
    """Whether an attribute's name says that it holds several values."""
    return attribute.endswith("s") and not attribute.endswith("ss")


def is_mentioned(item: Item, fact: Evidence) -> bool:
    """Whether the value is words out of a longer text rather than a whole value."""
    whole = [text for name, text, is_prose in told_values(item) if name == fact.attribute and not is_prose]
    return fact.value not in [clean(text, VALUE_CHARS) for text in whole]


def _spoken(attribute: str) -> str:
    return attribute.replace("_", " ").strip() or "description"


def _pick(choices: Sequence[str], seed: str) -> str:
    """One of the choices, spread over items but the same for the same seed."""
    return choices[zlib.crc32(seed.encode()) % len(choices)]
