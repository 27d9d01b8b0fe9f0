"""A folder for a workspace of the past, which goes with the run that made it, or with the next one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".past-"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder within this one until the block ends; those that killed runs have left are removed first.

    For whoever is the only one to use it on this folder, see `retrieval.locks.alone`.
    """
    for left in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as name:
        yield Path(name)
