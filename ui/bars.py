"""A progress bar for work in stages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from finetune.list_trainer import Step
    from finetune.towers import EpochReport

_err = Console(stderr=True)


class Bar:
    """A progress bar over the stages of the work, drawn on standard error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=_err
        )
        self._stage = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar.live.is_started:  # else stopping it prints an empty line
            self._bar.stop()

    def epoch(self, report: EpochReport) -> None:
        told = "" if report.ndcg is None else f", NDCG@10 {report.ndcg:.4f}"
        self._advance(report.stage, f"{report.stage}: loss {report.loss:.3f}{told}", report.epoch, report.epochs)

    def lists(self, done: int, total: int) -> None:
        self._advance("lists", "lists", done, total)

    def stage(self, name: str, done: int, total: int) -> None:
        self._advance(name, name, done, total)

    def step(self, step: Step) -> None:
        loss = "" if math.isnan(step.loss) else f", loss {step.loss:.3f}"
        best = "" if step.ndcg is None else f", NDCG@10 {step.ndcg:.4f}"
        self._advance("training", f"training: {step.per_s:.1f} lists/s{loss}{best}", step.step, step.steps)

    def _advance(self, stage: str, text: str, done: int, total: int) -> None:
        if stage != self._stage:  # a bar of its own, or the time left would be that of the other stage
            self._bar.start()
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._task, self._stage = self._bar.add_task(stage, total=total), stage
        self._bar.update(self._task, completed=done, total=total, description=text)
