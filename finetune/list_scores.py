"""How good an order of lists is, as the product would order them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from agent.rerank import log_priors, rerank
from retrieval.types import Candidate

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.settings import RerankSettings
    from finetune.event_table import Floats
    from finetune.examples import Example
    from finetune.list_prompts import ListPrompts

ALPHAS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0, 256.0)
"""Weights of the retrievers' prior that are tried. Under the last ones it decides nearly alone."""

_MOST_PRIOR = 24.0
"""No more than this weighs the prior that is likeliest by itself."""

CUTOFF = 10


def model_scores(
    model: VisionLanguageModel,
    examples: Sequence[Example],
    prompts: ListPrompts,
    settings: RerankSettings,
    *,
    progress: Callable[[int, int], object] | None = None,
) -> list[Floats]:
    """By list the model's log-probability of each candidate, read as the product reads it."""
    tables = []
    for example in examples:
        liked, contenders = prompts.told(example)
        ranked = rerank(model, liked, None, contenders, settings=settings)
        found = {entry.candidate.item_id: entry.log_prob for entry in ranked}
        tables.append(np.array([found[item_id] for item_id in example.candidates]))
        if progress is not None:
            progress(len(tables), len(examples))
    return tables


def priors(example: Example) -> Floats:
    """(n_candidates,) log of what the retrievers say, as the product weighs it."""
    pairs = zip(example.candidates, example.scores, strict=True)
    return np.array(log_priors([Candidate(item_id, score) for item_id, score in pairs]))


def training_priors(example: Example) -> Floats:
    """The same, where one that the retrievers did not propose counts as the last of those that they did."""
    least = min((score for score in example.scores if score > 0), default=1.0)
    return priors(replace(example, scores=tuple(max(score, least) for score in example.scores)))


def with_prior(scores: Sequence[Floats], examples: Sequence[Example], alpha: float) -> list[Floats]:
    """The product's scores: the model's and alpha times the prior."""
    return [row + alpha * priors(example) for row, example in zip(scores, examples, strict=True)]


def ndcgs(scores: Sequence[Floats], examples: Sequence[Example]) -> Floats:
    """(n_lists,) NDCG@10 of the one wanted item, 0 where it is not in the list; of equal scores the first is first."""
    return np.array([_ndcg(row, example.target) for row, example in zip(scores, examples, strict=True)])


def surest_alpha(scores: Sequence[Floats], examples: Sequence[Example]) -> float:
    """The prior's weight under which these lists are most surely better than in the retrievers' order.

    That is the greatest mean of the differences in NDCG@10 less their standard error, of equal ones the largest. Of a
    few hundred lists the best mean is too lucky: over retrievers that know much, its weight did worse than no model on
    other users' lists, and this one did not. Where no weight is surely better, the retrievers' order nearly stays.
    """
    before = ndcgs([priors(example) for example in examples], examples)
    gains = {alpha: ndcgs(with_prior(scores, examples, alpha), examples) - before for alpha in ALPHAS}
    return max(gains, key=lambda alpha: (_least_gain(gains[alpha]), alpha))


def _least_gain(gains: Floats) -> float:
    return 0.0 if len(gains) < 2 else float(gains.mean()) - float(gains.std(ddof=1)) / math.sqrt(len(gains))


def crossed_ndcgs(scores: Sequence[Floats], examples: Sequence[Example], *, seed: int) -> Floats:
    """(n_lists,) NDCG@10 of lists that also choose the prior's weight: those of each half of the users the other's."""
    users = sorted({example.user_id for example in examples})
    drawn = np.random.default_rng(seed).permutation(len(users)) % 2
    half = dict(zip(users, drawn.tolist(), strict=True))
    found = np.zeros(len(examples))
    for each in (0, 1):
        mine, others = (
            [place for place, example in enumerate(examples) if half[example.user_id] == which]
            for which in (each, 1 - each)
        )
        alpha = surest_alpha([scores[place] for place in others], [examples[place] for place in others])
        lists = [examples[place] for place in mine]
        found[mine] = ndcgs(with_prior([scores[place] for place in mine], lists, alpha), lists)
    return found


def validation_ndcgs(
    model: VisionLanguageModel, examples: Sequence[Example], prompts: ListPrompts, settings: RerankSettings
) -> Floats:
    """(n_lists,) NDCG@10 of the model's order of these lists, with the prior's weight that is surest for it."""
    scores = model_scores(model, examples, prompts, settings)
    return ndcgs(with_prior(scores, examples, surest_alpha(scores, examples)), examples)


def likeliest_alpha(examples: Sequence[Example]) -> float:
    """The prior's weight under which it alone makes the wanted items of these lists likeliest, 0 to 24.

    It is smaller than the one that orders best beside a model: what orders well may be far too sure. examples: each
    with the wanted item in it.
    """
    return likeliest_weight([(training_priors(example), example.target) for example in examples])


def likeliest_weight(lists: Sequence[tuple[Floats, int]]) -> float:
    """The factor, 0 to 24, of scores as logits under which what was chosen is likeliest.

    lists: each (n_candidates,) scores, and the place of what was chosen.
    """

    def surprise(weight: float) -> float:
        return float(np.mean([logsumexp(weight * row) - weight * row[chosen] for row, chosen in lists]))

    return float(minimize_scalar(surprise, bounds=(0.0, _MOST_PRIOR), method="bounded").x)


def share_changed(scores: Sequence[Floats], examples: Sequence[Example], k: int = 5) -> float:
    """The share of lists whose first k are not the retrievers' first k in their order."""
    changed = [
        list(np.argsort(-row, kind="stable")[:k]) != list(np.argsort(-priors(example), kind="stable")[:k])
        for row, example in zip(scores, examples, strict=True)
    ]
    return float(np.mean(changed)) if changed else 0.0


def _ndcg(scores: Floats, target: int) -> float:
    if target < 0:
        return 0.0
    rank = int((scores > scores[target]).sum() + (scores[:target] == scores[target]).sum())
    return float(1 / np.log2(rank + 2)) if rank < CUTOFF else 0.0
