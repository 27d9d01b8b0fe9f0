"""Which model a recommender gets: the one that is served for its workspace, or one in this process."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from agent.adapters import ADAPTER_WEIGHTS, adapter_name, served_name
from agent.models import open_model
from agent.models.presets import preset_of
from agent.registry import Adapters, card_in, check_base
from retrieval.errors import SettingsError, WeightsError

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.registry import Card
    from agent.server_record import ServerRecord
    from agent.settings import RecommenderSettings

logger = logging.getLogger(__name__)

NO_ADAPTER = "none"
"""What names the model without an adapter, where an adapter can be named."""


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
    if not _is_wanted(served, settings, path):
        raise SettingsError(
            f"the vLLM server of {path} has {_told(served.model, served.adapter)}, asked for was "
            f"{_told(settings.chosen_model, settings.adapter)}; serve that, or leave the model to the server"
        )
    return settings.but(url=served.url, model=served.model)


def open_chosen_model(path: Path, settings: RecommenderSettings) -> VisionLanguageModel:
    """The model that the settings name, from the engine that they name, with the adapter that is to be used now.

    With engine auto it is the one that is served for the workspace, unless another one is named: that one runs in this
    process, and a warning says so. Raises SettingsError, WeightsError.
    """
    from agent.server_record import find_server_record

    if settings.engine == "scripted":
        return open_model(settings.chosen_model, engine="scripted")
    served = find_server_record(path) if settings.engine in ("auto", "vllm") else None
    here = served is not None and settings.url in (None, served.url)
    if served is not None and here and _is_wanted(served, settings, path):
        there = settings.but(url=served.url, model=served.model)
        if served.adapter is None or _is_none(settings.adapter):
            return _served_model(there)
        card = Adapters(path).known(served.adapter) if served.folder is None else card_in(Path(served.folder))
        return _served_model(there, served.adapter, [served.answers_as], card)
    if settings.engine == "vllm":
        named = settings.adapter
        if named is None or _is_none(named):
            return _served_model(settings)
        folder = _folder(named, Adapters(path))
        plain = adapter_name(named) if named.is_dir() else str(named)  # as servers that others started may call it
        return _served_model(settings, str(named), [*_names_of_weights(folder), plain], card_in(folder))
    if served is not None:
        logger.warning(
            "%s is served for %s, but asked for was %s, which is loaded in this process",
            _told(served.model, served.adapter),
            path,
            _told(settings.chosen_model, settings.adapter),
        )
    model, own, card = _own_adapter(path, settings)
    return open_model(model, adapter=own, **_as_tuned(card))


def adapter_to_serve(path: Path, settings: RecommenderSettings) -> tuple[str, Path | None]:
    """The model and the adapter's folder that a server for the workspace is to have. Raises as `open_chosen_model`."""
    model, folder, _ = _own_adapter(path, settings)
    return model, folder


def adapter_version(path: Path, settings: RecommenderSettings) -> object:
    """Another value whenever another adapter of the workspace is used; always the same where one is named."""
    if settings.adapter is not None:
        return None
    try:
        found = Adapters(path).pointer.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _served_model(
    settings: RecommenderSettings, adapter: str | None = None, served_as: Sequence[str] = (), card: Card | None = None
) -> VisionLanguageModel:
    """The model behind the server at the settings' address, with the adapter of that name or folder."""
    return open_model(
        settings.chosen_model,
        engine="vllm",
        url=settings.url,
        adapter=adapter,
        served_as=served_as,
        vllm=settings.vllm,
        **_as_tuned(card),
    )


def _as_tuned(card: Card | None) -> _AsTuned:
    """What `open_model` must know of an adapter to ask it as it was trained."""
    return {} if card is None else {"alpha": card.alpha, "popularity": card.popularity, "writes": card.writes}


class _AsTuned(TypedDict, total=False):
    alpha: float
    popularity: bool
    writes: bool


def _own_adapter(path: Path, settings: RecommenderSettings) -> tuple[str, Path | None, Card | None]:
    """The model for this process, the folder of its adapter, and its card where it has one.

    The workspace's adapter of now where none is named, with its own base where no model is; one that cannot be used is
    told and left out.
    """
    adapters, named, model = Adapters(path), settings.adapter, settings.chosen_model
    if named is not None:
        if _is_none(named):
            return model, None, None
        if _lies_elsewhere(named, adapters):
            known = card_in(named)
            if known is not None:
                check_base(known, model)
            return model, named, known
        card = adapters.check(str(named), base=settings.model)
        return card.base if settings.model is None else model, adapters.path(str(named)), card
    try:
        current = adapters.current()
        if current is None:
            return model, None, None
        card = adapters.check(current, base=settings.model)
        return card.base if settings.model is None else model, adapters.path(current), card
    except (WeightsError, SettingsError) as error:
        logger.warning("%s answers without an adapter: %s", model, error)
        return model, None, None


def _folder(named: Path, adapters: Adapters) -> Path:
    """Where the adapter that is named lies, if it lies on this machine."""
    return named if _lies_elsewhere(named, adapters) else adapters.path(str(named))


def _names_of_weights(folder: Path) -> list[str]:
    """What our servers call the adapter in the folder; nothing where it holds none."""
    return [served_name(folder)] if (folder / ADAPTER_WEIGHTS).is_file() else []


def _lies_elsewhere(named: Path, adapters: Adapters) -> bool:
    """Whether what names an adapter is the folder it lies in, and not the name of one of the workspace's."""
    return len(named.parts) > 1 or named.is_dir() or str(named) not in adapters


def _is_none(adapter: Path | None) -> bool:
    return adapter is not None and str(adapter) == NO_ADAPTER


def _is_wanted(served: ServerRecord, settings: RecommenderSettings, path: Path) -> bool:
    """Whether the server has the model and the adapter that are named; what is not named is left to the server."""
    named = settings.adapter
    if named is not None and not _is_none(named):
        weights = _names_of_weights(_folder(named, Adapters(path)))
        if served.adapter != adapter_name(named) or (served.served_as and weights not in ([], [served.served_as])):
            return False
        if named.is_dir() and served.folder is not None and named.resolve() != Path(served.folder):
            return False
    return settings.model is None or preset_of(settings.model).model_id == preset_of(served.model).model_id


def _told(model: str, adapter: Path | str | None) -> str:
    return model if adapter is None else f"{model} with the adapter {adapter_name(adapter)}"
