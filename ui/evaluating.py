"""The command `tastemaker evaluate`: runs the evaluation and tells what it found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from finetune.evaluate import Evaluation, Told
    from finetune.results import OverSeeds


def evaluate_workspace(
    folder: Path,
    *,
    protocol: str,
    last: int,
    hide_items: float,
    systems: str,
    seed: int,
    device: str,
    as_json: bool,
    out: Path | None,
) -> None:
    """Evaluate, write results.json and report.html, and print the tables, or the JSON.

    systems: names with commas between. Raises what `finetune.evaluate.evaluate` raises.
    """
    from finetune.evaluate import EvaluationSettings, evaluate, run_folder
    from finetune.report import write_report
    from finetune.results import as_json as in_json
    from finetune.results import over_seeds

    names = tuple(name.strip() for name in systems.split(",") if name.strip())
    settings = EvaluationSettings(protocol, last, hide_items, names, seed)
    with Workspace.open(folder) as workspace, _told() as told:
        found = evaluate(workspace, settings, folder=out, device=device, told=told)
        place = run_folder(workspace, settings, out)
    seeds = over_seeds(found, place)
    written = write_report(found, place, seeds)
    if as_json:
        sys.stdout.write(json.dumps(in_json(found, seeds), ensure_ascii=False, allow_nan=False) + "\n")
        return
    _print(found, seeds, written)


def _print(found: Evaluation, seeds: tuple[OverSeeds, ...], written: tuple[Path, ...]) -> None:
    from finetune.report import tables

    console = Console()
    for note in found.notes:
        console.print(escape(note), highlight=False, soft_wrap=True)
    for table in tables(found, seeds):
        console.print(table)
    for path in written:
        console.print(escape(f"written: {path}"), highlight=False, soft_wrap=True)


@contextmanager
def _told() -> Iterator[Told]:
    """Tells on standard error which system is at work, and how far it is."""
    console = Console(stderr=True)
    with console.status("reading the log") as status:
        yield lambda system, done, total: status.update(f"{system}: {done:,} of {total:,} cases")
