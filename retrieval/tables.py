"""Rows of JSON Lines, CSV and Parquet files, each with its line, and what is wrong with the lines that are no rows."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from retrieval.errors import InputError
from retrieval.rejects import Reject

MAX_FIELD_CHARS = 100_000
"""A longer field refuses its row."""

_LINE_ENDS = re.compile(r"\r\n?|\n")

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """line: from 1, the header counted (of Parquet: the row). raw: the row's text, for a rejects file."""

    line: int
    values: Mapping[str, Any]
    raw: str


def check_file(path: Path, error: type[InputError]) -> None:
    """Raises `error` for what cannot be a file of rows, before anything is read: another suffix, missing, no file."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise error(f"{path}: found {suffix or 'no suffix'}, expected {', '.join(SUFFIXES)}")
    try:
        path.open("rb").close()
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason.strerror}); expected a file") from reason


class Table:
    """A file of rows that can be walked more than once.

    textual: every value is text (CSV), so that types have to be read out of it.
    Raises `error` when the file is missing, of another format, not UTF-8, or without the required columns.
    """

    def __init__(self, path: str | Path, *, required: tuple[str, ...], error: type[InputError]) -> None:
        self.path = Path(path)
        self._error = error
        self._suffix = self.path.suffix.lower()
        check_file(self.path, error)
        if self._suffix != ".parquet":
            self._check_bytes()
        self.textual = self._suffix in (".csv", ".tsv")
        self._delimiter = ","
        self._header: list[str] = []
        if self.textual:
            self._read_header(required)
        elif self._suffix == ".parquet":
            self._check_columns(self._parquet().schema_arrow.names, required)

    def __iter__(self) -> Iterator[Row | Reject]:
        if self.textual:
            return self._csv_rows()
        return self._parquet_rows() if self._suffix == ".parquet" else self._json_rows()

    def columns(self) -> list[str]:
        """The names of the columns; of JSON Lines, the keys of all rows, which takes a walk."""
        if self.textual:
            return [name for name in self._header if name]
        if self._suffix == ".parquet":
            return list(self._parquet().schema_arrow.names)
        return list(dict.fromkeys(name for row in self if isinstance(row, Row) for name in row.values))

    def _check_bytes(self) -> None:
        try:
            with self.path.open("rb") as file:
                self._check_utf8(iter(lambda: file.read(1 << 20), b""))
        except OSError as error:
            raise self._error(f"{self.path} cannot be read ({error.strerror}); expected a file") from error

    def _check_utf8(self, chunks: Iterator[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        offset, pending = 0, 0
        try:
            for chunk in chunks:
                decoder.decode(chunk)
                offset += len(chunk)
                pending = len(decoder.getstate()[0])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            found = f"byte {offset - pending + error.start} is {error.object[error.start]:#04x}"
            raise self._error(f"{self.path} {_encoding_fault(error.object, found)}") from error

    def _check_columns(self, names: list[str], required: tuple[str, ...]) -> None:
        missing = [name for name in required if name not in names]
        if missing:
            found = ", ".join(names)[:300] or "none"
            hints = "".join(miscased(name, names) for name in missing)
            raise self._error(f"{self.path} has no column {' and no '.join(missing)}; found {found}{hints}")
        double = sorted({name for name in names if name and names.count(name) > 1})
        if double:
            raise self._error(f"{self.path} has the column {double[0]!r} twice; rename one")

    def _json_rows(self) -> Iterator[Row | Reject]:
        with self.path.open("rb") as file:
            for line, data in enumerate(file, start=1):
                text = data.decode("utf-8-sig" if line == 1 else "utf-8").strip()
                if text:
                    yield _json_row(line, text)

    def _read_header(self, required: tuple[str, ...]) -> None:
        """Column names, and the delimiter under which the required ones appear."""
        for delimiter in (",", ";", "\t") if self._suffix == ".tsv" else (";", "\t", ","):
            self._delimiter = delimiter
            self._header = [name.strip() for name in self._first_row()]
            if set(required) <= set(self._header):
                break
        if not any(self._header):
            raise self._error(f"{self.path} is empty; expected a header with {', '.join(required)}")
        self._check_columns(self._header, required)

    def _first_row(self) -> list[str]:
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            try:
                return next(csv.reader(file, delimiter=self._delimiter), [])
            except csv.Error as error:
                raise self._error(f"{self.path} has no header that can be read ({error})") from error

    def _csv_rows(self) -> Iterator[Row | Reject]:
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=self._delimiter)
            next(reader)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    reason = f"lines {line} to {reader.line_num} are no row ({error}); is a quote never closed?"
                    yield Reject(line, reason, "")
                    continue
                if lines.ended:  # within the row: it has taken in all that follows its quote
                    yield _unclosed(line, reader.line_num, cells[-1], self._delimiter.join(cells))
                    return
                if any(cell.strip() for cell in cells):
                    yield self._csv_row(line, cells)

    def _csv_row(self, line: int, cells: list[str]) -> Row | Reject:
        raw = self._delimiter.join(cells)
        if len(cells) != len(self._header):
            return Reject(line, f"found {len(cells)} cells, the header has {len(self._header)}", raw)
        # A column without a name is what pandas makes of its index.
        return Row(line, {name: cell for name, cell in zip(self._header, cells, strict=True) if name}, raw)

    def _parquet(self) -> Any:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        try:
            return pq.ParquetFile(self.path)
        except (pa.ArrowException, OSError) as error:
            raise self._error(f"{self.path} is no Parquet file that can be read ({error})") from error

    def _parquet_rows(self) -> Iterator[Row | Reject]:
        import pyarrow as pa

        line = 0
        try:
            for batch in self._parquet().iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    line += 1
                    yield Row(line, values, str(values))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._error(f"{self.path} cannot be read after row {line} ({error})") from error


class _Lines:
    """The lines of a file. ended: a line was asked for after the last one."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._file)
        except StopIteration:
            self.ended = True
            raise


