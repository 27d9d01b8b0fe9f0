"""Weights of retrievers: those that explain what was wanted next, and none for what says nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from finetune.blend import _left_out, fit_blend
from finetune.event_table import read_events
from finetune.splits import leave_one_out
from finetune.tower_data import read_tower_data
from retrieval.errors import InteractionError
from retrieval.store import Hit, open_store
from retrieval.two_towers import gap_classes
from tests.finetune.logs import event, workspace_of

DEPTH = 20
Case = tuple[Mapping[str, Sequence[Hit]], str]


def planted(cases: int, weights: Mapping[str, float], seed: int = 0) -> list[Case]:
    """Targets drawn with probability prod rank^-weight from what the retrievers found in an order of chance."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(cases):
        orders = {name: rng.permutation(40)[:DEPTH] for name in weights}
        ranks = {name: {int(item): rank for rank, item in enumerate(order, 1)} for name, order in orders.items()}
        items = sorted(set().union(*ranks.values()))
        logits = np.array(
            [-sum(w * np.log(ranks[name].get(item, DEPTH + 1)) for name, w in weights.items()) for item in items]
        )
        chances = np.exp(logits - logits.max())
        target = items[int(rng.choice(len(items), p=chances / chances.sum()))]
        lists = {name: [Hit(str(item), 1.0) for item in order] for name, order in orders.items()}
        made.append((lists, str(target)))
    return made


def test_planted_weights_are_found_again() -> None:
    truth = {"people": 1.5, "look": 0.6, "noise": 0.0}
    blend = fit_blend(planted(1_500, truth), tuple(truth), depth=DEPTH)
    assert blend.depth == DEPTH
    assert blend.weights["people"] == pytest.approx(1.5, abs=0.15)
    assert blend.weights["look"] == pytest.approx(0.6, abs=0.15)
    assert blend.weights["noise"] < 0.1


def test_retriever_that_misleads_gets_next_to_nothing_and_never_less() -> None:
    cases = planted(300, {"people": 1.0})
    backwards = [({**found, "liar": list(reversed(found["people"]))}, target) for found, target in cases]
    blend = fit_blend(backwards, ("people", "liar"), depth=DEPTH)
    assert 0 <= blend.weights["liar"] < 0.15
    assert blend.weights["people"] > 0.5


def test_targets_that_nobody_found_say_nothing() -> None:
    cases = planted(200, {"people": 1.0})
    blend = fit_blend(cases, ("people",), depth=DEPTH)
    more = fit_blend([*cases, *(({"people": [Hit("a", 1.0)]}, "b") for _ in range(100))], ("people",), depth=DEPTH)
    assert more == blend


def test_too_few_cases_are_told() -> None:
    with pytest.raises(InteractionError, match="3 validation users want an item that a retriever finds, expected 20"):
        fit_blend(planted(3, {"people": 1.0}), ("people",), depth=DEPTH)


def test_towers_have_not_seen_what_is_asked_for_where_users_come_back(tmp_path: Path) -> None:
    """Who wanted a, b and a again wants b, a: towers are validated on a, so nobody may ask them for b."""
    log = [event(user, item, minute) for user in ("u0", "u1") for minute, item in enumerate("cab")]
    log.append(event("u0", "a", 9))
    with workspace_of(tmp_path / "w", "abc", log) as workspace, open_store(workspace) as store:
        table = read_events(workspace)
        part = leave_one_out(table).test
        assert [table.item_ids[row] for row in part.target] == ["b", "b"]
        asked = _left_out(table, part)
        assert [table.user_ids[row] for row in part.queries.user[asked]] == ["u1"]
        data = read_tower_data(workspace, store, type_weights={}, rating_weights=False)
        assert [data.item_ids[rows[-1]] for rows in data.sequences.rows] == ["a", "b"], "what towers leave out"


def test_withdrawn_items_are_neither_learned_from_nor_asked_for(tmp_path: Path) -> None:
    log = [event("u0", item, minute) for minute, item in enumerate("abcd")] + [event("u1", "d", 0)]
    with workspace_of(tmp_path / "w", "abcd", log) as workspace, open_store(workspace) as store:
        workspace.items.withdraw(["b", "d"])
        data = read_tower_data(workspace, store, type_weights={}, rating_weights=False)
        assert data.item_ids == ("a", "c")
        assert [rows.tolist() for rows in data.sequences.rows] == [[0, 1]]
        assert data.sequences.gaps[0].tolist() == [0, *gap_classes([120.0])]
        table = read_events(workspace)
        part = leave_one_out(table).test
        assert [table.item_ids[row] for row in part.target[_left_out(table, part)]] == ["c"]
