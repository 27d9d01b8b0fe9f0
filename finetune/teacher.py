"""A label for every candidate: trees learn what was wanted, from what prompts tell, and say how likely each is.

One wanted item in a list of 20 says little, and most of it is chance. What trees make of thousands of such lists is a
share for each candidate, from which a model learns to read the same out of the prompt (Hinton et al. 2015, Distilling
the Knowledge in a Neural Network).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from agent.facets import number_of
from agent.facts import shareable_values
from finetune.lambdarank import lambdarank_scores
from finetune.list_scores import likeliest_weight, training_priors
from retrieval.errors import ModelUnavailableError

if TYPE_CHECKING:
    from agent.prompts import Shown
    from finetune.event_table import Floats
    from finetune.examples import Example
    from finetune.list_prompts import ListPrompts

LEAST_TAUGHT = 200
"""Of fewer lists trees learn nothing that holds for others."""

_FOLDS = 5
_LEAST_SHARED = 20
_MOST_VALUES = 300
_Column = tuple[str, ...]
"""What it says: ("echo", attribute), ("look",), ("wanted",), ("number", attribute) or ("value", attribute, text)."""


def taught(examples: Sequence[Example], prompts: ListPrompts, *, share: float, seed: int) -> list[Example]:
    """The examples, whose relevance is by this share the trees' word, and by the rest what it was.

    examples: each with the wanted item in it; they come back as they are when they are fewer than 200. share: 0 to 1.
    The trees that label a list have seen no list of its user; all labels sum to 1. Raises ModelUnavailableError where
    LightGBM is not installed.
    """
    if len(examples) < LEAST_TAUGHT or not share:
        return list(examples)
    scores = _scores(examples, _features(examples, prompts), seed)
    weight = likeliest_weight([(row, example.target) for row, example in zip(scores, examples, strict=True)])
    return [
        replace(example, relevance=_mixed(softmax(weight * row), np.array(example.relevance), share))
        for row, example in zip(scores, examples, strict=True)
    ]


def _mixed(said: Floats, wanted: Floats, share: float) -> tuple[float, ...]:
    return tuple((share * said + (1 - share) * wanted / wanted.sum()).tolist())


def _features(examples: Sequence[Example], prompts: ListPrompts) -> list[Floats]:
    """By list (n_candidates, n_features): the retrievers' prior, and what else is told of each candidate.

    Of the values those that 20 or more candidates have, at most the 300 most common.
    """
    told = [[_numbers(entry.shown) for entry in prompts.entries(example)[1]] for example in examples]
    counts = Counter(column for rows in told for row in rows for column in row)
    values = [column for column, count in counts.most_common() if column[0] == "value" and count >= _LEAST_SHARED]
    columns = [*sorted(column for column in counts if column[0] != "value"), *values[:_MOST_VALUES]]
    return [
        np.column_stack([training_priors(example), [[row.get(column, 0.0) for column in columns] for row in rows]])
        for rows, example in zip(told, examples, strict=True)
    ]


def _numbers(shown: Shown) -> dict[_Column, float]:
    """The greatest echo of each attribute's values and that of the look, the values, and what is a number."""
    numbers: dict[_Column, float] = {("look",): shown.alike, ("wanted",): shown.wanted}
    for (name, _), tenths in shown.echoes.items():
        numbers["echo", name] = max(numbers.get(("echo", name), 0.0), tenths)
    numbers |= {("value", name, text): 1.0 for name, text in shareable_values(shown.whole)}
    told = ((name, number_of(value)) for name, value in shown.item.attributes.items())
    return numbers | {("number", name): number for name, number in told if number is not None}


def _scores(examples: Sequence[Example], features: Sequence[Floats], seed: int) -> list[Floats]:
    """By list what trees that have not seen its user say of each candidate."""
    users = sorted({example.user_id for example in examples})
    fold = dict(zip(users, (np.random.default_rng(seed).permutation(len(users)) % _FOLDS).tolist(), strict=True))
    scores: list[Floats] = [np.empty(0)] * len(examples)
    for each in range(_FOLDS):
        mine = [place for place, example in enumerate(examples) if fold[example.user_id] == each]
        others = [(features[p], e.target) for p, e in enumerate(examples) if fold[e.user_id] != each]
        found = lambdarank_scores(others, [features[place] for place in mine], seed=seed)
        if found is None:
            raise ModelUnavailableError(
                "LightGBM, which labels the lists, is not installed; pip install 'tastemaker[train]', or say taught=0"
            )
        for place, row in zip(mine, found, strict=True):
            scores[place] = row
    return scores