def _unclosed(first: int, last: int, cell: str, raw: str) -> Reject:
    """The row that the file ends in, because of a quote that its last cell opens."""
    opened = last - _LINE_ENDS.sub("\n", cell).removesuffix("\n").count("\n")
    what = f"lines {first} to {last} are" if last > first else "it is"
    reason = f"the quote that opens in line {opened} is never closed, so {what} no row; close it"
    return Reject(first, reason, raw)


def _encoding_fault(start: bytes, found: str) -> str:
    """Why bytes that are not UTF-8 cannot be read, and what to do. start: what comes first, or where it breaks."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "is UTF-16, expected UTF-8; save it as UTF-8 (e.g. iconv -f utf-16 -t utf-8)"
    if b"\0" in start:
        return f"is no text ({found}, and there are NUL bytes in it); expected {', '.join(SUFFIXES)}"
    return f"is not UTF-8: {found}; save it as UTF-8 (e.g. iconv -f latin1 -t utf-8)"


def _json_row(line: int, text: str) -> Row | Reject:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Reject(line, f"not valid JSON ({error})", text)
    if not isinstance(values, dict):
        return Reject(line, f"found {type(values).__name__}, expected a JSON object", text)
    return Row(line, values, text)


def miscased(name: str, names: Iterable[str]) -> str:
    """A hint to the column that is this one but for its case, to end a message with; empty when there is none."""
    return "".join(f"; did you mean {name} by {each}? rename it" for each in names if each.strip().lower() == name)


def text_fault(name: str, text: str) -> str | None:
    """Why this text cannot be stored, or None."""
    if len(text) > MAX_FIELD_CHARS:
        return f"{name} has {len(text):,} characters, at most {MAX_FIELD_CHARS:,} are kept"
    if "\0" in text:
        return f"{name} has a NUL character in it"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{name} has half a surrogate pair in it, which no UTF-8 can hold"
    return None
