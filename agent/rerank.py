"""Listwise reranking: the model sees all candidates at once and says which letter is best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.echoes import tenths_wanted, with_echoes
from agent.models.base import ModelInfo, Prompt, VisionLanguageModel
from agent.prompts import LETTERS, Detail, Shown, rank_prompt
from agent.settings import LEAST_CHARS, RerankSettings
from retrieval.errors import ModelAnswerError, PromptTooLongError
from retrieval.types import Candidate

_LEAST_PRIOR = 1e-6
_ROUNDING = 1e-3  # what half precision may add to a probability


@dataclass(frozen=True, slots=True)
class Contender:
    """A candidate, and how the model is shown it. wanted_by: how many people want it."""

    candidate: Candidate
    shown: Shown
    wanted_by: int = 0


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with what the model thinks of it.

    log_prob: natural log of the probability that it is the best of the list.
    score: log_prob + alpha * log prior, or what a fitted ranker says instead (`agent.ranker`); higher is better.
    """

    candidate: Candidate
    log_prob: float
    score: float


def rerank(
    model: VisionLanguageModel,
    history: Sequence[Shown],
    request: str | None,
    contenders: Sequence[Contender],
    *,
    settings: RerankSettings | None = None,
) -> list[Ranked]:
    """The candidates, best first: score = log p(letter) + alpha * log prior.

    history: liked items, oldest first. The prompt shows the latest of them, and what the candidates have in common
    with more of them. The prior is the candidates' scores made to sum to 1.
    Lists longer than settings.list_size are read in windows, whose best meet in a final list that puts the windows on
    one scale. Raises ModelError when the model cannot answer or answers with scores that cannot be used.
    """
    settings = settings or RerankSettings()
    recent, entries = as_told(model.info, history, contenders, settings)
    orders = model.info.orders if settings.orders is None else settings.orders
    log_probs = _compare(_Reader(model, recent, request, orders), entries, settings.list_size)
    alpha = model.info.alpha if settings.alpha is None else settings.alpha
    priors = log_priors([contender.candidate for contender in contenders])
    ranked = [
        Ranked(contender.candidate, log_prob, log_prob + alpha * prior)
        for contender, log_prob, prior in zip(contenders, log_probs, priors, strict=True)
    ]
    return sorted(ranked, key=lambda entry: -entry.score)


def as_told(
    info: ModelInfo, history: Sequence[Shown], contenders: Sequence[Contender], settings: RerankSettings
) -> tuple[Sequence[Shown], list[Contender]]:
    """The liked items that the prompt shows, and the candidates with what they have in common with what was liked.

    And with how widely they are wanted, where the model has learned with that.
    history: oldest first. With `ranking_prompt` this is what a list looks like to the model, in training as in service.
    """
    counted = history[len(history) - min(len(history), settings.counted_items) :]
    recent = counted[len(counted) - min(len(counted), settings.history_items) :]
    told = with_echoes([contender.shown for contender in contenders], counted)
    wanted = tenths_wanted([contender.wanted_by for contender in contenders]) if info.popularity else [0] * len(told)
    return recent, [
        replace(contender, shown=replace(shown, wanted=tenths))
        for contender, shown, tenths in zip(contenders, told, wanted, strict=True)
    ]


