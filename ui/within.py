"""A recommender as one chat of the page uses it: within the page's filter, and telling the page how far it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from agent.dialogue_state import quoted

if TYPE_CHECKING:
    from agent.explain import OnWords
    from agent.forgetting import Forgotten
    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from agent.why import Why
    from retrieval.types import Recommendation


_MOST_COUNTED = 100


class Within:
    """Wraps a recommender; what is not about finding items goes through as it is.

    where: the filter that everything found has to pass too. on_stage, on_ranked, on_words: as
    `Recommender.recommend` takes them. blocks: whether it left nothing where without it there would have been
    something; whoever looks sets it back. on_forget: is told of a person who is about to be forgotten.
    """

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self.where: str | None = None
        self.blocks = False
        self.on_stage: Callable[[str], object] | None = None
        self.on_ranked: Callable[[tuple[Recommendation, ...]], object] | None = None
        self.on_words: OnWords | None = None
        self.on_forget: Callable[[str], object] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recommender, name)

    def recommend(self, *, where: str | None = None, **request: Any) -> Recommendations:
        """As `Recommender.recommend`, within the filter."""
        told = {"on_stage": self.on_stage, "on_ranked": self.on_ranked, "on_words": self.on_words}
        return self._recommender.recommend(where=all_of(self.where, where), **(request | told))

    def count(self, *, where: str | None = None, **request: Any) -> int:
        """As `Recommender.count`, within the filter."""
        found = self._recommender.count(where=all_of(self.where, where), **request)
        if not found and self.where is not None and self._recommender.count(where=where, **request):
            self.blocks = True
        return found

    def value_counts(self, name: str) -> Mapping[str, int]:
        """As `Recommender.value_counts`, within the filter; of many values the most common ones."""
        counts = self._recommender.value_counts(name)
        if self.where is None:
            return counts
        values = list(counts)[:_MOST_COUNTED]
        held = {value: all_of(self.where, f"`{name}` = {quoted([value])}") for value in values}
        found = {value: self._recommender.count(where=where) for value, where in held.items()}
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def why(self, item_id: str, *, where: str | None = None, **request: Any) -> Why:
        """As `Recommender.why`, within the filter, which is no part that is tried out."""
        if (without := request.pop("without", None)) is not None:
            request["without"] = {part: (query, all_of(self.where, rest)) for part, (query, rest) in without.items()}
        return self._recommender.why(item_id, where=all_of(self.where, where), **request)

    def forget(self, user_id: str) -> Forgotten:
        """As `Recommender.forget`, and wherever else the person is remembered."""
        if self.on_forget is not None:
            self.on_forget(user_id)
        return self._recommender.forget(user_id)


def all_of(*filters: str | None) -> str | None:
    """The filter that all of these together are; None where there is none."""
    kept = [f"({each})" for each in filters if each]
    return " and ".join(kept) or None
