"""How other commands find the vLLM server of a workspace: a small file in its folder, as long as the server runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval.errors import WorkspaceLockedError

RECORD = "vllm_server.json"
_LOCK = Path("locks", "vllm.server")
_CHECK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A server that answers for a workspace.

    url: on this machine's loopback, with `/v1`. model, adapter: what it answers with.
    served_as: the name under which it has the adapter, where that is another.
    pid, started: of the process that keeps it; together they name one process, even after its number is used again.
    folder: of the adapter that the server began with; None when it has the workspace's one of that name.
    """

    url: str
    model: str
    adapter: str | None
    pid: int
    started: float
    folder: str | None = None
    served_as: str | None = None

    @property
    def answers_as(self) -> str:
        """The name under which it has what it answers with."""
        return self.model if self.adapter is None else self.served_as or self.adapter


@contextmanager
def the_one_that_serves(workspace_path: Path) -> Iterator[None]:
    """No other process can enter such a block for the workspace; the lock ends with the process.

    Raises WorkspaceLockedError where one is in it already.
    """
    path = workspace_path / _LOCK
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        other = read_record(workspace_path)
        if other is not None and _process_lives(other):
            who = f"process {other.pid} serves it"
        else:
            who = "another process is starting one"
        raise WorkspaceLockedError(f"{workspace_path} has a vLLM server: {who}; use that, or stop it first") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def recorded(
    workspace_path: Path,
    *,
    url: str,
    model: str,
    adapter: str | None,
    folder: Path | None = None,
    served_as: str | None = None,
) -> Iterator[None]:
    """The server is found by `find_server` while the block runs. folder: of the adapter, which may lie anywhere."""
    import psutil

    from_where = None if folder is None else str(folder.resolve())
    record = ServerRecord(url, model, adapter, os.getpid(), psutil.Process().create_time(), from_where, served_as)
    path = workspace_path / RECORD
    _write(path, record)
    try:
        yield
    finally:
        found = read_record(workspace_path)
        if found is not None and (found.pid, found.started) == (record.pid, record.started):
            path.unlink(missing_ok=True)


def record_adapter(workspace_path: Path, record: ServerRecord, adapter: str | None, served_as: str | None) -> None:
    """The server of this record answers with another adapter of the workspace, or with none, from now on."""
    _write(workspace_path / RECORD, replace(record, adapter=adapter, folder=None, served_as=served_as))


def _write(path: Path, record: ServerRecord) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
    draft.replace(path)


def find_server(workspace_path: str | Path) -> str | None:
    """Address of the vLLM server that `tastemaker serve` runs for this workspace now, or None."""
    record = find_server_record(workspace_path)
    return None if record is None else record.url


def find_server_record(workspace_path: str | Path) -> ServerRecord | None:
    """The same with what it serves. A record whose process is gone, or whose server does not answer, counts as none."""
    record = read_record(Path(workspace_path))
    if record is None or not _process_lives(record) or not _answers(record):
        return None
    return record


def read_record(workspace_path: Path) -> ServerRecord | None:
    """What the file says, without asking whether it is still true; None when it is missing or no such record."""
    from agent.models.presets import preset_of
    from agent.models.vllm_client import is_loopback, server_root
    from retrieval.errors import SettingsError

    try:
        record = ServerRecord(**json.loads((workspace_path / RECORD).read_text(encoding="utf-8")))
        preset_of(record.model)
        well_formed = (
            all(isinstance(text, str) for text in (record.url, record.model))
            and all(isinstance(text, str | None) for text in (record.adapter, record.folder, record.served_as))
            and isinstance(record.pid, int)
            and isinstance(record.started, float)
            and is_loopback(server_root(record.url))  # a workspace from elsewhere must not send requests elsewhere
        )
    except (OSError, ValueError, TypeError, RecursionError, SettingsError):
        return None
    return record if well_formed else None


def _process_lives(record: ServerRecord) -> bool:
    import psutil

    try:
        return abs(psutil.Process(record.pid).create_time() - record.started) < 1.0
    except (psutil.Error, ValueError, OverflowError):
        return False


def _answers(record: ServerRecord) -> bool:
    """Whether a server at that address serves what the record says."""
    import httpx

    from agent.models.vllm_client import ServedModels, server_root

    try:
        answer = httpx.get(f"{server_root(record.url)}/v1/models", timeout=_CHECK_TIMEOUT_S, trust_env=False)
        names = [served.id for served in ServedModels.model_validate_json(answer.content).data]
    except (httpx.HTTPError, ValueError):
        return False
    return answer.status_code == 200 and {record.model, record.answers_as} <= set(names)
