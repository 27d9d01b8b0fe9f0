"""The adapters in a workspace's folder, which one is used, and which ones were used before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.adapters import read_adapter
from retrieval.errors import SettingsError, WeightsError

FOLDER = "adapters"
METRICS = "metrics.json"
_USED = "used.json"
_MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Shelved:
    """An adapter on the shelf. metrics: by name, as its training measured them. fault: why it cannot be used."""

    name: str
    path: Path
    rank: int | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    fault: str | None = None


class _Used(BaseModel):
    """history: the adapters in the order in which they were chosen, None is the base model; the last one is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    history: tuple[str | None, ...] = ()


class AdapterShelf:
    """The folders below WORKSPACE/adapters. What is chosen here is what the workspace's next process uses too."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace / FOLDER

    def all(self) -> tuple[Shelved, ...]:
        """Every adapter, by name; those that cannot be used too."""
        folders = sorted(each for each in self._folder.glob("*") if each.is_dir() and not each.name.startswith("."))
        return tuple(_shelved(folder) for folder in folders)

    def used(self) -> str | None:
        """The name of the adapter in use; None is the base model. Raises WeightsError when that cannot be read."""
        history = self._read().history
        return history[-1] if history else None

    def used_path(self) -> Path | None:
        """Its folder; None for the base model. Raises WeightsError when the folder is gone or damaged."""
        name = self.used()
        return None if name is None else self.usable(name).path

    def usable(self, name: str) -> Shelved:
        """The adapter of this name. Raises SettingsError when there is none, WeightsError when it cannot be used."""
        found = {each.name: each for each in self.all()}
        if name not in found:
            raise SettingsError(f"there is no adapter {name!r:.80}; there are {', '.join(found) or 'none'}")
        if (fault := found[name].fault) is not None:
            raise WeightsError(fault)
        return found[name]

    def before(self) -> str | None:
        """What was used before the one in use. Raises SettingsError when there is nothing to go back to."""
        history = self._read().history
        if not history:
            raise SettingsError("there is nothing to go back to: the base model is used, and was from the start")
        return history[-2] if len(history) > 1 else None

    def use(self, name: str | None) -> None:
        """Note that the adapter of this name is used from now on, None for the base model."""
        if name is not None:
            self.usable(name)
        with self._alone():
            history = self._read().history
            self._write(_Used(history=(*history, name)[-_MOST_STEPS:]))

    def step_back(self) -> None:
        """Note that what was used before is used again."""
        with self._alone():
            self._write(_Used(history=self._read().history[:-1]))

    def _alone(self) -> FileLock:
        self._folder.mkdir(exist_ok=True)
        return FileLock(self._folder / f"{_USED}.lock", timeout=60)

    def _read(self) -> _Used:
        path = self._folder / _USED
        try:
            return _Used.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return _Used()
        except (OSError, ValidationError) as error:
            raise WeightsError(f"{path} cannot be read; delete it to begin with the base model") from error

    def _write(self, used: _Used) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self._folder, prefix=f".new-{_USED}-", delete=False) as file:
            file.write(used.model_dump_json(indent=2) + "\n")
        Path(file.name).replace(self._folder / _USED)


def _shelved(folder: Path) -> Shelved:
    try:
        adapter = read_adapter(folder)
    except WeightsError as error:
        return Shelved(folder.name, folder, None, fault=str(error))
    return Shelved(folder.name, folder, adapter.rank, _metrics(folder / METRICS))


def _metrics(path: Path) -> dict[str, float]:
    """The numbers in the file; none where there is no such file, or nothing to read in it."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    numbers = values.items() if isinstance(values, dict) else ()
    return {str(name): float(value) for name, value in numbers if type(value) in (int, float)}
