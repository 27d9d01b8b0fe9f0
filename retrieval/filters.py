"""Filters over attributes: `price < 50 and genres = 'Drama'`, parsed with lark and matched in memory."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import FilterError
from retrieval.types import AttributeValue, Item, Money

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_FILTER_CHARS = 2000
MAX_DEPTH = 30

Mask = NDArray[np.bool_]
Literal = str | float | date

GRAMMAR = r"""
start: _either
_either: either | _both
_both: both | _negated
_negated: negated | _atom
_atom: "(" _either ")" | comparison | membership | exclusion | absence
either: _both (_OR _both)+
both: _negated (_AND _negated)+
negated: _NOT _negated
comparison: name (SIGN | CONTAINS) literal
membership: name _IN "(" literal ("," literal)* ")"
exclusion: name _NOT _IN "(" literal ("," literal)* ")"
absence: name _IS _MISSING
name: NAME | QUOTED_NAME
literal: TEXT | DATE | NUMBER

_OR.2: /or(?!\w)/i
_AND.2: /and(?!\w)/i
_NOT.2: /not(?!\w)/i
_IN.2: /in(?!\w)/i
_IS.2: /is(?!\w)/i
_MISSING.2: /missing(?!\w)/i
CONTAINS.2: /contains(?!\w)/i
SIGN: "!=" | "<=" | ">=" | "<" | ">" | "="
NAME: /[^\W\d]\w*/
QUOTED_NAME: /`[^`]+`/
TEXT: /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/
DATE.2: /\d{4}-\d{2}-\d{2}(?!\w)/
NUMBER: /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?(?!\w)/
%ignore /\s+/
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """An attribute against literals: sign is = != < <= > >= contains, or in with several literals."""

    name: str
    sign: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """That an item does not tell the attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Negation:
    part: Node


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Node, ...]


Node = Comparison | Absence | Negation | Both | Either


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter, and the text that it came from."""

    text: str
    root: Node


def parse_filter(text: str) -> Filter:
    """The filter that the text spells. Raises FilterError that shows where the text stops making sense.

    Signs: = != < <= > >= contains in, not in, is missing; and, or, not, parentheses. Text stands in quotes
    ('Children\\'s' or "Children's"), dates are YYYY-MM-DD, a name with spaces stands in `backquotes`. `id` and
    `title` are attributes too.
    """
    from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken

    if len(text) > MAX_FILTER_CHARS:
        raise FilterError(f"the filter has {len(text):,} characters, at most {MAX_FILTER_CHARS:,} are read")
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        at = len(text) if ended else error.pos_in_stream or 0
        found = repr(text[at : at + 20]) if at < len(text) else "its end"
        raise FilterError(
            f"the filter stops making sense at {found} (character {at + 1}); "
            "expected e.g. price < 50 and genres = 'Drama', with text in quotes"
        ) from error
    except LarkError as error:
        raise FilterError(f"the filter cannot be read ({error})") from error
    return Filter(text, _node(tree.children[0], 0))


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr")


def _node(tree: Tree[Token] | Token, depth: int) -> Node:
    children: list[Any] = getattr(tree, "children", [])
    if depth > MAX_DEPTH:
        raise FilterError(f"the filter is nested more than {MAX_DEPTH} deep")
    match getattr(tree, "data", None):
        case "either":
            return Either(tuple(_node(child, depth + 1) for child in children))
        case "both":
            return Both(tuple(_node(child, depth + 1) for child in children))
        case "negated":
            return Negation(_node(children[0], depth + 1))
        case "comparison":
            return Comparison(_name(children[0]), str(children[1]).lower(), (_literal(children[2]),))
        case "membership":
            return Comparison(_name(children[0]), "in", tuple(_literal(child) for child in children[1:]))
        case "absence":
            return Absence(_name(children[0]))
        case _:
            return Negation(Comparison(_name(children[0]), "in", tuple(_literal(child) for child in children[1:])))


def _name(tree: Any) -> str:
    return str(tree.children[0]).strip("`")


def _literal(tree: Any) -> Literal:
    token = tree.children[0]
    match token.type:
        case "TEXT":
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        case "DATE":
            return _date(str(token))
        case _:
            return float(token)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FilterError(f"found the date {text!r:.40}, expected one such as 2026-03-01") from error


