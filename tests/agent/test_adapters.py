from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.adapters import Adapter, read_adapter
from retrieval.errors import WeightsError

CONFIG = {"peft_type": "LORA", "r": 8, "rank_pattern": {}, "bias": "none", "init_lora_weights": True}


def save(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **changes}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder


def test_an_adapter_is_called_as_its_folder(tmp_path: Path) -> None:
    assert read_adapter(save(tmp_path / "autumn-2")) == Adapter("autumn-2", (tmp_path / "autumn-2").resolve(), 8)


def test_a_name_is_made_safe_for_a_model(tmp_path: Path) -> None:
    assert read_adapter(save(tmp_path / "my films: take 2!")).name == "my-films-take-2"


def test_the_rank_is_the_highest_of_all_layers(tmp_path: Path) -> None:
    assert read_adapter(save(tmp_path, rank_pattern={"q_proj": 48, "v_proj": 4})).rank == 48


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "biases"),
        ({"lora_bias": True}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ({"init_lora_weights": "loftq"}, "loftq"),
        ({"peft_type": "IA3"}, "LoRA"),
        ({"r": "8"}, "ranks"),
        ({"r": 0}, "ranks"),
        ({"rank_pattern": {"q": True}}, "ranks"),
    ],
)
def test_what_vllm_cannot_serve_is_refused_before_it_starts(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(WeightsError, match=named):
        read_adapter(save(tmp_path, **changes))


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no peft adapter"):
        read_adapter(tmp_path / "nowhere")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (save(tmp_path) / "adapter_model.safetensors").unlink()
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(WeightsError, match="safetensors"):
        read_adapter(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "null", "\x00", "[" * 100_000])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    (save(tmp_path) / "adapter_config.json").write_text(text)
    with pytest.raises(WeightsError, match="adapter_config"):
        read_adapter(tmp_path)
