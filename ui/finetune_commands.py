"""`tastemaker finetune`: what a workspace learns from its log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from finetune.towers import EpochReport, LearnedReport

finetune_app = typer.Typer(no_args_is_help=True, help="Learn from the log: vectors, and the retrievers' weights.")
_out = Console()
_err = Console(stderr=True)


@finetune_app.callback()
def _each_thing() -> None:
    """What is to be learned is named: with one command only, Typer would leave its name out."""


@finetune_app.command()
def towers(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
    ],
    fusion: Annotated[
        str,
        typer.Option(
            help="How an item's text and picture become one: attention, mean, concat, bilinear, text, image, or none "
            "for ids alone."
        ),
    ] = "attention",
    epochs: Annotated[int, typer.Option(help="At most so many passes over the log.")] = 24,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of everything that draws.")] = 0,
) -> None:
    """Learn user and item vectors from the log, weigh the retrievers, and serve both.

    A run that was cut off goes on at its last whole epoch.
    """
    from finetune.towers import TowerTraining, train_towers
    from retrieval.two_towers import TowerSettings
    from retrieval.workspace import Workspace

    settings, training = TowerSettings(fusion=fusion), TowerTraining(epochs=epochs)  # type: ignore[arg-type]
    with Workspace.open(workspace) as opened, _EpochBar() as bar:
        report = train_towers(opened, settings, training, device=device, seed=seed, progress=bar.advance)
    _print_learned(report)


class _EpochBar:
    """A progress bar over the epochs of both stages, drawn on standard error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=_err
        )
        self._stage = ""

    def __enter__(self) -> _EpochBar:
        self._bar.start()
        self._task = self._bar.add_task("reading the log", total=None)
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def advance(self, report: EpochReport) -> None:
        if report.stage != self._stage:  # a bar of its own, or the time left would be that of the other stage
            self._bar.remove_task(self._task)
            self._task, self._stage = self._bar.add_task(report.stage, total=report.epochs), report.stage
        told = "" if report.ndcg is None else f", NDCG@10 {report.ndcg:.4f}"
        text = f"{report.stage}: loss {report.loss:.3f}{told}"
        self._bar.update(self._task, completed=report.epoch, total=report.epochs, description=text)


def _print_learned(report: LearnedReport) -> None:
    _out.print(
        f"towers {report.version}: {report.items:,} items, {report.users:,} users; best of {report.epochs} epochs, "
        f"NDCG@10 {report.ndcg:.4f} on each user's last event",
        highlight=False,
        soft_wrap=True,
    )
    if report.blend is not None:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in report.blend.weights.items())
        _out.print(f"the retrievers weigh {escape(weights)}", highlight=False, soft_wrap=True)
    if report.note is not None:
        _err.print(f"[yellow]note:[/] the retrievers' weights stay as they were: {escape(report.note)}", soft_wrap=True)
