"""Only checkpoints that were written whole are gone on from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from finetune.checkpoints import enough_room, newest_checkpoint
from retrieval.errors import StoreError


def checkpoint(folder: Path, step: int) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    save_file({"lora_A": torch.ones(4, 4)}, path / "adapter_model.safetensors")
    torch.save({"state": torch.ones(4)}, path / "optimizer.pt")
    (path / "trainer_state.json").write_text('{"global_step": 4}')
    return path


def test_the_newest_is_gone_on_from(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none yet") is None
    checkpoint(tmp_path, 8)
    newest = checkpoint(tmp_path, 12)
    assert newest_checkpoint(tmp_path) == newest


@pytest.mark.parametrize("file", ["trainer_state.json", "adapter_model.safetensors", "optimizer.pt"])
def test_one_that_was_cut_off_is_removed(tmp_path: Path, file: str) -> None:
    whole, broken = checkpoint(tmp_path, 8), checkpoint(tmp_path, 12)
    os.truncate(broken / file, 10)
    assert newest_checkpoint(tmp_path) == whole
    assert not broken.exists()


def test_a_full_disk_is_one_line() -> None:
    with (
        pytest.raises(StoreError, match=r"nothing can be written to runs \(.*No space left on device\); .* is kept"),
        enough_room(Path("runs")),
    ):
        raise OSError(28, "No space left on device")


def test_one_without_the_file_that_is_written_last_is_removed(tmp_path: Path) -> None:
    (checkpoint(tmp_path, 8) / "trainer_state.json").unlink()
    assert newest_checkpoint(tmp_path) is None
    assert not list(tmp_path.iterdir())
