"""What type a catalogue's column is of, and its values as attributes."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from retrieval.currencies import MINOR_DIGITS
from retrieval.errors import CatalogError
from retrieval.money import money, parse_money
from retrieval.tables import text_fault
from retrieval.types import AttributeValue, Money

MAX_NAME_CHARS = 100

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?", re.ASCII)


class Kind(StrEnum):
    """What a value is, in words that fit into a message."""

    TEXT = "text"
    NUMBER = "a number"
    DATE = "a date"
    LIST = "a list"
    MONEY = "an amount of money"
    NESTED = "a nested object"


@dataclass(slots=True)
class Column:
    """What the values of a column, seen one by one, have in common."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    numbers: bool = True
    dates: bool = True
    amounts: bool = True
    lists: bool = True

    def see(self, value: Any) -> None:
        kind = kind_of(value)
        self.kinds[kind] += 1
        if kind is Kind.TEXT:
            text = str(value).strip()
            self.numbers = self.numbers and _NUMBER.fullmatch(text) is not None
            self.dates = self.dates and _date_in(text) is not None
            self.amounts = self.amounts and parse_money(text) is not None
            self.lists = self.lists and json_list(text) is not None

    @property
    def base(self) -> Kind:
        """The kind that most of the values have."""
        return self.kinds.most_common(1)[0][0]

    def kind(self, *, textual: bool) -> Kind:
        """What the column's values become: their base, or what all of its texts can be read as."""
        if self.base is not Kind.TEXT:
            return self.base
        if textual and self.numbers:
            return Kind.NUMBER
        if textual and self.lists:
            return Kind.LIST
        if self.dates:
            return Kind.DATE
        return Kind.MONEY if self.amounts else Kind.TEXT


class Columns:
    """The columns of one catalogue, and rows of it as attributes.

    textual: the file has text only (CSV). currency: of amounts whose row names none.
    """

    def __init__(self, columns: Mapping[str, Column], *, textual: bool, currency: str | None) -> None:
        self._columns = columns
        self._kinds = {name: column.kind(textual=textual) for name, column in columns.items()}
        self._currency = currency
        self._currency_columns = {name: f"{name}_currency" for name in columns if f"{name}_currency" in columns}
        for name in columns:
            if name == "price" or name.endswith("_price"):
                self._currency_columns.setdefault(name, "currency")

    def attributes(self, values: Mapping[str, Any]) -> dict[str, AttributeValue]:
        """The attributes of a row; empty values are left out. Raises CatalogError that names the column."""
        attributes = {
            name: self._attribute(name, value, values) for name, value in values.items() if not is_empty(value)
        }
        # A column that has told the currency of an amount has nothing else to say.
        for name, column in self._currency_columns.items():
            if isinstance(attributes.get(name), Money):
                attributes.pop(column, None)
        return attributes

    def _attribute(self, name: str, value: Any, values: Mapping[str, Any]) -> AttributeValue:
        fault = (
            f"a column name has {len(name)} characters" if len(name) > MAX_NAME_CHARS else text_fault("a name", name)
        )
        if fault:
            raise CatalogError(f"{fault}, at most {MAX_NAME_CHARS} plain ones are read")
        found, column = kind_of(value), self._columns[name]
        if found is Kind.NESTED:
            raise CatalogError(f"{name} is a nested object, expected text, a number, a date or a list of texts")
        if found is not column.base:
            raise CatalogError(f"{name} is {found} here and {column.base} in {column.kinds[column.base]:,} rows")
        if self._kinds[name] is Kind.NUMBER:
            return self._number(name, value, values)
        return _converted(name, value, self._kinds[name])

    def _number(self, name: str, value: Any, values: Mapping[str, Any]) -> AttributeValue:
        column = self._currency_columns.get(name)
        if column is None:
            return _as_number(name, value)
        stated = values.get(column)
        currency = self._currency if is_empty(stated) else str(stated).strip().upper()
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


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: null, NaN, blank text, an empty list."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value == [] or (isinstance(value, float | Decimal) and value != value)


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
