"""Candidates: what every retriever proposes for a request, fused into one list."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from retrieval.behaviour import Behaviour
from retrieval.behavioural import BehaviouralRetriever, NewcomerRetriever, towers_folder
from retrieval.blend import BlendFile
from retrieval.errors import RequestError, SettingsError, WeightsError
from retrieval.lexical import LexicalRetriever
from retrieval.merging import fuse, fuse_blended
from retrieval.retrievers import (
    HISTORY,
    CoOccurrenceRetriever,
    HistoryRetriever,
    NewestRetriever,
    PopularRetriever,
    Query,
    Retriever,
    SemanticRetriever,
    ThroughHistory,
    VisualRetriever,
)
from retrieval.shelf import Shelf
from retrieval.standing import Standings
from retrieval.types import Candidate, Found

if TYPE_CHECKING:
    from PIL.Image import Image

    from retrieval.encoders import Encoder
    from retrieval.store import Hit, VectorStore
    from retrieval.workspace import Workspace

logger = logging.getLogger(__name__)

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "semantic": 3.0,
        "visual": 3.0,
        "lexical": 1.5,
        "behavioural": 1.0,
        "history": 1.0,
        "co-occurrence": 1.0,
        "popular": 0.02,
    }
)
"""What is asked for in words or by a picture comes first, then the user's taste; what everybody likes fills up.

