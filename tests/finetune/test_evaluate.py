"""An evaluation from the log to the page: right figures, asked once, nothing of the catalogue executed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from finetune import baselines, bench
from finetune.evaluate import Evaluation, EvaluationSettings, evaluate, run_folder
from finetune.material import Material
from finetune.report import tables, write_report
from finetune.results import against, as_json, over_seeds, reference
from finetune.tower_fit import TowerTraining
from retrieval.encoders import open_encoder
from retrieval.errors import InteractionError, SettingsError, WorkspaceLockedError
from retrieval.indexing import index_catalog
from retrieval.two_towers import TowerSettings
from retrieval.types import EventType, Item
from retrieval.workspace import Workspace
from tests.finetune.logs import event, likes, workspace_of

EACH = 12
QUICK = ("random", "popularity", "item-knn", "ease")
NOTHING_TO_FUSE = [
    (name, "picture" if name == "towers-image" else "text or picture") for name in bench.GROUPS["fusion"]
]
HOSTILE = "<script>alert(1)</script> & [bold]{{ 7*7 }}"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two tastes of twelve items; 40 users rate nine items of theirs 5 and one of the other 1."""
    rng = np.random.default_rng(0)
    events = []
    for user in range(40):
        mine, other = "ab" if user % 2 else "ba"
        events.append(event(f"u{user}", f"{other}0", 0, EventType.RATE, 1.0))
        events += [
            event(f"u{user}", f"{mine}{item}", 1 + minute, EventType.RATE, 5.0)
            for minute, item in enumerate(rng.permutation(EACH)[:9])
        ]
    items = [f"{taste}{number}" for taste in "ab" for number in range(EACH)]
    with workspace_of(tmp_path / "shop", items, events) as made:
        yield made


def run(workspace: Workspace, **settings: object) -> Evaluation:
    return evaluate(workspace, EvaluationSettings(**{"systems": QUICK, **settings}))  # type: ignore[arg-type]


def ndcg(found: Evaluation) -> dict[str, float]:
    return {row.system: row.metrics["ndcg@10"].mean for row in found.rows}


def test_what_knows_tastes_is_above_what_does_not(workspace: Workspace) -> None:
    found = run(workspace)
    values = ndcg(found)
    assert list(values) == list(QUICK)
    assert values["ease"] > 2 * values["random"]
    assert (found.n_cases, found.n_users, found.n_items) == (40, 40, 24)
    assert reference(found) == max(values, key=values.__getitem__)
    for row in found.rows:
        for estimate in row.metrics.values():
            assert estimate.low <= estimate.mean <= estimate.high
        assert 0 < row.coverage <= 1
    tests = {test.other: test for test in against(found, "ease")}
    assert tests["random"].difference.low > 0
    assert tests["random"].p_holm < 0.01
    assert tests["random"].difference.mean == pytest.approx(values["ease"] - values["random"])


def test_pairs_are_told_from_both_sides(workspace: Workspace) -> None:
    found = run(workspace)
    one, other = (
        next(test for test in against(found, name) if test.other == opposite)
        for name, opposite in (("ease", "random"), ("random", "ease"))
    )
    assert other.difference.mean == -one.difference.mean
    assert (other.difference.low, other.difference.high) == (-one.difference.high, -one.difference.low)
    assert other.difference.p == one.difference.p
    values = ndcg(found)
    assert other.difference.relative == pytest.approx(values["random"] / values["ease"] - 1)


@pytest.mark.parametrize("protocol", ["leave-one-out", "rolling", "global-time"])
def test_every_protocol_gives_a_report(workspace: Workspace, protocol: str) -> None:
    found = run(workspace, protocol=protocol, last=2)
    folder = run_folder(workspace, found.settings)
    results, page = write_report(found, folder)
    assert results.parent.relative_to(workspace.path).parts == (
        "evaluation",
        {"rolling": "rolling-2"}.get(protocol, protocol),
        "seed-0",
    )
    told = json.loads(results.read_text())
    # The last tenth of the log is what all forty did in the last of ten minutes.
    assert told["cases"] == {"leave-one-out": 40, "rolling": 80, "global-time": 40}[protocol]
    assert [each["system"] for each in told["systems"]] == list(QUICK)
    assert any("order of the file" in note for note in told["notes"])
    assert told["ratings"]["scale"] == [1, 5]
    assert told["diversity"] == "cosine by who wants the items"
    assert "<html" in page.read_text()


