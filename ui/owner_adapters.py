"""The adapters as the owner's page shows and switches them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from agent.adapters import adapter_name
from agent.registry import Adapters
from agent.rollout import roll_back, use_adapter
from retrieval.errors import TastemakerError
from ui.cards import plain, sentence

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from agent.registry import Card
    from ui.i18n import Say


class OwnerAdapters:
    """The adapters of the workspace that a recommender serves. Safe to use from many threads.

    say: says things in the owner's language.
    """

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self._workspace: Path = recommender.workspace.path
        self._registry = Adapters(self._workspace)
        self._switching = threading.Lock()

    def rows(self, say: Say) -> list[list[str]]:
        """The model alone and each adapter: name, whether it is in use, when it was made, figures, verdict."""
        used = self._registry.current()
        rows = [[say("owner_base"), say("owner_in_use") if used is None else "", "", "", ""]]
        return rows + [_row(card, card.name == used, say) for card in self._registry.all()]

    def names(self) -> list[str]:
        """What can be used."""
        return [card.name for card in self._registry.all()]

    def used(self) -> str | None:
        """What is in use."""
        return self._registry.current()

    def use(self, name: str | None, say: Say) -> str:
        """Use what is called so, in every process that serves the workspace, and say it; here it is loaded at once."""
        if name is None:
            return say("owner_choose")
        try:
            with self._switching:
                use_adapter(self._workspace, name)
        except TastemakerError as error:
            return sentence(say("owner_unchanged", problem=str(error)))
        return say("owner_used", name=name, answering=self._answering(name, say))

    def roll_back(self, say: Say) -> str:
        """Use what was used before, and say it."""
        try:
            with self._switching:
                before = roll_back(self._workspace)
        except TastemakerError as error:
            return sentence(say("owner_unchanged", problem=str(error)))
        return say("owner_rolled_back", name=before or say("owner_base"), answering=self._answering(before, say))

    def _answering(self, name: str | None, say: Say) -> str:
        """Whether this page answers with it: one that was started with an adapter of its own goes on with that."""
        try:
            here = self._recommender.model.info.adapter
        except TastemakerError as error:
            return sentence(say("owner_cannot_answer", problem=str(error)))
        if here == (None if name is None else adapter_name(name)):
            return say("owner_answers_by_it")
        return say("owner_still_answers", name=here or say("owner_base"))


def _row(card: Card, used: bool, say: Say) -> list[str]:
    measured = ", ".join(f"{plain(each.name, 40)} {each.mean:.4f}" for each in card.figures)
    return [
        card.name,
        say("owner_in_use") if used else "",
        plain(card.created, 40),
        measured or say("owner_not_measured"),
        say("owner_better" if card.better else "owner_not_better"),
    ]
