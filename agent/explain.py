"""Reasons: the model writes them from evidence, and nothing is shown that could not be checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.facts import CatalogueFacts
from agent.models.base import FREE, Form, VisionLanguageModel
from agent.prompts import Detail, Shown, reason_prompt
from agent.reason_check import ReasonCheck
from agent.reason_pattern import reason_pattern
from agent.sentences import plain_reason
from agent.settings import LEAST_CHARS, ReasonSettings
from retrieval.errors import ModelAnswerError, PromptTooLongError
from retrieval.types import Evidence, ReasonSource

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToExplain:
    """A recommended item, how the model is shown it, and the evidence for it."""

    shown: Shown
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    text: str
    source: ReasonSource


OnWords = Callable[[int, str], object]
"""Is told of reasons that are being written: the place on the list, from 0, and the words so far."""


def write_reasons(
    model: VisionLanguageModel,
    request: str | None,
    entries: Sequence[ToExplain],
    facts: CatalogueFacts,
    *,
    settings: ReasonSettings | None = None,
    on_words: OnWords | None = None,
) -> list[Reason]:
    """A checked reason for each entry. The model writes all of them in one batch; what fails is said plainly.

    on_words is told whole words only, and none that could not be checked; a reason that fails later than that is said
    plainly all the same. Raises ModelError when the model cannot answer; `plain_reasons` still can.
    """
    settings = settings or ReasonSettings()
    rows = [row for row, entry in enumerate(entries) if entry.evidence]
    checks = [
        ReasonCheck(entries[row].shown.item, entries[row].evidence, request, facts, max_words=settings.max_words)
        for row in rows
    ]
    teller = None if on_words is None else _Teller(rows, checks, on_words)
    written = _generate(model, request, [entries[row] for row in rows], settings, teller)
    reasons = plain_reasons(entries)
    for row, check, answer in zip(rows, checks, written, strict=True):
        text = " ".join(answer.split())
        problem = check.problem(text)
        if problem is None:
            reasons[row] = Reason(text, ReasonSource.MODEL)
        else:
            logger.debug("a reason for %s is replaced: %s: %r", entries[row].shown.item.item_id, problem, text)
    return reasons


def _patterns(entries: Sequence[ToExplain]) -> list[str]:
    """What each reason may be, in words that are not those of its neighbours on the list."""
    return [reason_pattern(entry.shown.item, entry.evidence, place) for place, entry in enumerate(entries)]


class _Teller:
    """Passes on what is written, in whole words, as far as it can be checked."""

    def __init__(self, rows: Sequence[int], checks: Sequence[ReasonCheck], on_words: OnWords) -> None:
        """rows: the place of each answer."""
        self._rows = rows
        self._checks = checks
        self._on_words = on_words
        self._seen = [""] * len(rows)

    def begin(self) -> None:
        """All answers are written from their beginning, maybe anew."""
        self._seen = [""] * len(self._rows)

    def tell(self, number: int, text: str) -> None:
        """Is told of an answer, by its number, what is written of it so far."""
        words = " ".join(text[: text.rfind(" ") + 1].split())
        if len(words) > len(self._seen[number]):
            self._seen[number] = words
            if self._checks[number].problem_so_far(words) is None:
                self._on_words(self._rows[number], words)


def plain_reasons(entries: Sequence[ToExplain]) -> list[Reason]:
    """Reasons without a model: the evidence in plain sentences."""
    return [Reason(plain_reason(entry.shown.item, entry.evidence), ReasonSource.EVIDENCE) for entry in entries]


def _generate(
    model: VisionLanguageModel,
    request: str | None,
    entries: Sequence[ToExplain],
    settings: ReasonSettings,
    teller: _Teller | None,
) -> list[str]:
    detail = Detail()
    while True:
        prompts = [reason_prompt(entry.shown, request, entry.evidence, detail) for entry in entries]
        form = FREE
        if model.info.guided:
            form = Form(patterns=_patterns(entries))
        if teller is not None:
            teller.begin()
        on_text = None if teller is None else teller.tell
        try:
            answers = model.generate(prompts, max_tokens=settings.max_tokens, form=form, on_text=on_text)
        except PromptTooLongError:
            detail = detail.shorter()
            if detail.candidate_chars < LEAST_CHARS:
                raise
            continue
        if len(answers) != len(entries):
            raise ModelAnswerError(f"the model gave {len(answers)} reasons for {len(entries)} items")
        return answers
