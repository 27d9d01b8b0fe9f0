"""From a wish to the items in order, with what speaks for them: the stages of one answer."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from agent.evidence import gather_evidence
from agent.explain import OnWords, Reason, ToExplain, plain_reasons, write_reasons
from agent.limits import from_end
from agent.ranker import LastStage
from agent.rerank import Ranked
from agent.shortlist import Shortlist, compare, shortlist
from agent.traces import Tracer
from retrieval.errors import ModelError
from retrieval.types import Item, Recommendation

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.requests import Wish
    from agent.settings import RecommenderSettings
    from agent.showing import Showcase
    from retrieval.candidates import CandidateFinder
    from retrieval.retrievers import Query
    from retrieval.store import VectorStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The candidates in order. note: why the model took no part, None when it did."""

    entries: Sequence[Ranked]
    note: str | None = None

    @property
    def reranked(self) -> bool:
        return self.note is None and bool(self.entries)


class Stages:
    """Retrieves, puts in order and explains, over one workspace; safe to use from many threads."""

    def __init__(
        self,
        finder: CandidateFinder,
        store: VectorStore,
        showcase: Showcase,
        last_stage: LastStage,
        settings: RecommenderSettings,
    ) -> None:
        self._finder = finder
        self._store = store
        self._showcase = showcase
        self._last_stage = last_stage
        self._settings = settings

    def retrieve(
        self, wish: Wish, model: VisionLanguageModel, exclude: Collection[str] = (), shown: Sequence[str] = ()
    ) -> Shortlist:
        """What is compared for the wish. exclude, shown: as `Recommender.recommend` takes them."""
        query = self._finder.query(text=wish.query, image=wish.image, user_id=wish.user_id, where=wish.where)
        if exclude or shown:
            query = self._finder.fresh(replace(query, exclude=query.exclude | frozenset(exclude)), shown, wish.k)
        size = max(wish.k, self._settings.candidates)
        return shortlist(self._finder, self._showcase, query, size, image_px=model.info.image_px)

    def order(self, query: Query, model: VisionLanguageModel) -> Sequence[Ranked]:
        """What is compared for a query, best first."""
        size, px = self._settings.candidates, model.info.image_px
        return self.rank(shortlist(self._finder, self._showcase, query, size, image_px=px), model).entries

    def rank(
        self, retrieved: Shortlist, model: VisionLanguageModel, extremes: Mapping[str, str] = MappingProxyType({})
    ) -> Ranking:
        """The contenders in the model's and the ranker's order, or in the retriever's when the model cannot answer.

        extremes: "lowest" or "highest" by attribute; that order comes before the others.
        """
        ranking = self._ranked(retrieved, model)
        items = {entry.candidate.item_id: entry.shown.item for entry in retrieved.contenders}
        entries = sorted(ranking.entries, key=lambda entry: from_end(items[entry.candidate.item_id], extremes))
        return replace(ranking, entries=entries)

    def _ranked(self, retrieved: Shortlist, model: VisionLanguageModel) -> Ranking:
        settings = self._settings.rerank
        try:
            ranked: Sequence[Ranked] = compare(model, retrieved, self._showcase, settings=settings)
            if settings.alpha is None:
                ranked = self._last_stage.order(ranked, retrieved, model.info, self._finder)
            return Ranking(ranked)
        except ModelError as error:
            logger.warning("not reranked: %s", error)
            as_found = [Ranked(entry.candidate, 0.0, entry.candidate.score) for entry in retrieved.contenders]
            return Ranking(as_found, f"The language model did not rank these ({error}): retriever's order.")

    def with_evidence(self, wish: Wish, retrieved: Shortlist, ranking: Ranking) -> list[ToExplain]:
        """The k best, in order, with what speaks for each."""
        shown = {entry.candidate.item_id: entry.shown for entry in retrieved.contenders}
        recent = _last(retrieved.history, self._settings.reasons.history_items)
        facts = self._showcase.facts()
        tracer = Tracer(self._finder, self._store, retrieved.query, recent, catalogue_size=facts.items)
        to_explain = []
        for entry in ranking.entries[: wish.k]:
            told = shown[entry.candidate.item_id]
            evidence = gather_evidence(
                told.item,
                request=wish.query,
                history=recent,
                traces=tracer.traces(entry.candidate),
                facts=facts,
                max_facts=self._settings.reasons.max_facts,
            )
            to_explain.append(ToExplain(told, evidence))
        return to_explain

    def reasons(
        self,
        wish: Wish,
        entries: Sequence[ToExplain],
        ranking: Ranking,
        model: VisionLanguageModel,
        on_words: OnWords | None = None,
    ) -> tuple[list[Reason], str | None]:
        """The reasons; and why the model wrote none, None when it was not at fault. on_words: see `write_reasons`."""
        facts = self._showcase.facts()
        if not ranking.reranked:  # whoever could not rank is not asked again
            return plain_reasons(entries), None
        try:
            reasons = write_reasons(
                model, wish.query, entries, facts, settings=self._settings.reasons, on_words=on_words
            )
        except ModelError as error:
            logger.warning("reasons are plain evidence: %s", error)
            return plain_reasons(entries), f"The language model wrote no reasons ({error})."
        return reasons, None


def recommended(
    ranking: Ranking, to_explain: Sequence[ToExplain], reasons: Sequence[Reason]
) -> tuple[Recommendation, ...]:
    """The best with their reasons, in order."""
    return tuple(
        Recommendation(
            told.shown.item, entry.score, reason.text, reason.source, told.evidence, entry.candidate.retrievers
        )
        for entry, told, reason in zip(ranking.entries, to_explain, reasons, strict=False)
    )


def _last(items: Sequence[Item], count: int) -> Sequence[Item]:
    return items[max(0, len(items) - count) :]
