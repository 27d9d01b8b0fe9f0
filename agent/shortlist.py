"""A shortlist: what a wish brought up, ready to be compared by the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.rerank import Contender, Ranked, rerank

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.prompts import Shown
    from agent.settings import RerankSettings
    from agent.showing import Showcase
    from retrieval.candidates import CandidateFinder
    from retrieval.retrievers import Query
    from retrieval.types import Item


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The query, the items that the user wants, oldest first, and the candidates, best first."""

    query: Query
    history: list[Item]
    contenders: list[Contender]


def shortlist(finder: CandidateFinder, showcase: Showcase, query: Query, size: int, *, image_px: int) -> Shortlist:
    """The best `size` candidates for the query, with pictures of that side."""
    found = finder.search(query, size)
    items = {item.item_id: item for item in showcase.items(entry.item_id for entry in found)}
    known = [entry for entry in found if entry.item_id in items]
    shown = showcase.shown_all([items[entry.item_id] for entry in known], image_px)
    standings = finder.standings.of([entry.item_id for entry in known])
    contenders = [
        Contender(entry, told, standing.wanted_by)
        for entry, told, standing in zip(known, shown, standings, strict=True)
    ]
    return Shortlist(query, showcase.items(event.item_id for event in query.history), contenders)


def compare(
    model: VisionLanguageModel, listed: Shortlist, showcase: Showcase, *, settings: RerankSettings
) -> list[Ranked]:
    """The candidates, best first, as `agent.rerank.rerank` puts them. Raises ModelError."""
    liked = latest(listed, showcase, model.info.image_px, settings)
    return rerank(model, liked, listed.query.text, listed.contenders, settings=settings)


def latest(listed: Shortlist, showcase: Showcase, image_px: int, settings: RerankSettings) -> list[Shown]:
    """What was liked last, as much of it as `agent.rerank.rerank` looks at, oldest first."""
    return showcase.shown_all(listed.history[max(0, len(listed.history) - settings.counted_items) :], image_px)
