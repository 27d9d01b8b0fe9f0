"""Engines behind one interface: in-process transformers, vLLM over HTTP, scripted for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel

__all__ = ["Engine", "open_model"]

Engine = Literal["transformers", "vllm", "scripted"]


def open_model(
    name: str = "builtin", *, engine: Engine = "transformers", url: str | None = None, adapter: str | Path | None = None
) -> VisionLanguageModel:
    """A model ready for use, whichever engine runs it.

    name: a preset, a folder or a hub name. url: the vLLM server. adapter: a peft folder, or with vLLM the
    name under which the server has it. Raises SettingsError, WeightsError or ModelUnavailableError.
    """
    match engine:
        case "transformers":
            from agent.models.transformers import TransformersModel

            return TransformersModel.open(name, adapter=adapter)
        case "vllm":
            if url is None:
                raise SettingsError("the vllm engine needs the server's url, e.g. http://127.0.0.1:8000/v1")
            from agent.models.vllm import VllmModel

            return VllmModel(url, name=name, adapter=None if adapter is None else str(adapter))
        case "scripted":
            from agent.models.scripted import ScriptedModel

            return ScriptedModel()
    raise SettingsError(f"engine is {engine!r}; choose one of {', '.join(get_args(Engine))}")
