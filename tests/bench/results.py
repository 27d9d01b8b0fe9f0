"""Measured figures: one JSON file a benchmark in docs/results, all of them in docs/results.md."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
_PACKAGES = ("chromadb", "sentence-transformers", "torch", "transformers", "gradio", "numpy")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. low, high: its 95% interval where it has one. n: what it was measured over."""

    figure: str
    value: float
    unit: str
    n: int
    low: float | None = None
    high: float | None = None


def quantiles(name: str, seconds: Sequence[float]) -> list[Figure]:
    """p50 and p95 of durations, in milliseconds."""
    return [
        Figure(f"{name} p{q}", round(float(np.percentile(seconds, q)) * 1000, 1), "ms", len(seconds)) for q in (50, 95)
    ]


def save(name: str, figures: Sequence[Figure]) -> None:
    """Print the figures, keep them in docs/results/NAME.json, and renew docs/results.md."""
    result = {
        "command": f"python -m tests.bench.{name}",
        "versions": {"python": platform.python_version(), **{package: version(package) for package in _PACKAGES}},
        "date": datetime.now(UTC).date().isoformat(),
        "figures": [asdict(figure) for figure in figures],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    write_page()
    print(json.dumps(result, indent=2))


def write_page() -> None:
    """Renew docs/results.md, which also has what `tastemaker evaluate --builtin --out docs/results` found."""
    (RESULTS.parent / "results.md").write_text(_page(), encoding="utf-8")


def _page() -> str:
    lines = [
        "# Measured results",
        "",
        "Written by the commands that it names. Times are of a shared machine with 2 cores and no GPU: compare",
        "figures within one table, not across tables.",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if "figures" not in result:  # of model families, which have a page of their own
            continue
        lines += ["", f"## {path.stem}", "", f"`{result['command']}`, {result['date']}", ""]
        lines += ["| figure | value | 95% interval | unit | n |", "| --- | ---: | --- | --- | ---: |"]
        for row in result["figures"]:
            interval = "" if row["low"] is None else f"{row['low']:g} to {row['high']:g}"
            value = "" if row["value"] is None else f"{row['value']:g}"
            lines.append(f"| {row['figure']} | {value} | {interval} | {row['unit']} | {row['n']:,} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_page()
