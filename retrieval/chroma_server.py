"""The program that serves a workspace's Chroma folder on loopback for as long as somebody uses it.

Run by path, as `python -P chroma_server.py FOLDER PORT USERS_LOCK`, so that it works in any install; hence it
imports nothing of ours. Its owner lock was taken by its starter and came with the process: it ends with it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path

SHUTDOWN_LIMIT_S = 5.0


def stop_when_unused(users_lock: Path) -> None:
    """Wait until nobody holds the users' lock, however they left, then end this process.

    Every user holds the lock shared, so that getting it alone means that the last one has gone. It is kept until
    the process ends: whoever comes in between sees that the server is going.
    """
    with users_lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SHUTDOWN_LIMIT_S)
        os._exit(0)


def main() -> None:
    """Serve until the last user leaves."""
    folder, port, users_lock = sys.argv[1:]
    threading.Thread(target=stop_when_unused, args=(Path(users_lock),), daemon=True).start()
    # The program behind the command `chroma`, without its checks for newer versions on the network.
    import chromadb_rust_bindings  # type: ignore[import-untyped]

    chromadb_rust_bindings.cli(["chroma", "run", "--path", folder, "--host", "127.0.0.1", "--port", port])


if __name__ == "__main__":
    main()
