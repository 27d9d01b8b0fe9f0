"""The last ranking stage: the model's word and all else that is known of the candidates, by fitted weights.

`finetune/ranker.py` fits it, on lists of users who say nothing: in its place stands what a request asks for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.features import PLAIN, Features, describe, relevance_of
from retrieval.blend import BLEND_NAME
from retrieval.errors import StoreError, WorkspaceError

if TYPE_CHECKING:
    from agent.models.base import ModelInfo
    from agent.rerank import Ranked
    from agent.shortlist import Shortlist
    from retrieval.candidates import CandidateFinder

logger = logging.getLogger(__name__)

RANKER_NAME = "ranker.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Weight:
    """What a feature adds to a candidate's score: value * (feature - mean) / scale."""

    value: float
    mean: float
    scale: float


@dataclass(frozen=True, slots=True)
class Validation:
    """NDCG@10 on users whom nothing was fitted on, and the difference with its 95% interval; NaN where unknown."""

    users: int
    plain: float
    fitted: float
    difference: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether the fitted order is better than the plain one beyond doubt."""
        return self.low > 0


@dataclass(frozen=True, slots=True)
class Ranker:
    """Scores candidates by weighted features.

    retrievers: whose lists it was fitted on. model, adapter: whose log-probabilities. blend, towers: `blend_hash` of
    the blend and the version of the towers that the lists came from, None for none. cases: users whose list held what
    they wanted next, which it was fitted on.
    """

    weights: Mapping[str, Weight]
    retrievers: tuple[str, ...]
    model: str
    adapter: str | None
    blend: str | None
    cases: int
    validation: Validation
    towers: str | None = None

    def order(self, ranked: Sequence[Ranked], rows: Sequence[Features]) -> list[Ranked]:
        """The candidates by their score here, best first; equal ones as they were. rows: their features."""
        scored = [replace(entry, score=weigh(self.weights, row)) for entry, row in zip(ranked, rows, strict=True)]
        return sorted(scored, key=lambda entry: -entry.score)

    def fits(self, model: ModelInfo, listed: Shortlist) -> bool:
        """Whether the list is of the kind that it was fitted on: a taste, without a request, found in the same ways."""
        from retrieval.retrievers import NewestRetriever  # not before it is needed: it brings numpy

        query = listed.query
        if query.text is not None or query.image is not None or not query.history:
            return False
        used = {found.retriever for contender in listed.contenders for found in contender.candidate.found}
        known = {*self.retrievers, NewestRetriever.name}
        return (self.model, self.adapter) == (model.name, model.adapter) and used <= known


class LastStage:
    """The ranker of the workspace in a folder, as long as it is better than the plain order."""

    def __init__(self, folder: Path, towers: Callable[[], str | None]) -> None:
        """towers: tells the version of those that count now, None for none."""
        self._folder = folder
        self._towers = towers
        self._guard = threading.Lock()
        self._stamp: object = None
        self._ranker: Ranker | None = None

    def order(
        self, ranked: Sequence[Ranked], listed: Shortlist, model: ModelInfo, finder: CandidateFinder
    ) -> Sequence[Ranked]:
        """The candidates in the ranker's order where there is one for this model and kind of list, else as they are."""
        ranker = self._current()
        if ranker is None or not ranker.fits(model, listed):
            return ranked
        return ranker.order(ranked, described(ranked, listed, finder))

    def _current(self) -> Ranker | None:
        """The ranker that counts now, read again when another process has fitted a new one, or other towers."""
        towers = self._towers()
        stamp = _stamp(self._folder / RANKER_NAME), _stamp(self._folder / BLEND_NAME), towers
        with self._guard:
            if stamp != self._stamp:
                self._ranker, self._stamp = self._read(towers), stamp
            return self._ranker

    def _read(self, towers: str | None) -> Ranker | None:
        try:
            ranker = load_ranker(self._folder)
        except WorkspaceError as error:
            logger.warning("the plain order stands: %s", error)
            return None
        if ranker is None or not ranker.validation.better:
            return None
        if (ranker.blend, ranker.towers) != (blend_hash(self._folder), towers):
            logger.warning(
                "the plain order stands: the retrievers have other weights or towers than when %s was fitted; run "
                "tastemaker finetune ranker again",
                self._folder / RANKER_NAME,
            )
            return None
        return ranker


def weigh(weights: Mapping[str, Weight], row: Features) -> float:
    """What a candidate with these features scores, higher is better."""
    return sum(part.value * (row.get(name, 0.0) - part.mean) / part.scale for name, part in weights.items())


def described(ranked: Sequence[Ranked], listed: Shortlist, finder: CandidateFinder) -> list[Features]:
    """The features of a shortlist's candidates in their ranked order."""
    items = {contender.candidate.item_id: contender.shown.item for contender in listed.contenders}
    standings = finder.standings.of([entry.candidate.item_id for entry in ranked])
    return describe(ranked, items, listed.history, standings)


def blend_hash(folder: Path) -> str | None:
    """Names the weights with which the workspace in the folder merges its retrievers; None for the standard ones."""
    try:
        return hashlib.sha256((folder / BLEND_NAME).read_bytes()).hexdigest()
    except OSError:
        return None


def save_ranker(ranker: Ranker, folder: Path) -> None:
    """Make this the ranker of the workspace in the folder, on the disk whole or not at all. Raises StoreError."""
    path, fresh = folder / RANKER_NAME, folder / f".new-{RANKER_NAME}"
    told = asdict(ranker)
    told["validation"] = {name: _nan_as_none(value) for name, value in told["validation"].items()}
    try:
        with fresh.open("w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, **told}, file, indent=2, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); the ranker before stays in force") from error


def load_ranker(folder: Path) -> Ranker | None:
    """The ranker of the workspace in the folder, better or not; None while none has been fitted.

    Raises WorkspaceError when its file is damaged or of another version.
    """
    path = folder / RANKER_NAME
    try:
        return _ranker(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{path} is damaged or of another version ({error!r:.200}); run tastemaker finetune ranker again"
        ) from error


def _ranker(told: dict[str, Any]) -> Ranker:
    if told["format"] != _FORMAT:
        raise ValueError(f"format {told['format']!r}, expected {_FORMAT}")
    weights = {
        name: Weight(**{key: float(value) for key, value in parts.items()}) for name, parts in told["weights"].items()
    }
    retrievers = tuple(str(name) for name in told["retrievers"])
    unknown = weights.keys() - {*PLAIN, *map(relevance_of, retrievers)}
    if unknown:
        raise ValueError(f"unknown features {', '.join(sorted(unknown))}")
    if not all(math.isfinite(w.value) and math.isfinite(w.mean) and 0 < w.scale < math.inf for w in weights.values()):
        raise ValueError("a weight that is not finite, or a scale that is not above 0")
    validation = {
        name: math.nan if value is None else float(value)
        for name, value in told["validation"].items()
        if name != "users"
    }
    return Ranker(
        weights,
        retrievers,
        str(told["model"]),
        None if told["adapter"] is None else str(told["adapter"]),
        None if told["blend"] is None else str(told["blend"]),
        int(told["cases"]),
        Validation(users=int(told["validation"]["users"]), **validation),
        told.get("towers"),
    )


def _nan_as_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
