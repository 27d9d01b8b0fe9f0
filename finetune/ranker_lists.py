"""Lists to fit a ranker on: what users would have been shown before they wanted the last item that they wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.features import Features
from agent.ranker import described
from agent.settings import RecommenderSettings
from agent.shortlist import compare, shortlist
from agent.showing import Showcase
from finetune.event_table import read_events
from finetune.past import known_events, past_workspace
from finetune.scratch import scratch
from finetune.splits import leave_one_out
from retrieval.candidates import CandidateFinder
from retrieval.locks import alone
from retrieval.store import open_store

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.rerank import Ranked
    from retrieval.encoders import Encoder
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

Progress = Callable[[int, int], object]
"""Told how many of how many users have their list."""

Prepare = Callable[["Workspace"], object]
"""Teaches a past workspace, whose store is not open, what the present one has learned: towers, retrievers' weights."""


@dataclass(frozen=True, slots=True)
class RankerCase:
    """A user's list in the plain order, best first, and where in it the item is that they wanted next, -1 for nowhere.

    rows: by candidate its features.
    """

    user_id: str
    rows: Sequence[Features]
    target: int


def ranker_cases(
    workspace: Workspace,
    store: VectorStore,
    encoder: Encoder,
    model: VisionLanguageModel,
    *,
    settings: RecommenderSettings,
    users: int,
    seed: int,
    prepare: Prepare | None = None,
    progress: Progress | None = None,
) -> list[RankerCase]:
    """Lists of users drawn by the seed, in a past workspace without what anybody wanted last.

    Each is what `Recommender.recommend` would show the user without a request, and without a ranker. Raises
    InteractionError when nobody can be asked, ModelError, WorkspaceLockedError when another run is at it, ValueError
    for a workspace with towers without `prepare`.
    """
    if store.towers is not None and prepare is None:
        raise ValueError("the workspace has towers, so its lists differ from those of a past workspace without any")
    table = read_events(workspace)
    part = leave_one_out(table).test
    drawn = np.sort(np.random.default_rng(seed).permutation(len(part))[:users])
    asked = [(table.user_ids[part.queries.user[place]], table.item_ids[part.target[place]]) for place in drawn.tolist()]
    with (
        alone(workspace.path, doing="is fitting a ranker in", lock_name="ranker"),
        scratch(workspace.path, "ranker") as folder,
        past_workspace(workspace, store, folder / "past", known_events(workspace, table, part.past)) as past,
        _learned(past, prepare) as past_store,
    ):
        finder, showcase = CandidateFinder(past, past_store, encoder), Showcase(past, past_store)
        cases = []
        for user_id, target in asked:
            cases.append(_case(user_id, target, finder, showcase, model, settings))
            if progress is not None:
                progress(len(cases), len(asked))
        return cases


def _learned(past: Workspace, prepare: Prepare | None) -> VectorStore:
    """The store of a past workspace that has been taught."""
    if prepare is not None:
        prepare(past)
    return open_store(past)


def _case(
    user_id: str,
    target: str,
    finder: CandidateFinder,
    showcase: Showcase,
    model: VisionLanguageModel,
    settings: RecommenderSettings,
) -> RankerCase:
    query, image_px = finder.query(user_id=user_id), model.info.image_px
    listed = shortlist(finder, showcase, query, settings.candidates, image_px=image_px)
    ranked = compare(model, listed, showcase, settings=settings.rerank)
    return RankerCase(user_id, described(ranked, listed, finder), _place_of(target, ranked))


def _place_of(item_id: str, ranked: Sequence[Ranked]) -> int:
    return next((place for place, entry in enumerate(ranked) if entry.candidate.item_id == item_id), -1)
