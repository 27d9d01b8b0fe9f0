"""Engines behind one interface: in-process transformers, vLLM over HTTP, scripted for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from agent.models.base import ModelInfo, VisionLanguageModel
    from agent.settings import VllmSettings

__all__ = ["Engine", "open_model"]

Engine = Literal["transformers", "vllm", "scripted"]


def open_model(
    name: str = "builtin",
    *,
    engine: Engine = "transformers",
    url: str | None = None,
    adapter: str | Path | None = None,
    served_as: Sequence[str] = (),
    alpha: float | None = None,
    popularity: bool = False,
    writes: bool = True,
    vllm: VllmSettings | None = None,
) -> VisionLanguageModel:
    """A model ready for use, whichever engine runs it.

    name: a preset, a folder or a hub name. url: the vLLM server. adapter: a peft folder, or with vLLM its name.
    served_as: with vLLM, the names under which the server may have it, where they are others. alpha: weight of the
    retrievers' prior beside it, where it is another than the model's own. popularity: whether it is told how widely
    candidates are wanted, as adapters are that learned with it. writes: whether words are the adapter's too, or
    those of the model without it, as suits one that learned to rank alone. vllm: how the server is asked. Raises
    SettingsError, WeightsError or ModelUnavailableError.
    """
    match engine:
        case "transformers":
            from agent.models.transformers import TransformersModel

            opened = TransformersModel.open(name, adapter=adapter, writes=writes)
            opened.info = _tuned(opened.info, alpha, popularity)
            return opened
        case "vllm":
            if url is None:
                raise SettingsError("the vllm engine needs the server's url, e.g. http://127.0.0.1:8000/v1")
            from agent.adapters import adapter_name
            from agent.models.vllm import VllmModel
            from agent.settings import VllmSettings

            if adapter is not None and Path(adapter).is_dir():
                adapter = adapter_name(adapter)
            how = vllm or VllmSettings()
            served = VllmModel(
                url,
                name=name,
                adapter=None if adapter is None else str(adapter),
                served_as=served_as,
                writes=writes,
                timeout_s=how.timeout_s,
                concurrency=how.concurrency,
                api_key=None if how.api_key is None else how.api_key.get_secret_value(),
            )
            served.info = _tuned(served.info, alpha, popularity)
            return served
        case "scripted":
            from agent.models.scripted import ScriptedModel

            return ScriptedModel()
    raise SettingsError(f"engine is {engine!r}; choose one of {', '.join(get_args(Engine))}")


def _tuned(info: ModelInfo, alpha: float | None, popularity: bool) -> ModelInfo:
    return replace(info, alpha=info.alpha if alpha is None else alpha, popularity=popularity)
