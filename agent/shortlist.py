"""A shortlist: what a wish brought up, ready to be compared by the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.rerank import Contender, Ranked, rerank

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
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
    contenders = [
        Contender(entry, showcase.shown(items[entry.item_id], image_px)) for entry in found if entry.item_id in items
    ]
    return Shortlist(query, showcase.items(event.item_id for event in query.history), contenders)


def compare(
    model: VisionLanguageModel, listed: Shortlist, showcase: Showcase, *, settings: RerankSettings
) -> list[Ranked]:
    """The candidates, best first, as `agent.rerank.rerank` puts them. Raises ModelError."""
    recent = listed.history[max(0, len(listed.history) - settings.history_items) :]
    liked = [showcase.shown(item, model.info.image_px) for item in recent]
    return rerank(model, liked, listed.query.text, listed.contenders, settings=settings)
