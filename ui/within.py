"""A recommender as one chat of the page uses it: within the page's filter, and telling the page how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.explain import OnWords
    from agent.forgetting import Forgotten
    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from agent.why import Why
    from retrieval.types import Recommendation


class Within:
    """Wraps a recommender; what is not about finding items goes through as it is.

    where: the filter that everything found has to pass too. on_stage, on_ranked, on_words: as
    `Recommender.recommend` takes them. on_forget: is told of a person who is about to be forgotten.
    """

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self.where: str | None = None
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
        return self._recommender.count(where=all_of(self.where, where), **request)

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
