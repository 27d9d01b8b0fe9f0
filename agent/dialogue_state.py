"""What a conversation wants so far, how a message changes it, and what retrieval makes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from statistics import median_high, median_low

from agent.dialogue import QUERY_CHARS, Action, Bounds, Update, Values
from agent.facets import number_of
from agent.facts import shareable_values
from retrieval.types import AttributeValue, Item, Money, minor_digits

_LIKE_SHOWN = "like one that was shown"
_CENT = 0.01


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of the state that can be taken away: what it says, and the key that `DialogueState.without` takes."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class DialogueState:
    """What is wanted.

    query: words that no attribute covers. want, prefer, avoid: values by attribute that must be, should be and must
    not be. at_most, at_least: bounds by numeric attribute. count: how many items. like: the id of the item that others
    should be like. every: attributes of which all wanted values must hold at once; of the others any one of them does.
    extremes: "lowest" or "highest", by numeric attribute: of all that fits, only that end. stepped: attributes whose
    bounds nobody named: they came from "cheaper" and the like, and a step the other way lifts them.
    """

    query: str = ""
    want: Values = field(default_factory=dict)
    prefer: Values = field(default_factory=dict)
    avoid: Values = field(default_factory=dict)
    at_most: Bounds = field(default_factory=dict)
    at_least: Bounds = field(default_factory=dict)
    count: int | None = None
    like: str | None = None
    every: tuple[str, ...] = ()
    extremes: Mapping[str, str] = field(default_factory=dict)
    stepped: tuple[str, ...] = field(default=(), compare=False)

    def words(self) -> str | None:
        """What stands, as `agent.linker.link` takes it: "category lamp; price at most 50"; None where nothing does."""
        told = [f"{name} {', '.join(values)}" for name, values in self.want.items()]
        told += [f"ideally {name} {', '.join(values)}" for name, values in self.prefer.items()]
        told += [f"not {name} {', '.join(values)}" for name, values in self.avoid.items()]
        told += [f"{name} at most {_short(number)}" for name, number in self.at_most.items()]
        told += [f"{name} at least {_short(number)}" for name, number in self.at_least.items()]
        told += [f"{end} {name}" for name, end in self.extremes.items()]
        told += [_LIKE_SHOWN] if self.like is not None else []
        told += [self.query] if self.query else []
        return "; ".join(told) or None

    def chips(self, *, like: str = "") -> tuple[Chip, ...]:
        """Every part, the constraints first. like: the title of the item that others should be like."""
        chips = list(self.constraints())
        for name, values in self.prefer.items():
            chips += [Chip(_key("prefer", name, value), f"ideally {_spoken(name)} {value}") for value in values]
        chips += [Chip(_key("extreme", name), f"{end} {_spoken(name)}") for name, end in self.extremes.items()]
        chips += [Chip(_key("like"), f"like {like or 'one that was shown'}")] if self.like is not None else []
        chips += [Chip(_key("query"), self.query)] if self.query else []
        chips += [Chip(_key("count"), f"show {self.count}")] if self.count is not None else []
        return tuple(chips)

    def constraints(self) -> tuple[Chip, ...]:
        """The parts that `where` filters by."""
        chips = [Chip(_key("want", n, v), f"{_spoken(n)} {v}") for n, values in self.want.items() for v in values]
        for name, values in self.avoid.items():
            chips += [Chip(_key("avoid", name, value), f"not {_spoken(name)} {value}") for value in values]
        for name, number in self.at_most.items():
            chips.append(Chip(_key("at_most", name), f"{_spoken(name)} at most {_short(number)}"))
        for name, number in self.at_least.items():
            chips.append(Chip(_key("at_least", name), f"{_spoken(name)} at least {_short(number)}"))
        return tuple(chips)

    def without(self, key: str) -> DialogueState:
        """The state without the part of a chip; the same state for a key that it has not."""
        return DialogueState(
            query="" if key == _key("query") else self.query,
            want=_filtered(self.want, lambda name, value: _key("want", name, value) != key),
            prefer=_filtered(self.prefer, lambda name, value: _key("prefer", name, value) != key),
            avoid=_filtered(self.avoid, lambda name, value: _key("avoid", name, value) != key),
            at_most={name: number for name, number in self.at_most.items() if _key("at_most", name) != key},
            at_least={name: number for name, number in self.at_least.items() if _key("at_least", name) != key},
            count=None if key == _key("count") else self.count,
            like=None if key == _key("like") else self.like,
            every=self.every,
            extremes={name: end for name, end in self.extremes.items() if _key("extreme", name) != key},
            stepped=self.stepped,
        )

    def only(self, key: str) -> DialogueState:
        """Nothing but the constraint of a chip."""
        others = [chip.key for chip in self.constraints() if chip.key != key]
        return reduce(
            DialogueState.without, others, replace(self, query="", prefer={}, count=None, like=None, extremes={})
        )

    def softened(self) -> DialogueState:
        """The state without constraints: what had to be should be, and what must not be is forgotten."""
        prefer = {name: (*values, *self.prefer.get(name, ())) for name, values in self.want.items()}
        return DialogueState(query=self.query, prefer={**self.prefer, **prefer}, count=self.count, like=self.like)

    def avoiding(self, avoid: Values) -> DialogueState:
        """The state that avoids these values too, apart from those that it wants."""
        kept = _filtered(avoid, lambda name, value: value not in self.want.get(name, ()))
        joined = {name: tuple(dict.fromkeys((*self.avoid.get(name, ()), *kept.get(name, ())))) for name in kept}
        return replace(self, avoid={**self.avoid, **joined})

    def preferring(self, prefer: Values) -> DialogueState:
        """The state that prefers these values too, apart from attributes of which it wants or prefers a value."""
        new = {name: values for name, values in prefer.items() if name not in self.want and name not in self.prefer}
        return replace(self, prefer={**self.prefer, **_filtered(new, self._not_avoided)})

    def _not_avoided(self, name: str, value: str) -> bool:
        return value not in self.avoid.get(name, ())

    def where(self, *, untold: Collection[str] = ()) -> str | None:
        """The constraints as a filter (`retrieval.filters`), the item that others should be like left out of it.

        untold: attributes of which items pass that do not tell them, whatever value is wanted.
        """
        parts = [part for name in self.want for part in self._wanted(name, name in untold)]
        parts += [f"{_name(name)} not in ({quoted(values)})" for name, values in self.avoid.items()]
        parts += [f"{_name(name)} <= {number!r}" for name, number in self.at_most.items()]
        parts += [f"{_name(name)} >= {number!r}" for name, number in self.at_least.items()]
        parts += [f"id != {quoted([self.like])}"] if self.like is not None else []
        return " and ".join(parts) or None

    def _wanted(self, name: str, untold: bool) -> list[str]:
        """What the filter says of an attribute's wanted values: one part, or one for each where all must hold."""
        values = self.want[name]
        groups = [(value,) for value in values] if name in self.every else [values]
        parts = [f"{_name(name)} in ({quoted(group)})" for group in groups]
        return [f"({part} or {_name(name)} is missing)" for part in parts] if untold else parts

    def text(self, like: Item | None = None) -> str | None:
        """What to search for in words: the wanted values, the query, the preferred values, and what `like` is like.

        Of `like` the values are left out of which other ones are wanted, or which are to be avoided.
        """
        parts = [value for values in self.want.values() for value in values]
        parts += [self.query] if self.query else []
        parts += [value for values in self.prefer.values() for value in values]
        if like is not None:
            held = [(name, value) for name, value in shareable_values(like) if name not in self.want]
            kept = [value for name, value in held if value not in self.avoid.get(name, ())]
            parts += kept if self.want or self.avoid else [like.title, *kept]
        return " ".join(dict.fromkeys(parts)) or None


