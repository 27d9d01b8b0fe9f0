"""The attributes of a catalogue that messages speak of, with their values; the counts follow its changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from agent.dialogue import Facet
from agent.facts import is_prose
from retrieval.types import AttributeValue, Item, Money

_MOST_PROSE = 0.2
_MOST_DIFFERENT, _FEW = 0.8, 12
_OFTEN = 0.05
"""Least share of an attribute's values that stand beside another one of the same item, for it to have several."""


class _Kind(Enum):
    """What an attribute says of an item."""

    VALUE = "value"
    PROSE = "prose"
    NUMBER = "number"
    DAY = "day"
    SEVERAL = "several"


_Told = tuple[str, _Kind, str | float | date]


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest of what a catalogue has: two numbers, money in major units, or two days."""

    least: float | date
    greatest: float | date


class FacetCounts:
    """Counts what items say by attribute. Updating costs what the changed items say; one caller at a time."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._told: dict[str, tuple[_Told, ...]] = {}
        self._names: dict[str, None] = {}
        self._tallies: dict[tuple[str, _Kind], Counter[Any]] = {}
        self._facets: tuple[Facet, ...] | None = None
        self.update(items)

    def update(self, items: Iterable[Item]) -> None:
        """Count these items as they are now; withdrawn ones say nothing."""
        for item in items:
            before, now = self._told.get(item.item_id, ()), tuple(_told(item))
            if before != now:
                self._count(before, -1)
                self._count(now, 1)
                self._told[item.item_id] = now
                self._facets = None

    def facets(self) -> tuple[Facet, ...]:
        """Numeric attributes, and those whose texts are short and shared; values in alphabetical order.

        Left out are attributes of prose, and those of which nearly every item has another value, such as ids.
        """
        if self._facets is None:
            self._facets = tuple(
                Facet(name, () if self._is_numeric(name) else tuple(sorted(values)), self._is_several(name))
                for name, values in ((name, self._tally(name, _Kind.VALUE)) for name in self._names)
                if self._is_numeric(name) or self._is_shared(name)
            )
        return self._facets

    def ranges(self) -> dict[str, Range]:
        """Of each attribute that has numbers, else of each that has dates, from where to where they go."""
        found: dict[str, Range] = {}
        for name in self._names:
            if ends := self._tally(name, _Kind.NUMBER) or self._tally(name, _Kind.DAY):
                found[name] = Range(min(ends), max(ends))
        return found

    def counts(self, name: str) -> Mapping[str, int]:
        """How many items have each value of an attribute, the most common first; empty for an unknown one."""
        return dict(self._tally(name, _Kind.VALUE).most_common())

    def _is_numeric(self, name: str) -> bool:
        return bool(self._tally(name, _Kind.NUMBER))

    def _is_shared(self, name: str) -> bool:
        values, prose = self._tally(name, _Kind.VALUE), self._tally(name, _Kind.PROSE).total()
        total = values.total()
        differs = len(values) > _FEW and len(values) > _MOST_DIFFERENT * total
        return bool(values) and prose <= _MOST_PROSE * (total + prose) and not differs

    def _is_several(self, name: str) -> bool:
        several, values = self._tally(name, _Kind.SEVERAL), self._tally(name, _Kind.VALUE)
        return not self._is_numeric(name) and several.total() > _OFTEN * values.total()

    def _count(self, told: Iterable[_Told], by: int) -> None:
        for name, kind, value in told:
            self._names.setdefault(name)
            tally = self._tallies.setdefault((name, kind), Counter())
            tally[value] += by
            if not tally[value]:
                del tally[value]

    def _tally(self, name: str, kind: _Kind) -> Counter[Any]:
        """How many items say each thing of this kind; of prose, and of several at a time, only how many do."""
        return self._tallies.get((name, kind), Counter())


def number_of(value: AttributeValue | None) -> float | None:
    """The number that a filter compares: of money in major units; None for what is no number."""
    if isinstance(value, Money):
        return value.major
    return float(value) if isinstance(value, int | float) else None


def _told(item: Item) -> Iterator[_Told]:
    for name, value in item.attributes.items():
        if item.withdrawn or "`" in name or not name:  # a filter cannot spell such a name
            continue
        if (number := number_of(value)) is not None:
            yield name, _Kind.NUMBER, number
        if isinstance(value, date):
            yield name, _Kind.DAY, value
        if isinstance(value, tuple) and len(value) > 1:
            yield name, _Kind.SEVERAL, ""
        for text in value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ():
            if text.strip():
                yield (name, _Kind.PROSE, "") if is_prose(text) else (name, _Kind.VALUE, text)
