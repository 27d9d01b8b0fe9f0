"""What one message of a conversation changes: the update that a model writes as JSON, and the schema that it obeys.

A model does not write the whole state of a conversation but what the message at hand does to it (as in MinTL, Lin et
al. 2020: short to write, and nothing said earlier is lost by miscopying). Names and values are the catalogue's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from retrieval.errors import ModelAnswerError

if TYPE_CHECKING:
    from agent.models.base import JsonSchema

MOST_ITEMS, MOST_COUNT, QUERY_CHARS = 20, 20, 120
"""Places of the shown list that a message can speak of; items that one can ask for; characters of a query."""


class Action(StrEnum):
    """What a message wants."""

    SEARCH = "search"
    REFINE = "refine"
    SIMILAR = "similar"
    COMPARE = "compare"
    ASK = "ask"
    WHY = "why"
    LIKE = "like"
    DISLIKE = "dislike"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Facet:
    """An attribute of the catalogue that messages speak of.

    values: those a message may name, in the catalogue's spelling; empty for a numeric one, which has bounds instead.
    several: whether items have more than one of the values at a time.
    """

    name: str
    values: tuple[str, ...] = ()
    several: bool = field(default=False, compare=False)

    @property
    def numeric(self) -> bool:
        return not self.values


Values = Mapping[str, tuple[str, ...]]
Bounds = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Update:
    """What a message changes.

    items: places in the list shown last, from 1. want, prefer, avoid: values by attribute that must be, should be and
    must not be. drop: attributes about which nothing is wanted any longer. at_most, at_least: bounds by numeric
    attribute. step: "lower" or "higher" than what was shown, or the "lowest" or "highest" of all, by numeric attribute.
    count: how many items are asked for. query: the words that no attribute covers.
    """

    action: Action
    items: tuple[int, ...] = ()
    want: Values = field(default_factory=dict)
    prefer: Values = field(default_factory=dict)
    avoid: Values = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    at_most: Bounds = field(default_factory=dict)
    at_least: Bounds = field(default_factory=dict)
    step: Mapping[str, str] = field(default_factory=dict)
    count: int | None = None
    query: str = ""


_GROUPS = ("want", "prefer", "avoid")
_BOUNDS = ("at_most", "at_least")
_STEPS = ("lower", "higher", "lowest", "highest")


def update_schema(facets: Sequence[Facet]) -> JsonSchema:
    """The JSON schema of an update in this catalogue; keys as `update_text` orders them, only the action required."""
    valued = {f.name: {"type": "array", "items": {"enum": list(f.values)}, "minItems": 1} for f in facets if f.values}
    numbers = [f.name for f in facets if f.numeric]
    names = {"enum": [f.name for f in facets]}
    properties: dict[str, Any] = {
        "action": {"enum": [str(action) for action in Action]},
        "items": _array({"type": "integer", "minimum": 1, "maximum": MOST_ITEMS}),
    }
    properties |= {name: _object(valued) for name in _GROUPS if valued}
    properties |= {"drop": _array(names)} if facets else {}
    properties |= {name: _object({n: {"type": "number"} for n in numbers}) for name in _BOUNDS if numbers}
    properties |= {"step": _object({n: {"enum": list(_STEPS)} for n in numbers})} if numbers else {}
    properties["count"] = {"type": "integer", "minimum": 1, "maximum": MOST_COUNT}
    properties["query"] = {"type": "string", "maxLength": QUERY_CHARS}
    return _object(properties, required=["action"])


def _object(properties: Mapping[str, Any], *, required: Sequence[str] = ()) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _array(items: Mapping[str, Any]) -> JsonSchema:
    return {"type": "array", "items": dict(items), "minItems": 1, "maxItems": MOST_ITEMS}


def update_text(update: Update) -> str:
    """The update as compact JSON, what is empty left out; what `parse_update` reads."""
    told: dict[str, Any] = {"action": str(update.action), "items": list(update.items)}
    told |= {name: {key: list(held) for key, held in getattr(update, name).items()} for name in _GROUPS}
    told["drop"] = list(update.drop)
    told |= {name: {key: _short(held) for key, held in getattr(update, name).items()} for name in _BOUNDS}
    told |= {"step": dict(update.step), "count": update.count, "query": update.query}
    return json.dumps({name: value for name, value in told.items() if value}, separators=(",", ":"), ensure_ascii=False)


def _short(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number


def parse_update(text: str, facets: Sequence[Facet]) -> Update:
    """Read a model's answer; what names no attribute or value of the catalogue is left out.

    Raises ModelAnswerError for a text that is no JSON object or that names no known action.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelAnswerError(f"an update must be JSON: {error}") from None
    if not isinstance(told, dict) or told.get("action") not in list(Action):
        raise ModelAnswerError(f"an update must be an object with an action of {', '.join(Action)}")
    known = {facet.name: facet for facet in facets}
    count = told.get("count")
    query = told.get("query")
    return Update(
        action=Action(told["action"]),
        items=tuple(dict.fromkeys(n for n in _list(told.get("items")) if _whole(n, MOST_ITEMS))),
        want=_values(told.get("want"), known),
        prefer=_values(told.get("prefer"), known),
        avoid=_values(told.get("avoid"), known),
        drop=tuple(dict.fromkeys(name for name in _list(told.get("drop")) if _known(name, known))),
        at_most=_numbers(told.get("at_most"), known),
        at_least=_numbers(told.get("at_least"), known),
        step={name: way for name, way in _pairs(told.get("step"), known) if known[name].numeric and way in _STEPS},
        count=count if _whole(count, MOST_COUNT) else None,
        query=query[:QUERY_CHARS].strip() if isinstance(query, str) else "",
    )


def _list(held: Any) -> list[Any]:
    return held if isinstance(held, list) else []


def _known(name: Any, known: Mapping[str, Facet]) -> bool:
    return isinstance(name, str) and name in known


def _pairs(held: Any, known: Mapping[str, Facet]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in held.items() if _known(name, known)] if isinstance(held, dict) else []


def _whole(number: Any, most: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= most


def _values(held: Any, known: Mapping[str, Facet]) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, values in _pairs(held, known):
        kept = tuple(dict.fromkeys(v for v in _list(values) if isinstance(v, str) and v in known[name].values))
        if kept:
            found[name] = kept
    return found


def _numbers(held: Any, known: Mapping[str, Facet]) -> dict[str, float]:
    return {
        name: float(number)
        for name, number in _pairs(held, known)
        if known[name].numeric
        and isinstance(number, (int, float))
        and not isinstance(number, bool)
        and math.isfinite(number)
    }
