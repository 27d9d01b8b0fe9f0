"""Progress where no terminal shows it."""

from __future__ import annotations

import pytest

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
