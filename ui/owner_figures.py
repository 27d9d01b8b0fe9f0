"""What the owner's page shows, as rows of tables and points of plots. Every text in it is data, never markup."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from ui.cards import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.status import Status
    from retrieval.log_volume import LogVolume

Rows = list[list[str]]

REPORT_COLUMNS = ("system", "NDCG@10", "95% interval", "recall@10", "seconds to ask")
_BINS_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_REPORT_VERSION = 1


def status_rows(status: Status) -> Rows:
    """The catalogue, the index and the models, one a row."""
    vectors = ", ".join(f"{count:,} {space}" for space, count in status.vectors.items())
    model = f"{status.model.name}, {status.model.adapter or 'no adapter'}"
    return [
        ["Items", f"{status.items:,} to choose from, {status.withdrawn:,} withdrawn"],
        ["Index", "up to date" if status.waiting == 0 else f"{status.waiting:,} items wait: run tastemaker index"],
        ["Vectors", vectors],
        ["Encoder", plain(status.encoder, 120)],
        ["Language model", plain(model, 120)],
        ["Learned towers", status.towers or "none yet: run tastemaker finetune towers"],
        ["Refused rows", f"{status.refused:,} files in the folder rejects" if status.refused else "none"],
    ]


def volume_rows(volume: LogVolume) -> Rows:
    """Events by type, the most frequent first, and the totals."""
    rows = [[kind, f"{count:,}"] for kind, count in volume.by_type.items()]
    return [*rows, ["all", f"{volume.events:,}"], ["people", f"{volume.users:,}"]]


def volume_points(volume: LogVolume) -> pd.DataFrame:
    """Events by day, oldest first."""
    return pd.DataFrame({"day": [day.isoformat() for day, _ in volume.by_day], "events": [n for _, n in volume.by_day]})


def latency_points(timings: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """How many answers took how long, in classes that grow."""
    seconds = [each["total"] / 1000 for each in timings]
    counts, _ = np.histogram(seconds, [0.0, *_BINS_S, np.inf])
    names = [f"to {edge:g} s" for edge in _BINS_S] + [f"over {_BINS_S[-1]:g} s"]
    return pd.DataFrame({"took": names, "answers": counts.tolist()})


def latency_rows(timings: Sequence[Mapping[str, float]]) -> Rows:
    """Median, 95th percentile and longest, of each stage and in total, in milliseconds."""
    stages = list(dict.fromkeys(stage for each in timings for stage in each))
    rows = []
    for stage in stages:
        ms = [each[stage] for each in timings if stage in each]
        rows.append([stage, *(f"{value:,.0f} ms" for value in (*np.percentile(ms, (50, 95)), max(ms)))])
    return rows


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation as the page shows it. rows: in REPORT_COLUMNS. points: NDCG@10 by system, the best first."""

    about: str
    rows: Rows
    points: pd.DataFrame


NO_REPORT = Report(
    "Nothing was evaluated yet: run tastemaker evaluate --workspace DIR.",
    [],
    pd.DataFrame({"system": [], "NDCG@10": []}),
)


def report_names(workspace: Path) -> list[str]:
    """The evaluations of a workspace, the latest first."""
    folder = workspace / "evaluation"
    files = sorted(folder.glob("*/seed-*/results.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [str(path.parent.relative_to(folder)) for path in files]


def read_report(workspace: Path, name: str | None) -> Report:
    """The evaluation of this name; one that says so where there is none, or it cannot be read."""
    if name is None or name not in report_names(workspace):
        return NO_REPORT
    path = workspace / "evaluation" / name / "results.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema_version"] != _REPORT_VERSION:
            raise ValueError(f"it has version {found['schema_version']!r:.20}")
        return _report(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Report(f"{name} cannot be read ({plain(str(error), 80)}); evaluate again.", [], NO_REPORT.points)


def _report(found: Mapping[str, Any]) -> Report:
    systems = sorted(found["systems"], key=lambda row: row["metrics"]["ndcg@10"]["mean"] or 0.0, reverse=True)
    rows, names, means = [], [], []
    for row in systems:
        ndcg, recall = row["metrics"]["ndcg@10"], row["metrics"]["recall@10"]
        interval = f"{ndcg['low']:.4f} to {ndcg['high']:.4f}"
        name = plain(str(row["system"]), 60)
        rows.append([name, f"{ndcg['mean']:.4f}", interval, f"{recall['mean']:.4f}", f"{row['rank_s']:.1f}"])
        names.append(name)
        means.append(float(ndcg["mean"]))
    about = f"{plain(str(found['protocol']), 60)}: {found['cases']:,} cases of {found['users']:,} people."
    return Report(about, rows, pd.DataFrame({"system": names, "NDCG@10": means}))