def _compare(reader: _Reader, contenders: Sequence[Contender], list_size: int) -> list[float]:
    """Log-probability of each contender, all on the scale of one list."""
    if len(contenders) <= list_size:
        return reader.score([contenders])[0] if contenders else []
    windows = _deal(len(contenders), list_size)
    tables = reader.score([[contenders[row] for row in window] for window in windows])
    places = max(1, list_size // len(windows))
    finalists: list[int] = []
    for window, scores in zip(windows, tables, strict=True):
        order = sorted(range(len(window)), key=lambda place: -scores[place])
        finalists += [window[place] for place in order[:places]]
    final = _compare(reader, [contenders[row] for row in finalists], list_size)
    return _on_one_scale(windows, tables, dict(zip(finalists, final, strict=True)))


def _deal(count: int, list_size: int) -> list[list[int]]:
    """Rows dealt like cards, so that each window gets its share of the strongest."""
    windows = math.ceil(count / list_size)
    return [list(range(start, count, windows)) for start in range(windows)]


def _on_one_scale(
    windows: Sequence[Sequence[int]], tables: Sequence[Sequence[float]], final: dict[int, float]
) -> list[float]:
    """Each window's scores shifted by how its finalists did in the final (Luce's choice axiom: ratios stay)."""
    merged: dict[int, float] = {}
    for window, scores in zip(windows, tables, strict=True):
        shifts = [final[row] - score for row, score in zip(window, scores, strict=True) if row in final]
        shift = sum(shifts) / len(shifts)
        merged |= {row: final.get(row, score + shift) for row, score in zip(window, scores, strict=True)}
    return [merged[row] for row in sorted(merged)]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads lists to the model, for one person and request.

    orders: 2 reads each list from both ends and takes the mean of the logs, so that no place has an advantage
    (permutation self-consistency, Tang et al. 2024, with two permutations).
    """

    model: VisionLanguageModel
    history: Sequence[Shown]
    request: str | None
    orders: int

    def score(self, lists: Sequence[Sequence[Contender]]) -> list[list[float]]:
        """Log-probabilities of the letters of each list."""
        if self.orders == 1:
            return self._score(lists)
        tables = self._score([*lists, *(entries[::-1] for entries in lists)])
        forth, back = tables[: len(lists)], tables[len(lists) :]
        return [
            [(one + other) / 2 for one, other in zip(row, turned[::-1], strict=True)]
            for row, turned in zip(forth, back, strict=True)
        ]

    def _score(self, lists: Sequence[Sequence[Contender]]) -> list[list[float]]:
        """In as much detail as the model has room for."""
        letters = LETTERS[: max(len(entries) for entries in lists)]
        history, detail = self.history, Detail()
        while True:
            prompts = [ranking_prompt(self.model.info, history, self.request, entries, detail) for entries in lists]
            try:
                rows = self.model.score(prompts, letters)
            except PromptTooLongError:
                shorter = detail.shorter()
                if shorter.candidate_chars >= LEAST_CHARS:
                    detail = shorter
                elif history:
                    history = ()  # the candidates matter more than the past
                else:
                    raise
                continue
            return [_checked(row, len(entries)) for row, entries in zip(rows, lists, strict=True)]


def ranking_prompt(
    info: ModelInfo,
    history: Sequence[Shown],
    request: str | None,
    entries: Sequence[Contender],
    detail: Detail,
) -> Prompt:
    """A prompt for one list, with no more pictures than the model takes: the candidates' come first.

    history, entries: as `as_told` gives them.
    """
    candidates, left = _with_pictures([entry.shown for entry in entries], info.max_images)
    liked, _ = _with_pictures(history, left)
    return rank_prompt(liked, request, candidates, detail)


def _with_pictures(shown: Sequence[Shown], room: int) -> tuple[list[Shown], int]:
    kept = []
    for entry in shown:
        if entry.picture is not None and room <= 0:
            entry = replace(entry, picture=None)
        room -= entry.picture is not None
        kept.append(entry)
    return kept, room


def _checked(row: Sequence[float], size: int) -> list[float]:
    """The row's scores of `size` letters, which can be log-probabilities of different tokens."""
    scores = list(row[:size])
    if len(scores) < size or not all(isinstance(score, float | int) and math.isfinite(score) for score in scores):
        raise ModelAnswerError(f"the model gave {scores} for {size} candidates; expected {size} finite numbers")
    if max(scores) > _ROUNDING or sum(map(math.exp, scores)) > 1 + _ROUNDING:
        raise ModelAnswerError(
            f"the model gave {scores} for {size} candidates; expected natural logs of probabilities, which are at most "
            "0 and whose probabilities sum to at most 1"
        )
    return scores


def log_priors(candidates: Sequence[Candidate]) -> list[float]:
    """Log of the candidates' scores made to sum to 1; scores of nothing or less count as next to nothing."""
    scores = [candidate.score if math.isfinite(candidate.score) else 0.0 for candidate in candidates]
    highest = max(scores, default=0.0)
    weights = [max(score / highest, _LEAST_PRIOR) if highest > 0 else 1.0 for score in scores]
    total = sum(weights)
    return [math.log(weight / total) for weight in weights]
