"""The trainer of the built-in model, on a model of two layers and a handful of steps."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from agent.models.base import Picture
from agent.models.presets import PRESETS
from agent.models.transformers import TransformersModel
from agent.prompts import caption_prompt
from finetune.builtin.draw_pack import save_pack, seeded_looks
from finetune.builtin.files import save_whole
from finetune.builtin.model import Size
from finetune.builtin.train_vlm import CHECKPOINT, Paths, Settings, Trainer
from retrieval.errors import StoreError

BUILTIN = Path(PRESETS["builtin"].model_id)
TINY = Settings(tokens=4_000, step_tokens=800, first_lesson=0, size=Size(layers=2, eye_width=64, eye_layers=1))


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packs") / "pack.npz"
    looks = list(seeded_looks(600, 9))
    pictures = np.random.default_rng(9).integers(0, 255, (len(looks), 96, 96, 3), dtype=np.uint8)
    save_pack(path, pictures, looks)
    return path


def test_a_run_goes_on_where_it_stopped_and_ends_in_a_model_that_loads(tmp_path: Path, pack: Path) -> None:
    run = tmp_path / "run"
    Trainer(TINY, Paths(run, (pack,)), "cpu").go()
    first = json.loads((run / "training.json").read_text())["progress"]
    assert first["tokens"] >= 4_000
    Trainer(replace(TINY, tokens=8_000), Paths(run, (pack,)), "cpu").go()
    record = json.loads((run / "training.json").read_text())
    assert record["progress"]["step"] > first["step"]
    assert record["progress"]["tokens"] >= 8_000
    assert len(record["pack_sha256"]) == 1
    steps = [json.loads(line)["step"] for line in (run / "curve.jsonl").read_text().splitlines()]
    assert steps == [first["step"], record["progress"]["step"]]
    assert (run / "curve.png").stat().st_size > 1000
    model = TransformersModel.open(str(run / "export"))
    image = Image.fromarray(np.zeros((96, 96, 3), np.uint8))
    (scores,) = model.score([caption_prompt(Picture(image, "row"))], ["A", "B"])
    assert np.isfinite(scores).all()


def test_a_run_begins_with_the_words_of_the_model_that_it_starts_from(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    settings = replace(TINY, tokens=1, size=Size(eye_width=64, eye_layers=1))
    trainer = Trainer(settings, Paths(tmp_path, start=BUILTIN), "cpu")
    shipped: dict[str, torch.Tensor] = {}
    for shard in BUILTIN.glob("model*.safetensors"):
        shipped |= load_file(shard)
    words = shipped["language_model.model.embed_tokens.weight"].float()
    assert torch.equal(trainer.model.model.language_model.embed_tokens.weight[: len(words)], words)


def test_no_space_left_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    save_whole(lambda to: torch.save({"step": 1}, to), path)

    def full(to: Path) -> None:
        to.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match=r"No space left.*checkpoint\.pt, is kept; make room and run the same command"):
        save_whole(full, path)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [held.name for held in tmp_path.iterdir()] == [CHECKPOINT]
