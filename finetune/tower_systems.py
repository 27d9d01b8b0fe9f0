"""Towers under test: alone, scored exactly in memory, in every way to fuse text and picture and by ids only."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from finetune.event_table import KINDS
from finetune.systems import Scorer
from finetune.tower_data import read_tower_data
from finetune.tower_fit import TowerTraining, all_item_vectors
from finetune.towers import fit_towers
from retrieval.behavioural import towers_folder
from retrieval.store import open_store
from retrieval.towers import load_towers
from retrieval.two_towers import Circumstances, TowerSettings, gap_classes, type_class
from retrieval.types import EventType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from finetune.event_table import Ints, Mask
    from finetune.splits import Queries
    from finetune.systems import Scores
    from finetune.tower_data import TowerData
    from finetune.tower_fit import Progress
    from retrieval.two_towers import TwoTowers
    from retrieval.workspace import Workspace

_SECOND_US = 1_000_000

_History: TypeAlias = "tuple[Ints, Ints, Ints]"
"""Of the last wanted items that have a vector: its row, the class of the time since the one before, of the type."""


class TowerSystem(Scorer):
    """The score of an item is the dot product of its vector and the user's, as of the query's history.

    data: what the network was trained on. Who wants nothing that has a vector gets nothing.
    """

    def __init__(self, name: str, network: TwoTowers, data: TowerData, item_ids: tuple[str, ...], on_shelf: Mask):
        super().__init__(on_shelf)
        self.name = name
        self._network = network.to("cpu").eval()
        self._vectors = all_item_vectors(network, data)
        place = {item_id: row for row, item_id in enumerate(data.item_ids)}
        self._row = np.array([place.get(item_id, -1) for item_id in item_ids], dtype=np.int64)

    def scores(self, queries: Queries) -> Scores:
        scores = np.full((len(queries), len(self._row)), -np.inf, dtype=np.float32)
        histories = [self._history(queries, place) for place in range(len(queries))]
        known = np.flatnonzero([len(rows) for rows, _, _ in histories])
        if len(known):
            users = self._users([histories[place] for place in known.tolist()])
            there = np.flatnonzero(self._row >= 0)
            scores[np.ix_(known, there)] = users @ self._vectors.numpy()[self._row[there]].T
        return scores

    def _history(self, queries: Queries, place: int) -> _History:
        at = np.arange(queries.starts[place], queries.starts[place + 1])
        at = at[self._row[queries.item[at]] >= 0][-self._network.user.settings.length :]
        seconds = (np.diff(queries.time_us[at]) / _SECOND_US).tolist()
        gaps = np.array([0, *gap_classes(seconds)][: len(at)], dtype=np.int64)
        types = np.array([type_class(KINDS[kind]) for kind in queries.kind[at].tolist()], dtype=np.int64)
        return self._row[queries.item[at]], gaps, types

    @torch.inference_mode()
    def _users(self, histories: list[_History]) -> Scores:
        """(n, width) vectors of users who want something."""
        lengths = torch.tensor([len(rows) for rows, _, _ in histories])
        tables = torch.zeros((3, len(histories), int(lengths.max())), dtype=torch.int64)
        for place, history in enumerate(histories):
            tables[:, place, : len(history[0])] = torch.from_numpy(np.stack(history))
        rows, gaps, types = tables
        hidden = self._network.user(self._vectors[rows], Circumstances(gaps, types))
        last: Scores = hidden[torch.arange(len(lengths)), lengths - 1].numpy()
        return last


def fit_tower_system(
    name: str,
    past: Workspace,
    settings: TowerSettings,
    training: TowerTraining,
    *,
    item_ids: tuple[str, ...],
    on_shelf: Mask,
    device: str,
    seed: int,
    checkpoint: Path,
    progress: Progress,
) -> tuple[TowerSystem, Mapping[str, Any]]:
    """Towers of these settings, trained on the past workspace's log; and how many epochs were best on validation."""
    with open_store(past) as store:
        data = read_tower_data(past, store, type_weights=training.type_weights, rating_weights=training.rating_weights)
    trained = fit_towers(
        data,
        settings=settings,
        training=training,
        device=device,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )
    system = TowerSystem(name, trained.towers.network, data, item_ids, on_shelf)
    return system, {"epochs": trained.epochs, "validation_ndcg@10": round(trained.ndcg, 4)}


def tower_settings(workspace: Workspace) -> tuple[TowerSettings, TowerTraining]:
    """How the workspace's own towers are shaped and trained; the defaults while it has none. Raises WeightsError."""
    with open_store(workspace) as store:
        learned = store.state.learned
    if learned is None:
        return TowerSettings(), TowerTraining()
    facts = load_towers(towers_folder(workspace), learned.towers.version).facts
    told = {each.name: facts.training[each.name] for each in fields(TowerTraining) if each.name in facts.training}
    weights = {EventType(kind): weight for kind, weight in told.pop("type_weights", {}).items()}
    return facts.settings, TowerTraining(**told, type_weights=weights)


def by_ids_only(settings: TowerSettings) -> TowerSettings:
    """Plain SASRec (Kang & McAuley 2018) of the same size: an id vector for each item, places, and nothing else."""
    return replace(settings, fusion="none", ids=True, times=False, types=False)
