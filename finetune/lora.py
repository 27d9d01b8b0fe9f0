"""Fitting low-rank layers to lists: the engine's own model and prompts, so that what is learned is what is served."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from agent.models.presets import preset_of
from agent.prompts import LETTERS
from finetune.list_batches import ListBatches
from finetune.list_scores import likeliest_alpha
from finetune.list_trainer import ListTrainer, Step
from finetune.precision import enough_memory
from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from agent.models.transformers import TransformersModel
    from agent.settings import RerankSettings
    from finetune.examples import Example
    from finetune.list_prompts import ListPrompts
    from finetune.lora_settings import LoraTraining

Progress = Callable[[Step], object]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Low-rank layers in the engine's model, the best ones on validation.

    network: the peft model. steps: that were made. ndcg: of the best on the validation lists. loss: mean of the last
    logged steps.
    """

    network: Any
    steps: int
    ndcg: float
    loss: float


def fit_lora(
    engine: TransformersModel,
    training: Sequence[Example],
    validation: Sequence[Example],
    prompts: ListPrompts,
    settings: LoraTraining,
    *,
    rerank: RerankSettings,
    folder: Path,
    start: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fitted:
    """Put low-rank layers into the engine's model and fit them to the lists.

    folder: keeps checkpoints; a run that was cut off goes on from the last one there. start: an adapter to go on from.
    Raises SettingsError for targets that match nothing and for a report that is not installed, ModelError when the loss
    is not a number or memory does not suffice; the last good checkpoint stays in the folder.
    """
    check_report(settings.report_to)
    prior = likeliest_alpha(training) if settings.prior is None else settings.prior
    batches = ListBatches(engine, prompts, engine.token_ids(LETTERS), prior=prior, reasons=settings.reasons)
    batches(validation[:1])  # with the model as it is, because that checks the kept features of pictures
    torch.manual_seed(seed)
    network = with_layers(engine, settings, start)
    trainer = ListTrainer(
        network,
        training,
        validation,
        batches,
        settings,
        engine=engine,
        rerank=rerank,
        folder=folder,
        seed=seed,
        progress=progress,
    )
    try:
        with enough_memory(
            f"train on {settings.batch} lists at a time",
            "lower batch and raise accumulate as much, set checkpointing=true, or four_bit=true on a GPU",
        ):
            return Fitted(network, *trainer.fit())
    finally:
        network.eval()


def with_layers(engine: TransformersModel, settings: LoraTraining, start: Path | None = None) -> Any:
    """The engine's model with low-rank layers in it, fresh ones or an adapter's; the others are frozen.

    Raises SettingsError when the targets match no layer, or one of the vision tower, which no server would apply.
    """
    from peft import PeftModel

    base = engine.network
    if start is not None:
        return PeftModel.from_pretrained(base, str(start), is_trainable=True)
    targets = settings.targets or preset_of(engine.info.name).lora_targets
    return add_layers(base, engine.info.name, targets, settings)


def add_layers(base: Any, name: str, targets: str, settings: LoraTraining) -> Any:
    """The base with fresh low-rank layers. name: what the base is called. Raises as `with_layers`."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        network = get_peft_model(base, config)
    except ValueError as error:
        raise SettingsError(
            f"no layer of {name} is called as targets={targets!r} says ({error}); its layers are called "
            f"like {', '.join(_layer_names(base)[:3])}"
        ) from error
    except re.error as error:
        raise SettingsError(f"targets={targets!r} is no regular expression: {error}") from error
    seeing = [name for name, _ in network.named_parameters() if "lora_" in name and "vision" in name]
    if seeing:
        raise SettingsError(
            f"targets={targets!r} names layers of the vision tower ({seeing[0]}), where a server would not apply them; "
            "name layers of the language model only"
        )
    return network


def save_layers(network: Any, folder: Path, *, base: str) -> None:
    """Write the adapter as peft and vLLM read it. base: what the model is called."""
    network.peft_config["default"].base_model_name_or_path = base
    shutil.rmtree(folder, ignore_errors=True)
    network.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)  # asks no hub
    (folder / "README.md").unlink(missing_ok=True)  # peft's, an empty form


def _layer_names(model: Any) -> list[str]:
    return [name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)][-3:]


def check_report(name: str) -> None:
    """Raises SettingsError for a report that there is not, or that is not installed."""
    if name not in ("none", "tensorboard", "wandb", "trackio"):
        raise SettingsError(f"report_to is {name!r:.40}; expected tensorboard, wandb, trackio or none")
    if name != "none" and find_spec(name) is None:
        raise SettingsError(f"report_to is {name}, which is not installed; pip install {name}, or say report_to=none")
