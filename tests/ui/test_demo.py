"""The demo makes its own workspace, finishes one that was killed, and keeps its hands off everybody else's."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ui.demo
from agent.registry import Adapters
from agent.shipped import BUILTIN
from retrieval.builtin import SHOP_FOLDER
from retrieval.errors import ModelUnavailableError, WorkspaceError
from retrieval.types import Item
from retrieval.workspace import Workspace, WorkspaceSettings
from tests.conftest import TinyShop
from tests.ui.page_process import page
from ui.demo import WISHES, demo_folder, prepare_demo
from ui.examples import SURPRISE


class KilledError(BaseException):
    """Ends a run where a kill would."""


def killed(*_: object) -> None:
    raise KilledError


@pytest.fixture
def shipped(tiny_shop: TinyShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny shop, shipped in place of the built-in one."""
    folder = tmp_path / "shipped"
    shutil.copytree(tiny_shop.folder, folder)
    (folder / "SHA256SUMS").write_text("version 1", encoding="utf-8")
    monkeypatch.setattr(ui.demo, "SHOP_FOLDER", folder)
    return folder


def contents(folder: Path) -> tuple[int, int, int]:
    """Items, items that were not withdrawn, events."""
    with Workspace.open(folder) as workspace:
        return workspace.items.count(withdrawn=True), workspace.items.count(), workspace.log.count()


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("nothing was to be indexed")


def test_the_demo_is_the_shipped_shop_and_made_once(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    prepare_demo(tmp_path / "demo", lambda done, total: told.append((done, total)))
    assert told[-1] == (12, 12)
    assert contents(tmp_path / "demo") == (12, 12, 10)
    monkeypatch.setattr("retrieval.indexing.index_catalog", refuse)
    prepare_demo(tmp_path / "demo")


def test_it_begins_with_the_shops_adapter_and_keeps_what_its_owner_chose(shipped: Path, tmp_path: Path) -> None:
    prepare_demo(tmp_path / "demo")
    adapters = Adapters(tmp_path / "demo")
    assert [adapters.current()] == [card.name for card in Adapters(BUILTIN).all()]
    adapters.roll_back()
    (shipped / "SHA256SUMS").write_text("version 2", encoding="utf-8")
    prepare_demo(tmp_path / "demo")
    assert adapters.current() is None


def test_a_demo_of_the_time_before_it_gets_it(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr("agent.shipped.BUILTIN", tmp_path / "nothing shipped")
        prepare_demo(tmp_path / "demo")
    assert Adapters(tmp_path / "demo").current() is None
    prepare_demo(tmp_path / "demo")
    assert Adapters(tmp_path / "demo").current() is not None


def test_a_server_that_does_not_take_it_keeps_no_demo_from_starting(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse_it(*_: object) -> None:
        raise ModelUnavailableError("the vLLM server refused the adapter")

    monkeypatch.setattr("agent.shipped.use_adapter", refuse_it)
    prepare_demo(tmp_path / "demo")
    assert "the demo answers without the shop's adapter: the vLLM server refused" in caplog.text
    monkeypatch.setattr("retrieval.indexing.index_catalog", refuse)
    prepare_demo(tmp_path / "demo")


def test_a_newer_shop_replaces_the_one_before(shipped: Path, tmp_path: Path) -> None:
    prepare_demo(tmp_path / "demo")
    catalog = shipped / "items.jsonl"
    catalog.write_text("".join(catalog.read_text(encoding="utf-8").splitlines(keepends=True)[:9]), encoding="utf-8")
    (shipped / "SHA256SUMS").write_text("version 2", encoding="utf-8")
    prepare_demo(tmp_path / "demo")
    assert contents(tmp_path / "demo") == (12, 9, 10)


def test_a_demo_that_was_killed_half_way_is_finished(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        prepare_demo(tmp_path / "demo", killed)
    assert contents(tmp_path / "demo") == (12, 12, 0)
    prepare_demo(tmp_path / "demo")
    assert contents(tmp_path / "demo") == (12, 12, 10)


def test_a_demo_that_was_killed_before_its_first_item_is_finished(shipped: Path, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "demo").close()
    prepare_demo(tmp_path / "demo")
    assert contents(tmp_path / "demo") == (12, 12, 10)


def test_a_workspace_of_somebody_is_refused_and_left_as_it_was(shipped: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "films", WorkspaceSettings(currency="EUR")) as films:
        films.items.upsert([Item("1", "Heat"), Item("2", "Rififi")])
        films.items.withdraw(["2"])
    settings = (tmp_path / "films" / "workspace.json").read_bytes()
    with pytest.raises(WorkspaceError, match=r"films is a workspace of yours \(2 items, 0 events\).* choose a new"):
        prepare_demo(tmp_path / "films", refuse)
    assert contents(tmp_path / "films") == (2, 1, 0)
    assert (tmp_path / "films" / "workspace.json").read_bytes() == settings
    assert not (tmp_path / "films" / "shipped.txt").exists()


@pytest.mark.parametrize("put", [lambda f: (f / "thesis.txt").write_text("x"), lambda f: (f / "photos").mkdir()])
def test_a_folder_of_somebody_is_refused_and_left_as_it_was(
    put: Callable[[Path], object], shipped: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    put(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(WorkspaceError, match="not empty and holds no demo"):
        prepare_demo(folder, refuse)
    assert sorted(folder.iterdir()) == before


def test_an_empty_folder_will_do(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    prepare_demo(tmp_path / "demo")
    assert contents(tmp_path / "demo") == (12, 12, 10)


WANTED: dict[str, dict[str, str]] = {
    "a blue vase for fresh flowers": {"category": "vase", "colour": "blue"},
    "a floral T-shirt for the summer": {"category": "T-shirt", "pattern": "floral"},
    "a mug with a check pattern": {"category": "mug", "pattern": "checks"},
    "a striped umbrella": {"category": "umbrella", "pattern": "stripes"},
    "a bright yellow clock": {"category": "clock", "colour": "yellow"},
}
"""What each wish of the demo asks for, as the shop's attributes."""


def test_the_shop_has_at_least_three_things_for_each_wish() -> None:
    assert {*WANTED, SURPRISE} == set(WISHES)
    rows = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text("utf-8").splitlines()]
    for wish, wanted in WANTED.items():
        assert sum(wanted.items() <= row.items() for row in rows) >= 3, wish


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG folders are those of Linux")
def test_the_data_lies_in_the_folder_for_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert demo_folder() == tmp_path / "tastemaker" / "demo"
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_DATA_HOME", unset)
        assert demo_folder() == Path.home() / ".local" / "share" / "tastemaker" / "demo"


def test_the_command_serves_the_built_in_shop(tmp_path: Path) -> None:
    from gradio_client import Client

    with page("demo", "--workspace", tmp_path / "demo") as address:
        answer = Client(address, verbose=False).predict(query="a green lamp", k=5, api_name="/recommend")
    assert len({entry["item_id"] for entry in answer["recommendations"]}) == 5
    assert contents(tmp_path / "demo")[0] == len((SHOP_FOLDER / "items.jsonl").read_text("utf-8").splitlines())
