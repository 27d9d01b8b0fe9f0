"""How well the model turns messages into updates of a conversation, beside the linker that has no language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from agent.understanding import corrected
from finetune.builtin.figures import Figure, drawn, mean
from finetune.builtin.free_utterances import FreeCase, free_cases, linked
from finetune.builtin.measures_talk import field_f1, measure_updates, same_update

if TYPE_CHECKING:
    from agent.dialogue import Update
    from agent.mentions import Embed
    from agent.models.base import VisionLanguageModel
    from finetune.builtin.updates import UpdateExample

_UNSEEN = (
    ("combinations", "unseen slot combinations", 0.90, 0.97),
    ("phrasings", "unseen phrasing families", 0.65, 0.85),
    ("trained", "phrasings of the training", None, None),
)


def measure_unseen(model: VisionLanguageModel, embed: Embed, *, count: int, seed: int = 1) -> list[Figure]:
    """How often the whole update is right, on messages of slot combinations and of phrasings that no training had.

    Of the model, which corrects the linker's draft, and of the linker alone.
    """

    def by_model(example: UpdateExample) -> Update:
        shown, standing = example.shown, example.standing
        return corrected(model, example.message, example.facets, standing=standing, shown=shown, embed=embed)

    def by_linker(example: UpdateExample) -> Update:
        return example.draft(embed)

    figures = []
    for kind, name, floor, aim in _UNSEEN:
        for suffix, predict, wanted in (("", by_model, (floor, aim)), (", linker", by_linker, (None, None))):
            told = measure_updates(predict, count=count, seed=seed, kind=kind)
            right = (np.arange(count) < round(told["exact"] * count)).astype(np.float64)
            note = f"field F1 {told['f1']:.3f}"
            title = f"dialogue state, exact match, {name}{suffix}"
            figures.append(Figure(title, *mean(right), *wanted, n=count, note=note))
    return figures


def measure_free(model: VisionLanguageModel, embed: Embed, *, cases: Sequence[FreeCase] | None = None) -> list[Figure]:
    """Field F1 on the messages written by hand, of the model and of the linker; cases: None for all 150."""
    told = free_cases() if cases is None else cases

    def predict(case: FreeCase) -> Update:
        return corrected(model, case.message, case.facets, standing=case.standing, shown=case.shown, embed=embed)

    return [
        _free("dialogue state, field F1 on free utterances", predict, told, 0.6, 0.8),
        _free("dialogue state, field F1 on free utterances, linker", linked(embed), told, None, None),
    ]


def _free(
    name: str,
    predict: Callable[[FreeCase], Update],
    cases: Sequence[FreeCase],
    floor: float | None,
    aim: float | None,
) -> Figure:
    predicted = [predict(case) for case in cases]
    counts = np.array([field_f1(one, case.update) for one, case in zip(predicted, cases, strict=True)])
    exact = np.array([same_update(one, case.update) for one, case in zip(predicted, cases, strict=True)], float)
    told = drawn(list(counts.T), lambda sums: 2 * sums[:, 0] / (2 * sums[:, 0] + sums[:, 1] + sums[:, 2]))
    return Figure(name, *told, floor, aim, n=len(cases), note=f"whole update right {mean(exact)[0]:.3f}")