def apply(
    state: DialogueState, update: Update, shown: Sequence[Item] = (), *, every: Collection[str] = ()
) -> DialogueState:
    """The state after a message. shown: the items of the list shown last, in order.

    every: attributes of which the message means all the values that it wants, and not any one of them.

    `search` starts anew. `refine` keeps what stands; a new value of an attribute takes the old one's place, avoiding a
    value takes it out of what is wanted, and a step up or down becomes a bound at the middle of what was shown.
    That is of the items that the message names, where it does: "cheaper than the second".

    `similar` is a refinement without the query so far; its steps go from the items that it names.
    """
    state = DialogueState() if update.action is Action.SEARCH else state
    state = replace(state, every=tuple(sorted(({*state.every} - update.want.keys()) | ({*every} & update.want.keys()))))
    named = [shown[place - 1] for place in update.items if place <= len(shown)]
    if update.action is not Action.SIMILAR:
        return _changed(state, update, named or shown)
    return _changed(replace(state, query="", like=named[0].item_id) if named else state, update, named or shown)


def _changed(state: DialogueState, update: Update, shown: Sequence[Item]) -> DialogueState:
    def untouched(held: Values) -> dict[str, tuple[str, ...]]:
        return {name: values for name, values in held.items() if name not in update.drop}

    def unavoided(held: Values) -> dict[str, tuple[str, ...]]:
        return _filtered(held, lambda name, value: value not in update.avoid.get(name, ()))

    at_most, at_least = _bounds(state, update, shown)
    avoid = _filtered(untouched(state.avoid), lambda name, value: value not in update.want.get(name, ()))
    prefer = {name: values for name, values in untouched(state.prefer).items() if name not in update.want}
    return replace(
        state,
        query=_joined(state.query, update.query),
        want=unavoided({**untouched(state.want), **update.want}),
        prefer=unavoided({**prefer, **update.prefer}),
        avoid={
            **avoid,
            **{name: tuple(dict.fromkeys((*avoid.get(name, ()), *values))) for name, values in update.avoid.items()},
        },
        at_most=at_most,
        at_least=at_least,
        count=update.count or state.count,
        extremes=_extremes(state, update),
        stepped=tuple(sorted({*state.stepped, *update.step} - {*update.at_most, *update.at_least, *update.drop})),
    )


