"""What a training of towers has reached: whole epochs, on the disk whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from retrieval.two_towers import TwoTowers

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class TowerCheckpoint:
    """One file: the network, the best one, the optimizer's moments, and the reports of the epochs."""

    def __init__(self, path: Path, identity: str) -> None:
        """identity: hash of everything that the training depends on; a file of another one is not gone on with."""
        self._path = path.with_suffix(".safetensors")
        self._identity = identity

    def save(
        self, network: TwoTowers, best: TwoTowers, optimizer: torch.optim.Optimizer, reports: Sequence[dict[str, Any]]
    ) -> None:
        """Replace what was kept. Raises StoreError when the disk is full; what was kept before stays."""
        from safetensors.torch import save_file

        tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in best.state_dict().items()}
        for index, parameter in enumerate(network.parameters()):
            state = optimizer.state.get(parameter, {})
            tensors |= {f"moment.{index}.{name}": state[name] for name in _MOMENTS if name in state}
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            told = {"identity": self._identity, "reports": json.dumps(list(reports))}
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, fresh, metadata=told)
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise StoreError(
                f"{self._path} cannot be written ({error}); the epoch before is kept: free some space and run again"
            ) from error

    def load(self, network: TwoTowers, best: TwoTowers, optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
        """Fill in what was kept and return the reports; [] where there is nothing of this training."""
        from safetensors import SafetensorError, safe_open

        if not self._path.exists():
            return []
        try:
            with safe_open(self._path, framework="pt") as file:
                told = file.metadata() or {}
                if told.get("identity") != self._identity:
                    return []
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
        except (SafetensorError, OSError):
            return []  # cut off or damaged: begin again
        network.load_state_dict(_under("network.", tensors))
        best.load_state_dict(_under("best.", tensors))
        for index, parameter in enumerate(network.parameters()):
            state = _under(f"moment.{index}.", tensors)
            if state:
                optimizer.state[parameter] = {name: tensor.to(parameter.device) for name, tensor in state.items()}
        reports: list[dict[str, Any]] = json.loads(told["reports"])
        return reports


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
