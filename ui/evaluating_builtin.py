"""`tastemaker evaluate --builtin`: every figure of the built-in shop and models, as a table or JSON."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from finetune.builtin.evaluate_builtin import BuiltinFigures
    from finetune.builtin.figures import Figure

RESULT = "builtin.json"
_COLOURS = {"aim": "green", "floor": "yellow", "below": "red", "reported": "dim"}


def evaluate_shop(
    *,
    only: str,
    users: int | None,
    lists: int,
    model: str,
    alpha: float | None,
    fit_alpha: int,
    held: Path | None,
    movielens: Path | None,
    seed: int,
    as_json: bool,
    out: Path | None,
    keep: Path | None,
) -> None:
    """Measure, print the table or the JSON, and write OUT/builtin.json where a folder is given.

    only: names with commas between. keep: folder for the model's scores. Raises what `evaluate_builtin` raises.
    """
    from finetune.builtin.bench import BuiltinSettings
    from finetune.builtin.evaluate_builtin import as_json as in_json
    from finetune.builtin.evaluate_builtin import evaluate_builtin

    for path in (held, movielens):
        if path is not None and not path.exists():
            raise SettingsError(f"{path} is not there")
    settings = BuiltinSettings(
        only=tuple(name.strip() for name in only.split(",") if name.strip()),
        users=users,
        fit_alpha=fit_alpha,
        alpha=alpha,
        lists=lists,
        model=model,
        held=held,
        movielens=movielens,
        seed=seed,
    )
    errors = Console(stderr=True)
    with errors.status("measuring") as status:
        found = evaluate_builtin(settings, kept=keep, tell=lambda row: status.update(f"measuring: {row}"))
    told = json.dumps(in_json(found), ensure_ascii=False, allow_nan=False, indent=2)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / RESULT).write_text(told + "\n", encoding="utf-8")
    if as_json:
        sys.stdout.write(told + "\n")
        return
    console = Console()
    console.print(table(found))
    console.print(f"seconds: {', '.join(f'{name} {s:g}' for name, s in found.seconds.items())}", highlight=False)
    if out is not None:
        console.print(escape(f"written: {out / RESULT}"), highlight=False, soft_wrap=True)


def table(found: BuiltinFigures) -> Table:
    """The figures with what was asked of them beside them."""
    shown = Table(title=f"built-in models, weights {found.model[:12]}", title_justify="left")
    shown.add_column("figure", overflow="fold")
    for name in ("value", "95% interval", "floor", "aim"):
        shown.add_column(name, justify="right")
    shown.add_column("n", justify="right")
    shown.add_column("note", overflow="fold", style="dim")
    for figure in found.figures:
        colour = _COLOURS[figure.verdict]
        shown.add_row(
            escape(figure.name),
            f"[{colour}]{_number(figure.value, figure)}[/]",
            _interval(figure),
            _asked(figure.floor, figure),
            _asked(figure.aim, figure),
            f"{figure.n:,}" if figure.n else "",
            escape(figure.note),
        )
    return shown


def _number(value: float, figure: Figure) -> str:
    if not math.isfinite(value):
        return "none"
    digits = 0 if figure.unit in ("ms", "lists") else 1 if figure.unit == "%" else 3
    return f"{value:.{digits}f}{' ' if figure.unit else ''}{figure.unit}"


def _interval(figure: Figure) -> str:
    ends = (figure.low, figure.high)
    told = [_number(end, figure) for end in ends if end is not None and math.isfinite(end)]
    return " to ".join(told) if len(told) == len(ends) else ""


def _asked(wanted: float | None, figure: Figure) -> str:
    if wanted is None:
        return ""
    return f"{'at most ' if figure.lower_is_better else ''}{wanted:g}"