def _bounds(state: DialogueState, update: Update, shown: Sequence[Item]) -> tuple[Bounds, Bounds]:
    """The bounds from above and from below; a new one takes away an old one that it contradicts."""
    new_most, new_least = _finite(update.at_most), _finite(update.at_least)
    for name, way in update.step.items():
        if way not in ("lower", "higher"):
            continue
        middle = _beyond_middle(way, [item.attributes[name] for item in shown if name in item.attributes])
        if middle is not None:
            (new_most if way == "lower" else new_least)[name] = middle
    lifted = {name: way for name, way in update.step.items() if name in state.stepped}
    at_most = {n: b for n, b in state.at_most.items() if n not in update.drop and b >= new_least.get(n, b)}
    at_least = {n: b for n, b in state.at_least.items() if n not in update.drop and b <= new_most.get(n, b)}
    at_most = {n: b for n, b in at_most.items() if lifted.get(n) != "higher"}
    at_least = {n: b for n, b in at_least.items() if lifted.get(n) != "lower"}
    return {**at_most, **new_most}, {**at_least, **new_least}


def _extremes(state: DialogueState, update: Update) -> Mapping[str, str]:
    """The ends that are wanted; any other word on an attribute's numbers takes its end away."""
    told = {*update.drop, *update.step, *update.at_most, *update.at_least}
    new = {name: way for name, way in update.step.items() if way in ("lowest", "highest")}
    return {name: end for name, end in state.extremes.items() if name not in told} | new


def _finite(bounds: Bounds) -> dict[str, float]:
    return {name: float(number) for name, number in bounds.items() if math.isfinite(number)}


def _beyond_middle(way: str, values: Sequence[AttributeValue]) -> float | None:
    """The bound that lets only less, or only more, through than the middle one of the values has."""
    numbers = [(number, _least_step(value)) for value in values if (number := number_of(value)) is not None]
    if not numbers:
        return None
    number, step = median_high(numbers) if way == "lower" else median_low(numbers)
    return round(number - step if way == "lower" else number + step, 4)


def _least_step(value: AttributeValue) -> float:
    if isinstance(value, Money):
        return float(10.0 ** -minor_digits(value.currency))
    return 1.0 if isinstance(value, int) else _CENT


def _joined(old: str, new: str) -> str:
    """Both queries, the newest words kept where they are too many."""
    if not new or new.casefold() in old.casefold():
        return old
    joined = f"{old} {new}".strip()
    return joined if len(joined) <= QUERY_CHARS else new


def _filtered(held: Values, keep: Callable[[str, str], bool]) -> dict[str, tuple[str, ...]]:
    kept = {name: tuple(value for value in values if keep(name, value)) for name, values in held.items()}
    return {name: values for name, values in kept.items() if values}


def _key(*path: str) -> str:
    return json.dumps(path, separators=(",", ":"), ensure_ascii=False)


def _name(name: str) -> str:
    return f"`{name}`"


def quoted(values: Iterable[str]) -> str:
    """Texts as a filter spells them; no character of theirs ends the text."""
    return ", ".join("'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" for value in values)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _short(number: float) -> str:
    return f"{number:.10g}"
