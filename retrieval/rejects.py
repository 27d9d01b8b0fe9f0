"""What was refused, and why: one JSON Lines file per run, in the workspace's rejects folder."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from retrieval.errors import StoreError

RAW_CHARS = 500
"""How much of a refused row is kept."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was refused: its line (from 1; of Parquet its row), why, and the start of what it held.

    item_id: which item a catalogue's row was about: empty when it named none, None when the row could not be read.
    user_id: whose deed a row of interactions was; None when that could not be read.
    """

    line: int
    reason: str
    raw: str
    item_id: str | None = None
    user_id: str | None = None


class RejectsFile:
    """Collects the rejects of one run; the file is made with the first of them.

    path: None as long as nothing was refused. Lines: {"file", "line", "reason", "raw", "user_id"}; user_id is whose row
    it was, empty for a row of nobody, null where that could not be read.
    """

    def __init__(self, folder: Path, source: str | Path, *, of_people: bool) -> None:
        """of_people: whether the rows are what people did; else they are of nobody, whatever stands in them."""
        self.path: Path | None = None
        self.count = 0
        self._folder = folder
        self._source = str(source)
        self._of_people = of_people
        self._file: TextIO | None = None

    def write(self, reject: Reject) -> None:
        """Add one. Raises StoreError when the disk refuses."""
        line = {
            "file": self._source,
            "line": reject.line,
            "reason": reject.reason,
            "raw": reject.raw[:RAW_CHARS],
            "user_id": reject.user_id if self._of_people else "",
        }
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.write(json.dumps(line) + "\n")  # ASCII: refused text may hold what UTF-8 cannot
        except OSError as error:
            raise StoreError(f"the rejects file in {self._folder} cannot be written ({error})") from error
        self.count += 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> TextIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(self._source).stem)[:60]
        self.path = self._folder / f"{started}-{os.getpid()}-{stem}.jsonl"
        return self.path.open("x", encoding="utf-8")
