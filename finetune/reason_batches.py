"""Reasons to learn to write: of what was wanted, asked for as the product asks, in the words of its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from agent.evidence import gather_evidence
from agent.prompts import Detail, reason_prompt
from agent.reason_pattern import ways
from finetune.answered import with_answers

if TYPE_CHECKING:
    from agent.facts import CatalogueFacts
    from agent.models.base import Prompt
    from agent.models.transformers import TransformersModel
    from finetune.examples import Example
    from finetune.list_prompts import ListPrompts

_PIECES = 2
"""Of the evidence so many pieces are told, as plain reasons do."""


class ReasonBatches:
    """Makes batches with torch's random numbers. Items that share nothing with the history have no reason in them."""

    def __init__(self, engine: TransformersModel, prompts: ListPrompts, facts: CatalogueFacts) -> None:
        self._engine = engine
        self._prompts = prompts
        self._facts = facts

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any] | None:
        """The model's inputs, and labels (n, tokens) that are -100 but for the reasons; None where there is none."""
        told = [pair for example in examples if (pair := self._told(example)) is not None]
        if not told:
            return None
        answers = [self._engine.answer_ids(text) for _, text in told]
        return with_answers(self._engine.inputs([prompt for prompt, _ in told]), answers)

    def loss(self, model: Any, batch: dict[str, Any]) -> Tensor:
        """Mean cross-entropy of the reasons' tokens."""
        labels = batch["labels"]
        kept = int((labels != -100).any(dim=0).sum()) + 1
        logits = model(**batch["inputs"], logits_to_keep=kept).logits[:, :-1].float()
        return cross_entropy(logits.flatten(0, 1), labels[:, 1 - kept :].flatten(), ignore_index=-100)

    def _told(self, example: Example) -> tuple[Prompt, str] | None:
        """What is asked about the wanted item, and an answer."""
        liked, contenders = self._prompts.told(example)
        shown = contenders[example.target].shown
        history = [other.item for other in liked]
        evidence = gather_evidence(shown.item, request=None, history=history, traces=(), facts=self._facts)
        if not evidence:
            return None
        sentences = [_drawn(ways(shown.item, fact)) for fact in evidence[:_PIECES]]
        return reason_prompt(shown, None, evidence, Detail()), f"{'. '.join(sentences)}."


def _drawn(choices: Sequence[str]) -> str:
    return choices[int(torch.randint(len(choices), ()))]
