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
ACCURACY = ("recall@10", "recall@20", "mrr@10")
"""Metrics of the first table beside TESTED; the JSON has all."""

BEYOND_ACCURACY = {"novelty": "novelty@10", "diversity": "diversity@10", "popularity lift": "popularity_lift@10"}
OF_SLICES = (TESTED, "recall@20")


def tables(found: Evaluation, seeds: Sequence[OverSeeds] = ()) -> list[Table]:
    """The figures, the tests against the reference, and the slices; each fits into 80 columns."""
    tests = [_tests(found)] if found.pairs else []
    rated = [] if found.ratings is None else [_rated(found.ratings)]
    return [_figures(found), *([_over_seeds(seeds)] if seeds else []), *tests, _beyond(found), _slices(found), *rated]


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


def _figures(found: Evaluation) -> Table:
    table = Table(title=f"{found.settings.label}, seed {found.settings.seed}: {found.n_cases:,} cases")
    _columns(table, "system", f"{TESTED} [95% interval]", *ACCURACY)
    for row in found.rows:
        others = [number(row.metrics[metric].mean) for metric in ACCURACY]
        table.add_row(row.system, interval(row.metrics[TESTED]), *others)
    return table


def _over_seeds(seeds: Sequence[OverSeeds]) -> Table:
    table = Table(title=f"{TESTED} over seeds")
    _columns(table, "system", "mean", "seeds", "each")
    for each in seeds:
        values = " ".join(number(value) for value in each.values)
        table.add_row(each.system, number(each.mean), " ".join(map(str, each.seeds)), values)
    return table


def _beyond(found: Evaluation) -> Table:
    table = Table(title=f"the first 10 of a list; diversity: {found.diversity}")
    _columns(table, "system", "coverage", *BEYOND_ACCURACY)
    for row in found.rows:
        others = [number(row.metrics[metric].mean, 3) for metric in BEYOND_ACCURACY.values()]
        table.add_row(row.system, number(row.coverage, 3), *others)
    return table


def _tests(found: Evaluation) -> Table:
    name = reference(found)
    table = Table(title=f"{name} against each other system, {TESTED}, paired over users")
    _columns(table, f"{name} -", "difference [95% interval]", "relative", "p", "p (Holm)")
    for test in against(found, name):
        difference = test.difference
        relative = "-" if math.isnan(difference.relative) else f"{difference.relative:+.1%}"
        cell = f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
        table.add_row(test.other, cell, relative, number(difference.p), number(test.p_holm))
    return table


def _slices(found: Evaluation) -> Table:
    table = Table(title="slices [95% interval]")
    _columns(table, "system", *OF_SLICES)
    for name, cases in found.slices.items():
        table.add_row(f"{name} ({cases:,})")
        for row in found.rows:
            table.add_row(f"  {row.system}", *(interval(row.slices[name][metric]) for metric in OF_SLICES))
        table.add_section()
    return table


def _rated(result: RatingResult) -> Table:
    low, high = result.scale
    left_out = f", {result.left_out:,} outside left out" if result.left_out else ""
    table = Table(title=f"rating prediction: {result.n_cases:,} ratings from {low:g} to {high:g}{left_out}")
    _columns(table, "system", "rmse [95% interval]", "mae [95% interval]")
    for row in result.rows:
        table.add_row(row.system, interval(row.rmse), interval(row.mae))
    return table


def _columns(table: Table, first: str, *others: str) -> None:
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")


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
