"""Who may open a workspace's Chroma folder, and how: an embedded store belongs to one process.

Three files under locks/, all locked by the operating system (flock), so that a lock ends with its process:

    chroma.owner  held alone by the process that has the folder open: a command (embedded), or the server. It
                  holds a record of that process as JSON.
    chroma.users  held shared by each user of the server, who counts as one until it ends. The server waits for
                  it alone, and stops when it gets it.
    chroma.start  held alone for the moment of coming or going, so that these never cross.

A command that finds the folder free opens it embedded; a long-running process starts the server; who finds a
server joins it. A server that died is started again by the next user who notices.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import urlsplit

from retrieval.errors import SettingsError, StoreError, WorkspaceLockedError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.config import Settings

WAIT_S = 30.0
START_LIMIT_S = 30.0
_POLL_S = 0.02
SERVER = Path(__file__).with_name("chroma_server.py")


_shared: dict[Path, ChromaAccess] = {}
_shared_guard = threading.Lock()


def shared_access(workspace: Path, *, serve: bool, wait_s: float = WAIT_S) -> ChromaAccess:
    """This process's access to the workspace's Chroma folder: one, however often it is asked for."""
    path = workspace.resolve()
    with _shared_guard:
        access = _shared.get(path)
        if access is None or not access.share(serve=serve):
            access = _shared[path] = ChromaAccess(path, serve=serve, wait_s=wait_s)
        return access


class ChromaAccess:
    """A Chroma client and the right to use it, until `close` by each of those who share it.

    port: where the server listens; None while the store is embedded.
    Errors: WorkspaceLockedError when another process keeps the folder, StoreError when no server can be started.
    """

    def __init__(self, workspace: Path, *, serve: bool, wait_s: float = WAIT_S) -> None:
        self._folder = workspace / "chroma"
        self._locks = workspace / "locks"
        self._folder.mkdir(exist_ok=True)
        self._locks.mkdir(exist_ok=True)
        self._wait_s = wait_s
        self._guard = threading.RLock()
        self._owner: IO[bytes] | None = None
        self._users: IO[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self.port: int | None = None
        self._holders = 1
        self.epoch = 0
        try:
            self._client = self._enter(serve=serve)
        except BaseException:
            self._let_go()
            raise

    @property
    def client(self) -> Client:
        return self._client

    @property
    def embedded(self) -> bool:
        """Whether this process alone has the folder open."""
        return self._owner is not None

    def share(self, *, serve: bool) -> bool:
        """Count one more holder in this process, who closes it too; False when it has been closed."""
        with self._guard:
            if self._holders and serve:
                self.serve()
            self._holders += bool(self._holders)
            return bool(self._holders)

    def serve(self) -> None:
        """Let other processes in: from an embedded store to a server."""
        with self._guard:
            if self._owner is None:
                return
            with self._starting(_Deadline(self._wait_s)):
                self._use()  # nobody holds it against us: there has been no server
                self._client.close()
                self._client = self._start_server(self._owner)
                self.epoch += 1

    def reconnect(self, epoch: int) -> None:
        """Find the server again, or start it again, after a call failed to reach it.

        epoch: the `epoch` under which the failed call began; when another thread has reconnected since, that will do.
        """
        with self._guard:
            if self._owner is not None or self.epoch != epoch:
                return
            self._client.close()
            self._client = self._enter(serve=True)
            self.epoch += 1

    def close(self) -> None:
        """Leave, when the last holder closes; the last user waits until the server has stopped."""
        with self._guard:
            self._holders -= 1
            if self._holders:
                return
            self._client.close()
            was_served = self._users is not None
            self._let_go()
            if was_served:
                self._await_server_end()

    def _let_go(self) -> None:
        if self._owner is not None:
            self._owner.truncate(0)
            self._owner.close()
            self._owner = None
        if self._users is not None:
            self._users.close()
            self._users = None

    def _enter(self, *, serve: bool) -> Client:
        deadline = _Deadline(self._wait_s)
        while True:
            with self._starting(deadline):
                client = self._try_to_enter(serve=serve)
            if client is not None:
                return client
            if not deadline.wait():
                raise self._locked()

    def _try_to_enter(self, *, serve: bool) -> Client | None:
        owner = _lock(self._locks / "chroma.owner", fcntl.LOCK_EX)
        if owner is not None:
            self._owner = owner
            if not serve:
                return self._open_embedded(owner)
            if self._use():
                return self._start_server(owner)
            self._owner = None
            owner.close()
            return None  # the last server is letting go of its locks this very moment
        record = self._record()
        port = record.get("port")
        if port is None or not self._use():
            return None
        if _answers(port, START_LIMIT_S, alive=lambda: not self._is_free()):
            return self._connect(port)
        return None

    def _open_embedded(self, owner: IO[bytes]) -> Client:
        import chromadb

        if self._users is not None:  # of a server that died before it answered
            self._users.close()
            self._users = None
        _write_record(owner, pid=os.getpid())
        return _as_client(chromadb.PersistentClient(str(self._folder), settings=_settings()))

    def _start_server(self, owner: IO[bytes]) -> Client:
        """A client of a new server, which takes the owner lock over from this process."""
        try:
            for _attempt in range(3):  # the port that was free may be taken by now
                port = _free_port()
                self._server = self._spawn(owner, port)
                if _answers(port, START_LIMIT_S, alive=self._server_runs):
                    _write_record(owner, pid=self._server.pid, port=port)
                    return self._connect(port)
                self._server.kill()
                self._server.wait()
            raise StoreError(f"chroma run does not start on {self._folder}; see {self._log_path}")
        finally:
            owner.close()  # the server holds the lock through its own copy
            self._owner = None

    def _connect(self, port: int) -> Client:
        self.port = port
        return _http_client(port)

    def _server_runs(self) -> bool:
        return self._server is not None and self._server.poll() is None

    @property
    def _log_path(self) -> Path:
        return self._folder.with_name("chroma.log")

    def _spawn(self, owner: IO[bytes], port: int) -> subprocess.Popen[bytes]:
        # The record comes first: should this process die now, the server is known by its port all the same.
        _write_record(owner, pid=os.getpid(), port=port)
        command = [sys.executable, "-P", str(SERVER), str(self._folder), str(port), str(self._locks / "chroma.users")]
        with self._log_path.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own program, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
                start_new_session=True,  # Ctrl-C is for the commands; the server goes with its last user
                pass_fds=(owner.fileno(),),
            )

    def _use(self) -> bool:
        """Count as a user of the server; False while a stopping server refuses."""
        if self._users is None:
            self._users = _lock(self._locks / "chroma.users", fcntl.LOCK_SH)
        return self._users is not None

    def _await_server_end(self) -> None:
        """Wait until the server has stopped, if nobody else uses it."""
        with contextlib.suppress(WorkspaceLockedError), self._starting(_Deadline(self._wait_s)):
            if self._has_users():
                return
            deadline = _Deadline(self._wait_s)
            while not self._is_free() and deadline.wait():
                pass
            if self._server is not None:
                self._server.wait(timeout=self._wait_s)

    def _has_users(self) -> bool:
        """Whether somebody uses the server: then its lock can be had shared, but not alone."""
        alone = _lock(self._locks / "chroma.users", fcntl.LOCK_EX)
        if alone is not None:
            alone.close()
            return False
        shared = _lock(self._locks / "chroma.users", fcntl.LOCK_SH)
        if shared is not None:
            shared.close()
        return shared is not None

    def _is_free(self) -> bool:
        """Whether no process has the folder open; forgets the record of one that had."""
        owner = _lock(self._locks / "chroma.owner", fcntl.LOCK_EX)
        if owner is None:
            return False
        owner.truncate(0)
        owner.close()
        return True

    def _record(self) -> dict[str, int]:
        try:
            record = json.loads((self._locks / "chroma.owner").read_bytes() or b"{}")
        except ValueError:
            return {}
        return {key: value for key, value in record.items() if isinstance(value, int)}

    def _locked(self) -> WorkspaceLockedError:
        pid = self._record().get("pid", "unknown")
        return WorkspaceLockedError(
            f"process {pid} has the store of {self._folder.parent} open, and still had after {self._wait_s:g} s; "
            "run the command again when that process has finished"
        )

    @contextlib.contextmanager
    def _starting(self, deadline: _Deadline) -> Iterator[None]:
        while (file := _lock(self._locks / "chroma.start", fcntl.LOCK_EX)) is None:
            if not deadline.wait():
                raise self._locked()
        with file:
            yield


class RemoteAccess:
    """A client of a Chroma server that somebody else runs."""

    embedded = False

    def __init__(self, url: str) -> None:
        self.epoch = 0
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"chroma_url is {url!r}; expected http://HOST:PORT or https://HOST:PORT")
        self._url = url
        self._guard = threading.Lock()
        self.client = self._connect()

    def _connect(self) -> Client:
        import chromadb

        parts = urlsplit(self._url)
        ssl = parts.scheme == "https"
        port = parts.port or (443 if ssl else 8000)
        try:
            return _as_client(chromadb.HttpClient(str(parts.hostname), port, ssl=ssl, settings=_settings()))
        except ValueError as error:
            raise StoreError(f"no Chroma server answers at {self._url}: {error}") from error

    def serve(self) -> None:
        """Nothing to do: the server is there already."""

    def reconnect(self, epoch: int) -> None:
        """Connect anew."""
        with self._guard:
            if self.epoch == epoch:
                self.client.close()
                self.client = self._connect()
                self.epoch += 1

    def close(self) -> None:
        self.client.close()


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def wait(self) -> bool:
        """Sleep for a moment; False when the time is over."""
        if time.monotonic() >= self._at:
            return False
        time.sleep(_POLL_S)
        return True


def _lock(path: Path, how: int) -> IO[bytes] | None:
    """The opened file, locked until it is closed, or None where somebody else's lock is in the way."""
    file = path.open("r+b", buffering=0) if path.exists() else path.open("a+b", buffering=0)
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _write_record(owner: IO[bytes], **record: int) -> None:
    owner.seek(0)
    owner.truncate(0)
    owner.write(json.dumps(record).encode())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, limit_s: float, *, alive: Callable[[], bool]) -> bool:
    """Whether the server on the port says that it is healthy, waiting for it while it is alive."""
    import httpx

    deadline = _Deadline(limit_s)
    with httpx.Client(trust_env=False, timeout=limit_s) as http:
        while alive():
            with contextlib.suppress(httpx.TransportError):
                if http.get(f"http://127.0.0.1:{port}/api/v2/heartbeat").is_success:
                    return alive()
            if not deadline.wait():
                break
    return False


def _http_client(port: int) -> Client:
    import chromadb

    # Chroma's client would send even loopback requests to a proxy that the environment names.
    bypass = os.environ.get("NO_PROXY", os.environ.get("no_proxy", ""))
    if "127.0.0.1" not in bypass:
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(filter(None, [bypass, "127.0.0.1"]))
    return _as_client(chromadb.HttpClient("127.0.0.1", port, settings=_settings()))


def _settings() -> Settings:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


def _as_client(client: object) -> Client:
    """Chroma's factories declare an interface that lacks `close`."""
    return cast("Client", client)
