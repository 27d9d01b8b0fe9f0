"""Which adapters a workspace has, which one is used, and that a recommender answers with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from agent.adapter_shelf import AdapterShelf
from agent.models.scripted import ScriptedModel
from agent.opening import with_used_adapter
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from retrieval.candidates import CandidateFinder
from retrieval.errors import SettingsError, WeightsError
from retrieval.store import VectorStore
from retrieval.workspace import Workspace
from tests.agent.test_adapters import save


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace's folder with two adapters, one of them measured, and a folder that is none."""
    Workspace.create(tmp_path / "shop").close()
    adapters = tmp_path / "shop" / "adapters"
    autumn = save(adapters / "autumn")
    (autumn / "metrics.json").write_text(json.dumps({"ndcg@10": 0.31, "note": "text", "better": True, "users": 40}))
    save(adapters / "winter", r=16)
    (adapters / "broken").mkdir()
    return tmp_path / "shop"


def test_every_adapter_is_listed_with_what_was_measured_or_what_is_wrong(workspace: Path) -> None:
    autumn, broken, winter = AdapterShelf(workspace).all()
    assert (autumn.name, autumn.rank, autumn.metrics) == ("autumn", 8, {"ndcg@10": 0.31, "users": 40.0})
    assert (winter.name, winter.rank, winter.metrics, winter.fault) == ("winter", 16, {}, None)
    assert broken.fault is not None
    assert "holds no peft adapter" in broken.fault


def test_one_is_used_until_another_is_or_one_goes_back(workspace: Path) -> None:
    shelf = AdapterShelf(workspace)
    assert shelf.used() is None
    with pytest.raises(SettingsError, match="nothing to go back to"):
        shelf.before()
    shelf.use("autumn")
    shelf.use("winter")
    shelf.use(None)
    assert shelf.used() is None
    seen = []
    for _ in range(3):
        seen.append(shelf.before())
        shelf.step_back()
    assert seen == ["winter", "autumn", None]
    shelf.use("autumn")
    assert AdapterShelf(workspace).used() == "autumn", "the next process sees it too"


def test_what_cannot_be_used_is_refused_and_changes_nothing(workspace: Path) -> None:
    shelf = AdapterShelf(workspace)
    shelf.use("autumn")
    with pytest.raises(SettingsError, match="no adapter 'spring'; there are autumn, broken, winter"):
        shelf.use("spring")
    with pytest.raises(WeightsError, match="holds no peft adapter"):
        shelf.use("broken")
    assert shelf.used() == "autumn"
    (workspace / "adapters" / "used.json").write_text("not json")
    with pytest.raises(WeightsError, match="delete it to begin with the base model"):
        shelf.used()


def test_the_next_process_opens_with_the_adapter_in_use_unless_told_otherwise(workspace: Path) -> None:
    free = RecommenderSettings()
    assert with_used_adapter(workspace, free) == free
    AdapterShelf(workspace).use("autumn")
    assert with_used_adapter(workspace, free).adapter == workspace / "adapters" / "autumn"
    for told in (free.but(model="builtin"), free.but(adapter=Path("other")), free.but(engine="scripted")):
        assert with_used_adapter(workspace, told) == told


def test_a_recommender_answers_with_the_adapter_from_now_on(workspace: Path, adapter_folder: Path) -> None:
    with Workspace.open(workspace) as opened:
        recommender = Recommender(
            opened,
            cast(CandidateFinder, None),  # nothing is asked for here
            cast(VectorStore, None),
            ScriptedModel,
            RecommenderSettings(),
        )
        before = recommender.model
        with pytest.raises(WeightsError):
            recommender.use_adapter(workspace / "adapters" / "winter")  # its weights are none
        assert recommender.model is before
        recommender.use_adapter(adapter_folder)
        assert (recommender.model.info.name, recommender.model.info.adapter) == ("builtin", "autumn")
        recommender.use_adapter(None)
        assert recommender.model.info.adapter is None


def test_a_served_model_is_switched_by_its_server(workspace: Path) -> None:
    with Workspace.open(workspace) as opened:
        recommender = Recommender(
            opened,
            cast(CandidateFinder, None),
            cast(VectorStore, None),
            ScriptedModel,
            RecommenderSettings(engine="vllm", url="http://127.0.0.1:1/v1"),
        )
        with pytest.raises(SettingsError, match="tastemaker serve --adapter"):
            recommender.use_adapter(None)
