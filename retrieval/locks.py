"""One process at a time makes vectors: two would undo each other's work."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from retrieval.errors import WorkspaceLockedError

_POLL_S = 0.05


@contextmanager
def alone(workspace: Path, *, wait_s: float = 0) -> Iterator[None]:
    """Be the only one that makes vectors for the workspace in the folder, until the block ends or the process dies.

    Raises WorkspaceLockedError when another one, a thread of this process included, still does after wait_s.
    """
    folder = workspace / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / "index").open("a+") as lock:
        until = time.monotonic() + wait_s
        while not _locked(lock):
            if time.monotonic() >= until:
                lock.seek(0)
                raise WorkspaceLockedError(
                    f"process {lock.read() or 'unknown'} is indexing {workspace}; run again when it has finished"
                )
            time.sleep(_POLL_S)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
