"""Putting an adapter to work: into the servers that run, after a look at what it says, and then for everybody."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from agent.models.presets import preset_of
from agent.registry import Adapters, Card
from retrieval.errors import ModelError, ModelUnavailableError, WeightsError

if TYPE_CHECKING:
    from agent.server_record import ServerRecord

_TIMEOUT_S = 300.0


def use_adapter(workspace: Path, name: str) -> Card:
    """Use the adapter from now on, in every process that serves the workspace; requests on their way end as they began.

    A vLLM server that runs for the workspace loads it first, and ranks a list with it. Raises SettingsError for a name
    that there is not, WeightsError for files that cannot be used or an adapter that changes no answer,
    ModelUnavailableError for a server that does not take it; then what was used before stays.
    """
    adapters = Adapters(workspace)
    card = adapters.check(name)
    _serve(workspace, adapters, card)
    adapters.point_to(name)
    return card


def roll_back(workspace: Path) -> str | None:
    """Use again what was used before, an adapter or none. Returns its name. Raises as `use_adapter` does."""
    adapters = Adapters(workspace)
    name = adapters.before()
    _serve(workspace, adapters, None if name is None else adapters.check(name))
    adapters.roll_back()
    return name


def _serve(workspace: Path, adapters: Adapters, card: Card | None) -> None:
    """Have the workspace's vLLM server, where one runs, answer with this adapter, or with none."""
    from agent.server_record import find_server_record, record_adapter

    record = find_server_record(workspace)
    if record is None:
        return
    if card is not None:
        if preset_of(record.model).model_id != preset_of(card.base).model_id:
            raise WeightsError(
                f"the vLLM server at {record.url} has {record.model}, the adapter {card.name} belongs to {card.base}; "
                f"stop that server, or serve {card.base}"
            )
        _load(record, adapters.path(card.name), card.name)
    record_adapter(workspace, record, None if card is None else card.name)


def _load(record: ServerRecord, folder: Path, name: str) -> None:
    """Hot-load the adapter; refuse it unless it moves scores: vLLM accepts one whose tensors match no layer."""
    answer = _post(record, "load_lora_adapter", {"lora_name": name, "lora_path": str(folder.resolve())})
    if "already been loaded" not in answer:
        try:
            check_moves(record.url, record.model, name)
        except (WeightsError, ModelError):
            _post(record, "unload_lora_adapter", {"lora_name": name})
            raise


def check_moves(url: str, model: str, adapter: str) -> None:
    """Raises WeightsError unless the adapter's scores are numbers, and others than those of the model alone."""
    from agent.models.base import Message
    from agent.models.vllm import VllmModel
    from agent.prompts import LETTERS

    scores = []
    for served in (None, adapter):
        asked = VllmModel(url, name=model, adapter=served, timeout_s=_TIMEOUT_S)
        try:
            scores.append(asked.score([(Message("user", ("Best:",)),)], LETTERS))
        finally:
            asked.close()
    if not all(math.isfinite(score) for row in scores[1] for score in row):
        raise WeightsError(f"the adapter {adapter} gives scores that are not numbers; train it again")
    if scores[0] == scores[1]:
        raise WeightsError(
            f"the adapter {adapter} changes no answer of {model}: it is untrained, or was trained on a model whose "
            "layers have other names; train it on this model"
        )


def _post(record: ServerRecord, verb: str, body: dict[str, str]) -> str:
    import httpx

    from agent.models.vllm_client import server_root

    try:
        answer = httpx.post(f"{server_root(record.url)}/v1/{verb}", json=body, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise ModelUnavailableError(f"the vLLM server at {record.url} cannot be reached ({error})") from error
    if answer.status_code == 200 or "already been loaded" in answer.text:
        return answer.text
    if answer.status_code == 404:
        raise ModelUnavailableError(
            f"the vLLM server at {record.url} takes no adapters while it runs; start it again with tastemaker serve"
        )
    raise ModelUnavailableError(f"the vLLM server at {record.url} refused the adapter: {answer.text[:300]}")
