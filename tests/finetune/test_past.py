"""A workspace of the past holds all that the catalogue has, and of the log no more than it may."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from finetune.event_table import read_events
from finetune.past import known_events, past_workspace
from finetune.splits import leave_one_out
from retrieval.candidates import CandidateFinder
from retrieval.errors import WorkspaceError
from retrieval.indexing import index_catalog
from retrieval.picture_values import FILE as PICTURE_VALUES
from retrieval.store import open_store
from retrieval.store_state import BEHAVIOUR, CONTENT_SPACES, TowersRecord
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.conftest import ROOT, TinyShop
from tests.finetune.logs import event, likes, random_events, workspace_of
from tests.retrieval.words import WordEncoder


@pytest.fixture
def shop(empty_workspace: Workspace, tiny_shop: TinyShop) -> Iterator[Workspace]:
    index_catalog(empty_workspace, tiny_shop.catalog, encoder=WordEncoder())
    empty_workspace.log.import_file(tiny_shop.interactions)
    return empty_workspace


def past_of(workspace: Workspace, folder: Path, known: Iterable[Event] | None = None) -> Workspace:
    with open_store(workspace) as store:
        return past_workspace(workspace, store, folder, workspace.log.events() if known is None else known)


def test_items_vectors_pictures_and_settings_are_the_same(shop: Workspace, tmp_path: Path) -> None:
    shop.items.withdraw(["blue-clock"])
    with past_of(shop, tmp_path / "past") as past:
        assert past.items.all(withdrawn=True) == shop.items.all(withdrawn=True)
        assert past.items.ids() == shop.items.ids()
        assert past.settings.encoder_fingerprint == shop.settings.encoder_fingerprint
        sha = past.items.get("red-mug").images[0]
        assert past.media.original(sha).size == shop.media.original(sha).size
        with open_store(shop) as theirs, open_store(past) as ours:
            assert ours.encoder == theirs.encoder
            for space in CONTENT_SPACES:
                expected, found = (each.get(space, shop.items.ids()) for each in (theirs, ours))
                assert found.keys() == expected.keys()
                assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_only_the_given_events_are_in_its_log(shop: Workspace, tmp_path: Path) -> None:
    known = [each for each in shop.log.events() if each.user_id in ("ann", "ben")]
    with past_of(shop, tmp_path / "past", known) as past:
        assert list(past.log.events()) == known
        assert past.log.users() == ["ann", "ben"]


def test_a_finder_works_on_it_and_both_are_apart(shop: Workspace, tmp_path: Path) -> None:
    with past_of(shop, tmp_path / "past", []) as past, open_store(past) as store:
        finder = CandidateFinder(past, store, WordEncoder())
        assert finder.find(text="a blue clock", k=1)[0].item_id == "blue-clock"
        assert finder.find(user_id="ann", k=1)[0].retrievers == ("newest",), "nobody has done anything here"
        past.log.add([event("zoe", "red-mug")])
    assert "zoe" not in shop.log.users()


def test_equal_times_keep_the_order_of_the_log(tmp_path: Path) -> None:
    items = [f"i{number}" for number in range(15)]
    with workspace_of(tmp_path / "w", items, random_events(5)) as source:
        table = read_events(source)
        known = np.random.default_rng(0).random(len(table)) < 0.6
        with past_of(source, tmp_path / "past", list(known_events(source, table, known))) as past:
            ours = read_events(past)
            for row, user_id in enumerate(table.user_ids):
                theirs = table.item[known & (table.user == row)]
                mine = ours.item[ours.user == ours.user_ids.index(user_id)] if user_id in ours.user_ids else []
                assert list(mine) == theirs.tolist()


def test_what_was_learned_stays_behind(shop: Workspace, tmp_path: Path) -> None:
    """Vectors of behaviour, towers and weights were made of events that are not to be known."""
    vectors = np.eye(12, 4, dtype=np.float32) + 0.1
    with open_store(shop) as store:
        store.publish_towers(TowersRecord("v1", 4, None), shop.items.ids(), vectors)
        assert store.count(BEHAVIOUR) == 12
    (shop.path / "towers").mkdir(exist_ok=True)
    (shop.path / "towers" / "v1.safetensors").write_bytes(b"weights")
    (shop.path / "blend.json").write_text("{}")
    with past_of(shop, tmp_path / "past") as past, open_store(past) as store:
        assert store.state.learned is None
        assert store.get(BEHAVIOUR, shop.items.ids()) == {}
        assert not (past.path / "blend.json").exists()
        assert {path.name for path in past.path.rglob("*.safetensors")} <= {PICTURE_VALUES}  # which no event teaches


def test_a_folder_that_holds_something_is_refused(shop: Workspace, tmp_path: Path) -> None:
    (tmp_path / "past").mkdir()
    (tmp_path / "past" / "letter.txt").write_text("dear")
    with pytest.raises(WorkspaceError, match=r"holds other things \(letter.txt\)"):
        past_of(shop, tmp_path / "past")


def test_what_is_logged_after_the_table_was_read_is_left_out(shop: Workspace, tmp_path: Path) -> None:
    """Whenever it comes: between table and copy or while vectors are copied, the latest in time or the first."""
    table = read_events(shop)
    past = leave_one_out(table).test.past
    places = np.sort(table.log_place[past])
    expected = [each for place, each in enumerate(shop.log.events()) if place in places]
    shop.log.add([event("zoe", "red-mug", 9e6, EventType.IMPRESSION), event("zoe", "blue-clock", -9e6)])
    known = known_events(shop, table, past)
    shop.log.add([event("ann", "blue-clock", -9e6)])
    with past_of(shop, tmp_path / "past", known) as found:
        assert list(found.log.events()) == expected


def test_an_item_made_while_the_log_is_read_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with workspace_of(tmp_path / "w", "abc", likes({"u": "abc"})) as source:
        before, real = read_events(source), source.log.newest_row

        def newest_row() -> int:
            row = real()
            source.log.add([event("u", "made", 99)], create_items=True)
            return row

        monkeypatch.setattr(source.log, "newest_row", newest_row)
        table = read_events(source)
        assert (len(table), table.newest_row) == (3, before.newest_row)


def test_a_workspace_that_was_not_indexed_has_a_past_too(tmp_path: Path) -> None:
    with (
        workspace_of(tmp_path / "w", "abc", likes({"u": "abc"})) as source,
        past_of(source, tmp_path / "past") as past,
        open_store(past) as store,
    ):
        assert store.encoder is None
        assert past.log.count() == 3


def test_it_can_be_moved_when_it_is_closed(shop: Workspace, tmp_path: Path) -> None:
    past_of(shop, tmp_path / "new").close()
    (tmp_path / "new").rename(tmp_path / "past")
    code = (
        "import sys; from retrieval.workspace import Workspace; from retrieval.store import open_store\n"
        "with Workspace.open(sys.argv[1]) as w, open_store(w) as s: print(s.count('content'), w.log.count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "past")], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["12", "10"]
