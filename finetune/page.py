"""The report as one page that needs nothing beside it: tables, plots, and some lists to look at."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment

from finetune.measures import TESTED
from finetune.plots import accuracy_plot, recall_plot, slices_plot, trade_plot
from finetune.results import against, reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from finetune.evaluate import Evaluation
    from finetune.results import OverSeeds

EXAMPLES = 5
"""So many cases are shown with their lists."""

SHOWN_ITEMS = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One case to look at, in titles: the newest of the history, the target, and the top of each system's list."""

    user_id: str
    history: tuple[str, ...]
    target: str
    lists: Mapping[str, tuple[str, ...]]


def page(found: Evaluation, seeds: Sequence[OverSeeds] = ()) -> str:
    """The page's HTML. Everything that comes from the catalogue or the log is escaped."""
    plots = {
        "Accuracy": accuracy_plot(found),
        "Recall by length of the list": recall_plot(found),
        "Short and long histories": slices_plot(found),
        "Accuracy and popularity": trade_plot(found),
    }
    name = reference(found)
    return _TEMPLATE.render(
        found=found,
        seeds=seeds,
        metrics=sorted(found.rows[0].metrics, key=lambda metric: metric != TESTED),
        tested=TESTED,
        reference=name,
        tests=against(found, name),
        plots={title: base64.b64encode(png).decode() for title, png in plots.items()},
        examples=_examples(found),
    )


def _examples(found: Evaluation) -> list[Example]:
    """Cases from all over the log, the same in every run."""
    queries, target = found.split.test.queries, found.split.test.target
    places = np.unique(np.linspace(0, len(target) - 1, min(EXAMPLES, len(target))).astype(np.int64))
    return [
        Example(
            user_id=queries.user_ids[queries.user[place]],
            history=found.titles(queries.item[queries.starts[place] : queries.starts[place + 1]][-SHOWN_ITEMS:]),
            target=found.titles(target[place : place + 1])[0],
            lists={system: found.titles(each.rows[place, :SHOWN_ITEMS]) for system, each in found.lists.items()},
        )
        for place in places.tolist()
    ]


_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    Path(__file__).with_name("page.html.jinja").read_text(encoding="utf-8")
)
