"""What type a catalogue's column is of, and its values as attributes."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from retrieval.currencies import MINOR_DIGITS
from retrieval.errors import CatalogError
from retrieval.money import money, parse_money
from retrieval.tables import text_fault
from retrieval.types import AttributeValue, Money

MAX_NAME_CHARS = 100

KIND_SHARE = 0.9
"""A column of CSV is of a kind when at least so many of its cells can be read as it; the others refuse their rows."""

_WARNED_SHARE = 0.5
"""A text column of which at least so many cells look like another kind is told."""

_NULLS = frozenset(["n/a", "N/A", "#N/A", "null", "NULL", "nan", "NaN", "-"])
_WORDY_NULLS = frozenset(["NA", "None"])
"""Among numbers these are missing; among texts they may be Namibia and a plain None."""

_NUMBER = re.compile(r"-?((0|[1-9]\d{0,14})(\.\d+)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_CODE = re.compile(r"0\d+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?", re.ASCII)


class Kind(StrEnum):
    """What a value is, in words that fit into a message."""

    TEXT = "text"
    NUMBER = "a number"
    DATE = "a date"
    LIST = "a list"
    MONEY = "an amount of money"
    NESTED = "nested"


@dataclass(slots=True)
class Column:
    """What the values of a column, seen one by one, have in common.

    textual: the file has text only (CSV). kinds: of the values as the file gives them. readable: what texts among
    them can be read as. codes: there is a cell such as 007, so that none of them is a number.
    """

    textual: bool = False
    kinds: Counter[Kind] = field(default_factory=Counter)
    readable: Counter[Kind] = field(default_factory=Counter)
    wordy_nulls: int = 0
    codes: bool = False

    def see(self, value: Any) -> None:
        kind = kind_of(value)
        self.kinds[kind] += 1
        if kind is not Kind.TEXT:
            return
        text = str(value).strip()
        if self.textual and text in _WORDY_NULLS:
            self.wordy_nulls += 1
            return
        self.readable.update(each for each, reads in _READERS.items() if reads(text))
        self.codes = self.codes or _CODE.fullmatch(text) is not None

    @property
    def base(self) -> Kind:
        """The kind that most of the values have."""
        return self.kinds.most_common(1)[0][0]

    @property
    def texts(self) -> int:
        """How many texts say something."""
        return self.kinds[Kind.TEXT] - self.wordy_nulls

    @property
    def nearest(self) -> Kind:
        """What most of its texts can be read as, TEXT when none of them can be read as anything else."""
        possible = (Kind.NUMBER, Kind.LIST, Kind.DATE, Kind.MONEY) if self.textual else (Kind.DATE, Kind.MONEY)
        counts = {kind: self.readable[kind] for kind in possible if not (kind is Kind.NUMBER and self.codes)}
        best = max(counts, key=lambda kind: counts[kind])
        return best if counts[best] else Kind.TEXT

    @property
    def kind(self) -> Kind:
        """What the column's values become: their base, or what its texts can be read as: all, of CSV nearly all."""
        nearest = self.nearest
        if self.base is not Kind.TEXT or nearest is Kind.TEXT:
            return self.base
        needed = self.texts * (KIND_SHARE if self.textual else 1)
        return nearest if self.readable[nearest] >= needed else Kind.TEXT

    def warning(self, name: str) -> str | None:
        """That the column stays text although much of it looks like another kind; None when there is no such thing."""
        nearest, texts = self.nearest, self.texts
        found = self.readable[nearest]
        if self.kind is not Kind.TEXT or nearest is Kind.TEXT or found < _WARNED_SHARE * texts:
            return None
        needed = f"at least {KIND_SHARE:.0%}" if self.textual else "all"
        return (
            f"{name} stays text: {found:,} of {texts:,} values can be read as {nearest}, {needed} would have to; "
            "correct the others or leave them empty, to filter by it"
        )


