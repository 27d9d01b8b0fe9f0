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

from agent.models.presets import preset_of
from finetune.checkpoints import enough_room, newest_checkpoint
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
    was logged. ndcg: on the validation lists at the last look, None before the first. of: what is learned from, lists
    or pairs.
    """

    step: int
    steps: int
    per_s: float
    loss: float
    ndcg: float | None
    of: str = "lists"


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
        rate = settings.learning_rate or preset_of(engine.info.name).lora_rate
        arguments = _arguments(network, len(training), settings, rate, folder, seed)

        def validate() -> Floats:
            was_training = network.training
            network.eval()
            try:
                return validation_ndcgs(engine, validation, batches.prompts, rerank)
            finally:
                network.train(was_training)

        self._trainer = _Trainer(network, arguments, _Lists(training), batches, validate, Looks(folder))
        self._trainer.remove_callback(PrinterCallback)
        self._trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=settings.patience))
        if progress is not None:
            self._trainer.add_callback(StepTeller(progress, examples_per_step(arguments)))

    def fit(self) -> tuple[int, float, float]:
        """Steps, NDCG@10 of what is kept, and the last loss; the network has the weights that are kept."""
        last = newest_checkpoint(self._folder)
        self._trainer.train(resume_from_checkpoint=None if last is None else str(last))
        state = self._trainer.state
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        looks = {entry["step"]: float(entry[METRIC]) for entry in state.log_history if METRIC in entry}
        return state.global_step, looks.get(state.best_global_step or 0, 0.0), losses[-1] if losses else math.nan


class Looks:
    """How good the network was at each look at the validation lists, in files, since a run may go on later.

    Of single lists NDCG@10 is so uncertain that the best look is mostly the luckiest one. Kept is therefore the latest
    within one standard error of the best, as of trees the smallest is (Breiman et al. 1984, Classification and
    Regression Trees, 3.4.3); the error here is that of the difference on the same lists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "looks"

    def add(self, step: int, ndcg: Floats, *, write: bool = True) -> bool:
        """Whether this look is kept rather than those before. ndcg: (n_lists,), of the same lists each time.

        write: of several processes one writes.
        """
        paths = [path for path in self._folder.glob("*.npy") if path.stem.isdecimal() and int(path.stem) < step]
        looks = [np.load(path, allow_pickle=False) for path in paths]
        if write:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._folder / f".{step}.npy"
            np.save(draft, ndcg)
            draft.replace(self._folder / f"{step}.npy")
        behind = max(looks, key=lambda found: float(found.mean()), default=ndcg) - ndcg
        return len(behind) < 2 or float(behind.mean()) <= float(behind.std(ddof=1)) / math.sqrt(len(behind))


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
        validate: Callable[[], Floats],
        looks: Looks,
    ) -> None:
        self._batches = batches
        self._validate = validate
        self._looks = looks
        super().__init__(
            model=network, args=arguments, train_dataset=training, eval_dataset=training, data_collator=batches
        )

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        loss: Tensor = self._batches.loss(model, inputs)
        if not math.isfinite(float(loss.detach())):
            folder = Path(str(self.args.output_dir))
            kept = f"; the last good checkpoint is in {folder}" if any(folder.glob("checkpoint-*")) else ""
            raise ModelAnswerError(
                f"the loss is {float(loss.detach())} at step {self.state.global_step + 1}, training has stopped{kept}; "
                "lower learning_rate, or say half=false"
            )
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        found = broadcast_object_list([self._validate()])[0]  # one word for all processes
        step = self.state.global_step
        with enough_room(Path(str(self.args.output_dir))):
            kept = self._looks.add(step, found, write=self.is_world_process_zero())
        metrics = {METRIC: float(found.mean()), KEPT: float(step if kept else 0)}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with enough_room(Path(str(self.args.output_dir))):
            super()._save_checkpoint(model, trial)


class StepTeller(TrainerCallback):
    """Tells each step of a Trainer. of: as `Step` has it."""

    def __init__(self, progress: Callable[[Step], object], per_step: int, *, of: str = "lists") -> None:
        self._progress = progress
        self._per_step = per_step
        self._of = of
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
        self._progress(Step(state.global_step, state.max_steps, per_s, self._loss, self._ndcg, self._of))


def examples_per_step(arguments: TrainingArguments) -> int:
    """On all devices of all processes."""
    processes: int = arguments.world_size
    return int(arguments.train_batch_size) * int(arguments.gradient_accumulation_steps) * processes


def _arguments(
    network: Any, lists: int, settings: LoraTraining, rate: float, folder: Path, seed: int
) -> TrainingArguments:
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
        warmup_steps=settings.warm_up,  # a share of all steps
        lr_scheduler_type="cosine",
        bf16=computes_in_half(network.device.type) if settings.half is None else settings.half,
        use_cpu=cpu,
        activation_checkpointing=settings.checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if settings.checkpointing else None,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=KEPT,
        greater_is_better=True,
        report_to=[] if settings.report_to == "none" else [settings.report_to],
        remove_unused_columns=False,
        label_names=[],
        dataloader_pin_memory=False,
        disable_tqdm=True,
        seed=seed,
    )
    steps = math.ceil(lists / examples_per_step(arguments)) * settings.epochs
    every = math.ceil(steps / settings.evaluations)
    arguments.eval_steps = arguments.save_steps = every
    arguments.logging_steps = max(1, every // 4)
    return arguments
