"""Rating prediction: planted biases and tastes are found, and only the past is learned from."""

from pathlib import Path

import numpy as np
import pytest

from finetune.event_table import EventTable, read_events
from finetune.ratings import RatingResult, rating_prediction
from retrieval.errors import SettingsError
from retrieval.types import Event, EventType
from tests.finetune.logs import event, likes, workspace_of

USERS, ITEMS = 60, 30


def table_of(folder: Path, events: list[Event], items: int = ITEMS) -> EventTable:
    with workspace_of(folder / "w", [f"i{item}" for item in range(items)], events) as workspace:
        return read_events(workspace)


def rate(user: int, item: int, minute: int, value: float) -> Event:
    return event(f"u{user}", f"i{item}", minute, EventType.RATE, value)


def planted(seed: int = 0, *, taste: float = 0.0) -> list[Event]:
    """Everybody rates 20 of 30 items by 3 + a bias of theirs + one of the item's + a taste for odd or even items."""
    rng = np.random.default_rng(seed)
    generous, good = rng.normal(0, 0.7, USERS), rng.normal(0, 0.7, ITEMS)
    events = []
    for user in range(USERS):
        for minute, item in enumerate(rng.permutation(ITEMS)[:20].tolist()):
            liking = taste * (1 if item % 2 == user % 2 else -1)
            value = 3 + generous[user] + good[item] + liking + rng.normal(0, 0.1)
            events.append(rate(user, item, minute, value))
    return events


def errors(result: RatingResult | None) -> dict[str, float]:
    assert result is not None
    return {row.system: row.rmse.mean for row in result.rows}


NOTHING = np.zeros(ITEMS, dtype=bool)


@pytest.mark.parametrize("last", [1, 5, None])
def test_planted_biases_are_found(tmp_path: Path, last: int | None) -> None:
    result = rating_prediction(table_of(tmp_path, planted()), NOTHING, last=last)
    found = errors(result)
    assert found["mean"] > 0.7
    assert found["biases"] < 0.3
    assert result is not None
    assert result.n_cases == {1: USERS, 5: 5 * USERS, None: 120}[last]
    for row in result.rows:
        assert row.rmse.low < row.rmse.mean < row.rmse.high
        assert row.mae.mean < row.rmse.mean


def test_planted_tastes_are_found_by_neighbours(tmp_path: Path) -> None:
    found = errors(rating_prediction(table_of(tmp_path, planted(1, taste=1.0)), NOTHING, last=2))
    assert found["biases + item-knn"] < 0.7 * found["biases"]


def test_ratings_that_are_held_back_teach_nothing(tmp_path: Path) -> None:
    """Other last ratings change the errors, and not what is predicted: the mean of the past is the same."""
    first = planted(2)
    changed = [
        rate(int(each.user_id[1:]), int(each.item_id[1:]), 19, 1.0) if each.timestamp.minute == 19 else each
        for each in first
    ]
    means = []
    for number, events in enumerate((first, changed)):
        table = table_of(tmp_path / str(number), events)
        result = rating_prediction(table, NOTHING, last=1)
        assert result is not None
        asked = np.array([each.value for each in events if each.timestamp.minute == 19], dtype=float)
        square = result.rows[0].rmse.mean ** 2
        # mean((m - v)^2) = m^2 - 2 m mean(v) + mean(v^2): solved for the prediction m
        middle = np.mean(asked)
        means.append(middle + np.sqrt(max(0.0, square - np.var(asked))) * np.array([-1, 1]))
    assert min(abs(one - other) for one in means[0] for other in means[1]) < 1e-6


def test_hidden_items_are_predicted_without_their_ratings(tmp_path: Path) -> None:
    hidden = np.arange(ITEMS) % 3 == 0
    table = table_of(tmp_path, planted(3))
    assert (
        errors(rating_prediction(table, hidden, last=1))["biases"]
        > errors(rating_prediction(table, NOTHING, last=1))["biases"]
    )


def test_the_last_of_several_ratings_counts(tmp_path: Path) -> None:
    events = [rate(0, 0, 0, 5), rate(0, 1, 1, 3), rate(0, 0, 2, 1)]
    result = rating_prediction(table_of(tmp_path, events), NOTHING, last=1)
    assert result is not None
    assert result.n_cases == 1
    assert result.scale == (3, 3)
    assert errors(result)["mean"] == 2


def test_ratings_outside_the_scale_are_left_out_and_counted(tmp_path: Path) -> None:
    events = [*planted(4), rate(0, 29, 90, 500.0), rate(1, 29, 90, -3.0)]
    table = table_of(tmp_path, events)
    result = rating_prediction(table, NOTHING, last=1, scale=(0, 6.5))
    assert result is not None
    assert result.left_out >= 2
    assert errors(result)["biases"] < 0.4
    loose = rating_prediction(table, NOTHING, last=1)
    assert loose is not None
    assert loose.left_out == 0, "without a scale every rating is one"
    assert loose.scale[1] < 500, "the scale is that of the past"
    for low, high in ((5, 1), (2, 2)):
        with pytest.raises(SettingsError, match="expected a lower and a higher number"):
            rating_prediction(table, NOTHING, last=1, scale=(low, high))


def test_a_log_without_ratings_or_with_one_has_no_prediction(tmp_path: Path) -> None:
    assert rating_prediction(table_of(tmp_path / "a", likes({"u": []})), NOTHING, last=1) is None  # type: ignore[dict-item]
    assert rating_prediction(table_of(tmp_path / "b", [rate(0, 0, 0, 5)]), NOTHING, last=1) is None
    nobody_twice = [rate(user, 0, 0, 5) for user in range(3)]
    assert rating_prediction(table_of(tmp_path / "c", nobody_twice), NOTHING, last=3) is None
