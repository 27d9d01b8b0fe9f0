"""The training loop: transformers' Trainer, with lists as examples and the product's own NDCG@10 to stop by."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate.utils import broadcast_object_list
from torch import Tensor
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from finetune.list_scores import validation_ndcg
from finetune.precision import computes_in_half
from retrieval.errors import ModelAnswerError

if TYPE_CHECKING:
    from agent.models.transformers import TransformersModel
    from agent.settings import RerankSettings
    from finetune.examples import Example
    from finetune.list_batches import ListBatches
    from finetune.lora_settings import LoraTraining

METRIC = "eval_ndcg@10"


@dataclass(frozen=True, slots=True)
class Step:
    """That a step of the training is done.

    step, steps: this one, and how many there are. per_s: lists per second since the start. loss: NaN before the first
    was logged. ndcg: the best on the validation lists up to now, None before the first look.
    """

    step: int
    steps: int
    per_s: float
    loss: float
    ndcg: float | None


class ListTrainer:
    """Fits a peft model to lists; see `finetune.lora.fit_lora`."""

    def __init__(
        self,
        network: Any,
        training: Sequence[Example],
        validation: Sequence[Example],
        batches: ListBatches,
        settings: LoraTraining,
        *,
        engine: TransformersModel,
        rerank: RerankSettings,
        folder: Path,
        seed: int,
        progress: Callable[[Step], object] | None,
    ) -> None:
        self._folder = folder
        arguments = _arguments(network, len(training), settings, folder, seed)

        def validate() -> float:
            was_training = network.training
            network.eval()
            try:
                return validation_ndcg(engine, validation, batches.prompts, rerank)
            finally:
                network.train(was_training)

        self._trainer = _Trainer(network, arguments, _Lists(training), batches, validate)
        self._trainer.remove_callback(PrinterCallback)
        self._trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=settings.patience))
        if progress is not None:
            self._trainer.add_callback(_Told(progress, settings.batch * settings.accumulate))

    def fit(self) -> tuple[int, float, float]:
        """Steps, the best NDCG@10 and the last loss; the network has the weights of the best."""
        newest: Any = get_last_checkpoint
        last = newest(str(self._folder)) if self._folder.is_dir() else None
        self._trainer.train(resume_from_checkpoint=last)
        state = self._trainer.state
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        return state.global_step, float(state.best_metric or 0.0), losses[-1] if losses else math.nan


class _Lists(Dataset[Any]):
    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, place: int) -> Example:
        return self._examples[place]


class _Trainer(Trainer):
    def __init__(
        self,
        network: Any,
        arguments: TrainingArguments,
        training: _Lists,
        batches: ListBatches,
        validate: Callable[[], float],
    ) -> None:
        self._batches = batches
        self._validate = validate
        super().__init__(
            model=network, args=arguments, train_dataset=training, eval_dataset=training, data_collator=batches
        )

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        loss: Tensor = self._batches.loss(model, inputs)
        if not math.isfinite(float(loss.detach())):
            raise ModelAnswerError(
                f"the loss is {float(loss.detach())} at step {self.state.global_step + 1}, training has stopped; the "
                f"last good checkpoint is in {self.args.output_dir}; lower learning_rate, or say half=false"
            )
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        metrics = {METRIC: broadcast_object_list([self._validate()])[0]}  # one word for all processes
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Told(TrainerCallback):
    def __init__(self, progress: Callable[[Step], object], lists_per_step: int) -> None:
        self._progress = progress
        self._per_step = lists_per_step
        self._loss = math.nan
        self._began = time.monotonic()
        self._first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        self._began, self._first = time.monotonic(), state.global_step

    def on_log(self, args: Any, state: Any, control: Any, **told: Any) -> None:
        del args, state, control
        self._loss = told["logs"].get("loss", self._loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        seconds = max(1e-9, time.monotonic() - self._began)
        per_s = (state.global_step - self._first) * self._per_step / seconds
        self._progress(Step(state.global_step, state.max_steps, per_s, self._loss, state.best_metric))


def _arguments(network: Any, lists: int, settings: LoraTraining, folder: Path, seed: int) -> TrainingArguments:
    steps = max(1, math.ceil(lists / (settings.batch * settings.accumulate))) * settings.epochs
    every = max(1, math.ceil(steps / settings.evaluations))
    make: Any = TrainingArguments
    arguments: TrainingArguments = make(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulate,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=round(settings.warm_up * steps),
        lr_scheduler_type="cosine",
        bf16=computes_in_half(network.device.type) if settings.half is None else settings.half,
        use_cpu=network.device.type == "cpu",
        activation_checkpointing=settings.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if settings.checkpointing else None,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=METRIC,
        greater_is_better=True,
        logging_steps=max(1, every // 4),
        report_to=[] if settings.report_to == "none" else [settings.report_to],
        remove_unused_columns=False,
        label_names=[],
        dataloader_pin_memory=False,
        disable_tqdm=True,
        seed=seed,
    )
    return arguments
