"""Weights of retrievers: those that explain what was wanted next, and none for what says nothing."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from finetune.blend import fit_blend
from retrieval.errors import InteractionError
from retrieval.store import Hit

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
