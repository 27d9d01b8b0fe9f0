"""The README's commands on real films: catalogue and ratings of MovieLens, cut down to what a test can wait for."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

FILMS = 120
USERS = 60


@pytest.fixture
def films(movielens: Path, tmp_path: Path) -> Path:
    """A folder with the first films and their posters, and what the first users made of these."""
    (tmp_path / "posters").mkdir()
    lines = (movielens / "items.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:FILMS]
    (tmp_path / "items.jsonl").write_text("".join(lines), encoding="utf-8")
    rows = list(map(json.loads, lines))
    for poster in (row["image"] for row in rows if "image" in row):
        shutil.copy(movielens / poster, tmp_path / poster)
    known = {row["id"] for row in rows}
    with (movielens / "interactions.csv").open(encoding="utf-8", newline="") as file:
        header, *ratings = csv.reader(file)
    with (tmp_path / "interactions.csv").open("w", encoding="utf-8", newline="") as file:
        kept = [rating for rating in ratings if int(rating[0]) <= USERS and rating[1] in known]
        csv.writer(file).writerows([header, *kept])
    return tmp_path


def tastemaker(*arguments: object) -> str:
    command = [sys.executable, "-m", "ui.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_five_films_with_reasons(films: Path) -> None:
    workspace = films / "films"
    indexed = tastemaker("index", films / "items.jsonl", "--workspace", workspace)
    assert indexed.startswith(f"{FILMS} added, 0 updated, 0 unchanged, 0 withdrawn, 0 refused, 0 pictures refused")
    logged = tastemaker("log", films / "interactions.csv", "--workspace", workspace)
    assert logged.endswith(" new events, 0 already known, 0 refused\n")
    wish = ("--user", "42", "--query", "a slow-burn heist film", "-k", "5", "--json")
    answer = json.loads(tastemaker("recommend", "--workspace", workspace, *wish))
    found = answer["recommendations"]
    assert answer["reranked"] is True
    assert len({film["item_id"] for film in found}) == len({film["title"] for film in found}) == 5
    with (films / "interactions.csv").open(encoding="utf-8", newline="") as file:
        rated = {item_id for user_id, item_id, *_ in csv.reader(file) if user_id == "42"}
    assert rated, "the user has a history"
    assert not rated & {film["item_id"] for film in found}, "what was seen is not recommended"
    for film in found:
        assert film["reason"].endswith((".", "!")), film
        assert film["source"] in ("model", "evidence")
        assert film["retrievers"]