class Columns:
    """The columns of one catalogue, and rows of it as attributes.

    textual: the file has text only (CSV). currency: of amounts whose row names none.
    """

    def __init__(self, columns: Mapping[str, Column], *, textual: bool, currency: str | None) -> None:
        self._columns = columns
        self._textual = textual
        self._kinds = {name: column.kind for name, column in columns.items()}
        self._currency = currency
        self._currency_columns = {name: f"{name}_currency" for name in columns if f"{name}_currency" in columns}
        for name in columns:
            if is_price(name):
                self._currency_columns.setdefault(name, "currency")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Columns that stay text although much of them looks like another kind."""
        told = (column.warning(name) for name, column in self._columns.items())
        return tuple(warning for warning in told if warning is not None)

    def attributes(self, values: Mapping[str, Any]) -> dict[str, AttributeValue]:
        """The attributes of a row; empty values are left out. Raises CatalogError that names the column."""
        attributes = {
            name: self._attribute(name, value, values) for name, value in values.items() if self._says(name, value)
        }
        # A column that has told the currency of an amount has nothing else to say.
        for name, column in self._currency_columns.items():
            if isinstance(attributes.get(name), Money):
                attributes.pop(column, None)
        return attributes

    def _says(self, name: str, value: Any) -> bool:
        wordy = self._textual and self._kinds.get(name) is not Kind.TEXT and value.strip() in _WORDY_NULLS
        return not wordy and not is_empty(value, textual=self._textual)

    def _attribute(self, name: str, value: Any, values: Mapping[str, Any]) -> AttributeValue:
        fault = (
            f"a column name has {len(name)} characters" if len(name) > MAX_NAME_CHARS else text_fault("a name", name)
        )
        if fault:
            raise CatalogError(f"{fault}, at most {MAX_NAME_CHARS} plain ones are read")
        found, column = kind_of(value), self._columns[name]
        if found is Kind.NESTED:
            what = "a list with lists or objects in it" if isinstance(value, list) else "a nested object"
            raise CatalogError(f"{name} is {what}, expected text, a number, a date or a list of texts")
        if found is not column.base:
            raise CatalogError(f"{name} is {found} here and {column.base} in {column.kinds[column.base]:,} rows")
        kind = self._kinds[name]
        if self._textual and kind is not Kind.TEXT and not _READERS[kind](str(value).strip()):
            rows = f"{column.readable[kind]:,} of {column.texts:,} rows"
            raise CatalogError(f"{name} is {value!r:.60} here and {kind} in {rows}")
        if kind is Kind.NUMBER:
            return self._number(name, value, values)
        return _converted(name, value, kind)

    def _number(self, name: str, value: Any, values: Mapping[str, Any]) -> AttributeValue:
        column = self._currency_columns.get(name)
        if column is None:
            return _as_number(name, value)
        stated = values.get(column)
        currency = self._currency if is_empty(stated, textual=self._textual) else str(stated).strip().upper()
        if currency is None:
            return _as_number(name, value)
        if currency not in MINOR_DIGITS:
            raise CatalogError(f"{column} is {str(stated)!r:.40}, expected an ISO 4217 code such as EUR")
        return money(Decimal(str(_as_number(name, value))), currency)


def kind_of(value: Any) -> Kind:
    """The kind of a value as the file gives it; true and false count as text."""
    match value:
        case bool() | str():
            return Kind.TEXT
        case int() | float() | Decimal():
            return Kind.NUMBER
        case date():
            return Kind.DATE
        case list() if not any(isinstance(element, dict | list | tuple | bytes) for element in value):
            return Kind.LIST
        case _:
            return Kind.NESTED


def is_empty(value: Any, *, textual: bool = False) -> bool:
    """Whether a value says nothing: null, NaN, blank text, an empty list; textual: or a cell that spells null."""
    if isinstance(value, str):
        text = value.strip()
        return not text or (textual and text in _NULLS)
    return value is None or value == [] or is_nan(value)


def is_price(name: str) -> bool:
    """Whether the column's name says that its numbers are amounts of money."""
    return name == "price" or name.endswith("_price")


def is_nan(value: Any) -> bool:
    return isinstance(value, float | Decimal) and value != value


def json_list(text: str) -> list[Any] | None:
    """The JSON array in a text, None when it is none."""
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and kind_of(value) is Kind.LIST else None


def _converted(name: str, value: Any, kind: Kind) -> AttributeValue:
    match kind:
        case Kind.DATE:
            found = value if isinstance(value, date) else _date_in(str(value).strip())
            return _found_date(name, found)
        case Kind.LIST:
            return _as_list(name, value if isinstance(value, list) else json_list(str(value)) or [])
        case Kind.MONEY:
            amount = parse_money(str(value))
            if amount is None:
                raise CatalogError(f"{name} is {value!r:.60}, expected an amount such as EUR 49.90")
            return amount
        case _:
            return _as_text(name, value)


def _as_text(name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if fault := text_fault(name, text):
        raise CatalogError(fault)
    return text


def _as_number(name: str, value: Any) -> int | float:
    """The number, whole where it is; one that is out of a float's range cannot be compared, so it is refused."""
    text = str(value).strip()
    try:
        number = float(text)
    except (OverflowError, ValueError) as error:
        raise CatalogError(f"{name} is {text!r:.60}, expected a number") from error
    if not math.isfinite(number):
        raise CatalogError(f"{name} is {text!r:.60}, expected a finite number")
    return int(text) if text.removeprefix("-").isdecimal() else number


def _as_list(name: str, values: list[Any]) -> tuple[str, ...]:
    texts = tuple(_as_text(name, value) for value in values if not is_empty(value))
    if fault := text_fault(name, ", ".join(texts)):
        raise CatalogError(fault)
    return texts


def _found_date(name: str, value: date | None) -> date:
    if value is None:
        raise CatalogError(f"{name} is no date, expected one such as 2026-03-01")
    return value.date() if isinstance(value, datetime) else value


def _date_in(text: str) -> date | None:
    """The day of an ISO date or time, None for any other text."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


_READERS: Mapping[Kind, Callable[[str], bool]] = MappingProxyType(
    {
        Kind.NUMBER: lambda text: _NUMBER.fullmatch(text) is not None,
        Kind.LIST: lambda text: json_list(text) is not None,
        Kind.DATE: lambda text: _date_in(text) is not None,
        Kind.MONEY: lambda text: parse_money(text) is not None,
    }
)
"""Whether a text can be read as a kind."""
