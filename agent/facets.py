"""The attributes of a catalogue that messages speak of, with their values; the counts follow its changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

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
    SEVERAL = "several"


_Told = tuple[str, _Kind, str]


class FacetCounts:
    """Counts what items say by attribute. Updating costs what the changed items say; one caller at a time."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._told: dict[str, tuple[_Told, ...]] = {}
        self._values: dict[str, Counter[str]] = {}
        self._prose: Counter[str] = Counter()
        self._numbers: Counter[str] = Counter()
        self._several: Counter[str] = Counter()
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
                Facet(name, () if self._numbers[name] else tuple(sorted(values)), self._is_several(name))
                for name, values in self._values.items()
                if self._numbers[name] or self._is_shared(name)
            )
        return self._facets

    def _is_shared(self, name: str) -> bool:
        values = self._values[name]
        total, prose = values.total(), self._prose[name]
        differs = len(values) > _FEW and len(values) > _MOST_DIFFERENT * total
        return bool(values) and prose <= _MOST_PROSE * (total + prose) and not differs

    def counts(self, name: str) -> Mapping[str, int]:
        """How many items have each value of an attribute, the most common first; empty for an unknown one."""
        return dict(self._values.get(name, Counter()).most_common())

    def _is_several(self, name: str) -> bool:
        return not self._numbers[name] and self._several[name] > _OFTEN * self._values[name].total()

    def _count(self, told: Iterable[_Told], by: int) -> None:
        for name, kind, text in told:
            values = self._values.setdefault(name, Counter())
            if kind is _Kind.VALUE:
                values[text] += by
                if not values[text]:
                    del values[text]
            else:
                self._tally(kind)[name] += by

    def _tally(self, kind: _Kind) -> Counter[str]:
        return {_Kind.PROSE: self._prose, _Kind.NUMBER: self._numbers, _Kind.SEVERAL: self._several}[kind]


def number_of(value: AttributeValue | None) -> float | None:
    """The number that a filter compares: of money in major units; None for what is no number."""
    if isinstance(value, Money):
        return value.major
    return float(value) if isinstance(value, int | float) else None


def _told(item: Item) -> Iterator[_Told]:
    for name, value in item.attributes.items():
        if item.withdrawn or "`" in name or not name:  # a filter cannot spell such a name
            continue
        if number_of(value) is not None:
            yield name, _Kind.NUMBER, ""
        if isinstance(value, tuple) and len(value) > 1:
            yield name, _Kind.SEVERAL, ""
        for text in value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ():
            if text.strip():
                yield name, _Kind.PROSE if is_prose(text) else _Kind.VALUE, text
