"""The training loop: transformers' Trainer, with lists as examples and the product's own NDCG@10 to stop by."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from accelerate.utils import broadcast_object_list
from torch import Tensor
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from agent.models.presets import preset_of
from finetune.list_scores import validation_ndcgs
from finetune.precision import computes_in_half
from retrieval.errors import ModelAnswerError

if TYPE_CHECKING:
    from agent.models.transformers import TransformersModel
    from agent.settings import RerankSettings
    from finetune.event_table import Floats
    from finetune.examples import Example
    from finetune.list_batches import ListBatches
    from finetune.lora_settings import LoraTraining

METRIC = "eval_ndcg@10"
KEPT = "eval_kept"
"""The step of a checkpoint that is kept rather than the ones before, 0 for one that is not."""


@dataclass(frozen=True, slots=True)
class Step:
    """That a step of the training is done.

    step, steps: this one, and how many there are. per_s: lists per second since the start. loss: NaN before the first
    was logged. ndcg: on the validation lists at the last look, None before the first.
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
        self._looks = Looks(folder)
        rate = settings.learning_rate or preset_of(engine.info.name).lora_rate
        arguments = _arguments(network, len(training), settings, rate, folder, seed)

        def look(step: int) -> dict[str, float]:
            was_training = network.training
            network.eval()
            try:
                found = validation_ndcgs(engine, validation, batches.prompts, rerank)
            finally:
                network.train(was_training)
            return {METRIC: float(found.mean()), KEPT: float(step if self._looks.add(step, found) else 0)}

        self._trainer = _Trainer(network, arguments, _Lists(training), batches, look)
        self._trainer.remove_callback(PrinterCallback)
        self._trainer.add_callback(_LastLook())
        self._trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=settings.patience))
        if progress is not None:
            self._trainer.add_callback(_Told(progress, settings.batch * settings.accumulate))

    def fit(self) -> tuple[int, float, float]:
        """Steps, NDCG@10 of what is kept, and the last loss; the network has the weights that are kept."""
        newest: Any = get_last_checkpoint
        last = newest(str(self._folder)) if self._folder.is_dir() else None
        self._trainer.train(resume_from_checkpoint=last)
        state = self._trainer.state
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        return state.global_step, self._looks.kept_ndcg(), losses[-1] if losses else math.nan


class Looks:
    """How good the network was at each look at the validation lists, in files, since a run may go on later.

    Of single lists NDCG@10 is so uncertain that the best look is mostly the luckiest one. Kept is therefore the latest
    within one standard error of the best (Breiman et al. 1984, Classification and Regression Trees, 3.4.3).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "looks"

    def add(self, step: int, ndcg: Floats) -> bool:
        """Whether this look is kept rather than those before. ndcg: (n_lists,), of the same lists each time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        before = [found for at, found in self._all() if at < step]
        np.save(self._folder / f"{step}.npy", ndcg)
        best = max(before, key=lambda found: float(found.mean()), default=ndcg)
        behind = best - ndcg
        return float(behind.mean()) <= float(behind.std(ddof=1)) / math.sqrt(len(behind)) if len(behind) > 1 else True

    def kept_ndcg(self) -> float:
        """The mean of the one that is kept, 0 before the first look."""
        kept = 0.0
        for step, found in self._all():
            if self.add(step, found):
                kept = float(found.mean())
        return kept

    def _all(self) -> list[tuple[int, Floats]]:
        paths = sorted(self._folder.glob("*.npy"), key=lambda path: int(path.stem))
        return [(int(path.stem), np.load(path, allow_pickle=False)) for path in paths]


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
        look: Callable[[int], dict[str, float]],
    ) -> None:
        self._batches = batches
        self._look = look
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
        looked = [self._look(self.state.global_step)]
        broadcast_object_list(looked)  # one word for all processes
        metrics = looked[0]
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _LastLook(TrainerCallback):
    """Looks at the end, and saves, wherever the looks before fell."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args
        if state.global_step >= state.max_steps:
            control.should_evaluate = control.should_save = True


class _Told(TrainerCallback):
    def __init__(self, progress: Callable[[Step], object], lists_per_step: int) -> None:
        self._progress = progress
        self._per_step = lists_per_step
        self._loss = math.nan
        self._ndcg: float | None = None
        self._began = time.monotonic()
        self._first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        self._began, self._first = time.monotonic(), state.global_step

    def on_log(self, args: Any, state: Any, control: Any, **told: Any) -> None:
        del args, state, control
        self._loss = told["logs"].get("loss", self._loss)
        self._ndcg = told["logs"].get(METRIC, self._ndcg)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        seconds = max(1e-9, time.monotonic() - self._began)
        per_s = (state.global_step - self._first) * self._per_step / seconds
        self._progress(Step(state.global_step, state.max_steps, per_s, self._loss, self._ndcg))


def _arguments(
    network: Any, lists: int, settings: LoraTraining, rate: float, folder: Path, seed: int
) -> TrainingArguments:
    steps = max(1, math.ceil(lists / (settings.batch * settings.accumulate))) * settings.epochs
    every = max(1, math.ceil(steps / settings.evaluations))
    cpu = network.device.type == "cpu"
    at_once = 1 if cpu else settings.batch  # without padding there is no mask, and attention takes its fast kernel
    make: Any = TrainingArguments
    arguments: TrainingArguments = make(
        output_dir=str(folder),
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=settings.batch * settings.accumulate // at_once,
        num_train_epochs=settings.epochs,
        learning_rate=rate,
        weight_decay=settings.weight_decay,
        warmup_steps=round(settings.warm_up * steps),
        lr_scheduler_type="cosine",
        bf16=computes_in_half(network.device.type) if settings.half is None else settings.half,
        use_cpu=cpu,
        activation_checkpointing=settings.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if settings.checkpointing else None,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=KEPT,
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
