"""What users want, in memory: the same as a plain count over the log, whatever has happened since it was read."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from retrieval.behaviour import Behaviour
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.finetune.logs import event, random_events, workspace_of

WEIGHTS = {"i0": 1.0, "i3": 0.5, "i7": 0.25, "nobody's": 2.0}


def plainly(workspace: Workspace, weights: Mapping[str, float]) -> dict[str, float]:
    """By wanted item the weighted sum of its cosines to the given ones, 0 for these."""
    users: dict[str, set[str]] = {}
    for user_id, basket in workspace.log.user_baskets().items():
        for item_id in basket:
            users.setdefault(item_id, set()).add(user_id)
    return {
        item_id: 0.0
        if item_id in weights
        else sum(
            weight * len(mine & users[other]) / math.sqrt(len(mine) * len(users[other]))
            for other, weight in weights.items()
            if other in users
        )
        for item_id, mine in users.items()
    }


@pytest.mark.parametrize("changed_baskets", [0, 2, 1_000])
def test_related_items_are_those_of_the_plain_formula_after_every_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed_baskets: int
) -> None:
    monkeypatch.setattr("retrieval.behaviour._CHANGED_BASKETS", changed_baskets)
    items = [f"i{row}" for row in range(15)]
    with workspace_of(tmp_path / "w", [*items, "late"], random_events(0)) as workspace:
        behaviour = Behaviour(workspace.log)
        changes = [
            [],
            [event("u0", "late", 50), event("new", "late", 50), event("new", "i0", 51)],
            [event("u0", "late", 60, EventType.DISLIKE)],
            [event(f"u{user}", "i3", 70, EventType.DISLIKE) for user in range(12)],
            random_events(1, count=60),
        ]
        for change in changes:
            workspace.log.add(change)
            behaviour.refresh()
            scored = behaviour.related(WEIGHTS)
            found = dict(zip(scored.item_ids, scored.scores.tolist(), strict=True))
            expected = plainly(workspace, WEIGHTS)
            assert {item_id for item_id, score in found.items() if score} <= expected.keys()
            np.testing.assert_allclose([found[item_id] for item_id in expected], list(expected.values()), atol=1e-12)


def test_nothing_is_related_where_nobody_wants_anything(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", ["i0"], []) as workspace:
        behaviour = Behaviour(workspace.log)
        behaviour.refresh()
        assert behaviour.related({"i0": 1.0}).item_ids == ()
