"""Progress bars: for work in stages, and for an index."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ui.printing import err

if TYPE_CHECKING:
    from collections.abc import Iterator

    from finetune.list_trainer import Step
    from finetune.towers import EpochReport
    from retrieval.indexing import Progress


class Bar:
    """A progress bar over the stages of the work, drawn on standard error; in a file, a line for each tenth of one."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
        )
        self._stage = ""
        self._tenth = 0

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
        text = f"training: {step.per_s:.1f} {step.of}/s{loss}{best}"
        self._advance(f"training {step.of}", text, step.step, step.steps)

    def _advance(self, stage: str, text: str, done: int, total: int) -> None:
        if err.is_terminal:
            self._draw(stage, text, done, total)
        elif (tenth := 10 * done // max(1, total)) and (stage, tenth) != (self._stage, self._tenth):
            err.print(f"{text}: {done:,} of {total:,}", highlight=False, markup=False, soft_wrap=True)
            self._stage, self._tenth = stage, tenth

    def _draw(self, stage: str, text: str, done: int, total: int) -> None:
        if stage != self._stage:  # a bar of its own, or the time left would be that of the other stage
            self._bar.start()
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._task, self._stage = self._bar.add_task(stage, total=total), stage
        self._bar.update(self._task, completed=done, total=total, description=text)


@contextmanager
def index_bar() -> Iterator[Progress]:
    """A progress bar with items/s, drawn on standard error once there is something to count."""
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, Task, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f} items/s")

    bar = Bar(SpinnerColumn(), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn(), console=err)
    task = bar.add_task("index", total=None)

    def advance(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if bar.live.is_started:  # else stopping it prints an empty line
            bar.stop()
