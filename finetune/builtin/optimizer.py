"""Muon for the matrices inside the layers, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from finetune.precision import computing_type


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal by five Newton-Schulz steps (Jordan et al. 2024).

    All matrices of one shape go through the iteration together. A convolution counts as the matrix of its flattened
    patches.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.01) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002 - torch's signature
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape.setdefault(parameter.flatten(1).shape, []).append(parameter)
            for shape, parameters in by_shape.items():
                directions = [self._momentum(p, group["momentum"]).flatten(1) for p in parameters]
                scale = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for parameter, update in zip(parameters, orthogonal(torch.stack(directions)), strict=True):
                    parameter.mul_(1 - group["lr"] * group["decay"]).add_(update.view_as(parameter), alpha=-scale)

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> torch.Tensor:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        assert parameter.grad is not None
        running: torch.Tensor = state["momentum"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(running, momentum)


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """(n, rows, columns) -> the same with all singular values near 1."""
    if matrices.device.type == "cpu":  # one by one: there a batch of products is ten times as slow as the products
        return torch.stack([_orthogonal(matrix) for matrix in matrices])
    return _orthogonal(matrices)


def _orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """(..., rows, columns) -> the same with all singular values near 1, by five Newton-Schulz steps."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[-2] > matrix.shape[-1]
    wide: torch.Tensor = (matrix.mT if tall else matrix).to(computing_type(matrix.device.type)).contiguous()
    wide = wide / (torch.linalg.matrix_norm(wide, keepdim=True) + 1e-7)
    for _ in range(5):
        gram = wide @ wide.mT
        wide = a * wide + (b * gram + c * (gram @ gram)) @ wide
    return (wide.mT if tall else wide).to(matrix.dtype)


def make_optimizers(
    modules: Iterable[nn.Module], inner: Iterable[nn.Module], *, muon_lr: float, adam_lr: float
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of `inner`, AdamW for all other trainable parameters of `modules`."""
    matrices = [p for module in inner for p in module.parameters() if p.ndim > 1 and p.requires_grad]
    taken = {id(p) for p in matrices}
    others = [p for m in modules for p in m.parameters() if p.requires_grad and id(p) not in taken]
    return [
        Muon(matrices, lr=muon_lr),
        torch.optim.AdamW(others, lr=adam_lr, betas=(0.9, 0.98), weight_decay=0.01),
    ]


def set_rate(optimizers: Iterable[torch.optim.Optimizer], share: float) -> None:
    """Set every learning rate to a share of the one that it started with."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("full_lr", group["lr"])
            group["lr"] = group["full_lr"] * share
