"""Which model a recommender gets: the one that is served for its workspace, or one in this process."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from agent.adapters import adapter_name
from agent.models import open_model
from agent.models.presets import preset_of
from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.server_record import ServerRecord
    from agent.settings import RecommenderSettings

logger = logging.getLogger(__name__)


def settle(path: Path, settings: RecommenderSettings) -> RecommenderSettings:
    """The settings with the server's address, model and adapter where they ask for the workspace's server.

    Loads nothing. Raises SettingsError for a model that nobody knows, and when there is no such server.
    """
    preset_of(settings.chosen_model)
    if settings.engine == "auto" and settings.url is not None:
        return settings.but(engine="vllm")
    if settings.engine != "vllm" or settings.url is not None:
        return settings
    from agent.server_record import find_server_record

    served = find_server_record(path)
    if served is None:
        raise SettingsError(
            f"no vLLM server runs for {path}; start one with tastemaker serve --workspace {path}, or give its url"
        )
    if not _is_wanted(served, settings):
        raise SettingsError(
            f"the vLLM server of {path} has {_told(served.model, served.adapter)}, asked for was "
            f"{_told(settings.chosen_model, settings.adapter)}; serve that, or leave the model to the server"
        )
    return settings.but(url=served.url, model=served.model, adapter=served.adapter)


def with_used_adapter(path: Path, settings: RecommenderSettings) -> RecommenderSettings:
    """The settings with the adapter that the workspace uses, where they name neither model nor adapter nor server.

    Raises WeightsError when that adapter cannot be used.
    """
    from agent.adapter_shelf import AdapterShelf
    from agent.server_record import find_server_record

    free = settings.engine in ("auto", "transformers") and settings.model is None and settings.adapter is None
    if not free or (used := AdapterShelf(path).used_path()) is None or find_server_record(path) is not None:
        return settings
    return settings.but(adapter=used)


def open_chosen_model(path: Path, settings: RecommenderSettings) -> VisionLanguageModel:
    """The model that the settings name, from the engine that they name.

    With engine auto it is the one that is served for the workspace, unless another one is named: that one runs in this
    process, and a warning says so. Raises SettingsError, WeightsError.
    """
    if settings.engine != "auto":
        return open_model(
            settings.chosen_model,
            engine=settings.engine,
            url=settings.url,
            adapter=settings.adapter,
            vllm=settings.vllm,
        )
    from agent.server_record import find_server_record

    served = find_server_record(path)
    if served is not None and _is_wanted(served, settings):
        return open_model(served.model, engine="vllm", url=served.url, adapter=served.adapter, vllm=settings.vllm)
    if served is not None:
        logger.warning(
            "%s is served for %s, but asked for was %s, which is loaded in this process",
            _told(served.model, served.adapter),
            path,
            _told(settings.chosen_model, settings.adapter),
        )
    return open_model(settings.chosen_model, adapter=settings.adapter)


def _is_wanted(served: ServerRecord, settings: RecommenderSettings) -> bool:
    """Whether the server has the model and the adapter that are named; what is not named is left to the server."""
    if settings.adapter is not None and served.adapter != adapter_name(settings.adapter):
        return False
    return settings.model is None or preset_of(settings.model).model_id == preset_of(served.model).model_id


def _told(model: str, adapter: Path | str | None) -> str:
    return model if adapter is None else f"{model} with the adapter {adapter_name(adapter)}"
