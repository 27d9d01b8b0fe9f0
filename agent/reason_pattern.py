"""What a small model's reason may be made of, as a regular expression: plain words, and what the evidence names, whole.

A model of a few million parameters knows what to say next and still misspells a title on the way, or goes round in
circles. Within this pattern a title, a value or an attribute comes out as the catalogue has it, or not at all; an
attribute has no other value than its own; and there is an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from agent.evidence import YOUR_PICTURE
from retrieval.types import Evidence

_PLAIN_WORDS = (  # noqa: SIM905
    "a|and|as|as a whole|as you asked|both|both have|close|in common|include that|is|it|it answers your wish|"
    "it has|it is|it is close|it is much|it is similar|it looks|it shares|its description is close|says|says so|"
    "people who|taken as a whole|that you asked for|the|this|this has|this is what|those who|to the eye|"
    "to what you asked for|to your request|to your picture|too|went on to it|went on to this one|"
    "what you asked for|is what you asked for|you|you asked"
).split("|")
"""What joins, mostly several words at a time: words one by one make no sentence."""
_SAID = ("liked it too", "which you liked", "like it")
"""What else than a title may follow a word that links to one."""
_POPULAR = ("popular", "many people", "popular with many people")
_PICTURED = ("like your picture",)
_TO_TITLES = ("liked", "enjoyed", "to", "looks like", "much like")
_LEANING = ("like", "with")
"""Words after which a title only stands beside what the two have in common."""
_TO_VALUES = ("for", "has", "have", "is", "of", "the")
_BEFORE, _AFTER, _MOST_CLAUSES = 6, 5, 3
_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|/-])")


def reason_pattern(evidence: Sequence[Evidence]) -> str:
    """A regular expression that a few clauses match, each of which names a liked item, an attribute's value, or both.

    What it is written in, Python, Rust and ECMAScript share. evidence: at least one piece, cleaned as it is gathered.
    """
    titles = dict.fromkeys(fact.title for fact in evidence if fact.title)
    words = _plain_words(evidence)
    plain = f"(?:,? {_either(words)})"
    after = f"{plain}{{0,{_AFTER}}}"
    linked = _part(f"{word} {title}" for title in titles for word in _TO_TITLES) + after if titles else ""
    leaning = _part(f"{word} {title}" for title in titles for word in _LEANING) + after if titles else ""
    told = _part(_pairs(evidence)) + after if any(fact.value for fact in evidence) else ""
    if linked and told:
        common = _part(f"with {title}" for title in titles) + after
        both = [f"{linked}(?:{told})?", f"{leaning}{told}", f"{told}(?:{linked}|{common})?"]
    else:
        both = [linked or told]
    if not all(fact.value or fact.title for fact in evidence):
        both.append(after)  # what many people like, or what is close to the request, names nothing
    clause = f"{plain}{{0,{_BEFORE}}}(?:{'|'.join(both)})"
    opening = _either([*(word.capitalize() for word in ("its", *words)), *(f"Like {title}" for title in titles)])
    return rf"{opening}{clause}(?:(?:, and|\. {opening}){clause}){{0,{_MOST_CLAUSES - 1}}}\."


def _plain_words(evidence: Sequence[Evidence]) -> list[str]:
    """Words that join; those that claim something only where the evidence says so."""
    popular = any(fact.text.startswith("popular") for fact in evidence)
    pictured = any(fact.text.endswith(YOUR_PICTURE) for fact in evidence)
    names = dict.fromkeys(fact.attribute for fact in evidence if fact.attribute)
    among = [f"among {whose} {name}" for name in names for whose in ("its", "their")]
    return [*_PLAIN_WORDS, *_SAID, *among, *(_POPULAR if popular else ()), *(_PICTURED if pictured else ())]


def _pairs(evidence: Sequence[Evidence]) -> Iterator[str]:
    """The ways to say an attribute and its value, one of them or both."""
    for fact in evidence:
        if fact.attribute and fact.value:
            for name in (fact.attribute, f"its {fact.attribute}", f"their {fact.attribute}"):
                yield from (f"{name} {link}{fact.value}" for link in ("", "is ", "include ", "speaks of "))
            yield from (f"its {fact.attribute}", f"their {fact.attribute}")
            yield from (f"{word} {fact.value}" for word in _TO_VALUES)


def _part(texts: Iterable[str]) -> str:
    return f"(?:,? {_either(texts)})"


def _either(texts: Iterable[str]) -> str:
    escaped = (_SPECIAL.sub(r"\\\1", text) for text in dict.fromkeys(texts))
    return f"(?:{'|'.join(escaped)})"
