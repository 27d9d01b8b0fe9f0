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

BASE = "the model alone"
COLUMNS = ("name", "state", "trained", "measured", "verdict")


class OwnerAdapters:
    """The adapters of the workspace that a recommender serves. Safe to use from many threads."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self._workspace: Path = recommender.workspace.path
        self._registry = Adapters(self._workspace)
        self._switching = threading.Lock()

    def rows(self) -> list[list[str]]:
        """The model alone and each adapter, in COLUMNS: whether it is in use, and what was measured of it."""
        used = self._registry.current()
        rows = [[BASE, "in use" if used is None else "", "", "", ""]]
        return rows + [_row(card, card.name == used) for card in self._registry.all()]

    def names(self) -> list[str]:
        """What can be used."""
        return [card.name for card in self._registry.all()]

    def used(self) -> str | None:
        """What is in use."""
        return self._registry.current()

    def use(self, name: str | None) -> str:
        """Use what is called so, in every process that serves the workspace, and say it; here it is loaded at once."""
        if name is None:
            return "Choose an adapter first."
        try:
            with self._switching:
                use_adapter(self._workspace, name)
        except TastemakerError as error:
            return sentence(f"nothing was changed: {error}")
        return f"Now in use: {name}. {self._answering(name)}"

    def roll_back(self) -> str:
        """Use what was used before, and say it."""
        try:
            with self._switching:
                before = roll_back(self._workspace)
        except TastemakerError as error:
            return sentence(f"nothing was changed: {error}")
        return f"Back to {before or BASE}. {self._answering(before)}"

    def _answering(self, name: str | None) -> str:
        """Whether this page answers with it: one that was started with an adapter of its own goes on with that."""
        try:
            here = self._recommender.model.info.adapter
        except TastemakerError as error:
            return sentence(f"this page cannot answer with it: {error}")
        if here == (None if name is None else adapter_name(name)):
            return "Answers from now on are by it."
        return (
            f"This page still answers with {here or BASE}: it is loading the other one, cannot use it, or was started "
            "with a model or an adapter of its own."
        )


def _row(card: Card, used: bool) -> list[str]:
    measured = ", ".join(f"{plain(each.name, 40)} {each.mean:.4f}" for each in card.figures)
    verdict = "better than before" if card.better else "not better than before"
    return [card.name, "in use" if used else "", plain(card.created, 40), measured or "not measured", verdict]
