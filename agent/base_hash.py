"""Which base model an adapter belongs to: a hash that is the same wherever the model lies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agent.models.presets import preset_of
from retrieval.errors import WeightsError

_SAMPLE = 1 << 20


def base_hash(model: str) -> str:
    """SHA-256 of the model's weights: of each safetensors file its size, its first and its last MiB.

    The first holds every tensor's name, type and shape; to read all of a large model would take minutes. model: a
    preset, a folder or a hub name that has been fetched. Raises SettingsError for a model that nobody knows,
    WeightsError when its weights are not here.
    """
    folder = _folder(preset_of(model).model_id)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise WeightsError(
            f"{folder} holds no *.safetensors, so an adapter cannot be matched to it; get the model again"
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as weights:
            size = file.stat().st_size
            digest.update(f"{file.name} {size} ".encode())
            digest.update(weights.read(_SAMPLE))
            weights.seek(max(0, size - _SAMPLE))
            digest.update(weights.read(_SAMPLE))
    return digest.hexdigest()


def _folder(model_id: str) -> Path:
    """Where the model's files lie, in the hub's cache for a hub name."""
    if Path(model_id).is_dir():
        return Path(model_id)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model_id, local_files_only=True, allow_patterns=["*.safetensors"]))
    except OSError as error:
        raise WeightsError(
            f"the weights of {model_id} are not on this machine; use the model once, or name a folder"
        ) from error
