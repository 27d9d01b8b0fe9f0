"""What cannot work in a tuning run, told before anything slow is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from agent.models.loading import best_device, check_four_bit
from agent.models.presets import preset_of
from finetune.devices import check_device
from finetune.lora import add_layers, check_report
from retrieval.errors import SettingsError, WeightsError

if TYPE_CHECKING:
    from agent.registry import Adapters
    from finetune.lora_settings import LoraTraining
    from finetune.tune import Tuning


def check_tuning(tuning: Tuning, adapters: Adapters) -> None:
    """Raises SettingsError for a setting that cannot work, WeightsError for a start that cannot be gone on from."""
    if tuning.name:
        adapters.check_name(tuning.name)
    if tuning.start is not None:
        adapters.check(tuning.start, base=tuning.base)
    check_report(tuning.training.report_to)
    if tuning.device is not None:
        _check_device(tuning.device)
    if tuning.training.four_bit:
        check_four_bit(tuning.device or best_device())
    if tuning.accelerate is not None:
        _check_configuration(tuning.accelerate)
    if tuning.training.targets is not None and tuning.start is None:
        _check_targets(tuning.base, tuning.training.targets, tuning.training)


def _check_device(device: str) -> None:
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise SettingsError(f"device is {device!r:.40}; expected cpu or cuda")
    check_device(device)


def _check_configuration(file: Path) -> None:
    if not file.is_file():
        raise SettingsError(f"there is no file {file}; write accelerate's configuration with: accelerate config")


def _check_targets(base: str, targets: str, settings: LoraTraining) -> None:
    """On the model without its weights."""
    import transformers

    model_id = preset_of(base).model_id
    make: Any = transformers.AutoModelForImageTextToText
    try:
        config = transformers.AutoConfig.from_pretrained(model_id, trust_remote_code=False)
        with torch.device("meta"):
            model = make.from_config(config)
    except (OSError, ValueError) as error:
        raise WeightsError(f"the model {base} cannot be read: {error}") from error
    add_layers(model, base, targets, settings)
