"""Whether an error of torch says that memory does not suffice."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """On a GPU torch has an error of its own for that; on the CPU it raises any RuntimeError."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
