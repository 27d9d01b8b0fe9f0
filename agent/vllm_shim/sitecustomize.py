"""Two things that vLLM lacks on a CPU: a torchvision that can be imported, and adapters that cost little.

Package indexes carry torchvision for CUDA only, and vLLM's LLaVA imports it. Beside a CPU torch its compiled operators
do not load, and the import stops because two of them have no schema. Declaring the schemas is enough: vLLM never calls
these operators for the models that are served here. A torchvision whose operators load is left alone.

vLLM's own LoRA operators for a CPU copy a layer's adapter once for every token of a prompt. There are never more than a
few adapters, so here each one is multiplied with all tokens at once, and counts for those that are its own. What
reaches them and what they answer is as it was, except that tokens of no adapter (-1) get nothing, not the last one's.

Python imports this file at start when its folder is on PYTHONPATH (`agent.serving` puts it there), in child processes
too. It runs inside the environment of vLLM, so it uses the standard library and torch alone.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from torch import Tensor

EXTENSION = "torchvision.extension"
LORA = "vllm.lora.ops.torch_ops.lora_ops"
_SCHEMAS = tuple(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms"))
_keep: list[Any] = []


def declare_missing_operators(extension: ModuleType) -> None:
    """Declare the operators whose schemas torchvision needs while it is imported, if its own did not load."""
    if extension._has_ops():
        return
    import torch

    make_library: Any = torch.library.Library
    library = make_library("torchvision", "DEF")
    for schema in _SCHEMAS:
        library.define(schema)
    _keep.append(library)  # the schemas live as long as the library object


def quicken_lora(operators: ModuleType) -> None:
    """Put quicker ones in the place of the module's operators, on which its others stand.

    inputs: (n_tokens, n_in). weights: (n_adapters, n_out, n_in), or with a 1 as the second of four. indices:
    (n_tokens,) the adapter of each token, -1 for none. output_tensor: (n_tokens, n) is changed in place.
    """
    import torch

    def product(inputs: Tensor, weights: Tensor, indices: Tensor, dtype: torch.dtype) -> Tensor:
        weights = (weights.squeeze(1) if weights.dim() == 4 else weights).to(dtype)
        inputs, found = inputs.to(dtype), torch.zeros((), dtype=dtype)
        for number, layer in enumerate(weights):
            found = torch.where((indices == number)[:, None], inputs @ layer.T, found)
        return found

    def expand_slice(
        inputs: Tensor,
        lora_b_weights: Tensor,
        output_tensor: Tensor,
        lora_indices_tensor: Tensor,
        slice_offset: int,
        slice_size: int,
        add_inputs: bool = True,
    ) -> None:
        found = product(inputs, lora_b_weights, lora_indices_tensor, output_tensor.dtype)
        part = output_tensor[:, slice_offset : slice_offset + slice_size]
        part.copy_(part + found if add_inputs else found)

    def expand(
        inputs: Tensor,
        lora_b_weights: Tensor,
        output_tensor: Tensor,
        lora_indices_tensor: Tensor,
        add_inputs: bool = True,
    ) -> None:
        width = min(lora_b_weights.shape[-2], output_tensor.shape[1])  # the two may be padded differently
        weights = lora_b_weights[..., :width, :]
        expand_slice(inputs, weights, output_tensor, lora_indices_tensor, 0, width, add_inputs)

    def shrink(
        inputs: Tensor,
        lora_b_weights: Tensor,
        output_tensor: Tensor,
        lora_indices_tensor: Tensor,
        scaling: float = 1.0,
    ) -> None:
        found = product(inputs, lora_b_weights, lora_indices_tensor, output_tensor.dtype)
        output_tensor[:, : found.shape[1]] = scaling * found

    changed: Any = operators
    changed.bgmv_expand, changed.bgmv_expand_slice, changed.bgmv_shrink = expand, expand_slice, shrink


_AFTER = {EXTENSION: declare_missing_operators, LORA: quicken_lora}


class _ChangingLoader(Loader):
    """Runs the module as it is, then changes it."""

    def __init__(self, original: Loader, change: Callable[[ModuleType], None]) -> None:
        self._original = original
        self._change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._original.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._original.exec_module(module)
        self._change(module)


class _ChangingFinder(MetaPathFinder):
    """Steps in for two modules only; every other import goes its usual way."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _AFTER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _ChangingLoader(spec.loader, _AFTER[fullname])
        return spec


def _run_shadowed_sitecustomize() -> None:
    """Python imports one sitecustomize only: run the one that this file hides, if the environment has any."""
    here = Path(__file__).resolve().parent
    elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _ChangingFinder())
_run_shadowed_sitecustomize()
