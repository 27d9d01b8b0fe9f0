"""What the owner's page shows, as rows of tables and points of plots. Every text in it is data, never markup.

say: says what is not data in the owner's language.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from ui.cards import plain
from ui.owner_texts import OWNER_TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.status import Status
    from retrieval.log_volume import LogVolume
    from ui.i18n import Say

Rows = list[list[str]]

_BINS_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_REPORT_VERSION = 1


def status_rows(status: Status, say: Say) -> Rows:
    """The catalogue, the index and the models, one a row."""
    vectors = ", ".join(f"{count:,} {space}" for space, count in status.vectors.items())
    model = f"{status.model.name}, {status.model.adapter or say('owner_no_adapter')}"
    waiting, refused = f"{status.waiting:,}", f"{status.refused:,}"
    items = say("owner_items_now", count=f"{status.items:,}", withdrawn=f"{status.withdrawn:,}")
    index = say("owner_index_waiting", count=waiting) if status.waiting else say("owner_index_current")
    return [
        [say("owner_items"), items],
        [say("owner_index"), index],
        [say("owner_vectors"), vectors],
        [say("owner_encoder"), plain(status.encoder, 120)],
        [say("owner_model"), plain(model, 120)],
        [say("owner_towers"), status.towers or say("owner_no_towers")],
        [say("owner_refused"), say("owner_refused_now", count=refused) if status.refused else say("owner_none")],
    ]


def volume_rows(volume: LogVolume, say: Say) -> Rows:
    """Events by type, the most frequent first, and the totals."""
    rows = [[kind, f"{count:,}"] for kind, count in volume.by_type.items()]
    return [*rows, [say("owner_all"), f"{volume.events:,}"], [say("owner_people"), f"{volume.users:,}"]]


def volume_points(volume: LogVolume) -> pd.DataFrame:
    """Events by day, oldest first."""
    return pd.DataFrame({"day": [day.isoformat() for day, _ in volume.by_day], "events": [n for _, n in volume.by_day]})


def latency_points(timings: Sequence[Mapping[str, float]], say: Say) -> pd.DataFrame:
    """How many answers took how long, in classes that grow."""
    seconds = [each["total"] / 1000 for each in timings]
    counts, _ = np.histogram(seconds, [0.0, *_BINS_S, np.inf])
    names = [say("owner_up_to", seconds=f"{edge:g}") for edge in _BINS_S]
    names.append(say("owner_over", seconds=f"{_BINS_S[-1]:g}"))
    return pd.DataFrame({"took": names, "answers": counts.tolist()})


def latency_rows(timings: Sequence[Mapping[str, float]], say: Say) -> Rows:
    """Median, 95th percentile and longest, of each stage and in total, in milliseconds."""
    stages = list(dict.fromkeys(stage for each in timings for stage in each))
    rows = []
    for stage in stages:
        ms = [each[stage] for each in timings if stage in each]
        figures = (*np.percentile(ms, (50, 95)), max(ms))
        name = say(f"owner_stage_{stage}") if f"owner_stage_{stage}" in OWNER_TEXTS else stage
        rows.append([name, *(say("owner_ms", ms=f"{value:,.0f}") for value in figures)])
    return rows


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation as the page shows it.

    rows: system, NDCG@10, its interval, recall@10, seconds to ask. points: NDCG@10 by system, the best first.
    """

    about: str
    rows: Rows
    points: pd.DataFrame


def report_names(workspace: Path) -> list[str]:
    """The evaluations of a workspace, the latest first."""
    folder = workspace / "evaluation"
    files = sorted(folder.glob("*/seed-*/results.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [str(path.parent.relative_to(folder)) for path in files]


def read_report(workspace: Path, name: str | None, say: Say) -> Report:
    """The evaluation of this name; one that says so where there is none, or it cannot be read."""
    if name is None or name not in report_names(workspace):
        return Report(say("owner_no_report"), [], _points([], []))
    path = workspace / "evaluation" / name / "results.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema_version"] != _REPORT_VERSION:
            raise ValueError(f"it has version {found['schema_version']!r:.20}")
        return _report(found, say)
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = say("owner_bad_report", name=name, problem=plain(str(error), 80))
        return Report(told, [], _points([], []))


def _report(found: Mapping[str, Any], say: Say) -> Report:
    systems = sorted(found["systems"], key=lambda row: row["metrics"]["ndcg@10"]["mean"] or 0.0, reverse=True)
    rows, names, means = [], [], []
    for row in systems:
        ndcg, recall = row["metrics"]["ndcg@10"], row["metrics"]["recall@10"]
        interval = say("owner_range", low=f"{ndcg['low']:.4f}", high=f"{ndcg['high']:.4f}")
        name = plain(str(row["system"]), 60)
        rows.append([name, f"{ndcg['mean']:.4f}", interval, f"{recall['mean']:.4f}", f"{row['rank_s']:.1f}"])
        names.append(name)
        means.append(float(ndcg["mean"]))
    protocol = plain(str(found["protocol"]), 60)
    about = say("owner_report", protocol=protocol, cases=f"{found['cases']:,}", users=f"{found['users']:,}")
    return Report(about, rows, _points(names, means))


def _points(names: list[str], means: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"system": names, "NDCG@10": means})
