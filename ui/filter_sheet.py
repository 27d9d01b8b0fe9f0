"""What the filter sheet offers: the attributes of the catalogue, each with its values or its range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from ui.cards import plain
from ui.picks import Pick, limit_text

if TYPE_CHECKING:
    from agent.facets import Range
    from agent.recommender import Recommender

MOST_ATTRIBUTES, MOST_VALUES = 30, 200
_LABEL_CHARS = 80


@dataclass(frozen=True, slots=True)
class Choice:
    """An attribute to pick from: values with how many items have each, the most common first, or a range."""

    name: str
    values: Mapping[str, int] = field(default_factory=dict)
    range: Range | None = None

    def takes(self, pick: Pick) -> bool:
        """Whether a pick of this attribute can be shown."""
        if self.range is None:
            return not pick.bounds
        return not pick.values and all(isinstance(limit, type(self.range.least)) for limit in pick.bounds.values())

    def spelled(self, pick: Pick) -> Pick:
        """The pick in the catalogue's spelling; filters know no difference of case."""
        known = {value.casefold(): value for value in self.values}
        values = dict.fromkeys(known.get(value.casefold(), value) for value in pick.values)
        return replace(pick, name=self.name, values=tuple(values))

    def view(self, picked: Iterable[str]) -> dict[str, Any]:
        """What the sheet shows of it: the most common values, and those that are picked."""
        label = plain(self.name.replace("_", " "), _LABEL_CHARS)
        if self.range is not None:
            kind = "date" if isinstance(self.range.least, date) else "number"
            least, greatest = limit_text(self.range.least), limit_text(self.range.greatest)
            return {"name": self.name, "label": label, "kind": kind, "least": least, "greatest": greatest}
        values = list(dict.fromkeys([*list(self.values)[:MOST_VALUES], *picked]))
        options = [{"value": v, "label": plain(v, _LABEL_CHARS), "count": self.values.get(v, 0)} for v in values]
        rarer = len(self.values.keys() - set(values))
        return {"name": self.name, "label": label, "kind": "values", "options": options, "rarer": rarer}


def choices_of(recommender: Recommender) -> tuple[Choice, ...]:
    """The first attributes of the catalogue that can be picked from, in its order, dates last."""
    valued = [facet.name for facet in recommender.facets() if not facet.numeric]
    ranges = {name: range_ for name, range_ in recommender.ranges().items() if name not in valued}
    names = [name for name in (*(facet.name for facet in recommender.facets()), *ranges) if _is_line(name)]
    return tuple(
        Choice(name, range=ranges[name]) if name in ranges else Choice(name, _one_case(recommender.value_counts(name)))
        for name in list(dict.fromkeys(names))[:MOST_ATTRIBUTES]
    )


def shown(picks: Sequence[Pick], choices: Sequence[Choice]) -> tuple[Pick, ...] | None:
    """The picks in the catalogue's spelling; None where one of them is of nothing that is offered."""
    named = {choice.name.casefold(): choice for choice in choices} | {choice.name: choice for choice in choices}
    found = {}
    for pick in picks:
        choice = named.get(pick.name) or named.get(pick.name.casefold())
        if choice is None or choice.name in found or not choice.takes(pick):
            return None
        found[choice.name] = choice.spelled(pick)
    return tuple(found.values())


def _one_case(counts: Mapping[str, int]) -> dict[str, int]:
    """Values that differ by case only count as one, which they are to a filter."""
    spelled: dict[str, str] = {}
    merged: Counter[str] = Counter()
    for value, count in counts.items():
        if _is_line(value):
            merged[spelled.setdefault(value.casefold(), value)] += count
    return dict(merged.most_common())


def _is_line(text: str) -> bool:
    """Whether the box for the filter, which is one line, can hold it."""
    return "\n" not in text and "\r" not in text
