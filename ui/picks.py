"""What people pick to filter by, as the filter that says the same, and a filter as the picks that say the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from agent.dialogue_state import quoted
from retrieval.errors import RequestError
from retrieval.filters import MAX_FILTER_CHARS, Absence, Both, Comparison, Negation, Node, parse_filter

_BARE = re.compile(r"(?!(?:and|or|not|in|is|missing|contains)$)[^\W\d]\w*", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SIDES = {">": 0, ">=": 0, "<": 1, "<=": 1}

Limit = float | date
Sign = Literal[">", ">=", "<", "<="]
_Text = Annotated[str, StringConstraints(max_length=MAX_FILTER_CHARS)]


@dataclass(frozen=True, slots=True)
class Pick:
    """What is picked of one attribute: any of the values; or one bound, or two of which one is from below."""

    name: str
    values: tuple[str, ...] = ()
    bounds: Mapping[str, Limit] = field(default_factory=dict)


class _Told(BaseModel):
    """A pick as browsers send it; bounds are still text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_FILTER_CHARS, pattern="^[^`]+$")]
    values: Annotated[list[_Text], Field(max_length=MAX_FILTER_CHARS)] = []
    bounds: dict[Sign, Annotated[str, StringConstraints(max_length=40)]] = {}


_PICKS: TypeAdapter[list[_Told]] = TypeAdapter(Annotated[list[_Told], Field(max_length=100)])


def where_of(picks: Sequence[Pick]) -> str:
    """The filter that lets through what was picked: `colour in ('red', 'blue') and price <= 50`; empty for no picks."""
    return " and ".join(part for pick in picks for part in _parts(pick))


def picks_of(where: str) -> tuple[Pick, ...] | None:
    """The picks that a filter spells; None for one that says more than picks can. Raises FilterError."""
    if not where.strip():
        return ()
    picks: dict[str, Pick] = {}
    for part in _conjuncts(parse_filter(where).root):
        pick = _pick(part)
        joined = pick and _joined(picks.get(pick.name), pick)
        if joined is None:
            return None
        picks[joined.name] = joined
    return tuple(picks.values())


def named_in(where: str) -> frozenset[str]:
    """The attributes that a filter names. Raises FilterError."""
    names = _names(parse_filter(where).root) if where.strip() else ()
    return frozenset({name.casefold(): name for name in names}.values())


def read_picks(told: object) -> tuple[Pick, ...]:
    """What a browser says was picked. Raises RequestError for anything but picks."""
    try:
        read = _PICKS.validate_python(told)
    except ValidationError as error:
        raise RequestError("what was picked cannot be read; open the filters again") from error
    picks = (Pick(each.name, tuple(each.values), {s: _limit(text) for s, text in each.bounds.items()}) for each in read)
    return tuple(pick for pick in picks if pick.values or pick.bounds)


def limit_text(limit: Limit) -> str:
    """A bound as filters and browsers write it."""
    if isinstance(limit, date):
        return limit.isoformat()
    return str(int(limit)) if limit.is_integer() and abs(limit) < 1e15 else repr(limit)


def _limit(text: str) -> Limit:
    try:
        limit = date.fromisoformat(text) if _DAY.fullmatch(text) else float(text)
    except ValueError:
        limit = math.nan
    if isinstance(limit, float) and not math.isfinite(limit):
        raise RequestError(f"found the bound {text!r}, expected a number or a date such as 2026-03-01")
    return limit


def _parts(pick: Pick) -> Iterator[str]:
    name = pick.name if _BARE.fullmatch(pick.name) else f"`{pick.name}`"
    if pick.values:
        yield f"{name} in ({quoted(pick.values)})" if len(pick.values) > 1 else f"{name} = {quoted(pick.values)}"
    for sign, limit in pick.bounds.items():
        yield f"{name} {sign} {limit_text(limit)}"


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Both):
        for part in node.parts:
            yield from _conjuncts(part)
    else:
        yield node


def _pick(node: Node) -> Pick | None:
    """What one comparison picks; None where that cannot be picked."""
    match node:
        case Comparison(name, "=" | "in", (float() | date() as limit,)):
            return Pick(name, bounds={">=": limit, "<=": limit})
        case Comparison(name, "=" | "in", literals):
            texts = tuple(dict.fromkeys(literal for literal in literals if isinstance(literal, str)))
            return Pick(name, texts) if all(isinstance(literal, str) for literal in literals) else None
        case Comparison(name, sign, (float() | date() as limit,)) if sign in _SIDES:
            return Pick(name, bounds={sign: limit})
    return None


def _joined(one: Pick | None, other: Pick) -> Pick | None:
    """Both picks of an attribute at once; None where that is no pick."""
    if one is None:
        return other
    sides = [_SIDES[sign] for sign in (*one.bounds, *other.bounds)]
    if one.values or other.values or len(set(sides)) < len(sides):
        return None
    return Pick(one.name, bounds={**one.bounds, **other.bounds})


def _names(node: Node) -> Iterator[str]:
    match node:
        case Comparison() | Absence():
            yield node.name
        case Negation():
            yield from _names(node.part)
        case _:
            for part in node.parts:
                yield from _names(part)
