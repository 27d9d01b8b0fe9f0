"""Through what the retrievers found an item, in terms that a person would agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agent.evidence import Trace
from retrieval.types import Candidate, Item

if TYPE_CHECKING:
    from retrieval.candidates import CandidateFinder
    from retrieval.retrievers import Query
    from retrieval.store import VectorStore

LOOK_ALIKES = 10
"""At most so many items look like another: those whose pictures are closest to its own."""

_CLOSE = 20
_MEANT = 50
_POPULAR = 25
_FEW = 0.05
_MANY = 0.1


class Tracer:
    """Says for the candidates of one query what led to them.

    That a retriever found an item at all proves little, since each proposes a hundred: a look or a popularity counts
    only near the top, which is smaller in a small catalogue.
    """

    def __init__(
        self, finder: CandidateFinder, store: VectorStore, query: Query, history: Sequence[Item], *, catalogue_size: int
    ) -> None:
        self._close = _top(catalogue_size, _FEW, _CLOSE)
        self._meant = _top(catalogue_size, _FEW, _MEANT)
        self._popular = _top(catalogue_size, _MANY, _POPULAR)
        self._finder = finder
        self._query = query
        self._history = {item.item_id: item for item in history}
        self._alike = _look_alikes(
            store, [item for item in history if item.images], _top(catalogue_size, _FEW, LOOK_ALIKES)
        )

    def traces(self, candidate: Candidate) -> list[Trace]:
        """What led to the candidate, the most telling first; one at least wherever a retriever can say something."""
        ranks = {found.retriever: found.rank for found in candidate.found}
        through = self._finder.explain(self._query, candidate)
        history = {name: self._history[item_id] for name, item_id in through.items() if item_id in self._history}
        traces = []
        if ranks.get("visual", self._close) < self._close and self._query.image is not None:
            traces.append(Trace("look"))
        if min(ranks.get("semantic", self._meant), ranks.get("lexical", self._meant)) < self._meant:
            traces.append(Trace("meaning"))
        if (other := history.get("co-occurrence")) is not None:
            traces.append(Trace("people", other))
        if (other := self._alike.get(candidate.item_id)) is not None:
            traces.append(Trace("look", other))
        if ranks.get("history", self._close) < self._close and (other := history.get("history")) is not None:
            traces.append(Trace("taste", other))
        if ranks.get("popular", self._popular) < self._popular:
            traces.append(Trace("popular"))
        return traces or _weakly(ranks, history)


def _weakly(ranks: Mapping[str, int], history: Mapping[str, Item]) -> list[Trace]:
    """Who found an item that is near to nothing."""
    if "semantic" in ranks or "lexical" in ranks:
        return [Trace("words")]
    for name in sorted(ranks.keys() & {"behavioural", "history", "newcomers"}, key=ranks.__getitem__):
        if name in history:
            return [Trace("past", history[name])]
    return [Trace("wanted")] if "popular" in ranks else []


def _top(catalogue_size: int, share: float, most: int) -> int:
    """How many items of a catalogue stand out: a share of them, one at least."""
    return max(1, min(most, int(catalogue_size * share)))


def _look_alikes(store: VectorStore, liked: Sequence[Item], count: int) -> Mapping[str, Item]:
    """Item ids with the liked item that each looks like, the closest one; none where pictures have no vectors."""
    by_id = {item.item_id: item for item in liked}
    closest: dict[str, tuple[float, Item]] = {}
    for item_id, vector in store.get("image", list(by_id)).items():
        for hit in store.search("image", vector, count, exclude=[item_id]):
            if hit.item_id not in closest or hit.score > closest[hit.item_id][0]:
                closest[hit.item_id] = hit.score, by_id[item_id]
    return {item_id: item for item_id, (_, item) in closest.items()}
