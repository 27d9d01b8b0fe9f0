"""From a workspace's log to a served order: towers, the retrievers' weights, and both in force."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from finetune.tower_fit import EpochReport, TowerTraining
from finetune.towers import train_towers
from retrieval.behavioural import towers_folder
from retrieval.blend import BLEND_NAME, BlendFile, load_blend
from retrieval.candidates import CandidateFinder
from retrieval.errors import InteractionError, SettingsError, WorkspaceLockedError
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.two_towers import TowerSettings
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.retrieval.words import WordEncoder

CHAIN = ("shoe", "lamp", "bag", "mug", "scarf", "clock")
"""Who wanted one of these wants the next; each comes in ten kinds."""

EACH = 10
SMALL = TowerSettings(fusion="text", width=16, length=10, dropout=0.1)
QUICK = TowerTraining(learning_rate=0.01, epochs=25, positions=256, id_dropout=0.3)


@pytest.fixture
def chain(empty_workspace: Workspace, tmp_path: Path) -> Workspace:
    rows = [{"id": f"{word}-{n}", "title": f"{word} number {n}"} for word in CHAIN for n in range(EACH)]
    catalog = tmp_path / "items.jsonl"
    catalog.write_text("".join(json.dumps(row) + "\n" for row in rows))
    index_catalog(empty_workspace, catalog, encoder=WordEncoder())
    empty_workspace.log.add(walks(120))
    return empty_workspace


def walks(users: int) -> list[Event]:
    rng = np.random.default_rng(0)
    events = []
    for user in range(users):
        first = int(rng.integers(len(CHAIN)))
        for step in range(int(rng.integers(3, 6))):
            item_id = f"{CHAIN[(first + step) % len(CHAIN)]}-{rng.integers(EACH)}"
            events.append(want(f"user {user}", item_id, step))
    return events


def want(user_id: str, item_id: str, hour: int) -> Event:
    return Event(user_id, item_id, EventType.CLICK, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour))


def found(workspace: Workspace, user_id: str, k: int = EACH) -> list[str]:
    with open_store(workspace) as store:
        return [c.item_id for c in CandidateFinder(workspace, store, WordEncoder()).find(user_id=user_id, k=k)]


def count(kind: str, item_ids: list[str]) -> int:
    return sum(item_id.startswith(kind) for item_id in item_ids)


def test_what_is_wanted_next_comes_first(chain: Workspace) -> None:
    chain.log.add([want("zoe", "lamp-3", 0)])
    before = found(chain, "zoe")
    report = train_towers(chain, SMALL, QUICK)
    assert report.ndcg > 0.3
    assert report.blend is not None
    assert report.blend.weights["behavioural"] > report.blend.weights["history"]
    after = found(chain, "zoe")
    assert (
        sum(item_id.startswith("bag") for item_id in after) > 8 > sum(item_id.startswith("bag") for item_id in before)
    )
    chain.log.add([want("zoe", "bag-1", 1)])
    assert count("mug", found(chain, "zoe")) > 8, "the last click counts at once"


def test_item_that_comes_later_is_found_by_its_content(chain: Workspace, tmp_path: Path) -> None:
    train_towers(chain, SMALL, QUICK)
    late = tmp_path / "late.jsonl"
    late.write_text(json.dumps({"id": "bag-new", "title": "bag number 77"}) + "\n")
    index_catalog(chain, late, encoder=WordEncoder())
    chain.log.add([want("zoe", "lamp-3", 0)])
    with open_store(chain) as store:
        finder = CandidateFinder(chain, store, WordEncoder())
        hits = finder.lists(finder.query(user_id="zoe"))["behavioural"]
    assert "bag-new" in [hit.item_id for hit in hits[: 2 * EACH]]


def test_run_that_was_killed_leaves_what_was_served_and_goes_on(chain: Workspace) -> None:
    few = replace(QUICK, epochs=3)
    first = train_towers(chain, SMALL, few)
    blend = load_blend(chain.path)
    chain.log.add([want("user 1", "clock-9", 50), want("user 2", "clock-9", 50)])

    def cut_off(report: EpochReport) -> None:
        if report.stage == "refit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_towers(chain, SMALL, few, progress=cut_off)
    with open_store(chain) as store:
        assert store.towers is not None
        assert store.towers.version == first.version
    assert load_blend(chain.path) == blend
    told: list[str] = []
    again = train_towers(chain, SMALL, few, progress=lambda report: told.append(report.stage))
    assert "validation" not in told, "what was trained is not trained again"
    assert again.version != first.version
    kept = {path.name for path in towers_folder(chain).iterdir()}
    assert kept == {f"{again.version}.safetensors", f"{again.version}.json"}


def test_weights_of_the_towers_before_end_with_them(chain: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed after its towers count, and before its weights are written; then one without weights."""
    few = replace(QUICK, epochs=2)
    train_towers(chain, SMALL, few)
    chain.log.add([want("user 1", "clock-9", 50)])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    def version() -> str | None:
        with open_store(chain) as store:
            return store.towers_version

    monkeypatch.setattr("finetune.towers.save_blend", killed)
    with pytest.raises(KeyboardInterrupt):
        train_towers(chain, SMALL, few)
    monkeypatch.undo()
    assert BlendFile(chain.path, version).current() is None
    again = train_towers(chain, SMALL, few)
    assert again.blend is not None
    assert again.blend.towers == again.version
    assert BlendFile(chain.path, version).current() == again.blend
    monkeypatch.setattr("finetune.blend.LEAST_CASES", 10_000)
    assert train_towers(chain, SMALL, few).version == again.version, "the same data, the same towers"
    assert load_blend(chain.path) is None


