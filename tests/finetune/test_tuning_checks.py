"""What cannot work is told before any list is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.registry import Adapters
from finetune.lora_settings import LoraTraining
from finetune.tune import Tuning, tune
from finetune.tuning_checks import check_tuning
from retrieval.errors import SettingsError, WeightsError
from retrieval.workspace import Workspace
from tests.agent.test_registry import card

TUNING = Tuning(training=LoraTraining(report_to="none"), device="cpu")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "../evil"}, "an adapter cannot be called '../evil': it is taken, or no plain name"),
        ({"device": "gpu"}, "device is 'gpu'; expected cpu or cuda"),
        ({"device": "meta"}, "device is 'meta'; expected cpu or cuda"),
        ({"device": "cuda:99"}, "device is cuda:99, and torch finds no such device here"),
        ({"accelerate": Path("no-such.yaml")}, r"there is no file no-such\.yaml; .* accelerate config"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        check_tuning(replace(TUNING, **changes), Adapters(tmp_path))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"report_to": "wandb"}, "wandb, which is not installed; pip install wandb, or say report_to=none"),
        ({"four_bit": True}, "four_bit needs a GPU and bitsandbytes; the device is cpu"),
        ({"targets": r".*\.no_such_layer"}, "no layer of builtin is called as targets="),
        ({"targets": "*"}, r"targets='\*' is no regular expression: nothing to repeat"),
        ({"targets": r".*vision_tower.*q_proj"}, "names layers of the vision tower"),
    ],
)
def test_training_that_cannot_work_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        check_tuning(replace(TUNING, training=replace(TUNING.training, **changes)), Adapters(tmp_path))


def test_what_can_work_is_let_through(tmp_path: Path) -> None:
    training = replace(TUNING.training, targets=r".*language_model.*q_proj")
    check_tuning(replace(TUNING, name="autumn", training=training), Adapters(tmp_path))


def test_a_name_that_is_taken_and_a_damaged_start_are_refused(tmp_path: Path, adapter_folder: Path) -> None:
    adapters = Adapters(tmp_path)
    adapters.register(adapter_folder, card("autumn"))
    with pytest.raises(SettingsError, match="cannot be called 'autumn': it is taken"):
        check_tuning(replace(TUNING, name="autumn"), adapters)
    check_tuning(replace(TUNING, start="autumn"), adapters)
    (adapters.path("autumn") / "adapter_model.safetensors").write_bytes(b"half")
    with pytest.raises(WeightsError, match="is damaged: its SHA-256"):
        check_tuning(replace(TUNING, start="autumn"), adapters)


def test_tuning_checks_before_it_reads_the_log(empty_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.tune.read_events", None)  # whoever reads fails
    store: Any = SimpleNamespace(towers=None)
    with pytest.raises(SettingsError, match="expected cpu or cuda"):
        tune(empty_workspace, store, None, replace(TUNING, device="tpu"))  # type: ignore[arg-type]
