"""How well the model turns messages into updates of a conversation, beside the linker that has no language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from agent.dialogue import Action, Update, parse_update, update_schema
from agent.linker import facets_in_question
from agent.prompts import update_prompt
from finetune.builtin.figures import Figure, drawn, mean
from finetune.builtin.free_utterances import FreeCase, free_cases, linked
from finetune.builtin.measures_talk import field_f1, measure_updates, same_update
from retrieval.errors import ModelAnswerError

if TYPE_CHECKING:
    from agent.dialogue import Facet
    from agent.mentions import Embed
    from agent.models.base import Prompt, VisionLanguageModel

_TOKENS = 120
_UNSEEN = (
    ("combinations", "unseen slot combinations", 0.90, 0.97),
    ("phrasings", "unseen phrasing families", 0.65, 0.85),
    ("trained", "phrasings of the training", None, None),
)


def measure_unseen(model: VisionLanguageModel, *, count: int, seed: int = 1) -> list[Figure]:
    """How often the whole update is right, on messages of slot combinations and of phrasings that no training had."""

    def answer(prompt: Prompt, facets: Sequence[Facet]) -> str:
        return model.generate([prompt], max_tokens=_TOKENS, schema=update_schema(facets))[0]

    figures = []
    for kind, name, floor, aim in _UNSEEN:
        told = measure_updates(answer, count=count, seed=seed, kind=kind)
        right = (np.arange(count) < round(told["exact"] * count)).astype(np.float64)
        note = f"field F1 {told['f1']:.3f}"
        figures.append(Figure(f"dialogue state, exact match, {name}", *mean(right), floor, aim, n=count, note=note))
    return figures


def understood(
    model: VisionLanguageModel, facets: Sequence[Facet], standing: str | None, shown: Sequence[str], message: str
) -> Update:
    """What the model says that a message changes, written within the schema; an idle chat where it cannot be read."""
    prompt = update_prompt(facets, standing, shown, message)
    try:
        (text,) = model.generate([prompt], max_tokens=_TOKENS, schema=update_schema(facets))
        return parse_update(text, facets)
    except ModelAnswerError:
        return Update(Action.CHAT)


def measure_free(model: VisionLanguageModel, embed: Embed, *, cases: Sequence[FreeCase] | None = None) -> list[Figure]:
    """Field F1 on the messages written by hand, of the model and of the linker; cases: None for all 150."""
    told = free_cases() if cases is None else cases

    def predict(case: FreeCase) -> Update:
        facets = facets_in_question(case.message, case.facets, embed)
        return understood(model, facets, case.standing, case.shown, case.message)

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
