"""The command `tastemaker evaluate`: runs the evaluation and tells what it found."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from retrieval.errors import SettingsError
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from finetune.evaluate import Evaluation
    from finetune.results import OverSeeds


def evaluate_workspace(
    folder: Path,
    *,
    protocol: str,
    last: int,
    hide_items: float,
    systems: str,
    rating_scale: str | None,
    seed: int,
    device: str,
    as_json: bool,
    out: Path | None,
) -> None:
    """Evaluate, write results.json and report.html, and print the tables, or the JSON.

    systems: names with commas between. rating_scale: two numbers with a colon between. Raises what
    `finetune.evaluate.evaluate` raises.
    """
    _check_installed()
    from finetune.evaluate import EvaluationSettings, evaluate, run_folder
    from finetune.report import write_report
    from finetune.results import as_json as in_json
    from finetune.results import over_seeds

    names = tuple(name.strip() for name in systems.split(",") if name.strip())
    settings = EvaluationSettings(protocol, last, hide_items, names, _scale(rating_scale), seed)
    with Workspace.open(folder) as workspace, _telling() as tell:
        found = evaluate(workspace, settings, folder=out, device=device, tell=tell)
        place = run_folder(workspace, settings, out)
    seeds = over_seeds(found, place)
    written = write_report(found, place, seeds)
    if as_json:
        sys.stdout.write(json.dumps(in_json(found, seeds), ensure_ascii=False, allow_nan=False) + "\n")
        return
    _print(found, seeds, written)


def _scale(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = map(float, text.split(":"))
    except ValueError as error:
        raise SettingsError(f"the rating scale is {text!r:.60}; expected two numbers such as 1:5") from error
    return low, high


def _check_installed() -> None:
    missing = [name for name in ("implicit", "matplotlib") if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"evaluating needs {' and '.join(missing)}, which is not installed; run pip install 'tastemaker[train]'"
        )


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
def _telling() -> Iterator[Callable[[str], None]]:
    """Tells on standard error what is going on."""
    console = Console(stderr=True)
    with console.status("reading the log") as status:
        yield lambda text: status.update(escape(text))
