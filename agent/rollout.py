"""Putting an adapter to work: into the servers that run, after a look at what it says, and then for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agent.adapters import adapter_name, served_name
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
        try:
            served_as = _load(record, adapters.path(card.name))
        except WeightsError:
            adapters.set_aside(card.name)
            raise
        record_adapter(workspace, record, card.name, served_as)
    else:
        record_adapter(workspace, record, None, None)


def _load(record: ServerRecord, folder: Path) -> str:
    """Hot-load the adapter, and return what the server calls it: a server that has that name has these weights.

    Refuse it unless it moves scores: vLLM accepts one whose tensors match no layer.
    """
    from agent.canary import check_moves

    name = served_name(folder)
    answer = _post(record, "load_lora_adapter", {"lora_name": name, "lora_path": str(folder.resolve())})
    try:
        check_moves(record.url, record.model, adapter_name(folder), name)
    except (WeightsError, ModelError):
        if "already been loaded" not in answer:
            _post(record, "unload_lora_adapter", {"lora_name": name})
        raise
    return name


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
            f"the vLLM server at {record.url} takes no adapters while it runs; stop it, and start it again "
            "with tastemaker serve --adapter NAME"
        )
    raise ModelUnavailableError(f"the vLLM server at {record.url} refused the adapter: {answer.text[:300]}")
