"""Batches of lists: each list in a new order, as the model is given it, with what is right about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from agent.prompts import Detail
from agent.settings import LEAST_CHARS
from finetune.list_scores import training_priors
from finetune.reason_batches import ReasonBatches
from retrieval.errors import PromptTooLongError

if TYPE_CHECKING:
    from agent.models.transformers import TransformersModel
    from finetune.examples import Example
    from finetune.list_prompts import ListPrompts


class ListBatches:
    """Makes batches, with torch's random numbers for the orders, so that a run that goes on draws on.

    prior: how much the retrievers' prior counts beside the model. reasons: how much a reason of what was wanted does,
    beside the letter.
    """

    def __init__(
        self,
        engine: TransformersModel,
        prompts: ListPrompts,
        letters: Sequence[int],
        *,
        prior: float = 0.0,
        reasons: float = 0.0,
    ) -> None:
        self._reasons = ReasonBatches(engine, prompts, prompts.facts()) if reasons else None
        self._reason_weight = reasons
        self._engine = engine
        self.prompts = prompts
        self._letters = torch.tensor(letters)
        self._prior = prior

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """The model's inputs, and by list and letter the share of the right answer and the prior's part of the score.

        right, prior: (n_lists, n_letters) float32; a letter that names nothing has a prior of -inf.
        """
        orders = [torch.randperm(len(example.candidates)).tolist() for example in examples]
        right = torch.zeros(len(examples), len(self._letters))
        prior = torch.full_like(right, -torch.inf)
        for row, (example, order) in enumerate(zip(examples, orders, strict=True)):
            relevance = torch.tensor(example.relevance)[order]
            right[row, : len(order)] = relevance / relevance.sum()
            prior[row, : len(order)] = self._prior * torch.tensor(training_priors(example), dtype=torch.float32)[order]
        reasons = None if self._reasons is None else self._reasons(examples)
        return {"inputs": self._inputs(examples, orders), "right": right, "prior": prior, "reasons": reasons}

    def loss(self, model: Any, batch: dict[str, Any]) -> Tensor:
        """Mean cross-entropy of the letters, from the logits of the last position alone.

        Without a prior over the whole vocabulary, so that letters stay what the model answers with; with one over the
        letters, as the product adds the two.
        """
        logits = model(**batch["inputs"], logits_to_keep=1).logits[:, -1].float()
        log_probs = torch.log_softmax(logits, dim=-1)[:, self._letters.to(logits.device)]
        if self._prior:
            log_probs = torch.log_softmax(log_probs + batch["prior"], dim=-1)
        right = batch["right"]
        loss: Tensor = -(right * log_probs.masked_fill(right == 0, 0.0)).sum(dim=1).mean()
        if self._reasons is not None and batch["reasons"] is not None:
            loss = loss + self._reason_weight * self._reasons.loss(model, batch["reasons"])
        return loss

    def _inputs(self, examples: Sequence[Example], orders: Sequence[Sequence[int]]) -> dict[str, Any]:
        """In as much detail as the model has room for, as when it is asked."""
        detail = Detail()
        while True:
            told = [
                self.prompts.prompt(example, order, detail) for example, order in zip(examples, orders, strict=True)
            ]
            try:
                return self._engine.inputs(told)
            except PromptTooLongError:
                detail = detail.shorter()
                if detail.candidate_chars < LEAST_CHARS:
                    raise
