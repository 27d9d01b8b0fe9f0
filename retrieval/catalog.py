"""Catalogue files: rows to items, with the type of each column read out of all of its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from retrieval.columns import Column, Columns, is_empty, is_nan, is_price, json_list
from retrieval.errors import CatalogError
from retrieval.rejects import RAW_CHARS, Reject
from retrieval.tables import Row, Table, miscased, text_fault
from retrieval.types import MAX_KEY_CHARS, Item

__all__ = ["Catalog", "CatalogRow", "Reject", "check_catalog", "read_catalog"]

MAX_PICTURES = 32

_RESERVED = frozenset(["id", "title", "image", "images", "video"])


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """An item as the catalogue tells it, its media still names: of files relative to the catalogue's folder.

    item.images is empty and item.video is None until the files have been read. raw: the start of the row's text.
    """

    line: int
    item: Item
    pictures: tuple[str, ...] = ()
    video: str | None = None
    raw: str = ""


def check_catalog(path: str | Path) -> None:
    """Raises CatalogError for what read_catalog refuses, and for a catalogue of which no row can be used.

    Reads the file up to twice and writes nothing: for those who make a workspace only for what goes into it.
    """
    refused: Reject | None = None
    for row in read_catalog(path):
        if isinstance(row, CatalogRow):
            return
        refused = refused or row
    if refused is not None:
        raise CatalogError(f"{path} has no usable row; the first, in line {refused.line}: {refused.reason}")


def read_catalog(path: str | Path, *, currency: str | None = None) -> Catalog:
    """The items of a JSON Lines, CSV or Parquet file, and the rows that are none.

    `id` and `title` are required; `image`, `images` and `video` name files; everything else becomes an attribute:
    text, number, date (ISO), list of texts, or money. Of JSON Lines and Parquet the types are those of the data, and
    texts are dates or amounts when all of a column are.

    A column of CSV is of numbers, JSON arrays, dates or amounts when at least 90% of its cells are; a row with another
    cell in it is refused. Below that, and where a cell such as 007 shows that its digits are no numbers, it is text
    (values separated by ; or | stay one text; in `images` they are several files); `warnings` names the columns that
    stay text though half of them or more could be read. n/a, N/A, #N/A, null, NULL, nan, NaN and - are empty cells, as
    are NA and None in a column that is not text; ids and titles are taken as they are.

    A number in `price`, in a column ending in `_price`, or in one with a sibling column NAME_currency is money when
    the row (NAME_currency, else `currency`) or else `currency` here says of which currency. Text such as
    "EUR 49.90" is money when the whole column is like that. Empty cells, nulls and NaN leave the attribute out, but a
    price that is NaN (JSON Lines, Parquet) refuses its row: it was computed wrongly rather than left out.

    A row whose value is of another type than most of its column is refused, as are nested objects, texts of more
    than 100,000 characters, and an id that an earlier row has. Raises CatalogError for a file that cannot be used:
    missing, empty, not UTF-8, without the required columns.
    """
    return Catalog(path, currency)


class Catalog:
    """A catalogue that can be walked more than once; iterating gives CatalogRow or Reject, in the file's order.

    total: rows of the file, refused ones included. warnings: columns that may not be what their owner thinks.
    """

    def __init__(self, path: str | Path, currency: str | None) -> None:
        self._table = Table(path, required=("id", "title"), error=CatalogError)
        self.total = 0
        seen: dict[str, Column] = {}
        for row in self._table:
            self.total += 1
            for name, value in self._attributes(row):
                seen.setdefault(name, Column(textual=self._table.textual)).see(value)
        if not self.total:
            raise CatalogError(f"{self._table.path} has no items; expected one row for each")
        self._columns = Columns(seen, textual=self._table.textual, currency=currency)
        self.warnings = self._columns.warnings

    def __iter__(self) -> Iterator[CatalogRow | Reject]:
        lines: dict[str, int] = {}
        for row in self._table:
            if isinstance(row, Reject):
                yield row
                continue
            try:
                read = self._read(row)
                first = lines.setdefault(read.item.item_id, row.line)
                if first != row.line:
                    raise CatalogError(f"the id {read.item.item_id!r:.80} is that of line {first} already")
            except CatalogError as error:
                yield Reject(row.line, str(error), row.raw, _named_id(row.values))
            else:
                yield read

    def _read(self, row: Row) -> CatalogRow:
        for name, value in row.values.items():
            if is_price(name) and is_nan(value):
                raise CatalogError(f"{name} is NaN, expected an amount; leave it out, or null, where there is no price")
        item = Item(
            item_id=_item_id(row.values),
            title=_title(row.values),
            attributes=MappingProxyType(self._columns.attributes(dict(self._attributes(row)))),
        )
        pictures = self._pictures(row.values)
        videos = self._names("video", row.values.get("video"))
        if len(videos) > 1:
            raise CatalogError(f"video is a list of {len(videos)}, expected the name of one file")
        return CatalogRow(row.line, item, pictures, videos[0] if videos else None, row.raw[:RAW_CHARS])

    def _attributes(self, row: Row | Reject) -> Iterator[tuple[str, Any]]:
        """Columns and values of a row that are attributes and say something."""
        if isinstance(row, Row):
            for name, value in row.values.items():
                if name not in _RESERVED and not is_empty(value, textual=self._table.textual):
                    yield name, value

    def _names(self, column: str, value: Any) -> list[str]:
        """Names of files in a cell; none when it is empty."""
        textual = self._table.textual
        names = value if isinstance(value, list) else [value]
        if not all(name is None or isinstance(name, str) for name in names) and not is_empty(value):
            raise CatalogError(f"{column} is {value!r:.60}, expected the name of a file")
        return [name.strip() for name in names if not is_empty(name, textual=textual)]

    def _pictures(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        images = values.get("images")
        if self._table.textual and isinstance(images, str):
            listed = json_list(images)
            images = re.split("[;|]", images) if listed is None else listed
        names = dict.fromkeys([*self._names("image", values.get("image")), *self._names("images", images)])
        if len(names) > MAX_PICTURES:
            raise CatalogError(f"found {len(names)} pictures, at most {MAX_PICTURES} of an item are kept")
        return tuple(names)


def _item_id(values: Mapping[str, Any]) -> str:
    value = _required("id", values)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise CatalogError(f"id is {value!r:.60}, expected text or a whole number")
    item_id = str(value).strip()
    if len(item_id) > MAX_KEY_CHARS:
        raise CatalogError(f"id has {len(item_id):,} characters, at most {MAX_KEY_CHARS} are read")
    return _storable("id", item_id)


def _named_id(values: Mapping[str, Any]) -> str:
    """The id of a row that was refused, empty when that is what is wrong with it."""
    try:
        return _item_id(values)
    except CatalogError:
        return ""


def _title(values: Mapping[str, Any]) -> str:
    value = _required("title", values)
    if not isinstance(value, str):
        raise CatalogError(f"title is {value!r:.60}, expected text")
    return _storable("title", value.strip())


def _required(name: str, values: Mapping[str, Any]) -> Any:
    value = values.get(name)
    if is_empty(value):
        raise CatalogError(f"{name} is missing{miscased(name, values.keys() - {name})}")
    return value


def _storable(name: str, text: str) -> str:
    if fault := text_fault(name, text):
        raise CatalogError(fault)
    return text
