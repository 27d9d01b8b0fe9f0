"""What vLLM's Python gets on a CPU: a torchvision that can be imported (a stand-in here), and cheap adapters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.serving import SHIM, find_vllm

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

BOTH_OPERATORS = """
import importlib.util, torch
from vllm.lora.ops.torch_ops import bgmv_expand, bgmv_expand_slice, bgmv_shrink, lora_ops, sgmv_expand
spec = importlib.util.spec_from_file_location("theirs", lora_ops.__file__)
theirs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(theirs)
assert lora_ops.bgmv_shrink is bgmv_shrink is not theirs.bgmv_shrink
torch.manual_seed(0)
tokens, who = torch.randn(7, 12), torch.tensor([0, 0, 1, 2, 2, 1, 0])
down, up = torch.randn(3, 1, 4, 12), torch.randn(3, 1, 10, 4)
def each(shrink, expand, expand_slice):
    small, whole, part, wide = torch.zeros(7, 4), torch.ones(7, 10), torch.ones(7, 16), torch.ones(7, 8)
    shrink(tokens, down, small, who, 0.5)
    expand(small, up, whole, who, add_inputs=False)
    expand(small, up, wide, who)
    expand_slice(small, up, part, who, 3, 10, True)
    return small, whole, part, wide
ours = each(bgmv_shrink, bgmv_expand, bgmv_expand_slice)
for mine, other in zip(ours, each(theirs.bgmv_shrink, theirs.bgmv_expand, theirs.bgmv_expand_slice), strict=True):
    torch.testing.assert_close(mine, other)
segments = torch.ones(7, 10)
sgmv_expand(ours[0], up, segments, None, torch.ones(7, dtype=torch.long), who, 7, 1, 7, False)
torch.testing.assert_close(segments, ours[1])
alone = torch.ones(7, 10)
bgmv_expand(ours[0], up, alone, torch.full((7,), -1))
assert bool((alone == 1).all()), "a token of no adapter was changed"
print("the same")
"""


def run(
    code: str, *folders: Path, python: Path = Path(sys.executable), **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder) for folder in folders), **environment}
    return subprocess.run([str(python), "-c", code], env=variables, capture_output=True, text=True, check=False)


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


@pytest.mark.vllm
def test_vllm_gets_operators_that_say_the_same_as_its_own() -> None:
    done = run(BOTH_OPERATORS, SHIM, python=find_vllm().python)
    assert done.stdout.splitlines()[-1:] == ["the same"], done.stderr
