"""`tastemaker evaluate --builtin` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from finetune.builtin.bench import BuiltinSettings
from finetune.builtin.evaluate_builtin import BuiltinFigures
from finetune.builtin.figures import Figure
from tests.ui.test_cli import Run, assert_one_line, run
from ui.evaluating_builtin import table

__all__ = ["run"]


def test_json_on_standard_output_and_the_same_in_a_file(run: Run, tmp_path: Path) -> None:
    ran = run("evaluate", "--builtin", "--only", "movielens", "--json", "--out", tmp_path)
    told = json.loads(ran.out)
    assert told == json.loads((tmp_path / "builtin.json").read_text())
    assert told["figures"][0]["note"].startswith("not measured: needs --movielens")
    assert len(told["model"]) == 64
    assert told["settings"]["lists"] == 200


def test_what_is_not_there_is_one_line(run: Run) -> None:
    assert_one_line(run("evaluate", "--builtin", "--only", "luck"), 2, says="no row luck; expected some of rank")
    assert_one_line(run("evaluate", "--builtin", "--held", "no.npz"), 2, says="no.npz is not there")
    assert_one_line(run("evaluate"), 2, says="name the workspace with --workspace, or .* --builtin")


def test_the_table_has_what_was_asked_beside_what_was_found() -> None:
    figures = (
        Figure("gain [x]", 12.34, 1.0, 20.0, 8, 20, "%", 449, note="of all", sure=True),
        Figure("bias", 30.0, None, None, 15, 5, "%", 20, lower_is_better=True),
        Figure("films", float("nan"), note="not measured"),
    )
    shown = table(BuiltinFigures(BuiltinSettings(), figures, {}, "a" * 64, "shop-1 d", "b" * 64, "c" * 64))
    columns = [list(column.cells) for column in shown.columns]
    assert columns[0] == [r"gain \[x]", "bias", "films"]
    assert columns[1] == ["[yellow]12.3 %[/]", "[red]30.0 %[/]", "[dim]none[/]"]
    assert columns[2] == ["1.0 % to 20.0 %", "", ""]
    assert columns[3] == ["8", "at most 15", ""]
