"""Preferences put into an adapter: TRL's direct preference optimisation, on the letters of what was shown."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers.trainer_callback import PrinterCallback

from agent.prompts import LETTERS
from finetune.answered import with_answers
from finetune.list_trainer import StepTeller, examples_per_step
from finetune.precision import computes_in_half, enough_memory
from retrieval.errors import ModelAnswerError, SettingsError

if TYPE_CHECKING:
    from agent.models.transformers import TransformersModel
    from finetune.list_prompts import ListPrompts
    from finetune.list_trainer import Step
    from finetune.lora_settings import LoraTraining
    from finetune.preferences import Preference

logger = logging.getLogger(__name__)

_PAIRS = 4
"""In a step. They go through the model one by one."""


def fit_preferences(
    engine: TransformersModel,
    network: Any,
    pairs: Sequence[Preference],
    prompts: ListPrompts,
    settings: LoraTraining,
    *,
    validate: Callable[[], float],
    folder: Path,
    seed: int,
    progress: Callable[[Step], object] | None = None,
) -> float:
    """Go on fitting the network, the engine's with low-rank layers, so that it prefers what was preferred.

    The reference is the network as it comes (Rafailov et al. 2023). Where it ends up worse on the validation lists, or
    the loss is no number, which is logged, its layers are put back. Returns the NDCG@10 that it has on them then.
    Raises SettingsError where TRL is not installed, ModelUnavailableError when memory does not suffice.
    """
    before, layers = validate(), _layers(network)
    trainer = _trainer(engine, network, pairs, prompts, settings, folder, seed)
    if progress is not None:
        trainer.add_callback(StepTeller(progress, examples_per_step(trainer.args), of="pairs"))
    network.train()
    try:
        with enough_memory(
            "learn from a pair of an answer",
            "set checkpointing=true, four_bit=true on a GPU, or preference_epochs=0 to leave preferences out",
        ):
            trainer.train()
        network.eval()
        after = validate()
    except ModelAnswerError as error:
        logger.warning("nothing is learned from preferences: %s", error)
        after = -math.inf
    finally:
        network.eval()
        if "ref" in network.peft_config:
            network.delete_adapter("ref")
    if after >= before:
        return after
    _put_back(network, layers)
    return before


class PreferenceBatches:
    """Batches as TRL's DPOTrainer takes them: chosen answers, then rejected ones, each the one letter after its list.

    The lists are the engine's own inputs, with kept picture features where the model can do that.
    """

    def __init__(self, engine: TransformersModel, pairs: Sequence[Preference], prompts: ListPrompts) -> None:
        self._engine = engine
        self._pairs = pairs
        self._prompts = prompts
        self._letters = engine.token_ids(LETTERS)

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        pairs = [self._pairs[row["place"]] for row in rows]
        orders = [torch.randperm(len(pair.shown.candidates)).tolist() for pair in pairs]
        told = [self._prompts.prompt(pair.shown, order) for pair, order in zip(pairs, orders, strict=True)]
        chosen = [order.index(pair.chosen) for pair, order in zip(pairs, orders, strict=True)]
        rejected = [order.index(pair.rejected) for pair, order in zip(pairs, orders, strict=True)]
        batch = with_answers(
            self._engine.inputs([*told, *told]), [[self._letters[place]] for place in (*chosen, *rejected)]
        )
        return {**batch["inputs"], "completion_mask": (batch["labels"] != -100).long()}


def _trainer(
    engine: TransformersModel,
    network: Any,
    pairs: Sequence[Preference],
    prompts: ListPrompts,
    settings: LoraTraining,
    folder: Path,
    seed: int,
) -> Any:
    try:
        from datasets import Dataset
        from trl import DPOConfig, DPOTrainer
    except ImportError as error:
        raise SettingsError(
            f"learning from preferences needs TRL ({error}); pip install 'tastemaker[train]', or say "
            "preference_epochs=0"
        ) from error

    class CheckedTrainer(DPOTrainer):  # type: ignore[misc]
        def compute_loss(self, *args: Any, **options: Any) -> Any:
            loss = super().compute_loss(*args, **options)
            if not bool(self.accelerator.gather(loss.detach()).isfinite().all()):  # all processes stop, or none
                raise ModelAnswerError(
                    f"the loss is no number at step {self.state.global_step + 1}; lower preference_rate, or say "
                    "preference_epochs=0"
                )
            return loss

    make: Any = DPOConfig
    config = make(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=_PAIRS,
        num_train_epochs=settings.preference_epochs,
        learning_rate=settings.preference_rate,
        beta=settings.preference_beta,
        bf16=computes_in_half(network.device.type) if settings.half is None else settings.half,
        use_cpu=network.device.type == "cpu",
        gradient_checkpointing=settings.checkpointing,
        max_length=None,
        save_strategy="no",
        report_to=[] if settings.report_to == "none" else [settings.report_to],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        seed=seed,
    )
    # One row for each pair, in the form that TRL looks for; what the model is given is made of `place`.
    rows = [{"place": place, "prompt": "", "chosen": "", "rejected": "", "images": []} for place in range(len(pairs))]
    trainer: Any = CheckedTrainer(
        network,
        args=config,
        train_dataset=Dataset.from_list(rows),
        data_collator=PreferenceBatches(engine, pairs, prompts),
        processing_class=engine.processor,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _layers(network: Any) -> dict[str, torch.Tensor]:
    return {name: weights.detach().clone() for name, weights in network.named_parameters() if "lora_" in name}


def _put_back(network: Any, layers: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name in layers:
                weights.copy_(layers[name])
