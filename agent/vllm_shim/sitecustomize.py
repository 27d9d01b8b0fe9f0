"""Lets vLLM's Python import a torchvision that was built for another torch.

Package indexes carry torchvision for CUDA only, and vLLM's LLaVA imports it. Beside a CPU torch its compiled operators
do not load, and the import stops because two of them have no schema. Declaring the schemas is enough: vLLM never calls
these operators for the models that are served here. A torchvision whose operators load is left alone.

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
    from collections.abc import Sequence
    from types import ModuleType

EXTENSION = "torchvision.extension"
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


class _ExtensionLoader(Loader):
    """Runs torchvision's own extension module, then declares what it left out."""

    def __init__(self, original: Loader) -> None:
        self._original = original

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._original.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._original.exec_module(module)
        declare_missing_operators(module)


class _ExtensionFinder(MetaPathFinder):
    """Steps in for one module only; every other import goes its usual way."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != EXTENSION:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _ExtensionLoader(spec.loader)
        return spec


def _run_shadowed_sitecustomize() -> None:
    """Python imports one sitecustomize only: run the one that this file hides, if the environment has any."""
    here = Path(__file__).resolve().parent
    elsewhere = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _ExtensionFinder())
_run_shadowed_sitecustomize()
