"""Lists as the model reads them: the very prompts of the product, for training and for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from agent.prompts import Detail
from agent.rerank import Contender, as_told, ranking_prompt
from retrieval.types import Candidate

if TYPE_CHECKING:
    from agent.facts import CatalogueFacts
    from agent.models.base import ModelInfo, Prompt
    from agent.prompts import Shown
    from agent.settings import RerankSettings
    from agent.showing import Showcase
    from finetune.examples import Example

_KEPT = 4096


class ListPrompts:
    """Makes prompts of lists, with the pictures that the catalogue has.

    pictures: False leaves them out, and what is known of looks with them.
    """

    def __init__(self, showcase: Showcase, info: ModelInfo, settings: RerankSettings, *, pictures: bool = True) -> None:
        self._showcase = showcase
        self._info = info
        self._settings = settings
        self._pictures = pictures
        self._shown = lru_cache(maxsize=_KEPT)(self._read)

    def told(self, example: Example) -> tuple[list[Shown], list[Contender]]:
        """The user's latest wanted items, as many as count, and the candidates."""
        counted = example.history[max(0, len(example.history) - self._settings.counted_items) :]
        liked = [shown for item_id in counted if (shown := self._shown(item_id)) is not None]
        contenders = []
        wanted_by = example.wanted_by or (0,) * len(example.candidates)
        for item_id, score, people in zip(example.candidates, example.scores, wanted_by, strict=True):
            shown = self._shown(item_id)
            if shown is None:
                raise KeyError(f"the catalogue has no item {item_id!r} any more")
            contenders.append(Contender(Candidate(item_id, score), shown, people))
        return liked, contenders

    def facts(self) -> CatalogueFacts:
        """What is true of the catalogue as a whole, for evidence."""
        return self._showcase.facts()

    def entries(self, example: Example) -> tuple[Sequence[Shown], list[Contender]]:
        """What of the history the prompt shows, and the candidates with their echoes, in the example's order."""
        return as_told(self._info, *self.told(example), self._settings)

    def prompt(self, example: Example, order: Sequence[int], detail: Detail | None = None) -> Prompt:
        """The list with its candidates in this order. Places of the order are letters."""
        recent, entries = self.entries(example)
        return ranking_prompt(self._info, recent, None, [entries[place] for place in order], detail or Detail())

    def _read(self, item_id: str) -> Shown | None:
        items = self._showcase.items([item_id])
        if not items:
            return None
        shown = self._showcase.shown_all(items, self._info.image_px)[0]
        return shown if self._pictures else replace(shown, picture=None, look=None, seen={})
