"""The conditional logit finds planted weights, keeps to its bounds, and is what its definition says."""

import numpy as np
import pytest

from finetune.logit import Choice, fit_logit, log_likelihood


def choices(weights: np.ndarray, lists: int = 2_000, seed: int = 0) -> list[Choice]:
    """Lists of 2 to 12 items, chosen from with probability softmax(features @ weights)."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(lists):
        features = rng.normal(size=(int(rng.integers(2, 13)), len(weights)))
        logits = features @ weights
        made.append(Choice(features, int(np.argmax(logits + rng.gumbel(size=len(logits))))))
    return made


def fitted(made: list[Choice], penalty: float = 0.0, lowest: float = -np.inf) -> np.ndarray:
    columns = made[0].features.shape[1]
    return fit_logit(
        made, start=np.zeros(columns), lowest=np.full(columns, lowest), penalties=np.full(columns, penalty)
    )


def test_planted_weights_are_found_again_in_lists_of_different_lengths() -> None:
    truth = np.array([1.5, -0.7, 0.0])
    assert fitted(choices(truth)) == pytest.approx(truth, abs=0.12)


def test_no_weight_is_below_its_lowest() -> None:
    weights = fitted(choices(np.array([1.5, -0.7])), lowest=0.0)
    assert weights[1] == 0
    assert weights[0] > 1


def test_a_penalty_draws_to_nothing() -> None:
    made = choices(np.array([1.5, -0.7]), lists=200)
    assert np.abs(fitted(made, penalty=1e4)).max() < 1e-3


def test_no_other_weights_are_likelier() -> None:
    made = choices(np.array([1.0, -1.0]), lists=100)
    best = fitted(made)
    rng = np.random.default_rng(1)
    others = [log_likelihood(made, best + 0.1 * rng.normal(size=2)) for _ in range(50)]
    assert max(others) <= log_likelihood(made, best)


def test_the_likelihood_is_that_of_a_softmax() -> None:
    one = Choice(np.array([[0.0], [np.log(3)]]), 1)
    assert log_likelihood([one, one], np.array([1.0])) == pytest.approx(np.log(0.75))
    assert log_likelihood([Choice(np.array([[1000.0]]), 0)], np.array([1.0])) == 0


def test_large_features_do_not_overflow() -> None:
    made = [Choice(np.array([[1000.0], [999.0]]), place) for place in (0, 0, 0, 1)]
    assert fitted(made) == pytest.approx([np.log(3)], abs=1e-3)
