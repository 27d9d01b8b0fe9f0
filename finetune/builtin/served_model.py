"""The built-in model behind a real vLLM server on this machine, in the number format of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.models.presets import preset_of
from agent.serving import VllmServer, plan_server

if TYPE_CHECKING:
    from agent.models.transformers import TransformersModel
    from agent.models.vllm import VllmModel

_DTYPE = "bfloat16"
_TIMEOUT_S = 300.0


@contextmanager
def served(model: str, log: Path) -> Iterator[VllmModel]:
    """A server of the built-in model, or of a folder with another such model in its place; it ends with the block.

    Raises SettingsError where no Python has vLLM, ModelUnavailableError when the server fails.
    """
    from agent.models.vllm import VllmModel

    plan = plan_server("builtin", dtype=_DTYPE)
    ours, theirs = preset_of("builtin").model_id, preset_of(model).model_id
    command = [theirs if part == ours else part for part in plan.command]
    with VllmServer(command, plan.environment, url=plan.url, log=log):
        engine = VllmModel(plan.url, timeout_s=_TIMEOUT_S)
        try:
            yield engine
        finally:
            engine.close()


def half_precision(model: str) -> TransformersModel:
    """The same model in this process, in the same number format."""
    from agent.models.transformers import TransformersModel

    return TransformersModel.open(model, dtype=_DTYPE)
