"""What the catalogue says as a whole: how common each attribute value is, and which names a text may mean."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from agent.prompts import value_text
from agent.wording import FUNCTION_WORDS, words_of
from retrieval.types import AttributeValue, Item, Money

PROSE_CHARS = 60
"""A longer text is prose: its words may be mentioned, but it is no value that items share."""

Phrase = tuple[str, ...]


class CatalogueFacts:
    """Counts over a catalogue. Building takes one pass; reading is constant time.

    Values are compared without differences of case. Only texts and lists are counted: numbers, dates and amounts
    agree by chance.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._values: dict[str, set[Phrase]] = {}
        self._titles: dict[str, set[tuple[str, ...]]] = {}
        self.name_words: set[str] = set()
        self.items = 0
        for item in items:
            self.items += 1
            self._add_title(item.title)
            for name, text in set(shareable_values(item)):
                self._counts[name, text.casefold()] += 1
                self._add_value(text)

    def rarity(self, attribute: str, value: str) -> float:
        """Natural log of one over the share of items that have the value: 0 for all of them, higher for fewer."""
        return math.log(max(self.items, 1) / max(self._counts[attribute, value.casefold()], 1))

    def values_at(self, stems: Phrase, place: int) -> Iterator[Phrase]:
        """Attribute values that stand in the text at this place, longest first."""
        found = [p for p in self._values.get(stems[place], ()) if stems[place : place + len(p)] == p]
        yield from sorted(found, key=len, reverse=True)

    def titles_at(self, written: tuple[str, ...], place: int) -> Iterator[tuple[str, ...]]:
        """Titles that stand in the text at this place, as they are written, longest first."""
        found = [t for t in self._titles.get(written[place], ()) if written[place : place + len(t)] == t]
        yield from sorted(found, key=len, reverse=True)

    def _add_value(self, text: str) -> None:
        words = words_of(text)
        if words and not all(word.folded in FUNCTION_WORDS for word in words):
            phrase = tuple(word.stem for word in words)
            self._values.setdefault(phrase[0], set()).add(phrase)
            self._add_names(text)

    def _add_title(self, title: str) -> None:
        words = words_of(title[:300])
        if words and not all(word.folded in FUNCTION_WORDS for word in words):
            written = tuple(word.text for word in words)
            self._titles.setdefault(written[0], set()).add(written)

    def _add_names(self, text: str) -> None:
        self.name_words |= {w.folded for w in words_of(text) if w.capitalised and w.folded not in FUNCTION_WORDS}


def shareable_values(item: Item) -> Iterator[tuple[str, str]]:
    """(attribute, value) pairs that two items can have in common, list elements one by one."""
    for name, value in item.attributes.items():
        for text in value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ():
            if 0 < len(text) <= PROSE_CHARS:
                yield name, text


def told_values(item: Item) -> Iterator[tuple[str, str, bool]]:
    """Everything that the item says: (attribute, text, whether it is prose), list elements one by one."""
    for name, value in item.attributes.items():
        if isinstance(value, tuple):
            yield from ((name, text, len(text) > PROSE_CHARS) for text in value)
        else:
            text = value_text(value)
            yield name, text, len(text) > PROSE_CHARS


def spoken_forms(value: AttributeValue) -> Iterator[str]:
    """The texts in which a value may be said: 1995, 49.9 and 49.90 EUR, a date and its year."""
    if isinstance(value, tuple):
        yield from value
        return
    yield value_text(value)
    if isinstance(value, Money):
        yield f"{value.major:g}"
    elif isinstance(value, date):
        yield from (str(value.year), f"{value.day}", value.strftime("%B"))
    elif isinstance(value, float | int):
        yield str(value)
