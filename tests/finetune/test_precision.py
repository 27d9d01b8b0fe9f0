"""Too little memory is told with what to lower; other errors of torch are bugs, and stay."""

from __future__ import annotations

import pytest
import torch

from finetune.precision import enough_memory
from retrieval.errors import ModelUnavailableError


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_on_a_gpu_and_on_the_cpu(error: RuntimeError) -> None:
    with (
        pytest.raises(ModelUnavailableError, match="memory of the device does not suffice to think; think less"),
        enough_memory("think", "think less"),
    ):
        raise error


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes do not fit"), enough_memory("think", "think less"):
        raise RuntimeError("shapes do not fit")
