"""The file that lets vLLM's Python import a torchvision whose operators do not load, with a stand-in torchvision."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.serving import SHIM

AUDIT = Path(__file__).parents[1] / "audit"
HAS_NO_OPERATORS = "def _has_ops(): return False\n"
HAS_OPERATORS = """
import torch
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
def _has_ops(): return True
"""
PACKAGE = """
from . import extension
import torch
@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold): return dets
@torch.library.register_fake("torchvision::qnms")
def qnms(dets, scores, iou_threshold): return dets
"""


def run(code: str, *folders: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders), **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


def torchvision(folder: Path, extension: str) -> Path:
    """A package that registers implementations of two operators, as torchvision does."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(PACKAGE)
    (folder / "torchvision" / "extension.py").write_text(extension)
    return folder


def test_without_it_the_import_stops(tmp_path: Path) -> None:
    failed = run("import torchvision", torchvision(tmp_path, HAS_NO_OPERATORS))
    assert "operator torchvision::nms does not exist" in failed.stderr


@pytest.mark.parametrize("extension", [HAS_NO_OPERATORS, HAS_OPERATORS])
def test_with_it_the_import_passes_and_operators_that_load_are_left_alone(tmp_path: Path, extension: str) -> None:
    done = run("import torchvision; print('imported')", SHIM, torchvision(tmp_path, extension))
    assert done.stdout == "imported\n", done.stderr


def test_it_costs_nothing_until_torchvision_is_imported() -> None:
    done = run("import sys; print('torch' in sys.modules, 'sitecustomize' in sys.modules)", SHIM)
    assert done.stdout == "False True\n", done.stderr


def test_the_sitecustomize_that_it_hides_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os.environ['SEEN'] = 'yes'")
    assert run("import os; print(os.environ['SEEN'])", SHIM, tmp_path).stdout == "yes\n"


def test_the_tests_hook_against_calls_home_is_such_a_one(tmp_path: Path) -> None:
    code = "import contextlib, socket\nwith contextlib.suppress(OSError): socket.getaddrinfo('example.com', 80)"
    run(code, SHIM, AUDIT, CONNECTIONS_FILE=str(tmp_path / "connections"))
    assert (tmp_path / "connections").read_text() == "socket.getaddrinfo example.com\n"
