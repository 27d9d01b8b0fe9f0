"""A vLLM server as a child process: started, waited for, stopped with everything it started."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from agent import guard
from retrieval.errors import ModelUnavailableError

if TYPE_CHECKING:
    from typing import Self

Progress = Callable[[float], None]
"""Called about twice a second while the server starts, with the seconds since its start."""

_POLL_S = 0.5
_TAIL_LINES = 20
_TAIL_BYTES = 2**18
_CAUSE = re.compile(r"\b[\w.]*(?:Error|Exception): .+|error: .+")
_NO_CAUSE = "Engine core initialization failed"  # what the outer process says of any failure of the inner one
_NO_FAILURE = " WARNING "


class VllmServer:
    """Context manager: inside the block the server is healthy, after it no process of it is left.

    command: as `agent.serving.server_command` gives it. environment: set beside this process's own. url: where the
    command makes it listen. log: file that takes its output, written anew.
    The server also stops when this process dies, even killed: a guard process watches over both.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        url: str,
        log: Path,
        start_timeout_s: float = 900.0,
        progress: Progress | None = None,
    ) -> None:
        self.url = url
        self.log = log
        self._command = list(command)
        self._environment = dict(environment)
        self._start_timeout_s = start_timeout_s
        self._progress = progress
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the server is healthy. Raises ModelUnavailableError with the log's end when it does not come."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self._guard = subprocess.Popen(  # noqa: S603 (a list that we made, and no shell)
                [sys.executable, "-I", guard.__file__, *self._command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                start_new_session=True,  # Ctrl-C in the terminal is ours to handle
            )
        try:
            self._wait_healthy(self._guard)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and wait until it is gone; a server that is not running stays so."""
        if self._guard is None:
            return
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()
        self._guard = None

    def wait(self) -> int:
        """Block until the server ends by itself; its exit status."""
        return 0 if self._guard is None else self._guard.wait()

    def _wait_healthy(self, process: subprocess.Popen[bytes]) -> None:
        started = time.monotonic()
        while not self._is_healthy():
            waited = time.monotonic() - started
            if process.poll() is not None:
                raise ModelUnavailableError(f"the vLLM server stopped while starting: {self._cause()}")
            if waited > self._start_timeout_s:
                raise ModelUnavailableError(
                    f"the vLLM server was not ready after {self._start_timeout_s:g} s: {self._cause()}"
                )
            if self._progress is not None:
                self._progress(waited)
            time.sleep(_POLL_S)

    def _is_healthy(self) -> bool:
        import httpx

        root = self.url.removesuffix("/v1")
        try:
            return httpx.get(f"{root}/health", timeout=_POLL_S * 4, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def _cause(self) -> str:
        """The log's end, and before it the line that most likely says why."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
        causes = [
            found.group()
            for line in lines
            if (found := _CAUSE.search(line)) and _NO_CAUSE not in line and _NO_FAILURE not in line
        ]
        first = causes[0] if causes else "it does not say why"
        return f"{first}\nThe end of its log, {self.log}:\n" + "\n".join(lines[-_TAIL_LINES:])
