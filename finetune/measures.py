"""From lists to figures: metrics of each case, over all of them and over slices, and paired tests of systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from finetune.bootstrap import Bootstrap, Difference, Estimate
from finetune.metrics import (
    co_occurrence_diversity,
    content_diversity,
    coverage,
    novelty,
    popularity_lift,
    target_accuracy,
)
from finetune.sparse import counts
from retrieval.store import open_store

if TYPE_CHECKING:
    from finetune.event_table import Floats, Ints, Mask
    from finetune.lists import Lists
    from finetune.sparse import Csr
    from finetune.splits import Split
    from retrieval.vectors import Vectors
    from retrieval.workspace import Workspace

TESTED = "ndcg@10"
"""The metric that pairs of systems are compared by."""

SLICED = ("ndcg@10", "recall@10", "recall@20")
"""The metrics that are told of slices too."""

BEYOND = 10
"""Novelty, diversity, popularity and coverage are of the first so many of a list."""


@dataclass(frozen=True, slots=True)
class Row:
    """One system's figures: estimates by metric name, and of each slice; coverage at 10 has no interval.

    settings: what it was made with. chosen: what it chose on validation cases. fit_s, rank_s: seconds that making it
    and asking it took.
    """

    system: str
    metrics: Mapping[str, Estimate]
    slices: Mapping[str, Mapping[str, Estimate]]
    coverage: float
    settings: Mapping[str, Any]
    chosen: Mapping[str, Any]
    fit_s: float
    rank_s: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A paired test of two systems by TESTED."""

    system: str
    other: str
    difference: Difference

    def turned(self) -> Pair:
        """The same test, told from the other's side."""
        found = self.difference
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = float(-found.relative / np.float64(1 + found.relative))
        turned = Difference(-found.mean, -found.high, -found.low, found.p, relative)
        return Pair(self.other, self.system, turned)


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What lists on a split's test cases are measured by.

    baskets: (n_users, n_items) of the test part's past. vectors: (n_items, dimensions) content, NaN where an item has
    none; None when most have none, and then diversity is measured by who wants what.
    """

    split: Split
    baskets: Csr
    vectors: Vectors | None

    @classmethod
    def of(cls, workspace: Workspace, split: Split) -> Measures:
        return cls(split, split.baskets(split.test), _content_vectors(workspace, split))

    @property
    def diversity(self) -> str:
        """What intra-list diversity is measured by, in words."""
        return "cosine of content vectors" if self.vectors is not None else "cosine by who wants the items"

    def values(self, lists: Ints) -> dict[str, Floats]:
        """Each metric's values, (n_cases,); NaN where a case has none. lists: (n_cases, depth)."""
        top = lists[:, :BEYOND]
        popularity = counts(self.baskets)
        diversity = (
            co_occurrence_diversity(top, self.baskets) if self.vectors is None else content_diversity(top, self.vectors)
        )
        return target_accuracy(lists, self.split.test.target) | {
            f"novelty@{BEYOND}": novelty(top, popularity, self.baskets.shape[0]),
            f"diversity@{BEYOND}": diversity,
            f"popularity_lift@{BEYOND}": popularity_lift(top, popularity, self.split.test.queries.matrix()),
        }

    def slices(self) -> dict[str, Mask]:
        """Cases by name, (n_cases,) each: targets that are hidden from training, where any are; cold ones, which nobody
        wants in the past, and warm ones; histories short, up to the median length, and long."""
        cold = counts(self.baskets)[self.split.test.target] == 0
        lengths = self.split.test.queries.lengths()
        short = lengths <= np.median(lengths)
        hidden = {"hidden": self.split.hidden[self.split.test.target]} if self.split.hidden.any() else {}
        return hidden | {"cold": cold, "warm": ~cold, "short": short, "long": ~short}

    def row(self, lists: Lists, values: Mapping[str, Floats], bootstrap: Bootstrap) -> Row:
        """The system's figures. values: of its lists."""
        estimates = dict(zip(values, bootstrap.estimates(np.column_stack(list(values.values()))), strict=True))
        sliced = {}
        for name, mask in self.slices().items():
            columns = np.column_stack([np.where(mask, values[metric], np.nan) for metric in SLICED])
            sliced[name] = dict(zip(SLICED, bootstrap.estimates(columns), strict=True))
        return Row(
            system=lists.system,
            metrics=estimates,
            slices=sliced,
            coverage=coverage(lists.rows[:, :BEYOND], self.split.table.on_shelf),
            settings=lists.settings,
            chosen=lists.chosen,
            fit_s=lists.fit_s,
            rank_s=lists.rank_s,
        )


def pairs(values: Mapping[str, Floats], bootstrap: Bootstrap) -> tuple[Pair, ...]:
    """Each system against each that stands before it. values: (n_cases,) of TESTED by system."""
    named = [(later, earlier) for earlier, later in combinations(values, 2)]
    if not named:
        return ()
    differences = bootstrap.differences(
        np.column_stack([values[system] for system, _ in named]), np.column_stack([values[other] for _, other in named])
    )
    return tuple(Pair(*names, difference) for names, difference in zip(named, differences, strict=True))


def _content_vectors(workspace: Workspace, split: Split) -> Vectors | None:
    item_ids = split.table.item_ids
    with open_store(workspace) as store:
        found = store.get("content", item_ids) if store.encoder is not None else {}
    if 2 * len(found) < len(item_ids):
        return None
    missing = np.full(len(next(iter(found.values()))), np.nan, dtype=np.float32)
    return np.stack([found.get(item_id, missing) for item_id in item_ids])
