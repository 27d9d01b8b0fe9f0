"""Towers under test give the same order as towers that serve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finetune.event_table import read_events
from finetune.splits import rolling
from finetune.tower_data import read_tower_data
from finetune.tower_fit import TowerTraining, plain
from finetune.tower_systems import TowerSystem, by_ids_only, fit_tower_system, tower_settings
from finetune.towers import fit_towers, train_towers
from retrieval.store import open_store
from retrieval.two_towers import TowerSettings
from retrieval.types import EventType
from tests.finetune.logs import likes, random_events, workspace_of

ITEMS = [f"i{number}" for number in range(15)]
SMALL = TowerSettings(fusion="none", width=16, length=4, dropout=0.1, times=True, types=True)
QUICK = TowerTraining(learning_rate=0.01, epochs=3, positions=64)


@pytest.mark.parametrize("settings", [SMALL, by_ids_only(SMALL)])
def test_the_order_is_that_of_the_served_vectors(tmp_path: Path, settings: TowerSettings) -> None:
    """Histories longer than what the user tower reads, of all kinds of events, are among the queries."""
    with workspace_of(tmp_path / "w", ITEMS, random_events(3, count=600)) as workspace:
        table = read_events(workspace)
        with open_store(workspace) as store:
            data = read_tower_data(workspace, store, type_weights={}, rating_weights=False)
        towers = fit_towers(data, settings=settings, training=QUICK).towers
        queries = rolling(table, 4).test.queries
        system = TowerSystem("towers", towers.network, data, table.item_ids, table.on_shelf)
        scores = system.scores(queries)
        vectors = towers.item_vectors(ITEMS, {}, {})
        served = dict(zip(ITEMS, vectors, strict=True))
        columns = [table.item_ids.index(item) for item in ITEMS]
        assert max(queries.lengths()) > settings.length
        for place in range(len(queries)):
            history = _events(queries, place)
            user = towers.user_vector(history, served)
            if user is None:
                assert (scores[place] == -np.inf).all()
                continue
            ours, theirs = scores[place, columns], vectors @ user
            assert np.corrcoef(ours, theirs)[0, 1] > 0.9999


def _events(queries, place):  # type: ignore[no-untyped-def]
    from finetune.event_table import rebuilt

    return [
        rebuilt("u", queries.item_ids[queries.item[at]], queries.kind[at], int(queries.time_us[at]), queries.rating[at])
        for at in range(queries.starts[place], queries.starts[place + 1])
    ]


def test_what_was_chosen_is_told_and_what_is_withdrawn_is_not_ranked(tmp_path: Path) -> None:
    baskets = {f"u{user}": "".join("abcdefgh"[(user + step) % 8] for step in range(4)) for user in range(24)}
    told = []
    with workspace_of(tmp_path / "w", "abcdefgh", likes(baskets)) as workspace:
        workspace.items.withdraw(["c"])
        table = read_events(workspace)
        system, chosen = fit_tower_system(
            "sasrec",
            workspace,
            by_ids_only(SMALL),
            QUICK,
            item_ids=table.item_ids,
            on_shelf=table.on_shelf,
            device="cpu",
            seed=0,
            checkpoint=tmp_path / "checkpoint",
            progress=told.append,
        )
    assert 1 <= chosen["epochs"] <= 3
    assert 0 <= chosen["validation_ndcg@10"] <= 1
    assert len(told) >= 3
    lists = system.rank(rolling(table, 1).test.queries, 8)
    assert table.item_ids.index("c") not in lists
    assert (lists >= 0).any(axis=1).all()


def test_the_workspaces_own_towers_are_tested_as_they_were_trained(tmp_path: Path) -> None:
    baskets = {f"u{user}": "".join("abcdefgh"[(user + step) % 8] for step in range(4)) for user in range(24)}
    training = replace(QUICK, type_weights={EventType.BUY: 2.0}, rating_weights=True)
    with workspace_of(tmp_path / "w", "abcdefgh", likes(baskets)) as workspace:
        assert tower_settings(workspace) == (TowerSettings(), TowerTraining())
        train_towers(workspace, SMALL, training)
        settings, found = tower_settings(workspace)
    assert settings == SMALL
    assert plain(found) == plain(training)
