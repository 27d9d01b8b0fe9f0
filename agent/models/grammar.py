"""Answers of a form by construction: at every step only tokens that can still lead there are left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from agent.models.base import JsonSchema


class Grammars:
    """Builds constraints for one model's tokens, by llguidance.

    n_vocab: columns of the model's logits, which can be more than the tokenizer has tokens. stops: ids that end an
    answer.
    """

    def __init__(self, tokenizer: Any, *, n_vocab: int, stops: list[int]) -> None:
        from llguidance.hf import from_tokenizer

        self._tokens = from_tokenizer(tokenizer, n_vocab=n_vocab, eos_token=stops)

    def json(self, schema: JsonSchema) -> str:
        """The grammar of JSON that satisfies the schema. Raises ValueError for one that cannot be compiled."""
        from llguidance import LLMatcher

        told = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults={"whitespace_flexible": False})
        return self._checked(told, "JSON schema")

    def regex(self, pattern: str) -> str:
        """The grammar of texts that match the pattern. Raises ValueError for one that cannot be compiled."""
        from llguidance import LLMatcher

        return self._checked(LLMatcher.grammar_from_regex(pattern), "pattern")

    def constraint(self, grammars: Sequence[str]) -> Constraint:
        """For one call of `generate` with so many rows."""
        return Constraint(self._tokens, grammars)

    def _checked(self, grammar: str, what: str) -> str:
        from llguidance import LLMatcher

        if error := LLMatcher.validate_grammar(grammar, self._tokens):
            raise ValueError(f"the {what} cannot be compiled: {error}")
        return grammar


class Constraint:
    """A logits processor of transformers: one matcher for each row of the batch."""

    def __init__(self, tokens: Any, grammars: Sequence[str]) -> None:
        self._tokens = tokens
        self._grammars = grammars
        self._matchers: list[Any] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """input_ids: (n, length) int64. scores: (n, n_vocab); forbidden tokens become -inf, in place."""
        import torch
        from llguidance import LLMatcher
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        if not self._matchers:
            self._matchers = [LLMatcher(self._tokens, grammar) for grammar in self._grammars]
        else:
            for matcher, token in zip(self._matchers, input_ids[:, -1].tolist(), strict=True):
                if not matcher.is_stopped():
                    matcher.consume_token(token)
        allowed = allocate_token_bitmask(len(input_ids), self._tokens.vocab_size)
        for row, matcher in enumerate(self._matchers):
            fill_next_token_bitmask(matcher, allowed, row)
        # llguidance's own way of applying it to tensors compiles a kernel first, which takes seconds.
        bits = np.unpackbits(allowed.view(np.uint8), axis=1, bitorder="little")[:, : scores.shape[1]]
        return scores.masked_fill_(torch.from_numpy(bits == 0).to(scores.device), float("-inf"))