def test_a_system_that_has_answered_is_not_asked_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(workspace)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(bench, "fit_baseline", refuse)
    again = run(workspace)
    assert as_json(again) == as_json(first)
    for changed in ({"seed": 1}, {"protocol": "rolling"}, {"hide_items": 0.1}, {"systems": ("user-knn",)}):
        with pytest.raises(AssertionError, match="asked again"):
            run(workspace, **changed)
    workspace.log.add([event("u0", "a0", 99, EventType.LIKE)])
    with pytest.raises(AssertionError, match="asked again"):
        run(workspace)


def test_a_run_that_was_cut_off_goes_on_with_the_next_system(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = bench.fit_baseline, []

    def cut_off(name: str, *arguments: object, **options: object) -> object:
        asked.append(name)
        if name == "item-knn" and asked.count(name) == 1:
            raise KeyboardInterrupt
        return real(name, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(bench, "fit_baseline", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(workspace)
    run(workspace)
    assert asked == ["random", "popularity", "item-knn", "item-knn", "ease"]


def test_seeds_that_lie_together_are_told_together(workspace: Workspace) -> None:
    values = []
    for seed in range(3):
        found = run(workspace, seed=seed, systems=("random", "popularity"))
        folder = run_folder(workspace, found.settings)
        write_report(found, folder, over_seeds(found, folder))
        values.append(ndcg(found)["random"])
    both = {each.system: each for each in over_seeds(found, folder)}
    assert both["random"].seeds == (0, 1, 2)
    assert both["random"].values == pytest.approx(values)
    assert both["random"].mean == pytest.approx(np.mean(values))
    assert both["popularity"].values[0] == both["popularity"].values[2]
    told = json.loads((folder / "results.json").read_text())["over_seeds"]
    assert told[0]["mean"] == pytest.approx(np.mean(values))
    assert "ndcg@10 over seeds" in printed(found, folder)

    workspace.log.add([event("u0", "a0", 99, EventType.LIKE)])
    grown = run(workspace, seed=2, systems=("random",))
    assert over_seeds(grown, folder) == (), "results of other data are not of the same table"


def test_results_that_cannot_be_read_do_not_count(workspace: Workspace) -> None:
    found = run(workspace, systems=("random",))
    folder = run_folder(workspace, found.settings)
    for number, text in enumerate(("", "[]", '{"schema_version": 99}'), start=1):
        other = folder.parent / f"seed-{number}"
        other.mkdir()
        (other / "results.json").write_text(text)
    assert over_seeds(found, folder) == ()


def printed(found: Evaluation, folder: Path) -> str:
    console = Console(width=250, record=True, file=(folder / "out.txt").open("w"))
    for table in tables(found, over_seeds(found, folder)):
        console.print(table)
    return console.export_text()


def test_hidden_items_are_told_of_apart(workspace: Workspace) -> None:
    found = run(workspace, protocol="rolling", last=3, hide_items=0.25)
    assert found.settings.label == "rolling-3-hidden-0.25"
    assert found.split.hidden.sum() == 6
    assert found.slices["hidden"] == found.split.hidden[found.split.test.target].sum() > 0
    assert found.slices["hidden"] <= found.slices["cold"] == 120 - found.slices["warm"]
    cold = {row.system: row.slices["hidden"]["recall@20"].mean for row in found.rows}
    assert cold["popularity"] == cold["ease"] == 0, "they cannot rank what nobody wants"
    assert cold["random"] > 0
    folder = run_folder(workspace, found.settings)
    folder.mkdir(parents=True, exist_ok=True)
    assert f"hidden ({found.slices['hidden']})" in printed(found, folder)


def test_towers_and_what_is_served_stand_in_the_same_table(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "items.jsonl"
    catalog.write_text("".join(f'{{"id": "{item}", "title": "Title of {item}"}}\n' for item in workspace.items.ids()))
    index_catalog(workspace, catalog, encoder=open_encoder())
    small, quick = TowerSettings(width=16, length=10), TowerTraining(learning_rate=0.01, epochs=3, positions=256)
    monkeypatch.setattr(bench, "tower_settings", lambda _: (small, quick))
    made, real = [], bench.past_workspace

    def remember(*arguments: object) -> Workspace:
        made.append(arguments)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bench, "past_workspace", remember)
    found = run(workspace, systems=("served", "content", "sasrec", "towers-mean", "random"))
    assert len(made) == 1, "one past for all"
    values = ndcg(found)
    assert list(values) == ["random", "sasrec", "towers-mean", "content", "served"]
    assert reference(found) == "served"
    assert min(values["sasrec"], values["served"]) > values["random"]
    chosen = {row.system: row.chosen for row in found.rows}
    assert set(chosen["served"]) == {"epochs", "validation_ndcg@10", "blend"}
    place = run_folder(workspace, found.settings)
    assert not any((place / "unfinished").iterdir()), "what was only needed on the way is gone"


def test_systems_are_named_alone_or_together(workspace: Workspace) -> None:
    known = bench.entries(workspace)
    assert bench.chosen((), known) == (*bench.GROUPS["baselines"], "sasrec", "content", "served")
    assert bench.chosen(("fusion", "ease"), known) == ("ease", *bench.GROUPS["fusion"])
    assert set(bench.GROUPS["fusion"]) <= set(known)
    with pytest.raises(SettingsError, match="no system als2, x; expected some of random, popularity"):
        run(workspace, systems=("als2", "ease", "x"))


def test_ways_to_fuse_what_is_not_there_are_left_out(workspace: Workspace) -> None:
    found = run(workspace, systems=("random", "fusion"))
    assert list(ndcg(found)) == ["random"]
    left_out = [note for note in found.notes if "is left out" in note]
    assert left_out == [f"{name} is left out: no item has an indexed {what}" for name, what in NOTHING_TO_FUSE]
    for named, first in ((("random", "towers-mean"), "towers-mean"), (("fusion",), "towers-text")):
        with pytest.raises(SettingsError, match=f"{first} cannot be tested: no item has an indexed text or picture"):
            run(workspace, systems=named)


def test_towers_of_pictures_need_pictures(workspace: Workspace) -> None:
    texts = Material(wanted=24, texts=True, pictures=False)
    left, notes = bench.able(bench.GROUPS["fusion"], bench.entries(workspace), texts, ("fusion",))
    assert left == tuple(name for name in bench.GROUPS["fusion"] if name != "towers-image")
    assert notes == ("towers-image is left out: no item has an indexed picture",)


def test_ease_is_left_out_where_the_catalogue_is_too_large(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "EASE_ITEMS", 23)
    found = run(workspace, systems=("baselines",))
    assert list(ndcg(found)) == [name for name in baselines.BASELINES if name != "ease"]
    assert "ease is left out: ease inverts a matrix of all wanted items, 24; expected at most 23" in found.notes
    monkeypatch.setattr(bench, "fit_baseline", None)
    with pytest.raises(SettingsError, match=r"ease cannot be tested: .* 24; expected at most 23; leave it out of"):
        run(workspace, systems=("random", "ease"), seed=1)


def test_a_system_that_the_past_is_too_little_for_is_left_out(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", "abcd", likes({"u": "ab", "v": "bc", "w": "cd"})) as workspace:
        found = run(workspace, systems=("random", "sasrec", "served"))
        assert list(ndcg(found)) == ["random"]
        for name in ("sasrec", "served"):
            said = f"{name} is left out, as it cannot be made of what came before the cut-off: nobody of the 3 users"
            assert any(note.startswith(said) for note in found.notes)
        assert not any((run_folder(workspace, found.settings) / "unfinished").iterdir())
        with pytest.raises(InteractionError, match="sasrec is left out, as it cannot be made of what came before"):
            run(workspace, systems=("sasrec",))


def test_a_device_that_is_not_there_is_refused_before_anything_is_asked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "fit_baseline", None)
    with pytest.raises(SettingsError, match="device is gpu, and torch finds no such device here"):
        evaluate(workspace, EvaluationSettings(systems=("random",)), device="gpu")


def test_what_a_run_left_that_was_cut_off_is_kept_until_the_log_changes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "train_towers", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(workspace, systems=("served",))
    unfinished = run_folder(workspace, EvaluationSettings()) / "unfinished"
    left = {path.name for path in unfinished.iterdir()}
    assert len(left) == 2, "the past of all, and that of the system"
    run(workspace, systems=("random",))
    (own,) = unfinished.iterdir()
    assert own.name in left, "the system can go on"
    workspace.log.add([event("u0", "a0", 99, EventType.LIKE)])
    run(workspace, systems=("random",))
    assert not any(unfinished.iterdir())


def test_an_item_that_came_after_the_log_was_read_is_not_proposed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bench.known_events

    def grown(*arguments: object) -> object:
        workspace.log.add([event(f"u{user}", "new", 0) for user in range(40)], create_items=True)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(bench, "known_events", grown)
    assert list(ndcg(run(workspace, systems=("content",)))) == ["content"]


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(
        SettingsError, match="no protocol 'random'; expected one of leave-one-out, rolling, global-time"
    ):
        EvaluationSettings(protocol="random")


def test_two_evaluations_in_one_folder_are_refused(workspace: Workspace) -> None:
    from filelock import FileLock

    folder = run_folder(workspace, EvaluationSettings())
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"), pytest.raises(WorkspaceLockedError, match="another process evaluates in"):
        run(workspace)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_is_whole_and_executes_nothing_of_the_catalogue(tmp_path: Path) -> None:
    log = [event(f"u{user}{HOSTILE}", f"i{item}", item) for user in range(6) for item in range(user, user + 4)]
    with workspace_of(tmp_path / "a&b<i>", [f"i{item}" for item in range(10)], log) as workspace:
        workspace.items.upsert(Item(f"i{item}", f"{HOSTILE} {item}") for item in range(10))
        found = run(workspace, systems=("popularity", "ease"))
        _, page = write_report(found, run_folder(workspace, found.settings))
    text = page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert not {"script", "i", "link", "iframe"} & set(tags.tags)
    assert len(tags.links) == 4
    assert all(link.startswith("data:image/png;base64,") for link in tags.links)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; [bold]{{ 7*7 }} 3" in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", text)


# --- what cannot be evaluated, or only just ---------------------------------------------------------------------------


def test_one_user_gives_figures_without_intervals(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", "abc", likes({"u": "ab"})) as workspace:
        found = run(workspace)
        told = as_json(found)
        write_report(found, run_folder(workspace, found.settings))
    assert found.n_users == 1
    row = told["systems"][0]["metrics"]["ndcg@10"]
    assert row["mean"] is not None
    assert row["low"] is None
    assert told["tests"][0]["p_holm"] is None
    assert told["ratings"] is None


def test_an_empty_test_set_is_said(tmp_path: Path) -> None:
    with (
        workspace_of(tmp_path / "w", "abc", likes({"u": "a", "v": "b"})) as workspace,
        pytest.raises(InteractionError, match="nothing to test on: 2 users in the log"),
    ):
        run(workspace)


def test_an_empty_log_is_said(empty_workspace: Workspace) -> None:
    with pytest.raises(InteractionError, match="nothing to test on: 0 users in the log"):
        run(empty_workspace)


def test_a_catalogue_smaller_than_a_list_is_ranked_as_far_as_it_goes(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", "abcd", likes({"u": "abc", "v": "bca", "w": "cd"})) as workspace:
        found = run(workspace, systems=("baselines", "content"))
    for row in found.rows:
        assert row.metrics["recall@20"].mean <= 1
    assert {row.system: row.metrics["recall@20"].mean for row in found.rows}["random"] == 1


def test_events_of_unknown_items_are_refused_by_the_log_and_the_rest_is_evaluated(tmp_path: Path) -> None:
    with workspace_of(tmp_path / "w", "abc", likes({"u": "abc", "v": "cba"})) as workspace:
        assert len(workspace.log.add([event("u", "ghost", 50)]).refused) == 1
        assert run(workspace).n_cases == 2


def test_equal_times_and_times_out_of_order_and_events_twice(tmp_path: Path) -> None:
    log = [event("u", item) for item in "abca"] + [event("v", item, 9 - place) for place, item in enumerate("abcc")]
    with workspace_of(tmp_path / "w", "abc", log) as workspace:
        found = run(workspace)
    targets = [found.split.table.item_ids[item] for item in found.split.test.target]
    # u: a b c in the order of the log; v: c before b before a by time
    assert dict(zip([found.split.table.user_ids[u] for u in found.split.test.queries.user], targets, strict=True)) == {
        "u": "c",
        "v": "a",
    }


def test_ratings_outside_the_scale_are_left_out(workspace: Workspace) -> None:
    workspace.log.add([event("u0", "a11", 99, EventType.RATE, 500.0)])
    found = run(workspace, rating_scale=(1, 5), systems=("random",))
    assert found.ratings is not None
    assert (found.ratings.left_out, found.ratings.scale) == (1, (1, 5))


@pytest.mark.parametrize("scale", [(5.0, 1.0), (3.0, 3.0), (1.0, float("nan")), (float("-inf"), 5.0)])
def test_a_scale_that_is_none_is_refused_before_anything_is_asked(scale: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match=r"the rating scale is .*; expected a lower and a higher number"):
        EvaluationSettings(rating_scale=scale)
