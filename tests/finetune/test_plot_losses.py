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


def test_an_empty_history_is_refused(tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(ValueError, match=r"none.jsonl holds no line; train first"):
        plot_losses(tmp_path / "none.jsonl", tmp_path / "none.png")