class AttributeTable:
    """The attributes of items by column, ready to be matched.

    item_ids: in the order given, which is the order of every mask.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.item_ids = tuple(item.item_id for item in items)
        self._columns: dict[str, _Column] = {"id": _Column(), "title": _Column()}
        for row, item in enumerate(items):
            self._columns["id"].add(row, item.item_id)
            self._columns["title"].add(row, item.title)
            for name, value in item.attributes.items():
                self._columns.setdefault(name, _Column()).add(row, value)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that a filter can name, sorted."""
        return tuple(sorted(self._columns))

    def mask(self, filter_: Filter) -> Mask:
        """Which items the filter lets through: (n_items,) bool.

        A list matches if any of its texts does; money compares in major units, whatever its currency; text
        compares without regard to case. An item without the attribute matches no comparison, so `!=`, which is
        exactly "not =", lets it through. Raises FilterError for an attribute that no item has, and for a literal of
        another type than the attribute's.
        """
        return self._match(filter_.root)

    def _match(self, node: Node) -> Mask:
        match node:
            case Comparison():
                return self._compare(node)
            case Absence():
                return self._untold(node)
            case Negation():
                return ~self._match(node.part)
            case Both():
                return reduce(np.logical_and, map(self._match, node.parts))
            case Either():
                return reduce(np.logical_or, map(self._match, node.parts))

    def _compare(self, node: Comparison) -> Mask:
        column = self._column(node.name)
        matched = np.zeros(len(self.item_ids), dtype=np.bool_)
        sign = {"in": "=", "!=": "="}.get(node.sign, node.sign)
        for literal in node.literals:
            for rows in column.rows(node.name, sign, literal):
                matched[rows] = True
        return ~matched if node.sign == "!=" else matched

    def _untold(self, node: Absence) -> Mask:
        untold = np.ones(len(self.item_ids), dtype=np.bool_)
        untold[self._column(node.name).told] = False
        return untold

    def _column(self, name: str) -> _Column:
        if name in self._columns:
            return self._columns[name]
        folded = [known for known in self._columns if known.casefold() == name.casefold()]
        if len(folded) == 1:
            return self._columns[folded[0]]
        near = difflib.get_close_matches(name, self._columns, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FilterError(
            f"no item has the attribute {name!r:.80}, the catalogue has {', '.join(self.names)[:400]}{hint}"
        )


_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Column:
    """One attribute: numbers, days and texts of the items that have it, each kind with its rows.

    told: the rows of all of these items.
    """

    def __init__(self) -> None:
        self.told: list[int] = []
        self._numbers = _Numbers()
        self._days = _Numbers()
        self._texts: dict[str, list[int]] = {}

    def add(self, row: int, value: AttributeValue) -> None:
        if value != ():
            self.told.append(row)
        match value:
            case Money():
                self._numbers.add(row, value.major)
            case int() | float():
                self._numbers.add(row, float(value))
            case date():
                self._days.add(row, float(value.toordinal()))
            case str():
                self._texts.setdefault(value.casefold(), []).append(row)
            case tuple():
                for text in value:
                    self._texts.setdefault(text.casefold(), []).append(row)

    def rows(self, name: str, sign: str, literal: Literal) -> Iterable[NDArray[np.intp] | list[int]]:
        """Row numbers of the items that match, in one or more lists."""
        if not (self._texts or self._numbers or self._days):  # id and title of no items
            return []
        if isinstance(literal, str) and (self._texts or not self._days):
            if not self._texts:
                raise self._mismatch(name, literal)
            return self._text_rows(sign, literal.casefold())
        if sign == "contains":
            raise FilterError(f"{name} holds {self._held()}; contains looks into text, so put text in quotes after it")
        if isinstance(literal, str | date) and self._days:
            day = _date(literal) if isinstance(literal, str) else literal
            return [self._days.rows(sign, float(day.toordinal()))]
        if isinstance(literal, float) and self._numbers:
            return [self._numbers.rows(sign, literal)]
        raise self._mismatch(name, literal)

    def _text_rows(self, sign: str, wanted: str) -> Iterable[list[int]]:
        if sign == "=":
            return [self._texts.get(wanted, [])]
        if sign == "contains":
            return [rows for text, rows in self._texts.items() if wanted in text]
        return [rows for text, rows in self._texts.items() if _SIGNS[sign](text, wanted)]

    def _mismatch(self, name: str, literal: Literal) -> FilterError:
        shown = literal if isinstance(literal, date) else repr(literal)
        return FilterError(
            f"{name} holds {self._held()}, it cannot be compared with {str(shown)[:60]}; "
            "write numbers bare, text in quotes, dates as 2026-03-01"
        )

    def _held(self) -> str:
        kinds = {"numbers": self._numbers, "dates": self._days, "text": self._texts}
        return " and ".join(kind for kind, values in kinds.items() if values)


class _Numbers:
    """Numbers with the rows that they are in, turned into arrays when first compared."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._values: list[float] = []
        self._arrays: tuple[NDArray[np.intp], NDArray[np.float64]] | None = None

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, row: int, value: float) -> None:
        self._rows.append(row)
        self._values.append(value)

    def rows(self, sign: str, value: float) -> NDArray[np.intp]:
        if self._arrays is None:
            self._arrays = np.array(self._rows, dtype=np.intp), np.array(self._values, dtype=np.float64)
        rows, values = self._arrays
        found: NDArray[np.intp] = rows[_SIGNS[sign](values, value)]
        return found
