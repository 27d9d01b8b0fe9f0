"""Pictures of an evaluation, as PNG bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from finetune.measures import TESTED
from finetune.metrics import CUTOFFS

if TYPE_CHECKING:
    from finetune.evaluate import Evaluation

_COLOUR = "#2b6e8f"
_SECOND = "#c8702a"


def accuracy_plot(found: Evaluation) -> bytes:
    """TESTED of each system with its interval."""
    names = [row.system for row in found.rows]
    estimates = [row.metrics[TESTED] for row in found.rows]
    means = np.array([each.mean for each in estimates])
    arms = np.array([[each.mean - each.low, each.high - each.mean] for each in estimates]).T
    figure = Figure(figsize=(7, 1 + 0.32 * len(names)), layout="constrained")
    panel = figure.subplots()
    panel.errorbar(means, np.arange(len(names)), xerr=np.nan_to_num(arms), fmt="o", color=_COLOUR, capsize=3)
    panel.set_yticks(np.arange(len(names)), names)
    panel.invert_yaxis()
    panel.set_xlabel(f"{TESTED}, 95% interval over users")
    panel.grid(axis="x", alpha=0.25)
    return _png(figure)


def recall_plot(found: Evaluation) -> bytes:
    """Recall at each cutoff."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    panel = figure.subplots()
    for row in found.rows:
        panel.plot(CUTOFFS, [row.metrics[f"recall@{cutoff}"].mean for cutoff in CUTOFFS], marker="o", label=row.system)
    panel.set_xticks(CUTOFFS)
    panel.set_xlabel("length of the list")
    panel.set_ylabel("recall")
    panel.grid(alpha=0.25)
    panel.legend(fontsize=7, ncols=2)
    return _png(figure)


def slices_plot(found: Evaluation) -> bytes:
    """TESTED of each system on short and on long histories."""
    names = [row.system for row in found.rows]
    figure = Figure(figsize=(7, 1 + 0.36 * len(names)), layout="constrained")
    panel = figure.subplots()
    for offset, name, colour in ((-0.2, "short", _COLOUR), (0.2, "long", _SECOND)):
        means = [row.slices[name][TESTED].mean for row in found.rows]
        panel.barh(np.arange(len(names)) + offset, np.nan_to_num(means), 0.38, color=colour, label=f"{name} histories")
    panel.set_yticks(np.arange(len(names)), names)
    panel.invert_yaxis()
    panel.set_xlabel(TESTED)
    panel.grid(axis="x", alpha=0.25)
    panel.legend(fontsize=8)
    return _png(figure)


def trade_plot(found: Evaluation) -> bytes:
    """TESTED over how much more popular than the users' own items the lists are."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    panel = figure.subplots()
    for row in found.rows:
        at = row.metrics["popularity_lift@10"].mean, row.metrics[TESTED].mean
        panel.plot(*at, "o", color=_COLOUR)
        panel.annotate(row.system, at, fontsize=8, xytext=(4, 3), textcoords="offset points")
    panel.set_xlabel("popularity lift of the lists (0: as popular as what the user wants)")
    panel.set_ylabel(TESTED)
    panel.grid(alpha=0.25)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
