"""Evidence before words: the checkable facts behind one recommendation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.facts import CatalogueFacts, shareable_values, told_values
from agent.prompts import clean
from agent.wording import FUNCTION_WORDS, KINDS, Word, fold, words_of
from retrieval.types import Evidence, EvidenceKind, Item

TITLE = "title"
VALUE_CHARS = 60
TITLE_CHARS = 60
_LEAST_RARITY = 0.3  # a value that three in four items have says nothing
_LEAST_PART = 0.5  # how much of a value of several words the request must name
_REPEATED = 0.25  # how much a value gains by being in several liked items
_MAX_OF_A_KIND = 2
YOUR_PICTURE = "your picture"


TraceKind = Literal["look", "meaning", "taste", "people", "popular", "words", "past", "wanted"]


@dataclass(frozen=True, slots=True)
class Trace:
    """Through what a retriever found an item: how it compares, and the history item (None: the request itself).

    kind: "look", "meaning" (the request's words), "taste" (what was liked, taken together), "people" (co-occurrence)
    or "popular"; and where nothing of that is near: "words", "past" or "wanted", which say only who found it.
    """

    kind: TraceKind
    item: Item | None = None

    @property
    def answers_request(self) -> bool:
        """Whether it is about what was asked for, by words or by a picture."""
        return self.item is None and self.kind in ("look", "meaning")


def gather_evidence(
    item: Item,
    *,
    request: str | None,
    history: Sequence[Item],
    traces: Sequence[Trace],
    facts: CatalogueFacts,
    max_facts: int = 4,
) -> tuple[Evidence, ...]:
    """Why this item might suit, strongest first: the request, then shared attributes, then what else found it.

    history: liked items, oldest first. Titles and values in it are cleaned of markup. Empty only without traces.
    """
    asked = _request_evidence(item, request or "", facts)[:_MAX_OF_A_KIND]
    told = {(fact.attribute, fact.value) for fact in asked}
    shared = [f for f in _shared_evidence(item, history, facts) if (f.attribute, f.value) not in told]
    answering = [trace for trace in traces if trace.answers_request and not (asked and trace.kind == "meaning")]
    found = [trace for trace in traces if trace not in answering]
    return tuple(
        dict.fromkeys(
            [*asked, *map(_trace_evidence, answering), *shared[:_MAX_OF_A_KIND], *map(_trace_evidence, found)]
        )
    )[:max_facts]


def _request_evidence(item: Item, request: str, facts: CatalogueFacts) -> list[Evidence]:
    """Attribute values that the request names, the most telling first; then the title; then prose."""
    asked = [word for word in words_of(request[:2000]) if word.folded not in FUNCTION_WORDS | KINDS]
    wanted, exact = {word.stem for word in asked}, {word.folded for word in asked}
    if not wanted:
        return []
    values: list[tuple[float, Evidence]] = []
    prose: list[tuple[str, list[Word]]] = []
    for name, text, is_prose in told_values(item):
        words = words_of(text[:2000])
        named = [word for word in words if word.stem in wanted]
        if not named:
            continue
        if is_prose:
            prose.append((name, named))
            continue
        if _is_name(words):
            named = [word for word in named if word.folded in exact]
        said = [word for word in words if word.folded not in FUNCTION_WORDS | KINDS]
        part = len(named) / max(1, len(said))
        if part >= _LEAST_PART:
            values.append((part * (1 + facts.rarity(name, text)), _asked(name, text)))
    values.sort(key=lambda pair: -pair[0])
    singular = {word.removesuffix("s") for word in exact}
    told = {word.stem for _, fact in values for word in words_of(fact.value or "")}
    title = [word for word in words_of(item.title[:300]) if word.folded.removesuffix("s") in singular]
    titled = [_asked(TITLE, _words_in(title))] if any(word.stem not in told for word in title) else []
    told |= {word.stem for fact in titled for word in words_of(fact.value or "")}
    untold = [(name, [word for word in named if word.stem not in told]) for name, named in prose]
    mentioned = [_asked(name, _words_in(named)) for name, named in untold if named]
    return [*(evidence for _, evidence in values), *titled, *mentioned]


def _is_name(words: Sequence[Word]) -> bool:
    """Whether this is a name of several words, which has no other forms: a slow burn is no wish for Edward Burns."""
    return len(words) > 1 and all(word.capitalised for word in words)


def _asked(attribute: str, value: str) -> Evidence:
    value, attribute = clean(value, VALUE_CHARS), clean(attribute, VALUE_CHARS)
    text = f"matches the request: {value} ({attribute})"
    return Evidence(EvidenceKind.REQUEST, text, attribute=attribute, value=value)


def _words_in(found: Sequence[Word]) -> str:
    """Up to three different words, neighbours kept together: Star Wars; heist, crew."""
    text, last, kept = "", None, set[str]()
    for word in found:
        if word.stem in kept or len(kept) == 3:
            continue
        kept.add(word.stem)
        text += word.text if last is None else f"{' ' if word.start - last == 1 else ', '}{word.text}"
        last = word.end
    return text


def _shared_evidence(item: Item, history: Sequence[Item], facts: CatalogueFacts) -> list[Evidence]:
    """Values shared with liked items: rare in the catalogue and frequent in the history first, one per value.

    Each names the latest liked item that has the value, and no liked item twice before every one has been named.
    """
    holders: dict[tuple[str, str], list[Item]] = {}
    for liked in history:
        for name, text in set(shareable_values(liked)):
            holders.setdefault((name, fold(text)), []).append(liked)
    weighed = []
    for name, text in shareable_values(item):
        liked_items = [liked for liked in holders.get((name, fold(text)), []) if liked.item_id != item.item_id]
        rarity = facts.rarity(name, text)
        if liked_items and rarity >= _LEAST_RARITY:
            weighed.append((rarity * (1 + _REPEATED * math.log(len(liked_items))), name, text, liked_items))
    weighed.sort(key=lambda entry: -entry[0])
    named: Counter[str] = Counter()
    shared = []
    for _, name, text, liked_items in weighed:
        other = min(reversed(liked_items), key=lambda liked: named[liked.item_id])
        named[other.item_id] += 1
        shared.append(_shared(name, text, other))
    return shared


def _shared(attribute: str, value: str, other: Item) -> Evidence:
    attribute, value, title = clean(attribute, VALUE_CHARS), clean(value, VALUE_CHARS), clean(other.title, TITLE_CHARS)
    text = f"shares {attribute} {value} with {title}"
    return Evidence(EvidenceKind.HISTORY, text, attribute, value, other.item_id, title)


_TRACES: dict[TraceKind, tuple[str, str]] = {
    "look": (f"looks like {YOUR_PICTURE}", "looks like {title}"),
    "meaning": ("close in meaning to the request", ""),
    "taste": ("", "similar to {title}"),
    "people": ("", "people who liked {title} liked it too"),
    "popular": ("popular with many people", ""),
    "words": ("found by the words of the request", ""),
    "past": ("", "found by your liking of {title}"),
    "wanted": ("liked by other people", ""),
}
"""What each trace says: without a history item, and with one."""


def _trace_evidence(trace: Trace) -> Evidence:
    alone, through = _TRACES[trace.kind]
    if trace.item is None:
        return Evidence(EvidenceKind.RETRIEVER, alone)
    title = clean(trace.item.title, TITLE_CHARS)
    text = through.replace("{title}", title)
    return Evidence(EvidenceKind.RETRIEVER, text, item_id=trace.item.item_id, title=title)
