"""How long the model's parts of an answer take in this process, and whether two engines agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from agent.models.base import Form
from agent.prompts import LETTERS, Detail, rank_prompt
from agent.rerank import Contender, rerank
from finetune.builtin.figures import Figure, mean
from retrieval.types import Candidate

if TYPE_CHECKING:
    from agent.models.base import Prompt, VisionLanguageModel
    from finetune.builtin.measures_safety import Asked

_REASON_TOKENS = 60
Clock = Callable[[], float]


def measure_speed(
    model: VisionLanguageModel,
    lists: Sequence[Asked],
    reasons: Sequence[Prompt],
    *,
    patterns: Sequence[str] | None = None,
    clock: Clock = time.perf_counter,
    note: str = "",
) -> list[Figure]:
    """Medians in milliseconds: a list of 20 with pictures, the first word of a reason, five reasons in one batch.

    reasons: prompts, a multiple of five. patterns: what each keeps to, where the model is guided. The first of
    everything is not counted. A list's pictures may be new to the model, so that their features are computed; those of
    lists that were just ranked are not, which is told beside it.
    """
    fresh = [_timed(lambda asked=asked: _rerank(model, asked), clock) for asked in lists]  # type: ignore[misc]
    again = [_timed(lambda asked=asked: _rerank(model, asked), clock) for asked in lists]  # type: ignore[misc]
    first = [_timed(lambda prompt=prompt: _first_word(model, prompt), clock) for prompt in reasons]  # type: ignore[misc]
    batched = [
        _timed(lambda at=at: _five(model, reasons, patterns, at), clock)  # type: ignore[misc]
        for at in range(0, len(reasons) - 4, 5)
    ]
    return [
        _median("rerank of 20 with pictures, p50", fresh, 400, note),
        _median("rerank of 20 with pictures seen before, p50", again, None, note),
        _median("first word of a reason, p50", first, 200, note),
        _median("five reasons batched, p50", batched, 1000, note),
    ]


def measure_agreement(one: VisionLanguageModel, other: VisionLanguageModel, prompts: Sequence[Prompt]) -> list[Figure]:
    """The share of ranking prompts over 20 candidates in which two engines put the same one first."""
    rows = [model.score(prompts, LETTERS) for model in (one, other)]
    same = np.array([a.index(max(a)) == b.index(max(b)) for a, b in zip(*rows, strict=True)], dtype=np.float64)
    furthest = max(abs(a - b) for x, y in zip(*rows, strict=True) for a, b in zip(x, y, strict=True))
    value, low, high = mean(same)
    note = f"largest difference of a letter's log-probability {furthest:.3f}"
    return [
        Figure("vLLM and in-process engine agree on the first place", value, low, high, 0.98, n=len(same), note=note)
    ]


def ranking_prompts(lists: Sequence[Asked]) -> list[Prompt]:
    """The lists as prompts, told as short as twenty pictures leave room for."""
    return [rank_prompt((), asked.request, asked.candidates, Detail().shorter()) for asked in lists]


def _rerank(model: VisionLanguageModel, asked: Asked) -> object:
    contenders = [Contender(Candidate(str(row), 1.0, ()), shown) for row, shown in enumerate(asked.candidates)]
    return rerank(model, (), asked.request, contenders)


def _first_word(model: VisionLanguageModel, prompt: Prompt) -> None:
    pieces = model.stream(prompt, max_tokens=_REASON_TOKENS)
    next(pieces, None)


def _five(model: VisionLanguageModel, prompts: Sequence[Prompt], patterns: Sequence[str] | None, at: int) -> object:
    kept = None if patterns is None else patterns[at : at + 5]
    return model.generate(prompts[at : at + 5], max_tokens=_REASON_TOKENS, form=Form(patterns=kept))


def _timed(work: Callable[[], object], clock: Clock) -> float:
    start = clock()
    work()
    return clock() - start


def _median(name: str, seconds: Sequence[float], floor: float | None, note: str) -> Figure:
    counted = seconds[1:] or seconds
    value = float(np.median(counted)) * 1000 if counted else float("nan")
    return Figure(name, value, floor=floor, unit="ms", n=len(counted), note=note, lower_is_better=True)
