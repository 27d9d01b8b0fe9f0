"""`tastemaker finetune` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.workspace import Workspace
from tests.finetune.logs import likes, workspace_of
from tests.ui.test_cli import Run, assert_one_line, process, run

__all__ = ["run"]

LETTERS = "abcdefghijklmnopqr"
QUICK = ("--set", "epochs=3", "--set", "width=16")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty users who like what follows in the alphabet."""
    baskets = {f"u{user}": (LETTERS * 2)[user % 18 : user % 18 + 5] for user in range(40)}
    path = tmp_path / "w"
    workspace_of(path, LETTERS, likes(baskets)).close()
    return path


def test_towers_are_trained_told_and_served(folder: Path) -> None:
    """In a process of its own, as people start it."""
    ran = process("finetune", "towers", "--workspace", folder, *QUICK)
    assert ran.status == 0, ran.err
    towers, weights = ran.out.splitlines()
    assert towers.startswith("towers ")
    assert "18 items, 40 users; best of " in towers
    assert weights.startswith("the retrievers weigh behavioural ")
    (version,) = {path.stem for path in (folder / "towers").iterdir()}
    assert version in towers
    assert json.loads((folder / "store.json").read_text())["learned"]["towers"]["version"] == version
    assert json.loads((folder / "blend.json").read_text())["depth"] == 100


def test_ranker_before_new_towers_is_told_to_be_old(run: Run, folder: Path) -> None:
    (folder / "ranker.json").write_text("{}")
    told = run("finetune", "towers", "-w", folder, *QUICK).out
    assert f"run tastemaker finetune ranker --workspace {folder}" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("towers", "--set", "wide=3"), "expected NAME=VALUE, the name one of fusion, ids, width"),
        (("towers", "--fusion", "sum"), "--set fusion is 'sum'"),
        (("towers", "--device", "abacus"), "device is abacus, and torch finds no such device here; use --device cpu"),
        (("ranker", "--users", "1"), "users is 1"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, folder: Path, arguments: tuple[str, ...], says: str) -> None:
    assert_one_line(run("finetune", *arguments, "-w", folder), 2, says=says)


def test_log_without_a_next_item_is_told(run: Run, tmp_path: Path) -> None:
    workspace_of(tmp_path / "w", "ab", likes({"u": "a", "v": "b"})).close()
    assert_one_line(
        run("finetune", "towers", "-w", tmp_path / "w"), 2, says="nobody of the 2 users in the log wants two items"
    )


def test_ranker_of_a_shop_is_fitted_to_the_built_in_model_and_told(run: Run, shop_workspace: Workspace) -> None:
    """The tiny shop has too few users for one, which is said after its few lists were made."""
    ran = run("finetune", "ranker", "-w", shop_workspace.path, "--users", "20")
    assert ran.status == 2
    assert "expected 20 or more" in ran.err


@pytest.mark.parametrize("command", ["towers", "ranker"])
def test_each_explains_itself(run: Run, command: str) -> None:
    told = run("finetune", command, "--help")
    assert told.status == 0
    assert "--workspace" in told.out
