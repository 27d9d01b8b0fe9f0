"""Nothing after a user's cut-off reaches what is learned or served.

Planted: the last thing of everybody is the same item, "future", which nobody wants before. Who knew the events that
are held back would propose it first to everybody; who does not cannot find it, for it has no content either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from agent.current_model import CurrentModel
from agent.models.scripted import ScriptedModel, overlap
from agent.recommender import Recommender
from finetune import bench
from finetune.baselines import BASELINES
from finetune.bench import Bench, Entry
from finetune.event_table import read_events
from finetune.ratings import rating_prediction
from finetune.splits import Split, global_time, leave_one_out, rolling
from finetune.tower_fit import TowerTraining
from retrieval.behaviour import Behaviour
from retrieval.blend import load_blend
from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.two_towers import TowerSettings
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.finetune.logs import event, workspace_of

USERS, ITEMS = 40, 30
NAMES = [f"item{number:02}" for number in range(ITEMS)]
FUTURE = "future"
SMALL = TowerSettings(width=16, length=10, dropout=0.1)
QUICK = TowerTraining(learning_rate=0.01, epochs=6, positions=256)


def events(*, rated: bool = False) -> list[Event]:
    """Each user wants 8 of 30 items, one an hour from a time of their own on, and then the future one."""
    rng = np.random.default_rng(0)
    kind, value = (EventType.RATE, 5.0) if rated else (EventType.LIKE, None)
    return [
        event(f"u{user}", item, user + 1000 * place, kind, value)
        for user in range(USERS)
        for place, item in enumerate([*rng.permutation(NAMES)[:8].tolist(), FUTURE])
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_of(tmp_path / "w", [FUTURE, *NAMES], events())


PROTOCOLS: dict[str, Callable[..., Split]] = {
    "leave-one-out": leave_one_out,
    "rolling": partial(rolling, last=3),
    "global-time": partial(global_time, share=0.11),
}
SYSTEMS = (*(name for name in BASELINES if name != "random"), "sasrec", "content", "served")


def system_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setattr(bench, "tower_settings", lambda _: (SMALL, QUICK))
    return bench.entries(None)[name]  # type: ignore[arg-type]


def lists_of(entry: Entry, workspace: Workspace, split: Split, folder: Path) -> np.ndarray:
    asked = Bench(workspace, split, folder, 0, "cpu", {}, lambda _: None)
    with asked.stack:
        system, _ = entry.build(asked)
        return system.rank(split.test.queries, 3)


@pytest.mark.parametrize(
    ("protocol", "name"),
    [("leave-one-out", name) for name in SYSTEMS]
    + [(protocol, name) for protocol in ("rolling", "global-time") for name in ("popularity", "ease", "content")],
)
def test_what_all_want_only_later_is_never_proposed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, name: str
) -> None:
    split = PROTOCOLS[protocol](read_events(workspace))
    future = split.table.item_ids.index(FUTURE)
    assert (split.test.target == future).any()
    lists = lists_of(system_of(name, monkeypatch), workspace, split, tmp_path / "past")
    before = split.test.target == future
    if protocol == "rolling":
        assert before.sum() == USERS
    # With towers any item that nobody wanted may come up by chance, but not as what everybody wants.
    assert (lists == future).any(axis=1).mean() < (0.2 if name in ("sasrec", "served") else 1e-9)


@pytest.mark.parametrize("name", SYSTEMS)
def test_who_knew_the_whole_log_would_propose_it(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The test above can fail: with the held-back events in the past each of the systems finds the item."""
    split = leave_one_out(read_events(workspace))
    everything = dataclasses.replace(split.test, past=np.ones(len(split.table), dtype=bool))
    leaky = dataclasses.replace(split, test=everything)
    lists = lists_of(system_of(name, monkeypatch), workspace, leaky, tmp_path / "past")
    found = (lists == split.table.item_ids.index(FUTURE)).any(axis=1)
    assert found.mean() > 0.9


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_past_workspace_has_no_trace_of_it(workspace: Workspace, tmp_path: Path, protocol: str) -> None:
    """Not in the log, not in what is popular, not in what is wanted together."""
    split = PROTOCOLS[protocol](read_events(workspace))
    asked = Bench(workspace, split, tmp_path / "past", 0, "cpu", {}, lambda _: None)
    with asked.stack:
        past = asked.past()
        known = set(zip(split.table.user[split.test.past], split.table.item[split.test.past], strict=True))
        assert past.log.count() == split.test.past.sum() == len(known)
        cut = {}
        for user, time in zip(split.test.queries.user, split.table.time_us[_first_cases(split)], strict=True):
            cut[split.table.user_ids[user]] = min(time, cut.get(split.table.user_ids[user], time))
        for each in past.log.events():
            assert each.item_id != FUTURE
            if each.user_id in cut:
                assert each.timestamp.timestamp() * 1e6 < cut[each.user_id]
        behaviour = Behaviour(past.log)
        behaviour.refresh()
        assert FUTURE not in behaviour.popularity().item_ids
        assert behaviour.cosine(NAMES[0], FUTURE) == 0


