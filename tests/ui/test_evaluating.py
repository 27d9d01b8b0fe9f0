"""`tastemaker evaluate` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.workspace import Workspace
from tests.finetune.logs import likes, workspace_of
from tests.ui.test_cli import Run, assert_one_line, process, run

__all__ = ["run"]

QUICK = ("--systems", "random, popularity,ease")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty users in three circles of taste."""
    baskets = {
        f"u{user}": "".join("abcdefghijklmnopqr"[6 * (user % 3) + (user + step) % 6] for step in range(5))
        for user in range(30)
    }
    path = tmp_path_factory.mktemp("evaluating") / "w"
    workspace_of(path, "abcdefghijklmnopqr", likes(baskets)).close()
    return path


def test_a_table_and_two_files(folder: Path) -> None:
    """In a process of its own, twice: the second time what was answered is read back."""
    first = process("evaluate", "--workspace", folder, *QUICK)
    assert first.status == 0, first.err
    assert "30 cases of 30 users" in first.out
    assert "order of the file" in first.out
    assert "leave-one-out, seed 0: 30 cases" in first.out
    made = folder / "evaluation" / "leave-one-out" / "seed-0"
    assert f"written: {made / 'results.json'}\nwritten: {made / 'report.html'}\n" in first.out
    assert {path.name for path in (made / "systems").iterdir()} == {"random.npz", "popularity.npz", "ease.npz"}
    again = process("evaluate", "--workspace", folder, *QUICK)
    assert again.out == first.out


def test_json_and_nothing_else_on_standard_output(run: Run, folder: Path, tmp_path: Path) -> None:
    ran = run("evaluate", "-w", folder, *QUICK, "--json", "--out", tmp_path, "--protocol", "rolling", "--last", 2)
    told = json.loads(ran.out)
    assert told == json.loads((tmp_path / "rolling-2" / "seed-0" / "results.json").read_text())
    assert told["cases"] == 60
    assert [row["system"] for row in told["systems"]] == ["random", "popularity", "ease"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--protocol", "random"), "no protocol 'random'; expected one of leave-one-out, rolling, global-time"),
        (("--systems", "bert"), "no system bert; expected some of random, popularity"),
        (("--hide-items", "1"), "hidden items is 1.0; expected 0 or more and less than 1"),
        (("--protocol", "rolling", "--last", "0"), "last is 0; expected 1 or more"),
        (("--rating-scale", "five"), "rating scale is 'five'; expected two numbers such as 1:5"),
        (("--rating-scale", "5:1", *QUICK), "rating scale is 5 to 1; expected a lower and a higher number"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    run: Run, folder: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert_one_line(run("evaluate", "-w", folder, "--out", tmp_path, *arguments), 2, says=says)


def test_a_log_without_anything_to_test_on(run: Run, tmp_path: Path) -> None:
    workspace_of(tmp_path / "w", "a", likes({"u": "a"})).close()
    assert_one_line(run("evaluate", "-w", tmp_path / "w"), 2, says="nothing to test on: 1 users in the log")


def test_no_workspace_is_said(run: Run, tmp_path: Path) -> None:
    assert_one_line(run("evaluate", "-w", tmp_path / "none"), 1, says="is no workspace")


def test_what_is_not_installed_is_named(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.evaluating.find_spec", lambda name: None if name == "implicit" else object())
    assert_one_line(
        run("evaluate", "-w", folder, *QUICK), 2, says=r"needs implicit, .*pip install 'tastemaker\[train\]'"
    )


def test_the_workspace_is_as_it_was(folder: Path, run: Run) -> None:
    with Workspace.open(folder) as workspace:
        before = workspace.log.version, workspace.items.version
        assert run("evaluate", "-w", folder, "--systems", "content", "--seed", 5).status == 0
        assert (workspace.log.version, workspace.items.version) == before
