"""One real vLLM server for the whole test session: the built-in model in float32, and an adapter beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from agent import guard
from agent.server_record import RECORD
from agent.serving import LOG, ServerPlan, VllmServer, plan_server
from retrieval.workspace import Workspace

AUDIT = Path(__file__).parents[1] / "audit"


@dataclass(frozen=True, slots=True)
class Served:
    """url: of the server. adapter: its folder.

    connections: where the server's processes wrote down whom they called beyond this machine.
    """

    url: str
    adapter: Path
    connections: Path


SERVE = """
import json, sys
from agent.serving import ServerPlan, serve
from retrieval.workspace import Workspace
with Workspace.open(sys.argv[2]) as workspace:
    serve(ServerPlan(**json.loads(sys.argv[1])), workspace, ready=lambda url: print(url, flush=True))
"""


@dataclass(frozen=True, slots=True)
class ServedWorkspace:
    """A workspace whose server runs in a process of its own, as `tastemaker serve` runs it.

    process: a guard over it, so that it stops with the tests however these end.
    """

    folder: Path
    plan: ServerPlan
    process: subprocess.Popen[str]

    def wait_until_ready(self) -> None:
        if (self.folder / RECORD).exists():
            return
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said == self.plan.url, (self.folder / LOG).read_text(errors="replace")[-3000:]


@pytest.fixture(scope="session")
def starting_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorkspace]:
    """A second server, perhaps still starting: in bfloat16, with log-probabilities renormalised by constraints."""
    folder = tmp_path_factory.mktemp("served") / "workspace"
    Workspace.create(folder).close()
    plan = plan_server("builtin", dtype="bfloat16")
    plan = replace(plan, command=(*plan.command, "--logprobs-mode", "processed_logprobs"))
    settings = json.dumps({field.name: getattr(plan, field.name) for field in fields(plan)})
    command = [sys.executable, guard.__file__, sys.executable, "-c", SERVE, settings, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield ServedWorkspace(folder, plan, process)
    process.terminate()
    process.communicate()


@pytest.fixture(scope="session")
def vllm_server(
    adapter_folder: Path, starting_workspace: ServedWorkspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The server in float32. The second one starts beside it: most of a start is imports, on one core."""
    del starting_workspace
    folder = tmp_path_factory.mktemp("vllm")
    connections = folder / "connections"
    plan = plan_server("builtin", adapter=adapter_folder)
    environment = {
        **plan.environment,
        "PYTHONPATH": os.pathsep.join([plan.environment["PYTHONPATH"], str(AUDIT)]),
        "CONNECTIONS_FILE": str(connections),
    }
    with VllmServer(plan.command, environment, url=plan.url, log=folder / "log") as server:
        yield Served(server.url, adapter_folder, connections)
