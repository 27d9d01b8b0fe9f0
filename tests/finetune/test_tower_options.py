"""Settings of towers as they are typed."""

import pytest

from finetune.tower_fit import TowerTraining
from finetune.tower_options import parse_options
from retrieval.errors import SettingsError
from retrieval.two_towers import TowerSettings
from retrieval.types import EventType


def test_nothing_given_changes_nothing() -> None:
    assert parse_options([]) == (TowerSettings(), TowerTraining())


def test_what_is_given_is_set_and_has_its_type() -> None:
    shape, training = parse_options(
        ["fusion=bilinear", "width=32", "times=true", "epochs=7", "learning_rate=0.01", 'type_weights={"buy": 3}']
    )
    assert shape == TowerSettings(fusion="bilinear", width=32, times=True)
    assert training.epochs == 7
    assert training.learning_rate == 0.01
    assert dict(training.type_weights) == {EventType.BUY: 3.0}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("width", "expected NAME=VALUE"),
        ("wide=3", "the name one of fusion, ids, width"),
        ("width=much", "--set width is 'much'"),
        ("fusion=sum", "--set fusion is 'sum'"),
        ("width=10.5", "--set width is 10.5"),
        ("heads=0", "heads 0"),
        ('type_weights={"gift": 1}', "type_weights"),
    ],
)
def test_what_is_wrong_is_told(given: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_options([given])
