"""One process at a time makes vectors, or learns: two would undo each other's work."""

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
def alone(
    workspace: Path, *, doing: str = "is indexing", lock_name: str = "index", wait_s: float = 0
) -> Iterator[None]:
    """Be the only one with the lock of the workspace in the folder, until the block ends or the process dies.

    doing: what others are told of it. lock_name: `index` for whoever makes vectors; who learns for long has another
    one, so that indexing goes on meanwhile.
    Raises WorkspaceLockedError when another one, a thread of this process included, still has it after wait_s.
    """
    folder = workspace / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / lock_name).open("a+") as lock:
        until = time.monotonic() + wait_s
        while not _locked(lock):
            if time.monotonic() >= until:
                lock.seek(0)
                told = lock.read() or "unknown is busy in"
                raise WorkspaceLockedError(f"process {told} {workspace}; run again when it has finished")
            time.sleep(_POLL_S)
        lock.truncate(0)
        lock.write(f"{os.getpid()} {doing}")
        lock.flush()
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
