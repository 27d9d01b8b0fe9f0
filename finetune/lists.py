"""Lists that a system gave, kept on the disk so that an evaluation that is run again does not ask it again."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.event_table import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """What a system answered: (n_cases, depth) item rows, -1 where nothing.

    settings: what it was made with. chosen: what it chose on validation cases. fit_s, rank_s: seconds that making it
    and asking it took.
    """

    system: str
    rows: Ints
    settings: Mapping[str, Any]
    chosen: Mapping[str, Any]
    fit_s: float
    rank_s: float


def save_lists(path: Path, lists: Lists, key: Mapping[str, Any]) -> None:
    """Write the lists, whole or not at all. key: what they depend on; JSON. Raises StoreError."""
    about = {name: getattr(lists, name) for name in ("system", "settings", "chosen", "fit_s", "rank_s")}
    fresh = path.with_name(f".new-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            np.savez_compressed(
                file, rows=lists.rows.astype(np.int32), about=np.array(json.dumps(about)), key=np.array(_text(key))
            )
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); free some space and run again") from error


def load_lists(path: Path, key: Mapping[str, Any]) -> Lists | None:
    """The lists that were saved with this key; None when there are none, or others, or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            if str(saved["key"]) != _text(key):
                return None
            about = json.loads(str(saved["about"]))
            rows = saved["rows"].astype(np.int64)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Lists(rows=rows, **about)


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
