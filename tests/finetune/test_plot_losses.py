"""Loss curves become a picture."""

import json

import pytest
from PIL import Image

from finetune.builtin.plot_losses import plot_losses


def test_one_panel_for_each_value(tmp_path):
    lines = [json.dumps({"step": step, "loss": 1 / step, "align": 0.5}) for step in (1, 2, 3)]
    (tmp_path / "one.jsonl").write_text("\n".join(lines))
    plot_losses(tmp_path / "one.jsonl", tmp_path / "new" / "one.png")
    with Image.open(tmp_path / "new" / "one.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == 2 * 288


def test_many_values_go_into_rows(tmp_path):
    line = json.dumps({"step": 1, "tokens": 9, "processor_s": 3.0} | {f"loss {number}": 1.0 for number in range(7)})
    (tmp_path / "many.jsonl").write_text(line)
    plot_losses(tmp_path / "many.jsonl", tmp_path / "many.png")
    with Image.open(tmp_path / "many.png") as picture:
        assert picture.size == (5 * 288, 2 * 234)


def test_an_empty_history_is_refused(tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(ValueError, match=r"none.jsonl holds no line; train first"):
        plot_losses(tmp_path / "none.jsonl", tmp_path / "none.png")
