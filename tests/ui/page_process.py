"""A page in a process of its own, as a person starts it and ends it with Ctrl+C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.conftest import ROOT

_END_WITHIN_S = 120


@contextmanager
def page(command: str, *options: object) -> Iterator[str]:
    """The address of the page that `tastemaker COMMAND` serves; afterwards it is interrupted and must end well.

    Whatever happens, no process that it started is left.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what scripts run in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    started = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", command, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    family = [psutil.Process(started.pid)]
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        family += family[0].children(recursive=True)
        address = re.match(r"The page is at (http://\S+) ", line)
        assert address, started.communicate(timeout=_END_WITHIN_S)
        yield address[1].rstrip("/")
        family = [*family[:1], *family[0].children(recursive=True)]
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=_END_WITHIN_S)
        assert started.returncode in (0, 130), err
        assert "Traceback" not in err
        _, left = psutil.wait_procs(family[1:], timeout=_END_WITHIN_S)
        assert left == []
    finally:
        for process in family:
            if process.is_running():
                process.kill()
        started.communicate()
