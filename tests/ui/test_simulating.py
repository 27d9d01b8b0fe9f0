"""The commands `simulate` and `forget`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrieval.encoders import open_encoder
from retrieval.errors import RequestError
from retrieval.indexing import index_catalog
from retrieval.preferences import Preference
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from ui.cli import app

run = CliRunner().invoke


@pytest.fixture(scope="module")
def folder(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("commands") / "shop"
    with Workspace.create(path) as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=open_encoder())
        workspace.log.import_file(tiny_shop.interactions)
    return path


def test_a_simulation_is_printed_with_how_it_was_measured(folder: Path) -> None:
    told = run(app, ["simulate", "-w", str(folder), "--users", "3", "-k", "3", "--retriever-only", "--show", "1"])
    assert told.exit_code == 0, told.output
    for part in ("looks for", "found within 5 messages", "critiques obeyed", "one search, 15 items", "bootstrap over"):
        assert part in " ".join(told.output.split())


def test_a_simulation_as_json_has_every_conversation(folder: Path) -> None:
    told = run(app, ["simulate", "-w", str(folder), "--users", "3", "-k", "3", "--retriever-only", "--json"])
    found = json.loads(told.stdout)
    assert found["schema_version"] == 1
    assert found["measures"]["found within 5 messages"]["mean"] == 1.0
    assert found["talks"]
    assert all(talk["target"] in talk["exchanges"][-1]["shown"] for talk in found["talks"])


def test_a_person_is_forgotten_after_a_yes(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        stated = workspace.log.history("dan")[0].timestamp
        workspace.preferences.keep("dan", [Preference("colour", "blue", False, stated)])
    assert run(app, ["forget", "dan", "-w", str(folder)], input="n\n").exit_code == 1
    with Workspace.open(folder) as workspace:
        assert workspace.log.history("dan")
    told = run(app, ["forget", "dan", "-w", str(folder)], input="y\n")
    assert told.exit_code == 0
    assert "erased: 1 event, 1 stated preference; nothing was trained on them" in told.stdout
    with Workspace.open(folder) as workspace:
        assert workspace.log.history("dan", types=list(EventType)) == []
        assert workspace.log.history("ann")


def test_what_learned_from_a_person_is_named(folder: Path) -> None:
    (folder / "ranker.json").write_text("{}")
    told = run(app, ["forget", "eve", "-w", str(folder), "--yes"])
    assert "marked for retraining: ranker ranker.json" in told.stdout
    assert "to be trained again (tastemaker finetune): ranker ranker.json" in told.stdout


def test_nobody_cannot_be_forgotten(folder: Path) -> None:
    assert isinstance(run(app, ["forget", " ", "-w", str(folder)]).exception, RequestError)
