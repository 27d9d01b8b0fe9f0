"""Files of a training run: written whole or not at all, and logs that grow by lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrieval.errors import StoreError


def save_whole(write: Callable[[Path], object], path: Path) -> None:
    """Let `write` fill a new file beside `path` and put it in its place: a kill leaves the last good file.

    Raises StoreError, saying that the last file is kept, where there is no room; what was written so far is removed.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        write(fresh)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        fresh.unlink(missing_ok=True)
        kept = f"the last one, {path}, is kept" if path.exists() else "there is none yet"
        raise StoreError(f"nothing written ({error}); {kept}; make room and run the same command again") from error
    fresh.replace(path)


def add_line(line: dict[str, Any], log: Path) -> None:
    """Append a JSON line to the log. Raises StoreError where there is no room."""
    try:
        with log.open("a+b") as file:
            file.seek(max(0, file.tell() - 1))
            cut_off = file.read(1) not in (b"", b"\n")
            file.write((b"\n" if cut_off else b"") + json.dumps(line).encode() + b"\n")
    except OSError as error:
        raise StoreError(
            f"no line written to {log} ({error}); the last checkpoint is kept; make room and run the same command again"
        ) from error


def read_log(log: Path) -> list[dict[str, Any]]:
    """The lines of a log, without those that a kill or a full disk cut off."""
    lines = []
    for text in log.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines
