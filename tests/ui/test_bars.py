"""Progress where no terminal shows it."""

from __future__ import annotations

import pytest

from finetune.list_trainer import Step
from ui.bars import Bar


def test_a_file_gets_a_line_for_each_tenth_of_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        for stage in ("training lists", "test lists"):
            for done in range(1, 401):
                bar.stage(stage, done, 400)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert lines[0] == "training lists: 40 of 400"
    assert lines[-1] == "test lists: 400 of 400"


def test_pairs_have_a_bar_of_their_own_after_lists(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        for of in ("lists", "pairs"):
            bar.step(Step(1, 1, 2.0, 0.5, None, of))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["training: 2.0 lists/s, loss 0.500: 1 of 1", "training: 2.0 pairs/s, loss 0.500: 1 of 1"]
