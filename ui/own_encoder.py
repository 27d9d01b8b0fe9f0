"""`tastemaker index --train-encoder`: train the workspace's own image encoder, then index with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval.encoders import BUILTIN, OWN

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from finetune.builtin.own_encoder import OwnEncoder, Tell
    from retrieval.workspace import Workspace


def own_encoder(workspace: Workspace, catalog: Path, console: Console) -> str:
    """The name of the encoder to index with: the one just trained, or the built-in one where that is no worse.

    Raises what `train_own_encoder` raises.
    """
    from finetune.builtin.own_encoder import train_own_encoder

    with _bar(console) as tell:
        trained = train_own_encoder(workspace, catalog, tell=tell)
    console.print(_told(trained), highlight=False, soft_wrap=True)
    return trained.name if trained.better else BUILTIN


def forget_others(workspace: Workspace) -> None:
    """Remove the workspace's own encoders that it no longer uses; a training that was cut off can still go on."""
    for path in workspace.encoders_folder.glob(f"{OWN}*"):
        if path.stem != workspace.settings.encoder:
            path.unlink(missing_ok=True)


def _told(trained: OwnEncoder) -> str:
    kept = "it is used from now on" if trained.better else "the built-in one is used"
    return (
        f"trained on {trained.pictures:,} pictures; of {trained.held:,} items kept back, a title finds its picture "
        f"in the first ten {trained.after:.0%} of the time, with the built-in encoder {trained.before:.0%}; {kept}"
    )


@contextmanager
def _bar(console: Console) -> Iterator[Tell]:
    """A bar for each thing that is counted, with its speed and the time left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f} pictures/s")

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            bar.start()
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    try:
        yield tell
    finally:
        if tasks:
            bar.stop()