def test_what_killed_runs_left_is_removed(chain: Workspace) -> None:
    left = towers_folder(chain) / ".past-towers-killed" / "past"
    left.mkdir(parents=True)
    (left / "store.json").write_text("{}")
    first = train_towers(chain, SMALL, replace(QUICK, epochs=2))
    chain.log.add([want("user 1", "clock-9", 50)])
    again = train_towers(chain, SMALL, replace(QUICK, epochs=2))
    assert again.version != first.version
    kept = {path.name for path in towers_folder(chain).iterdir()}
    assert kept == {f"{again.version}.safetensors", f"{again.version}.json"}


def test_two_runs_at_once_are_one_too_many(chain: Workspace) -> None:
    def another(report: EpochReport) -> None:
        with pytest.raises(WorkspaceLockedError, match=f"process {os.getpid()} is training towers in .*run again"):
            train_towers(chain, SMALL, QUICK)

    train_towers(chain, SMALL, replace(QUICK, epochs=1, refit=False), progress=another)
    assert found(chain, "user 0")


def test_log_without_a_next_item_changes_nothing(empty_workspace: Workspace) -> None:
    empty_workspace.log.add([want("a", "x", 0), want("b", "y", 0)], create_items=True)
    with pytest.raises(InteractionError, match="nobody of the 2 users in the log wants two items"):
        train_towers(empty_workspace, SMALL, QUICK)
    assert load_blend(empty_workspace.path) is None


def test_few_users_get_towers_and_a_word_about_the_weights(chain: Workspace, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "few") as few:
        few.log.add(walks(8), create_items=True)
        report = train_towers(few, SMALL, replace(QUICK, epochs=2))
        assert report.blend is None
        assert "expected 20 or more" in (report.note or "")
        assert not (few.path / BLEND_NAME).exists()
        assert found(few, "user 0")


def test_log_alone_is_enough(tmp_path: Path) -> None:
    """No catalogue, so no text and no picture: ids alone."""
    with Workspace.create(tmp_path / "log") as alone:
        alone.log.add(walks(120), create_items=True)
        report = train_towers(alone, None, replace(QUICK, id_dropout=0.0))
        assert report.ndcg > 0.2
        alone.log.add([want("zoe", "lamp-3", 0)])
        assert count("bag", found(alone, "zoe")) > 5


def test_device_that_is_not_there_is_told(chain: Workspace) -> None:
    with pytest.raises(SettingsError, match="device is abacus"):
        train_towers(chain, SMALL, QUICK, device="abacus")
