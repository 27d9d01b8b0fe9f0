"""An evaluation as JSON, and beside those of other seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from finetune.bootstrap import Difference, holm
from finetune.measures import TESTED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from finetune.evaluate import Evaluation

RESULTS_NAME = "results.json"
REFERENCE = "served"
"""The system that others are told apart from; the best one where it was not asked."""


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """One system's TESTED over the seeds whose results lie beside each other, of the same data and settings."""

    system: str
    seeds: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)


def as_json(found: Evaluation, seeds: Sequence[OverSeeds] = ()) -> dict[str, Any]:
    """The evaluation as JSON values; None where there is no number."""
    name = reference(found)
    values = {
        "schema_version": 1,
        "workspace": found.workspace,
        "protocol": found.settings.label,
        "seed": found.settings.seed,
        "hide_items": found.settings.hide_items,
        "data_hash": found.data_hash,
        "cases": found.n_cases,
        "users": found.n_users,
        "items": found.n_items,
        "notes": list(found.notes),
        "diversity": found.diversity,
        "slices": dict(found.slices),
        "systems": [asdict(row) for row in found.rows],
        "reference": name,
        "tests": [asdict(test) | {"metric": TESTED} for test in against(found, name)],
        "pairs": [asdict(pair) | {"metric": TESTED} for pair in found.pairs],
        "ratings": None if found.ratings is None else asdict(found.ratings),
        "over_seeds": [asdict(each) | {"metric": TESTED, "mean": each.mean} for each in seeds],
    }
    plain: dict[str, Any] = _plain(values)
    return plain


def over_seeds(found: Evaluation, folder: Path) -> tuple[OverSeeds, ...]:
    """Each system's figures over this evaluation and those of other seeds beside its folder.

    folder: of this evaluation. Only results of the same data and protocol count, and nothing is told of one seed alone.
    """
    values = {row.system: {found.settings.seed: row.metrics[TESTED].mean} for row in found.rows}
    settings = {row.system: _plain(row.settings) for row in found.rows}
    for path in sorted(folder.parent.glob(f"seed-*/{RESULTS_NAME}")):
        if path.parent == folder:
            continue
        other = json.loads(path.read_text(encoding="utf-8"))
        if (other["data_hash"], other["protocol"]) != (found.data_hash, found.settings.label):
            continue
        for row in other["systems"]:
            if settings.get(row["system"]) == row["settings"]:
                values[row["system"]][other["seed"]] = row["metrics"][TESTED]["mean"]
    return tuple(
        OverSeeds(system, tuple(sorted(by_seed)), tuple(by_seed[seed] for seed in sorted(by_seed)))
        for system, by_seed in values.items()
        if len(by_seed) > 1
    )


def reference(found: Evaluation) -> str:
    """The system that the others are told apart from."""
    names = [row.system for row in found.rows]
    best = max(found.rows, key=lambda row: row.metrics[TESTED].mean).system
    return REFERENCE if REFERENCE in names else best


@dataclass(frozen=True, slots=True)
class Tested:
    """The reference against another system. p_holm: p raised for as many tests as there are others."""

    other: str
    difference: Difference
    p_holm: float


def against(found: Evaluation, name: str) -> tuple[Tested, ...]:
    """The tests of the system against each other one, as differences system - other."""
    turned = (pair.turned() if pair.other == name else pair for pair in found.pairs)
    pairs = [pair for pair in turned if pair.system == name]
    raised = holm([pair.difference.p for pair in pairs])
    return tuple(Tested(pair.other, pair.difference, p) for pair, p in zip(pairs, raised, strict=True))


def _plain(value: Any) -> Any:
    """The value as JSON gives it back: lists for tuples, None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
