"""A workspace: made once, opened by many, and clear about what is wrong with it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock
from pydantic import ValidationError

from retrieval import workspace as workspace_module
from retrieval.errors import WorkspaceError, WorkspaceLockedError
from retrieval.types import EventType, Item
from retrieval.workspace import SETTINGS_NAME, Workspace, WorkspaceSettings


def test_what_is_made_is_opened_with_its_settings(tmp_path: Path) -> None:
    settings = WorkspaceSettings(currency="JPY", positive_types=(EventType.BUY,), positive_min_rating=3)
    with Workspace.create(tmp_path / "shop", settings) as made:
        made.items.upsert([Item("1", "One")])
    with Workspace.open(tmp_path / "shop") as opened:
        assert opened.settings == settings
        assert opened.items.get("1").title == "One"
    folders = {path.name for path in (tmp_path / "shop").iterdir() if path.is_dir()}
    assert folders == {"chroma", "media", "rejects", "adapters"}


def test_saved_settings_are_there_for_the_next(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "shop") as workspace:
        workspace.save(workspace.settings.model_copy(update={"encoder": "clip", "encoder_fingerprint": "f"}))
        assert workspace.settings.encoder == "clip"
    assert Workspace.open(tmp_path / "shop").settings.encoder_fingerprint == "f"
    assert [path.name for path in (tmp_path / "shop").glob(".new-*")] == []


def test_a_folder_without_a_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(WorkspaceError, match=r"is no workspace; make one with: tastemaker index"):
            Workspace.open(folder)
    assert not (tmp_path / "nowhere").exists()


def test_a_workspace_is_not_made_twice(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop").close()
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        Workspace.create(tmp_path / "shop")


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(WorkspaceError, match=r"holds other things \(thesis\.tex\)"):
        Workspace.create(tmp_path)
    with pytest.raises(WorkspaceError, match=r"thesis\.tex"):
        Workspace.open_or_create(tmp_path)


def test_a_creation_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    (tmp_path / "shop" / "media").mkdir(parents=True)
    (tmp_path / "shop" / f".new-{SETTINGS_NAME}-x").write_text("{")
    with Workspace.open_or_create(tmp_path / "shop") as workspace:
        assert workspace.items.count() == 0


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("")
    with pytest.raises(WorkspaceError, match="choose another folder"):
        Workspace.create(tmp_path / "shop")
    with pytest.raises(WorkspaceError, match="is no workspace"):
        Workspace.open(tmp_path / "shop")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema_version": 2, "hologram": true}', "has schema version 2, this Tastemaker knows 1; upgrade"),
        ('{"schema_version": 1, "encoder"', "cannot be read"),
        ("", "cannot be read"),
        ("[]", "is damaged: the file"),
        ('{"schema_version": 1, "colour": "red"}', "is damaged: colour"),
        ('{"schema_version": 1, "currency": "Euro"}', "is damaged: currency: .*no ISO 4217 code"),
        ('{"schema_version": "one"}', "is damaged: schema_version"),
    ],
)
def test_settings_that_cannot_be_used_say_why(tmp_path: Path, content: str, message: str) -> None:
    Workspace.create(tmp_path / "shop").close()
    (tmp_path / "shop" / SETTINGS_NAME).write_text(content)
    with pytest.raises(WorkspaceError, match=message):
        Workspace.open(tmp_path / "shop")


def test_settings_that_are_not_utf8_say_so(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop").close()
    (tmp_path / "shop" / SETTINGS_NAME).write_bytes(b'{"encoder": "\xff"}')
    with pytest.raises(WorkspaceError, match="cannot be read"):
        Workspace.open(tmp_path / "shop")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("currency", "euro"),
        ("positive_types", ()),
        ("positive_types", ("impression",)),
        ("positive_types", ("dislike", "buy")),
        ("positive_min_rating", float("nan")),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        WorkspaceSettings.model_validate({name: value})


def test_many_make_the_same_workspace_at_once(tmp_path: Path) -> None:
    def make(number: int) -> str:
        with Workspace.open_or_create(tmp_path / "shop", WorkspaceSettings(encoder=f"e{number}")) as workspace:
            workspace.items.upsert([Item(str(number), "x")])
            return workspace.settings.encoder

    with ThreadPoolExecutor(8) as pool:
        encoders = set(pool.map(make, range(8)))
    assert len(encoders) == 1
    with Workspace.open(tmp_path / "shop") as workspace:
        assert sorted(workspace.items.ids()) == [str(number) for number in range(8)]


def test_a_workspace_that_another_process_is_making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_module, "_LOCK_TIMEOUT_S", 0)
    Workspace.create(tmp_path / "shop").close()
    with FileLock(tmp_path / "shop" / "workspace.lock"), pytest.raises(WorkspaceLockedError, match="another process"):
        Workspace.open_or_create(tmp_path / "shop")


def test_the_settings_file_is_for_people_to_read(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop").close()
    written = json.loads((tmp_path / "shop" / SETTINGS_NAME).read_text())
    assert written["schema_version"] == 1
    assert written["positive_types"] == ["like", "buy", "click", "share", "rate", "review"]
