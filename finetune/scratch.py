"""A folder for a workspace of the past, which goes with the run that made it, or with the next one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch(folder: Path, work: str) -> Iterator[Path]:
    """An empty folder within this one until the block ends; those that killed runs have left are removed first.

    work: the name of the lock that whoever uses it holds, see `retrieval.locks.alone`; other work has other folders.
    """
    prefix = f".past-{work}-"
    for left in folder.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as name:
        yield Path(name)
