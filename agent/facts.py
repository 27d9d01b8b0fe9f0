"""What the catalogue says as a whole: how common each attribute value is, and which names a text may mean."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from agent.prompts import value_text
from agent.wording import FUNCTION_WORDS, words_of
from retrieval.types import AttributeValue, Item, Money

PROSE_CHARS = 60
_SENTENCE_ENDS = (".", "!", "?", "…")

Phrase = tuple[str, ...]
_Key = TypeVar("_Key")


class CatalogueFacts:
    """Counts over a catalogue, which follow its changes. Reading is constant time, and safe during an update.

    Values are compared without differences of case. Only texts and lists are counted: numbers, dates and amounts
    agree by chance.
    """

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._said: dict[str, _Said] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._values: dict[str, Counter[Phrase]] = {}
        self._titles: dict[str, Counter[Phrase]] = {}
        self.name_words: Counter[str] = Counter()
        self.update(items)

    @property
    def items(self) -> int:
        """How many items are counted."""
        return len(self._said)

    def update(self, items: Iterable[Item]) -> None:
        """Count these items as they are now, instead of what they were when they were counted before.

        Costs what the changed ones say; one caller at a time.
        """
        for item in items:
            before, now = self._said.get(item.item_id), _Said.by(item)
            if before != now:
                self._count(now, 1)  # first, so that what stays never seems unknown to a reader
                if before is not None:
                    self._count(before, -1)
                self._said[item.item_id] = now

    def rarity(self, attribute: str, value: str) -> float:
        """Natural log of one over the share of items that have the value: 0 for all of them, higher for fewer."""
        return math.log(max(self.items, 1) / max(self._counts[attribute, value.casefold()], 1))

    def values_at(self, stems: Phrase, place: int) -> Iterator[Phrase]:
        """Attribute values that stand in the text at this place, longest first."""
        return _standing_at(self._values, stems, place)

    def titles_at(self, written: tuple[str, ...], place: int) -> Iterator[tuple[str, ...]]:
        """Titles that stand in the text at this place, as they are written, longest first."""
        return _standing_at(self._titles, written, place)

    def _count(self, said: _Said, by: int) -> None:
        title = words_of(said.title[:300])
        if title and not all(word.folded in FUNCTION_WORDS for word in title):
            _add_phrase(self._titles, tuple(word.text for word in title), by)
        for name, text in said.values:
            _add(self._counts, (name, text.casefold()), by)
            words = words_of(text)
            if words and not all(word.folded in FUNCTION_WORDS for word in words):
                _add_phrase(self._values, tuple(word.stem for word in words), by)
                for name_word in {w.folded for w in words if w.capitalised and w.folded not in FUNCTION_WORDS}:
                    _add(self.name_words, name_word, by)


@dataclass(frozen=True, slots=True)
class _Said:
    """What of an item is counted."""

    title: str
    values: frozenset[tuple[str, str]]

    @classmethod
    def by(cls, item: Item) -> _Said:
        return cls(item.title, frozenset(shareable_values(item)))


def _add(counts: Counter[_Key], key: _Key, by: int) -> None:
    """Change a count; what is counted no longer is no key either."""
    counts[key] += by
    if not counts[key]:
        del counts[key]


def _add_phrase(phrases: dict[str, Counter[Phrase]], phrase: Phrase, by: int) -> None:
    _add(phrases.setdefault(phrase[0], Counter()), phrase, by)


def _standing_at(phrases: Mapping[str, Counter[Phrase]], text: Phrase, place: int) -> Iterator[Phrase]:
    known = tuple(phrases.get(text[place], ()))  # copied in one step: an update may add to them meanwhile
    yield from sorted((p for p in known if text[place : place + len(p)] == p), key=len, reverse=True)


def is_prose(text: str) -> bool:
    """Whether a text is long or a sentence: its words may be mentioned, but it is no value that items share."""
    return len(text) > PROSE_CHARS or (text.endswith(_SENTENCE_ENDS) and text.count(" ") > 2)


def shareable_values(item: Item) -> Iterator[tuple[str, str]]:
    """(attribute, value) pairs that two items can have in common, list elements one by one."""
    for name, value in item.attributes.items():
        for text in value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ():
            if text and not is_prose(text):
                yield name, text


def told_values(item: Item) -> Iterator[tuple[str, str, bool]]:
    """Everything that the item says: (attribute, text, whether it is prose), list elements one by one."""
    for name, value in item.attributes.items():
        if isinstance(value, tuple):
            yield from ((name, text, is_prose(text)) for text in value)
        else:
            text = value_text(value)
            yield name, text, is_prose(text)


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
