"""A gradient-boosted ranker on what the reranker sees of a list as numbers and text: what the model is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from agent.facts import shareable_values
from agent.features import PLAIN, RELEVANCE, describe
from agent.rerank import Ranked
from finetune.builtin.figures import Floats
from finetune.builtin.scored_lists import listed
from finetune.lambdarank import lambdarank_scores

if TYPE_CHECKING:
    from agent.features import Features
    from finetune.builtin.past_shop import PastShop, Shopper
    from retrieval.types import Item

_PX = 96
_AFFINITY = "affinity:"
_NOT_THE_MODELS = tuple(name for name in PLAIN if name != "log_prob")


def boosted_points(
    past: PastShop, fitted_on: Sequence[Shopper], asked: Sequence[Shopper], *, seed: int = 0
) -> dict[str, Floats] | None:
    """By asked shopper the points of the candidates, in the retriever's order; None without LightGBM.

    fitted_on: shoppers who are not test shoppers; what they wanted in the window is learned from. Features: those of
    `agent.features` without the model's word, and for each attribute, told by text or picture, the share of the liked
    items that have the candidate's value. Raises ValueError when nothing wanted is in any list.
    """
    fitted = [(shopper, _features(past, shopper)) for shopper in fitted_on]
    tables = {shopper.user_id: _features(past, shopper) for shopper in asked}
    names = sorted({name for _, (_, rows) in fitted for row in rows for name in row})
    choices = []
    for shopper, (ids, rows) in fitted:
        table, hits = _table(rows, names), [item_id in shopper.wanted for item_id in ids]
        for chosen in np.flatnonzero(hits).tolist():  # one choice a list: the others that were wanted are no losers
            kept = [row for row, hit in enumerate(hits) if row == chosen or not hit]
            choices.append((table[kept], kept.index(chosen)))
    if not choices:
        raise ValueError(f"nothing that {len(fitted_on)} shoppers wanted is in their lists; take more of them")
    points = lambdarank_scores(choices, [_table(rows, names) for _, rows in tables.values()], seed=seed)
    return None if points is None else dict(zip(tables, points, strict=True))


def _features(past: PastShop, shopper: Shopper) -> tuple[list[str], list[Features]]:
    found = listed(past, shopper, "pictures", image_px=_PX)
    ranked = [Ranked(contender.candidate, 0.0, 0.0) for contender in found.contenders]
    items = {contender.candidate.item_id: contender.shown.whole for contender in found.contenders}
    history = [shown.whole for shown in past.showcase.shown_all(found.history, _PX)]
    rows = describe(ranked, items, history, past.finder.standings.of(list(items)))
    return list(items), [
        {name: value for name, value in row.items() if name in _NOT_THE_MODELS or name.startswith(RELEVANCE)}
        | _affinities(items[item_id], history)
        for item_id, row in zip(items, rows, strict=True)
    ]


def _affinities(item: Item, history: Sequence[Item]) -> dict[str, float]:
    liked = [set(shareable_values(other)) for other in history]
    return {
        f"{_AFFINITY}{name}": sum((name, value) in pairs for pairs in liked) / len(liked)
        for name, value in shareable_values(item)
        if liked
    }


def _table(rows: Sequence[Features], names: Sequence[str]) -> Floats:
    return np.array([[row.get(name, 0.0) for name in names] for row in rows], dtype=np.float64).reshape(-1, len(names))
