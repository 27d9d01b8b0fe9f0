"""Logs of training runs: a line that was cut off costs that line only, and a full disk is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune.builtin.files import add_line, read_log
from finetune.builtin.plot_losses import plot_losses
from finetune.builtin.train_image_encoder import _spent
from retrieval.errors import StoreError

WHOLE = '{"step": 2, "loss": 1.0, "processor_s": 7.0}'


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    log = tmp_path / "history.jsonl"
    log.write_text(f'{WHOLE}\n{{"step": 4, "lo')
    return log


def test_a_line_that_was_cut_off_is_left_out_and_the_next_is_whole(torn: Path) -> None:
    add_line({"step": 6}, torn)
    add_line({"step": 8}, torn)
    assert [line["step"] for line in read_log(torn)] == [2, 6, 8]


def test_a_run_goes_on_after_a_line_that_was_cut_off(torn: Path) -> None:
    assert _spent(torn, 2) == 7.0
    assert torn.read_text() == f"{WHOLE}\n"


def test_what_was_cut_off_is_not_drawn(torn: Path, tmp_path: Path) -> None:
    plot_losses(torn, tmp_path / "losses.png")
    assert (tmp_path / "losses.png").is_file()


def test_a_full_disk_is_told_in_one_line() -> None:
    with pytest.raises(StoreError, match=r"no line written to /dev/full \(.*No space left on device\); the last"):
        add_line({"step": 1}, Path("/dev/full"))
