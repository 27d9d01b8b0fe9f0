"""Fitting a blend: the weights of the retrievers that make what users wanted next most likely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from finetune.logit import Choice, fit_logit
from retrieval.blend import Blend, relevance
from retrieval.errors import InteractionError

if TYPE_CHECKING:
    from retrieval.store import Hit

LEAST_CASES = 20
_PENALTY = 1e-3


def fit_blend(
    cases: Iterable[tuple[Mapping[str, Sequence[Hit]], str]], retrievers: Sequence[str], *, depth: int
) -> Blend:
    """The weights of highest likelihood, none below 0.

    cases: what each retriever found, best first, and the item that was wanted next; a case whose target nobody found
    says nothing. The likelihood is that of a conditional logit.
    Raises InteractionError when fewer than 20 cases say something.
    """
    choices = [choice for found, target in cases if (choice := _choice(found, target, retrievers, depth)) is not None]
    if len(choices) < LEAST_CASES:
        raise InteractionError(
            f"{len(choices)} validation users want an item that a retriever finds, expected {LEAST_CASES} or more to "
            "fit its weights; log more events first"
        )
    of_each = np.ones(len(retrievers))
    fitted = fit_logit(choices, start=0.5 * of_each, lowest=0 * of_each, penalties=_PENALTY * of_each)
    weights = {name: round(weight, 4) for name, weight in zip(retrievers, fitted.tolist(), strict=True)}
    return Blend(weights, depth)


def _choice(found: Mapping[str, Sequence[Hit]], target: str, retrievers: Sequence[str], depth: int) -> Choice | None:
    row_of: dict[str, int] = {}
    entries = []
    for column, name in enumerate(retrievers):
        for rank, hit in enumerate(found.get(name, ())[:depth], start=1):
            entries.append((row_of.setdefault(hit.item_id, len(row_of)), column, relevance(rank, depth)))
    if target not in row_of:
        return None
    relevances = np.zeros((len(row_of), len(retrievers)))
    for row, column, value in entries:
        relevances[row, column] = value
    return Choice(relevances, row_of[target])
