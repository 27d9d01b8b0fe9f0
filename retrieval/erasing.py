"""Taking out of a workspace what it holds of a person."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from retrieval.database import EVENTS, PREFERENCES, Database
from retrieval.errors import StoreError

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

_COUNTER = "events"


@dataclass(frozen=True, slots=True)
class Erased:
    """How many events, stated preferences and refused rows of a person are gone."""

    events: int
    preferences: int
    rejected_rows: int


def erase_events(database: Database, which: sa.ColumnElement[bool]) -> int:
    """Remove these events; how many there were. Caches over the log notice, as its version rises."""
    with database.write() as connection:
        gone = connection.execute(EVENTS.delete().where(which)).rowcount
        if gone:
            database.bump(connection, _COUNTER)
    return gone


def erase_user(workspace: Workspace, user_id: str) -> Erased:
    """Remove what the log, the stated preferences and the rejects files hold of a user. Raises StoreError."""
    rows = sum(_erase_rows(path, user_id) for path in sorted(workspace.rejects_folder.glob("*.jsonl")))
    events = erase_events(workspace.database, EVENTS.c.user_id == user_id)
    with workspace.database.write() as connection:
        said = connection.execute(PREFERENCES.delete().where(PREFERENCES.c.user_id == user_id)).rowcount
    return Erased(events, said, rows)


def _erase_rows(path: Path, user_id: str) -> int:
    """Write the file anew without the rows of the user; a file of nothing else is deleted."""
    named = re.compile(rf"(?<!\w){re.escape(user_id)}(?!\w)")
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not _is_of(line, user_id, named)]
        if not kept:
            path.unlink()
        elif len(kept) < len(lines):
            fresh = path.with_name(f".new-{path.name}")
            with fresh.open("w", encoding="utf-8") as file:
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written anew without the person's rows ({error})") from error
    return len(lines) - len(kept)


def _is_of(line: str, user_id: str, named: re.Pattern[str]) -> bool:
    """Whether the refused row is of the user: as the line says it, else where the name stands in it as a word."""
    try:
        told = json.loads(line)
        whose, held = told.get("user_id"), f"{told['raw']} {told['reason']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        whose, held = None, line
    return bool(named.search(held)) if whose is None else bool(whose == user_id)
