"""What training may take of a machine: number formats that it computes fast, and memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from agent.models.memory import is_out_of_memory
from retrieval.errors import ModelUnavailableError


@cache
def computing_type(device: str) -> torch.dtype:
    """bfloat16 on a GPU and on CPUs with instructions for it; float32 elsewhere, where bfloat16 is emulated."""
    if device.startswith("cuda"):
        return torch.bfloat16
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else torch.float32


def computes_in_half(device: str) -> bool:
    """Whether bfloat16 is what the machine computes in: emulated, it takes four times as long as float32."""
    return computing_type(device) is torch.bfloat16


@contextmanager
def enough_memory(doing: str, instead: str) -> Iterator[None]:
    """Raises ModelUnavailableError where the device has too little for it. instead: what to lower."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise ModelUnavailableError(f"the memory of the device does not suffice to {doing}; {instead}") from error


def mixed_precision(device: str) -> torch.autocast:
    """The context in which a forward pass is made: `computing_type` for what may lose precision."""
    return torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=computes_in_half(device))
