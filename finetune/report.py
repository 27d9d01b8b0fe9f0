"""What an evaluation found, for people: tables for the terminal, and files with all of it."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING

from rich.table import Table

from finetune.measures import TESTED
from finetune.page import page
from finetune.results import RESULTS_NAME, against, as_json, reference
from retrieval.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from finetune.bootstrap import Estimate
    from finetune.evaluate import Evaluation
    from finetune.ratings import RatingResult
    from finetune.results import OverSeeds

PAGE_NAME = "report.html"
SHOWN = ("recall@10", "recall@20", "mrr@10", "novelty@10", "diversity@10", "popularity_lift@10")
"""Metrics of the first table beside TESTED; the JSON has all."""


def tables(found: Evaluation, seeds: Sequence[OverSeeds] = ()) -> list[Table]:
    """The figures, the tests against the reference, and the slices."""
    tests = [_tests(found)] if found.pairs else []
    rated = [] if found.ratings is None else [_rated(found.ratings)]
    return [_figures(found, seeds), *tests, _slices(found), *rated]


def write_report(found: Evaluation, folder: Path, seeds: Sequence[OverSeeds] = ()) -> tuple[Path, Path]:
    """Write results.json and report.html into the folder, each whole or not at all; their paths. Raises StoreError."""
    results, report = folder / RESULTS_NAME, folder / PAGE_NAME
    _write(results, json.dumps(as_json(found, seeds), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    _write(report, page(found, seeds))
    return results, report


def interval(estimate: Estimate, digits: int = 4) -> str:
    """The mean and its interval, as a cell."""
    if math.isnan(estimate.low):
        return number(estimate.mean, digits)
    return f"{estimate.mean:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def number(value: float, digits: int = 4) -> str:
    """The number, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _figures(found: Evaluation, seeds: Sequence[OverSeeds]) -> Table:
    table = Table(title=f"{found.settings.label}, seed {found.settings.seed}: {found.n_cases:,} cases", expand=False)
    table.add_column("system")
    table.add_column(f"{TESTED} [95% interval]", justify="right")
    over = {each.system: each for each in seeds}
    if over:
        table.add_column(f"{TESTED} over seeds", justify="right")
    for metric in SHOWN:
        table.add_column(metric, justify="right")
    table.add_column("coverage@10", justify="right")
    for row in found.rows:
        cells = [row.system, interval(row.metrics[TESTED])]
        if over:
            mean = over.get(row.system)
            cells.append(f"{mean.mean:.4f} ({len(mean.seeds)})" if mean else "-")
        cells += [number(row.metrics[metric].mean) for metric in SHOWN]
        table.add_row(*cells, number(row.coverage))
    return table


def _tests(found: Evaluation) -> Table:
    name = reference(found)
    table = Table(title=f"{name} against each other system, {TESTED}, paired over users")
    for heading in (f"{name} -", "difference [95% interval]", "relative", "p", "p (Holm)"):
        table.add_column(heading, justify="left" if heading.endswith(" -") else "right")
    for test in against(found, name):
        difference = test.difference
        relative = "-" if math.isnan(difference.relative) else f"{difference.relative:+.1%}"
        cell = f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
        table.add_row(test.other, cell, relative, number(difference.p), number(test.p_holm))
    return table


def _slices(found: Evaluation) -> Table:
    metric = "recall@20" if found.settings.hide_items else TESTED
    table = Table(title=f"{metric} by slice")
    table.add_column("system")
    for name, cases in found.slices.items():
        table.add_column(f"{name} ({cases:,})", justify="right")
    for row in found.rows:
        table.add_row(row.system, *(interval(row.slices[name][metric]) for name in found.slices))
    return table


def _rated(result: RatingResult) -> Table:
    low, high = result.scale
    left_out = f", {result.left_out:,} outside left out" if result.left_out else ""
    table = Table(title=f"rating prediction: {result.n_cases:,} ratings from {low:g} to {high:g}{left_out}")
    for heading in ("system", "rmse [95% interval]", "mae [95% interval]"):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for row in result.rows:
        table.add_row(row.system, interval(row.rmse), interval(row.mae))
    return table


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".new-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); free some space and run again") from error
