"""Muon for the matrices inside the layers, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal by five Newton-Schulz steps (Jordan et al. 2024).

    torch's own takes the matrices one by one, which on a CPU costs more than the step itself; here all matrices of
    one shape go through the iteration together. A convolution counts as the matrix of its flattened patches.
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
    a, b, c = 3.4445, -4.7750, 2.0315
    flipped = matrices.shape[1] < matrices.shape[2]  # the products of the iteration are as large as the shorter side
    half = torch.bfloat16 if matrices.is_cuda else torch.float32  # many CPUs only imitate bfloat16
    # Contiguous at every step: products of transposed views are ten times as slow on a CPU.
    tall: torch.Tensor = (matrices.transpose(1, 2) if flipped else matrices).to(half).contiguous()
    tall = tall / (tall.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = tall.transpose(1, 2).contiguous() @ tall
        tall = torch.baddbmm(tall, tall, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), beta=a)
    return (tall.transpose(1, 2) if flipped else tall).to(matrices.dtype)


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
