"""Fitting the last ranking stage: weights of all that is known of the candidates, used only where they are better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agent.ranker import Ranker, Validation, blend_hash, save_ranker, weigh
from agent.settings import RecommenderSettings
from finetune.bootstrap import Bootstrap, Estimate
from finetune.lambdarank import lambdarank_scores
from finetune.logit import Choice, fit_logit, log_likelihood
from finetune.ranker_lists import Prepare, Progress, RankerCase, ranker_cases
from finetune.ranker_table import RankerTable
from retrieval.errors import InteractionError, SettingsError

if TYPE_CHECKING:
    from agent.models.base import ModelInfo, VisionLanguageModel
    from retrieval.encoders import Encoder
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

__all__ = ["FittedRanker", "RankerRow", "RankerTraining", "fit_ranker", "fit_to_cases"]

Floats = NDArray[np.float64]

LEAST_CASES = 20
_CUTOFF = 10
_FOLDS = 5
_SLIGHT = 1e-6  # holds a weight that nothing else holds


@dataclass(frozen=True, slots=True)
class RankerTraining:
    """How a ranker is fitted.

    users: at most so many; half of them are fitted on, the others decide. penalties: on the squares of the weights, of
    which cross-validation chooses one; the higher, the closer to the plain order.
    """

    users: int = 300
    penalties: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

    def __post_init__(self) -> None:
        if self.users < 2 or not self.penalties or min(self.penalties) <= 0:
            raise SettingsError(
                f"users is {self.users}, penalties are {self.penalties}; expected 2 or more, and some above 0"
            )


@dataclass(frozen=True, slots=True)
class RankerRow:
    """NDCG@10 of an order on the users who decide, and by how much it exceeds that of the plain order."""

    name: str
    ndcg: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True)
class FittedRanker:
    """A ranker, used when `used`. rows: the retrievers' order, the plain one, the ranker's, and trees' for comparison.

    fitted_on, held_out: users; in_list: the share of all of them whose list holds what they wanted next, 0 to 1.
    penalty: the chosen one.
    """

    ranker: Ranker
    rows: tuple[RankerRow, ...]
    fitted_on: int
    held_out: int
    in_list: float
    penalty: float

    @property
    def used(self) -> bool:
        return self.ranker.validation.better

    @property
    def verdict(self) -> str:
        """In a sentence, whether it is used and on which figures."""
        told = self.ranker.validation
        figures = (
            f"NDCG@10 {told.fitted:.4f} against {told.plain:.4f} of the plain order on {told.users} users that it has "
            f"not seen, difference {told.difference:+.4f} ({told.low:+.4f} to {told.high:+.4f})"
        )
        if self.used:
            return f"The ranker is used: {figures}."
        return f"The ranker is not used, the plain order stands: {figures}, and only an interval above 0 would do."


def fit_ranker(
    workspace: Workspace,
    store: VectorStore,
    encoder: Encoder,
    model: VisionLanguageModel,
    *,
    training: RankerTraining | None = None,
    settings: RecommenderSettings | None = None,
    seed: int = 0,
    prepare: Prepare | None = None,
    progress: Progress | None = None,
) -> FittedRanker:
    """Fit the workspace's ranker to this model and write it, which recommenders use from then on if it is better.

    settings: of the recommender that is to use it. prepare: teaches the past workspace in which the lists are made what
    this one has learned (`finetune.towers.train_towers`); needed where it has towers. Costs the model's answer to one
    list for each user.
    Raises InteractionError when too few users say something, ModelError, StoreError.
    """
    training, settings = training or RankerTraining(), settings or RecommenderSettings()
    settings = settings.model_copy(update={"rerank": settings.rerank.model_copy(update={"alpha": None})})
    blend, towers = blend_hash(workspace.path), store.towers_version
    cases = ranker_cases(
        workspace,
        store,
        encoder,
        model,
        settings=settings,
        users=training.users,
        seed=seed,
        prepare=prepare,
        progress=progress,
    )
    fitted = fit_to_cases(cases, model.info, training=training, blend=blend, seed=seed)
    fitted = replace(fitted, ranker=replace(fitted.ranker, towers=towers))
    save_ranker(fitted.ranker, workspace.path)
    return fitted


def fit_to_cases(
    cases: Sequence[RankerCase], model: ModelInfo, *, training: RankerTraining, blend: str | None, seed: int
) -> FittedRanker:
    """Fit on half of the cases, drawn by the seed, and compare on the other half. Writes nothing.

    Raises InteractionError when the lists of fewer than 20 users of the first half hold what they wanted.
    """
    order = np.random.default_rng(seed).permutation(len(cases)).tolist()
    half = len(cases) // 2
    ours, others = [cases[place] for place in order[:half]], [cases[place] for place in order[half:]]
    telling = [case for case in ours if case.target >= 0]
    if len(telling) < LEAST_CASES:
        raise InteractionError(
            f"the lists of {len(telling)} of {len(ours)} users hold the item that they wanted next, expected "
            f"{LEAST_CASES} or more to fit a ranker; log more events first, or take more users"
        )
    table = RankerTable.of(telling, alpha=model.alpha)
    choices = [Choice(table.features(case), case.target) for case in telling]
    penalty = _best_penalty(choices, training.penalties, seed)
    weights = table.weights(_fit(choices, penalty))
    orders = {
        "retrievers": [_column(case, "log_prior") for case in others],
        "plain": [-np.arange(len(case.rows), dtype=np.float64) for case in others],
        "ranker": [np.array([weigh(weights, row) for row in case.rows]) for case in others],
    }
    trees = lambdarank_scores(
        [(choice.features, choice.chosen) for choice in choices], [table.features(case) for case in others], seed=seed
    )
    if trees is not None:
        orders["lambdarank"] = trees
    rows = _compared(orders, [case.target for case in others], seed)
    validation = _validation(rows, len(others))
    ranker = Ranker(weights, table.retrievers, model.name, model.adapter, blend, len(telling), validation)
    in_list = sum(case.target >= 0 for case in cases) / len(cases)
    return FittedRanker(ranker, tuple(rows.values()), len(ours), len(others), in_list, penalty)


def _fit(choices: Sequence[Choice], penalty: float) -> Floats:
    """(1 + n_columns,) weights: of the plain score any from 0 on, without a penalty, so that a penalty on all others
    leads back to the plain order.
    """
    columns = choices[0].features.shape[1]
    penalties, lowest, start = np.full(columns, penalty), np.full(columns, -np.inf), np.zeros(columns)
    penalties[0], lowest[0], start[0] = _SLIGHT, 0.0, 1.0
    return fit_logit(choices, start=start, lowest=lowest, penalties=penalties)


def _best_penalty(choices: Sequence[Choice], penalties: Sequence[float], seed: int) -> float:
    """The one under which lists that were left out are likeliest; of equal ones the highest."""
    fold = np.random.default_rng(seed).permutation(len(choices)) % _FOLDS

    def likelihood(penalty: float) -> float:
        total = 0.0
        for each in range(_FOLDS):
            kept = [choice for choice, of in zip(choices, fold, strict=True) if of != each]
            left_out = [choice for choice, of in zip(choices, fold, strict=True) if of == each]
            total += len(left_out) * log_likelihood(left_out, _fit(kept, penalty))
        return total

    return max(sorted(penalties, reverse=True), key=likelihood)


def _compared(orders: Mapping[str, Sequence[Floats]], targets: Sequence[int], seed: int) -> dict[str, RankerRow]:
    """By order its row; the same draws of users for all."""
    values = {
        name: np.array([_ndcg(scores, target) for scores, target in zip(order, targets, strict=True)])
        for name, order in orders.items()
    }
    bootstrap = Bootstrap(np.arange(len(targets)), seed=seed)
    return {
        name: RankerRow(name, *bootstrap.estimates(np.stack([ndcg, ndcg - values["plain"]], axis=1)))
        for name, ndcg in values.items()
    }


def _ndcg(scores: Floats, target: int) -> float:
    """NDCG@10 of one wanted item; of equal scores the first in the plain order is first. target: -1 for not there."""
    if target < 0:
        return 0.0
    rank = int((scores > scores[target]).sum() + (scores[:target] == scores[target]).sum())
    return float(1 / np.log2(rank + 2)) if rank < _CUTOFF else 0.0


def _column(case: RankerCase, name: str) -> Floats:
    return np.array([row.get(name, 0.0) for row in case.rows])


def _validation(rows: Mapping[str, RankerRow], users: int) -> Validation:
    fitted, gain = rows["ranker"].ndcg, rows["ranker"].gain
    return Validation(users, rows["plain"].ndcg.mean, fitted.mean, gain.mean, gain.low, gain.high)
