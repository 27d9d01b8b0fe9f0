"""The package as a whole: light imports, one direction, sorted __all__, a size that stays small."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "retrieval": set(),
    "agent": {"retrieval"},
    "finetune": {"agent", "retrieval"},
    "ui": {"agent", "retrieval", "finetune"},
}
HEAVY = ("torch", "transformers", "chromadb", "gradio", "sentence_transformers", "pyarrow", "PIL", "sqlalchemy")
TRACKED_LIMIT_BYTES = 48 * 2**20


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("module", ["retrieval.types", "retrieval.errors", "agent.prompts", "agent.models.base"])
def test_shared_contracts_load_nothing_heavy(module: str) -> None:
    test_importing_a_package_loads_nothing_heavy(module)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_imports_flow_one_way(package: str) -> None:
    forbidden = set(ALLOWED) - ALLOWED[package] - {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in _imported(path)
        if name.split(".")[0] in forbidden
    ]
    assert wrong == []


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_public_names_are_sorted_and_there(package: str) -> None:
    module = importlib.import_module(package)
    names = getattr(module, "__all__", [])
    assert list(names) == sorted(names)
    for name in names:
        assert getattr(module, name) is not None


def test_tracked_files_stay_under_48_mib() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False, cwd=ROOT)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    total = sum(path.stat().st_size for path in paths if path.is_file())
    assert total < TRACKED_LIMIT_BYTES


def _imported(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names
