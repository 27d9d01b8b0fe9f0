"""Drafts of what messages change, for many messages at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from agent.dialogue import Update
    from agent.mentions import Embed
    from finetune.builtin.updates import UpdateExample
    from retrieval.vectors import Vector, Vectors

_ROUNDS = 3
"""Times that a draft may come upon texts it only now turns out to need."""
_KEPT = 50_000


class Drafts:
    """Makes the drafts of a batch, with few large calls of the text encoder instead of several small ones a message."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, Vector] = {}
        self._missing: dict[str, None] = {}

    def of(self, examples: Sequence[UpdateExample]) -> list[Update]:
        """The draft of each example, the same as one by one."""
        if len(self._known) > _KEPT:
            self._known.clear()
        for _ in range(_ROUNDS):
            embed = partial(self._vectors_so_far)  # a new one: what the linker keeps by encoder is of this round
            drafts = [example.draft(embed) for example in examples]
            if not self._missing:
                return drafts
            texts = list(self._missing)
            self._missing.clear()
            self._known |= dict(zip(texts, self._embed(texts), strict=True))
        return [example.draft(self._embed) for example in examples]

    def _vectors_so_far(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), d): what is known; zeros, which are near to nothing, for what is noted as missing."""
        self._missing |= dict.fromkeys(text for text in texts if text not in self._known)
        width = len(next(iter(self._known.values()), ())) or 1
        return np.stack([self._known.get(text, np.zeros(width, np.float32)) for text in texts])
