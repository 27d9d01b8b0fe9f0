"""Reasons for real films: skipped where the data set is not there."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from agent.models.scripted import ScriptedModel
from finetune.builtin.film_reasons import film_reasons
from finetune.builtin.measures_reasons import measure_source
from retrieval.errors import SettingsError

FILMS = 25


def test_reasons_for_films(movielens: Path, tmp_path: Path) -> None:
    """Of a few films: a model that repeats the evidence writes most of what is shown."""
    data = tmp_path / "data"
    (data / "posters").mkdir(parents=True)
    lines = (movielens / "items.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:FILMS]
    (data / "items.jsonl").write_text("".join(lines), encoding="utf-8")
    for number in range(1, FILMS + 1):
        poster = Path("posters") / f"{number}.jpg"
        if (movielens / poster).exists():
            shutil.copy(movielens / poster, data / poster)
    with (movielens / "interactions.csv").open(newline="") as whole, (data / "interactions.csv").open("w") as part:
        reader = csv.DictReader(whole)
        writer = csv.DictWriter(part, fieldnames=list(reader.fieldnames or ()))
        writer.writeheader()
        writer.writerows(row for row in reader if int(row["item_id"]) <= FILMS)
    told = film_reasons(ScriptedModel(), data, tmp_path / "w", users=6, seed=1)
    assert 15 <= len(told) <= 30
    assert len({entry.user_id for entry in told}) == 6
    (figure,) = measure_source(told, "MovieLens", floor=0.5, aim=0.8)
    assert figure.value > 0.5


def test_a_folder_without_films(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"lacks items.jsonl and interactions.csv"):
        film_reasons(ScriptedModel(), tmp_path, tmp_path / "w", users=3, seed=1)
