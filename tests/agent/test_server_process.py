"""The server as a process: that it comes, that failures say why, and that nothing of it ever stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from agent.server_process import VllmServer
from retrieval.errors import ModelUnavailableError

SERVER = """
import http.server, os, subprocess, sys
port, pids, stubborn = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "stubborn"
ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
child = subprocess.Popen([sys.executable, "-c", ignore + "print('up', flush=True); input()"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
with open(pids, "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/quit":
            os._exit(3)
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
"""A server with a child of its own, as vLLM's engine is one. Its pids are in a file once it is up."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int, folder: Path, *, stubborn: bool = False) -> list[str]:
    return [sys.executable, "-c", SERVER, str(port), str(folder / "pids"), "stubborn" if stubborn else "polite"]


def server(folder: Path, *, stubborn: bool = False) -> VllmServer:
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    return VllmServer(command(port, folder, stubborn=stubborn), {}, url=url, log=folder / "log")


def processes(folder: Path) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in (folder / "pids").read_text().split()]


def assert_gone(running: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(running, timeout=30)
    assert alive == []


def test_inside_the_block_it_answers_and_after_it_nothing_is_left(tmp_path: Path) -> None:
    with server(tmp_path):
        running = processes(tmp_path)
        assert [process.is_running() for process in running] == [True, True]
    assert_gone(running)


def test_an_error_inside_the_block_stops_it_too(tmp_path: Path) -> None:
    running: list[psutil.Process] = []

    def fail() -> None:
        with server(tmp_path):
            running.extend(processes(tmp_path))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert_gone(running)


def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    with server(tmp_path, stubborn=True):
        running = processes(tmp_path)
    assert_gone(running)


def test_no_orphans_when_the_parent_is_killed(tmp_path: Path) -> None:
    port = free_port()
    parent_code = (
        "import sys; from pathlib import Path; from agent.server_process import VllmServer\n"
        f"url, log = 'http://127.0.0.1:{port}/v1', Path({str(tmp_path / 'log')!r})\n"
        f"VllmServer({command(port, tmp_path)!r}, {{}}, url=url, log=log).start()\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    running = [*processes(tmp_path), *psutil.Process(parent.pid).children()]
    assert len(running) == 3  # the server, its child, and the guard
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    assert_gone(running)


def test_a_server_that_ends_by_itself_tells_its_status(tmp_path: Path) -> None:
    with server(tmp_path) as running:
        everything = processes(tmp_path)
        with pytest.raises(httpx.HTTPError):
            httpx.get(running.url.removesuffix("v1") + "quit", trust_env=False)
        assert running.wait() == 3
        assert_gone(everything)


def test_progress_is_told_while_it_starts(tmp_path: Path) -> None:
    port = free_port()
    waited: list[float] = []
    with VllmServer(
        command(port, tmp_path), {}, url=f"http://127.0.0.1:{port}/v1", log=tmp_path / "log", progress=waited.append
    ):
        pass
    assert waited == sorted(waited)
    assert waited


def test_a_server_that_fails_says_why(tmp_path: Path) -> None:
    code = (
        "print('(APIServer) WARNING ulimit: failed with error limit exceeded, like `OSError: Too many open files`')\n"
        "print('(Worker) ValueError: head size 12 is not supported')\n"
        "print('(APIServer) RuntimeError: Engine core initialization failed. See root cause above.')\n"
        "raise SystemExit(1)"
    )
    failing = VllmServer(
        [sys.executable, "-c", code], {}, url=f"http://127.0.0.1:{free_port()}/v1", log=tmp_path / "log"
    )
    with pytest.raises(ModelUnavailableError, match=r"starting: ValueError: head size 12 is not supported\n") as caught:
        failing.start()
    assert str(tmp_path / "log") in str(caught.value)
    assert "See root cause above" in str(caught.value)


def test_a_command_that_does_not_exist_says_so(tmp_path: Path) -> None:
    missing = VllmServer([str(tmp_path / "python")], {}, url=f"http://127.0.0.1:{free_port()}/v1", log=tmp_path / "log")
    with pytest.raises(ModelUnavailableError, match="No such file"):
        missing.start()


def test_a_server_that_does_not_come_is_given_up_and_stopped(tmp_path: Path) -> None:
    code = f"import os; open({str(tmp_path / 'pids')!r}, 'w').write(str(os.getpid())); import time; time.sleep(600)"
    late = VllmServer(
        [sys.executable, "-c", code],
        {},
        url=f"http://127.0.0.1:{free_port()}/v1",
        log=tmp_path / "log",
        start_timeout_s=1.0,
    )
    with pytest.raises(ModelUnavailableError, match="not ready after 1 s"):
        late.start()
    assert not any(psutil.pid_exists(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_the_environment_is_added_to_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASTE_KEPT", "1")
    code = "import os; raise SystemExit(f\"Error: {os.environ['TASTE_KEPT']}{os.environ['TASTE_ADDED']}\")"
    failing = VllmServer(
        [sys.executable, "-c", code], {"TASTE_ADDED": "2"}, url=f"http://127.0.0.1:{free_port()}/v1", log=tmp_path / "l"
    )
    with pytest.raises(ModelUnavailableError, match="Error: 12"):
        failing.start()