The request's very words weigh half of what they mean: enough that on MovieLens a title comes first ("Heat", "M"), that
a director's films stand among the first and that jazz in a plot is found; at 2 and more, films that share any word of
"a slow-burn heist film" pass those that are like it.
"""

NEWCOMERS = NewcomerRetriever.name

TASTE_WEIGHT = 2.0
"""Of the blend's order beside what is asked for: less than half of the words', so that a request is answered first."""

LAST_RESORT_WEIGHT = 0.0001
"""Of the newest items, which fill a list that the retrievers leave too short: behind all that was really found."""


@dataclass(frozen=True, slots=True)
class CandidateSettings:
    """How candidates are found.

    depth: how many each retriever is asked for, at least. weights: of the retrievers, by name; 0 leaves one out.
    newcomers: the share of a list, its last places, that goes to items which nobody had a chance to want yet, where the
    towers know the user and nothing is asked for: 3 of 20, and none of fewer than 7. 0 to 1; 0 keeps them out.
    """

    depth: int = 100
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    newcomers: float = 0.15

    def __post_init__(self) -> None:
        if self.depth < 1 or any(weight < 0 for weight in self.weights.values()):
            raise SettingsError(
                f"depth is {self.depth}, weights are {dict(self.weights)}; expected 1 or more, and 0 or more"
            )
        if not 0 <= self.newcomers <= 1:
            raise SettingsError(f"the share of newcomers is {self.newcomers}; expected 0 to 1")


class CandidateFinder:
    """Finds the items worth a closer look, for anybody: with a request, a history, both or neither.

    What the retrievers leave open is filled with the newest items, so that the page of a shop without a log is not
    empty. Its caches follow the log and the item table, in this process and others: what was liked a moment ago counts.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: VectorStore,
        encoder: Encoder,
        settings: CandidateSettings | None = None,
        retrievers: Sequence[Retriever] | None = None,
    ) -> None:
        """retrievers: other ones than the default ones; each needs a weight in the settings.

        Raises SettingsError for a retriever without a weight.
        """
        self.encoder = encoder
        self._log = workspace.log
        self._shelf = Shelf(workspace.items)
        self._settings = settings or CandidateSettings()
        behaviour = Behaviour(self._log)
        self.standings = Standings(behaviour, self._shelf)
        if retrievers is None:
            retrievers = (
                SemanticRetriever(store, encoder),
                LexicalRetriever(workspace.items),
                VisualRetriever(store, encoder),
                *taste_retrievers(workspace, store, self._shelf, behaviour),
            )
        unweighted = [retriever.name for retriever in retrievers if retriever.name not in self._settings.weights]
        if unweighted:
            raise SettingsError(f"no weight for {', '.join(unweighted)}; weights are {dict(self._settings.weights)}")
        self._retrievers = {retriever.name: retriever for retriever in retrievers}
        behavioural = next((each for each in retrievers if isinstance(each, BehaviouralRetriever)), None)
        newcomers = {} if behavioural is None else {NEWCOMERS: NewcomerRetriever(behavioural, self._shelf)}
        self._all: dict[str, Retriever] = {**self._retrievers, **newcomers}
        self._last_resort = NewestRetriever(self._shelf)
        self._blend = BlendFile(workspace.path, lambda: store.towers_version)

    def find(
        self,
        *,
        text: str | None = None,
        image: Image | None = None,
        user_id: str | None = None,
        where: str | None = None,
        k: int,
    ) -> list[Candidate]:
        """The k best candidates, best first; fewer when fewer pass the filter or have not been seen.

        image: an opened picture. where: a filter such as "price < 50". An unknown user gets what fits the request, or
        what is popular, or what is new. Raises RequestError (k below 1), FilterError.
        """
        return self.search(self.query(text=text, image=image, user_id=user_id, where=where), k)

    def query(
        self,
        *,
        text: str | None = None,
        image: Image | None = None,
        user_id: str | None = None,
        where: str | None = None,
    ) -> Query:
        """The request with what is known of the user, as the retrievers take it. Raises FilterError."""
        allowed = self._shelf.matching(where) if where is not None and where.strip() else None
        if user_id is None:
            return Query(text, image, allowed=allowed)
        history = tuple(self._log.positives(user_id, limit=HISTORY))
        return Query(text, image, user_id, history, allowed, frozenset(self._log.seen(user_id)))

    def open_to(self, query: Query) -> frozenset[str]:
        """The items that the query may find, whatever it asks for."""
        allowed = self._shelf.item_ids() if query.allowed is None else query.allowed
        return allowed - query.exclude

    def count(self, query: Query) -> int:
        """How many items the query may find, whatever it asks for."""
        return len(self.open_to(query))

    def matching(self, where: str | None) -> frozenset[str]:
        """The items that pass the filter, all of them without one. Raises FilterError."""
        return self._shelf.item_ids() if where is None else self._shelf.matching(where)

    def fresh(self, query: Query, shown: Sequence[str], k: int) -> Query:
        """The query without the items that were shown before, oldest first, as far as k others or later ones remain."""
        open_ = self.open_to(query)
        again = [item_id for item_id in dict.fromkeys(shown) if item_id in open_]
        return replace(query, exclude=query.exclude | frozenset(again[: max(0, len(open_) - k)]))

    def search(self, query: Query, k: int) -> list[Candidate]:
        """The k best candidates for the query, best first. Raises RequestError."""
        if k < 1:
            raise RequestError(f"k is {k}; expected 1 or more")
        candidates = self._with_newcomers(query, self._fuse(query, self.lists(query, k), k), k)
        return candidates if len(candidates) == k else [*candidates, *self._newest(query, candidates, k)]

    def lists(self, query: Query, k: int = 1) -> dict[str, list[Hit]]:
        """What each retriever finds, best first: k items or the settings' depth, whichever is more."""
        depth, weights = max(k, self._settings.depth), self._settings.weights
        found = {name: self._ask(name, query, depth) for name in self._retrievers if weights[name] > 0}
        on_shelf = self._shelf.item_ids()  # an item's vectors may outlive it for a moment
        return {name: [hit for hit in hits if hit.item_id in on_shelf] for name, hits in found.items()}

    def _ask(self, name: str, query: Query, k: int) -> list[Hit]:
        """What the retriever finds; nothing where its weights cannot be read, for the others still find something."""
        try:
            return self._all[name].search(query, k)
        except WeightsError as error:
            logger.warning("%s finds nothing: %s", name, error)
            return []

    def _fuse(self, query: Query, lists: Mapping[str, Sequence[Hit]], k: int) -> list[Candidate]:
        """By the blend that was fitted for this workspace, for users of whom it knows something; else by rank."""
        blend = self._blend.current()
        if blend is None or not query.history:
            return fuse(lists, self._settings.weights, k)
        return fuse_blended(lists, self._settings.weights, blend, TASTE_WEIGHT, k)

    def _with_newcomers(self, query: Query, candidates: list[Candidate], k: int) -> list[Candidate]:
        """The candidates, the last places given to newcomers, which count as much as the candidate before them."""
        room = int(k * self._settings.newcomers)
        if room < 1 or NEWCOMERS not in self._all or query.text is not None or query.image is not None:
            return candidates
        kept = candidates[: k - room]
        there = {candidate.item_id for candidate in kept}
        hits = [hit for hit in self._ask(NEWCOMERS, query, k) if hit.item_id not in there][:room]
        score = kept[-1].score if kept else 1.0
        fresh = [Candidate(hit.item_id, score, (Found(NEWCOMERS, rank, hit.score),)) for rank, hit in enumerate(hits)]
        named = {candidate.item_id for candidate in fresh}
        others = [candidate for candidate in candidates[len(kept) :] if candidate.item_id not in named]
        return [*kept, *others[: room - len(fresh)], *fresh]

    def _newest(self, query: Query, candidates: Sequence[Candidate], k: int) -> list[Candidate]:
        """The newest items that fit and are not among the candidates, to make them k."""
        others = replace(query, exclude=query.exclude | {candidate.item_id for candidate in candidates})
        name = self._last_resort.name
        hits = self._last_resort.search(others, k - len(candidates))
        return fuse({name: hits}, {name: LAST_RESORT_WEIGHT}, len(hits))

    def explain(self, query: Query, candidate: Candidate) -> dict[str, str]:
        """Through which item of the user's history each retriever proposed the candidate, where it was through one.

        What the towers proposed, co-occurrence is asked about too: what people did is what they learned from.
        """
        through: dict[str, str] = {}
        behind = (CoOccurrenceRetriever.name,) if BehaviouralRetriever.name in candidate.retrievers else ()
        for name in dict.fromkeys((*candidate.retrievers, *behind)):
            retriever = self._all.get(name)
            if isinstance(retriever, ThroughHistory):
                item_id = retriever.explain(query, candidate.item_id)
                if item_id is not None:
                    through[name] = item_id
        return through


def taste_retrievers(
    workspace: Workspace, store: VectorStore, shelf: Shelf | None = None, behaviour: Behaviour | None = None
) -> tuple[Retriever, ...]:
    """Those that look at what users did, and not at what is asked for: the ones that a blend weighs."""
    shelf, behaviour = shelf or Shelf(workspace.items), behaviour or Behaviour(workspace.log)
    return (
        BehaviouralRetriever(store, towers_folder(workspace)),
        HistoryRetriever(store),
        CoOccurrenceRetriever(behaviour, shelf),
        PopularRetriever(behaviour, shelf),
    )
