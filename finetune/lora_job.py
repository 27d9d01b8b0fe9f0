"""The training part of a tuning run: from lists in a folder to an adapter in it, in this process or in several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.models.transformers import TransformersModel
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.checkpoints import enough_room
from finetune.dpo import fit_preferences
from finetune.examples import read_examples
from finetune.list_prompts import ListPrompts
from finetune.list_scores import validation_ndcgs
from finetune.list_trainer import Step
from finetune.lora import fit_lora, save_layers
from finetune.lora_settings import STOPPING_LISTS, LoraTraining
from finetune.preferences import read_preferences
from retrieval.errors import ModelUnavailableError

if TYPE_CHECKING:
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

ADAPTER = "adapter"
_JOB = "job.json"
_LAST_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class LoraJob:
    """What is trained: the base model, how, and the folder of the adapter to go on from.

    popularity: as `finetune.examples.ListSettings` has it. device: None is the best.
    """

    base: str
    training: LoraTraining
    rerank: RerankSettings
    popularity: bool
    start: str | None
    device: str | None
    seed: int


def do_job(
    job: LoraJob, folder: Path, workspace: Workspace, store: VectorStore, progress: Callable[[Step], object]
) -> None:
    """Train on the folder's lists and then on its preferences, and leave the adapter in it. Raises as `fit_lora`.

    Of several processes (accelerate) each has a device, and the first one writes.
    """
    rank = int(os.environ.get("LOCAL_RANK", "-1"))
    device = f"cuda:{rank}" if rank >= 0 and job.device != "cpu" and _has_gpu() else job.device
    engine = TransformersModel.open(job.base, device=device, four_bit=job.training.four_bit)
    engine.info = replace(engine.info, popularity=job.popularity)
    prompts = ListPrompts(Showcase(workspace, store), engine.info, job.rerank)
    shown = read_examples(folder / "validation.jsonl")
    telling = [example for example in shown if example.target >= 0][:STOPPING_LISTS]
    fitted = fit_lora(
        engine,
        read_examples(folder / "training.jsonl"),
        telling,
        prompts,
        job.training,
        rerank=job.rerank,
        folder=folder / "checkpoints",
        start=None if job.start is None else Path(job.start),
        seed=job.seed,
        progress=progress if rank <= 0 else None,
    )
    pairs = read_preferences(folder / "preferences.jsonl")
    if pairs:
        fit_preferences(
            engine,
            fitted.network,
            pairs,
            prompts,
            job.training,
            validate=lambda: float(validation_ndcgs(engine, telling, prompts, job.rerank).mean()),
            folder=folder / "preferences",
            seed=job.seed,
            progress=progress if rank <= 0 else None,
        )
    if rank <= 0:
        with enough_room(folder):
            save_layers(fitted.network, folder / ADAPTER, base=job.base)


def launch_job(job: LoraJob, folder: Path, workspace: Path, config: Path, progress: Callable[[Step], object]) -> None:
    """The same by `accelerate launch`, in as many processes as its configuration file says.

    Raises ModelUnavailableError with the last words of a launch that failed.
    """
    values = {**asdict(job), "rerank": job.rerank.model_dump(), "workspace": str(workspace.resolve())}
    (folder / _JOB).write_text(json.dumps(values), encoding="utf-8")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command += ["-m", "finetune.lora_job", str(folder.resolve())]
    with (folder / "launch.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 (our own)
        with process:
            for line in process.stdout or ():
                if line.startswith("{"):
                    progress(Step(**json.loads(line)))
        if process.returncode:
            log.seek(0)
            raise ModelUnavailableError(
                f"accelerate launch ended with status {process.returncode}; its last words, also in {log.name}: "
                f"{log.read()[-_LAST_WORDS:]}"
            )


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _main(folder: Path) -> None:
    """One of the launched processes; what the first one prints is its progress, a JSON object a line."""
    from retrieval.store import open_store
    from retrieval.workspace import Workspace

    told = json.loads((folder / _JOB).read_text(encoding="utf-8"))
    path = told.pop("workspace")
    training, rerank = LoraTraining(**told.pop("training")), RerankSettings(**told.pop("rerank"))
    job = LoraJob(**told, training=training, rerank=rerank)
    with Workspace.open(path) as workspace, open_store(workspace, serve=True) as store:
        do_job(job, folder, workspace, store, lambda step: print(json.dumps(asdict(step)), flush=True))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
