"""LoRA adapters on disk: what one is called, how large it is, and whether the server can take it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import WeightsError

_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_READY_MADE_STARTS = (True, False, "gaussian", "eva", "orthogonal", None)
"""Starting points that leave the base weights as they are; PiSSA, OLoRA, LoftQ and CorDA change them."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A peft LoRA adapter in a folder. name: as `adapter_name` gives it. rank: the highest of all."""

    name: str
    path: Path
    rank: int

    @property
    def served_as(self) -> str:
        """What servers call it, see `served_name`."""
        return served_name(self.path)


def read_adapter(folder: Path) -> Adapter:
    """The adapter in the folder, whose settings vLLM can serve.

    Raises WeightsError when files are missing or damaged, or when vLLM would refuse it or quietly serve it wrongly.
    """
    folder = folder.resolve()
    config = _config(folder)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise WeightsError(f"the adapter {folder} has no {ADAPTER_WEIGHTS}; only safetensors adapters are loaded")
    for found, expected in _unservable(config):
        raise WeightsError(f"the adapter {folder} has {found}, which vLLM cannot serve; train it again {expected}")
    ranks = [config.get("r"), *_values(config.get("rank_pattern"))]
    if not all(isinstance(rank, int) and not isinstance(rank, bool) and rank > 0 for rank in ranks):
        raise WeightsError(f"the adapter {folder} has the ranks {ranks} in {_CONFIG}; whole numbers were expected")
    return Adapter(adapter_name(folder), folder, max(ranks))


def adapter_name(folder: str | Path) -> str:
    """What the adapter in the folder is called in the log: the folder's name, safe to be a model's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(folder).resolve().name).strip("-.") or "adapter"


def served_name(folder: Path) -> str:
    """What servers call the adapter in the folder: its name and eight digits of the SHA-256 of its files.

    A server goes by names, in what it has loaded and in its caches; so no other weights ever answer to this one.
    Raises WeightsError when a file is missing.
    """
    digest = hashlib.sha256()
    for file in (ADAPTER_WEIGHTS, _CONFIG):
        try:
            with (folder / file).open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as error:
            raise WeightsError(f"{folder} holds no adapter: {file} cannot be read ({error.strerror})") from error
    return f"{adapter_name(folder)}-{digest.hexdigest()[:8]}"


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{folder} holds no peft adapter: {_CONFIG} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{folder / _CONFIG} is damaged: {error}") from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise WeightsError(f"{folder / _CONFIG} does not describe a LoRA adapter; only LoRA adapters can be served")
    return config


def _unservable(config: dict[str, Any]) -> list[tuple[str, str]]:
    start = config.get("init_lora_weights", True)
    rules = [
        (config.get("use_dora"), "use_dora", "with plain LoRA"),
        (config.get("bias", "none") != "none" or config.get("lora_bias"), "tuned biases", 'with bias="none"'),
        (config.get("modules_to_save"), "modules_to_save", "without it"),
        (start not in _READY_MADE_STARTS, f"init_lora_weights={start!r}", "with init_lora_weights=True"),
    ]
    return [(found, expected) for broken, found, expected in rules if broken]


def _values(mapping: object) -> list[Any]:
    return list(mapping.values()) if isinstance(mapping, dict) else []
