"""The evaluation of the built-in models as a whole, and as it is typed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from agent.models.scripted import ScriptedModel
from finetune.builtin.bench import BuiltinSettings, held_out_looks
from finetune.builtin.draw_pack import save_pack, seeded_looks
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, held_out_look
from finetune.builtin.evaluate_builtin import as_json, evaluate_builtin
from finetune.builtin.gallery import Gallery
from finetune.builtin.schemas import LOOKS
from retrieval.errors import SettingsError


def test_rows_that_are_asked_for_and_one_that_cannot_be_measured() -> None:
    """Figures name their command; what is missing is said, and the others are measured all the same."""
    told: list[str] = []
    settings = BuiltinSettings(only=("unseen", "movielens"), lists=10)
    found = evaluate_builtin(settings, model=ScriptedModel(), tell=told.append)
    assert told == ["unseen", "movielens"]
    unseen, films = found.figures
    assert unseen.value == 1.0
    assert unseen.command == "tastemaker evaluate --builtin --only unseen"
    assert math.isnan(films.value)
    assert "needs --movielens" in films.note
    assert set(found.seconds) == {"unseen", "movielens"}


def test_json_has_no_numbers_that_json_has_not() -> None:
    found = evaluate_builtin(BuiltinSettings(only=("movielens",)), model=ScriptedModel())
    told = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert told["schema_version"] == 1
    assert told["figures"][0]["value"] is None
    assert told["figures"][0]["verdict"] == "reported"
    assert len(told["shop"]) == len(told["image_encoder"]) == 64


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"lists": 1}, "lists is 1"),
        ({"users": 1}, "users 1"),
    ],
)
def test_settings_that_say_nothing(given: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        BuiltinSettings(**given)  # type: ignore[arg-type]


def test_looks_of_no_training_show_everything() -> None:
    """As many as asked for, each of a held-out combination; no category, colour, pattern or accent is missing."""
    looks = held_out_looks(600, seed=97)
    assert len(looks) == 600
    assert all(map(held_out_look, looks))
    assert {(name, getattr(look, name)) for look in looks for name in LOOKS} == set(Gallery.of(looks).rows)
    assert len(Gallery.of(looks).rows) == len(CATEGORIES) + 2 * len(COLOURS) + len(PATTERNS)


def test_a_pack_that_is_too_small_is_refused(tmp_path: Path) -> None:
    looks = list(seeded_looks(30, 5))
    save_pack(tmp_path / "held.npz", np.zeros((30, 4, 4, 3), dtype=np.uint8), looks)
    found = evaluate_builtin(
        BuiltinSettings(only=("position",), held=tmp_path / "held.npz", lists=5), model=ScriptedModel()
    )
    assert "too few to show everything" in found.figures[0].note


def test_a_row_that_there_is_not() -> None:
    with pytest.raises(SettingsError, match="no row speeed; expected some of rank, rolling, visual"):
        evaluate_builtin(BuiltinSettings(only=("unseen", "speeed")), model=ScriptedModel())