def _first_cases(split: Split) -> np.ndarray:
    """Places of the events that the cases ask for."""
    table = split.table
    pairs = {(u, i): place for place, (u, i) in reversed(list(enumerate(zip(table.user, table.item, strict=True))))}
    return np.array([pairs[pair] for pair in zip(split.test.queries.user, split.test.target, strict=True)])


def test_weights_of_the_retrievers_do_not_change_with_what_is_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two logs that differ in the test events alone give the same towers and the same weights."""
    served = system_of("served", monkeypatch)
    found = []
    for number, last in enumerate((FUTURE, "other")):
        log = [dataclasses.replace(each, item_id=last) if each.item_id == FUTURE else each for each in events()]
        with workspace_of(tmp_path / f"w{number}", [FUTURE, "other", *NAMES], log) as workspace:
            split = leave_one_out(read_events(workspace))
            asked = Bench(workspace, split, tmp_path / f"past{number}", 0, "cpu", {}, lambda _: None)
            with asked.stack:
                served.build(asked)
                found.append((load_blend(asked.place / "past"), sorted((asked.place / "past" / "towers").glob("*.*"))))
    assert found[0][0] is not None
    assert found[0][0] == found[1][0]
    assert [path.name for path in found[0][1]] == [path.name for path in found[1][1]], "towers are named by their bytes"


def test_ratings_are_predicted_from_earlier_ones(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", [FUTURE, *NAMES], events(rated=True)) as workspace:
        table = read_events(workspace)
    changed = dataclasses.replace(table, rating=np.where(table.item == table.item_ids.index(FUTURE), 1.0, table.rating))
    nothing = np.zeros(table.n_items, dtype=bool)
    first, other = (rating_prediction(each, nothing, last=1) for each in (table, changed))
    assert first is not None
    assert other is not None
    for row, of_changed in zip(first.rows, other.rows, strict=True):
        assert row.mae.mean == pytest.approx(0, abs=1e-9), "all ratings of the past are 5"
        assert of_changed.mae.mean == pytest.approx(4, abs=1e-9)


def test_the_prompt_tells_nothing_of_it(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model is told of a user in the past workspace is what they had liked by then."""
    catalog = tmp_path / "items.jsonl"
    catalog.write_text("".join(f'{{"id": "{name}", "title": "Title of {name}"}}\n' for name in [FUTURE, *NAMES]))
    index_catalog(workspace, catalog, encoder=open_encoder())
    split = leave_one_out(read_events(workspace))
    told: list[str] = []

    def remember(text: str, choices: object) -> list[float]:
        told.append(text)
        return overlap(text, choices)  # type: ignore[arg-type]

    asked = Bench(workspace, split, tmp_path / "past", 0, "cpu", {}, lambda _: None)
    with asked.stack:
        past = asked.past()
    with Recommender.open(past.path, engine="scripted") as recommender:
        monkeypatch.setattr(recommender, "_models", CurrentModel(lambda: ScriptedModel(remember)))
        for user in ("u0", "u7"):
            recommender.recommend(user_id=user, k=3)
    assert len(told) >= 2
    for text in told:
        liked = text.partition("Candidates:")[0]
        assert "Title of item" in liked
        assert f"Title of {FUTURE}" not in liked
