"""Candidates: what every retriever proposes for a request, fused into one list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from retrieval.behaviour import Behaviour
from retrieval.behavioural import BehaviouralRetriever, towers_folder
from retrieval.errors import RequestError, SettingsError
from retrieval.lexical import LexicalRetriever
from retrieval.retrievers import (
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

RRF_CONSTANT = 60
"""The k of reciprocal-rank fusion (Cormack et al. 2009)."""

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "semantic": 3.0,
        "visual": 3.0,
        "lexical": 1.5,
        "behavioural": 2.0,
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

HISTORY = 50
"""So many of the last wanted items the retrievers are told."""

LAST_RESORT_WEIGHT = 0.0001
"""Of the newest items, which fill a list that the retrievers leave too short: behind all that was really found."""


@dataclass(frozen=True, slots=True)
class CandidateSettings:
    """How candidates are found.

    depth: how many each retriever is asked for, at least. weights: of the retrievers, by name; 0 leaves one out.
    """

    depth: int = 100
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)

    def __post_init__(self) -> None:
        if self.depth < 1 or any(weight < 0 for weight in self.weights.values()):
            raise SettingsError(
                f"depth is {self.depth}, weights are {dict(self.weights)}; expected 1 or more, and 0 or more"
            )


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
        """retrievers: other ones than `default_retrievers`; each needs a weight in the settings.

        Raises SettingsError for a retriever without a weight.
        """
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
                BehaviouralRetriever(store, towers_folder(workspace)),
                HistoryRetriever(store),
                CoOccurrenceRetriever(behaviour, self._shelf),
                PopularRetriever(behaviour, self._shelf),
            )
        unweighted = [retriever.name for retriever in retrievers if retriever.name not in self._settings.weights]
        if unweighted:
            raise SettingsError(f"no weight for {', '.join(unweighted)}; weights are {dict(self._settings.weights)}")
        self._retrievers = {retriever.name: retriever for retriever in retrievers}
        self._last_resort = NewestRetriever(self._shelf)

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

    def search(self, query: Query, k: int) -> list[Candidate]:
        """The k best candidates for the query, best first. Raises RequestError."""
        if k < 1:
            raise RequestError(f"k is {k}; expected 1 or more")
        depth = max(k, self._settings.depth)
        weights = self._settings.weights
        found = {name: each.search(query, depth) for name, each in self._retrievers.items() if weights[name] > 0}
        on_shelf = self._shelf.item_ids()  # an item's vectors may outlive it for a moment
        present = {name: [hit for hit in hits if hit.item_id in on_shelf] for name, hits in found.items()}
        candidates = fuse(present, weights)[:k]
        return candidates if len(candidates) == k else [*candidates, *self._newest(query, candidates, k)]

    def _newest(self, query: Query, candidates: Sequence[Candidate], k: int) -> list[Candidate]:
        """The newest items that fit and are not among the candidates, to make them k."""
        others = replace(query, exclude=query.exclude | {candidate.item_id for candidate in candidates})
        name = self._last_resort.name
        hits = self._last_resort.search(others, k - len(candidates))
        return fuse({name: hits}, {name: LAST_RESORT_WEIGHT})

    def explain(self, query: Query, candidate: Candidate) -> dict[str, str]:
        """Through which item of the user's history each retriever proposed the candidate, where it was through one."""
        through: dict[str, str] = {}
        for name in candidate.retrievers:
            retriever = self._retrievers.get(name)
            if isinstance(retriever, ThroughHistory):
                item_id = retriever.explain(query, candidate.item_id)
                if item_id is not None:
                    through[name] = item_id
        return through


def fuse(found: Mapping[str, Sequence[Hit]], weights: Mapping[str, float]) -> list[Candidate]:
    """Every item that was found, by the sum of weight / (60 + rank) over the retrievers, ranks from 1.

    The retriever that gave most to a candidate's score comes first in it. Equal scores in the order of their ids.
    """
    parts: defaultdict[str, list[tuple[float, Found]]] = defaultdict(list)
    for name, hits in found.items():
        for rank, hit in enumerate(hits):
            share = weights[name] / (RRF_CONSTANT + rank + 1)
            parts[hit.item_id].append((share, Found(name, rank, hit.score)))
    candidates = []
    for item_id, shares in parts.items():
        shares.sort(key=lambda pair: (-pair[0], pair[1].retriever))
        candidates.append(Candidate(item_id, sum(share for share, _ in shares), tuple(one for _, one in shares)))
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.item_id))
