"""The adapters as the owner's page shows and switches them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agent.adapter_shelf import AdapterShelf
from retrieval.errors import TastemakerError
from ui.cards import plain, sentence

if TYPE_CHECKING:
    from agent.recommender import Recommender

BASE = "the model alone"
COLUMNS = ("name", "state", "rank", "measured", "fault")


class OwnerAdapters:
    """The adapters of the workspace that a recommender serves. Safe to use from many threads."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self._shelf = AdapterShelf(recommender.workspace.path)
        self._switching = threading.Lock()

    def rows(self) -> list[list[str]]:
        """The model alone and each adapter, in COLUMNS: whether it is in use, and what its training measured."""
        used = self._shelf.used()
        rows = [[BASE, "in use" if used is None else "", "", "", ""]]
        for each in self._shelf.all():
            measured = ", ".join(f"{plain(name, 40)} {value:g}" for name, value in each.metrics.items())
            rank = "" if each.rank is None else str(each.rank)
            state = "in use" if each.name == used else ""
            rows.append([plain(each.name, 80), state, rank, measured or "not measured", plain(each.fault or "", 300)])
        return rows

    def names(self) -> list[str]:
        """What can be used."""
        return [BASE, *(each.name for each in self._shelf.all() if each.fault is None)]

    def used(self) -> str:
        """What is in use."""
        return self._shelf.used() or BASE

    def use(self, name: str | None) -> str:
        """Use what is called so, and say it. It is loaded first and noted then: a broken one changes nothing."""
        chosen = None if name in (None, BASE) else name
        try:
            with self._switching:
                self._recommender.use_adapter(None if chosen is None else self._shelf.usable(chosen).path)
                self._shelf.use(chosen)
        except TastemakerError as error:
            return sentence(f"nothing was changed: {error}")
        return f"Now in use: {chosen or BASE}. Answers from now on are by it."

    def roll_back(self) -> str:
        """Use what was used before, and say it."""
        try:
            with self._switching:
                before = self._shelf.before()
                self._recommender.use_adapter(None if before is None else self._shelf.usable(before).path)
                self._shelf.step_back()
        except TastemakerError as error:
            return sentence(f"nothing was changed: {error}")
        return f"Back to {before or BASE}. Answers from now on are by it."
