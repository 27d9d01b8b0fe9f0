"""Runs a command that must not outlive the process that started it.

`python guard.py COMMAND...` with a pipe as standard input: the command runs in a process group of its own, and the
whole group is stopped when the pipe closes. The system closes it when the other end's process dies, however it dies.
Uses the standard library alone, and is started as a file.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_S = 10.0
"""How long the command has to stop by itself, from the request to stop on."""


def main(command: list[str]) -> int:
    """Exit status of the command, once no process of its group is left."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda *_: _stop(child.pid))
    threading.Thread(target=_stop_after_parent, args=(child.pid,), daemon=True).start()
    # Not reaped before its group is gone: until then the group's number cannot become another's.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _signal_group(child.pid, signal.SIGKILL)
    return child.wait()


def _stop_after_parent(group: int) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends before the parent
        pass
    _stop(group)


def _stop(group: int) -> None:
    _signal_group(group, signal.SIGTERM)
    timer = threading.Timer(GRACE_S, _signal_group, (group, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie's group
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
