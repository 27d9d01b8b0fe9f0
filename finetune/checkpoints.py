"""Checkpoints of transformers' Trainer, which writes them in place: which are whole, and a disk that has no room."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from agent.adapters import ADAPTER_WEIGHTS
from agent.models.memory import is_out_of_memory
from retrieval.errors import StoreError

_STATE = "trainer_state.json"
"""What the Trainer writes last."""


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in the folder that was written whole; those that were cut off are removed."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.partition("-")[2].isdecimal()]
    whole = []
    for path in found:
        if _is_whole(path):
            whole.append(path)
        else:
            shutil.rmtree(path, ignore_errors=True)  # other processes of this run remove it too
    return max(whole, key=lambda path: int(path.name.partition("-")[2]), default=None)


@contextmanager
def enough_room(folder: Path) -> Iterator[None]:
    """Raises StoreError where something cannot be written to the folder, such as on a full disk."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # torch's writer raises RuntimeError on a full disk
        if is_out_of_memory(error):
            raise
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        raise StoreError(
            f"nothing can be written to {folder} ({cause}); what was written before is kept: make room and start again"
        ) from error


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
        with safe_open(checkpoint / ADAPTER_WEIGHTS, "pt"):
            pass
    except (OSError, ValueError, SafetensorError):
        return False
    return all(zipfile.is_zipfile(path) for path in checkpoint.glob("*.pt"))
