"""Number formats of training: bfloat16 where the machine computes it faster than float32."""

from __future__ import annotations

from functools import cache

import torch


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


def mixed_precision(device: str) -> torch.autocast:
    """The context in which a forward pass is made: `computing_type` for what may lose precision."""
    return torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=computes_in_half(device))
