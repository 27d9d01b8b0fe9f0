"""The database: its migrations lead to its tables, and its errors say what to do."""

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from retrieval import database, migrations
from retrieval.behaviour import Behaviour
from retrieval.database import COUNTERS, HEAD, ITEMS, METADATA, Database
from retrieval.errors import SettingsError, StoreError, WorkspaceError, WorkspaceLockedError
from retrieval.items import ItemTable
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace, WorkspaceSettings


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'tastemaker.db'}"


def test_the_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    with opened.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    opened.close()
    assert differences == []


def test_a_folder_with_a_percent_sign_is_a_folder(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "100% wool #1 ?x=y") as workspace:
        assert workspace.items.count() == 0
    assert (tmp_path / "100% wool #1 ?x=y" / "tastemaker.db").is_file()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Database.open(sqlite_url(tmp_path)).close()
    raw = sqlite3.connect(tmp_path / "tastemaker.db")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    with pytest.raises(WorkspaceError, match="written by a newer Tastemaker"):
        Database.open(sqlite_url(tmp_path))
    assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    raw.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("frogbase://u:secret@h/d", "cannot be used .*frogbase"),
        ("nonsense", "cannot be used"),
        ("postgresql+nodriver://u:secret@h/d", "cannot be used"),
        ("oracle://u:secret@h/d", r"cannot be used \(No module named.*the driver that it names"),
    ],
)
def test_a_url_that_cannot_be_used_says_so_and_hides_its_password(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        Database.open(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "tastemaker.db").write_text("dear diary " * 200)
    with pytest.raises(StoreError, match="file is not a database"):
        Database.open(sqlite_url(tmp_path))


def test_a_commit_is_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    with opened.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    opened.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_an_error_rolls_back(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    with pytest.raises(ZeroDivisionError), opened.write() as connection:
        opened.bump(connection, str(1 // (opened.bump(connection, "items") - 1)))
    assert opened.counter("items") == 0
    opened.close()


def test_a_lock_that_is_held_too_long_names_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0)
    one, other = Database.open(sqlite_url(tmp_path)), Database.open(sqlite_url(tmp_path))
    with one.write(), pytest.raises(WorkspaceLockedError, match="locked by another process"), other.write():
        pass
    one.close()
    other.close()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    items = ItemTable(opened)
    items.upsert([Item("kept", "Kept")])
    with opened.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def shrink(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}").close()

    sa.event.listen(opened._engine, "connect", shrink)
    opened._engine.dispose()
    with pytest.raises(StoreError, match="is full; nothing committed is lost"):
        items.upsert([Item(str(number), "x" * 5000) for number in range(100)])
    assert items.ids() == ["kept"]
    opened.close()


COUNT_UP = """
import sys
from retrieval.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    for _ in range(40):
        with workspace.database.write() as connection:
            workspace.database.bump(connection, "items")
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop").close()  # the database itself is made by whoever comes first
    command = [sys.executable, "-c", COUNT_UP, str(tmp_path / "shop")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[1] for process in running] == [""] * 4
    with Workspace.open(tmp_path / "shop") as workspace:
        assert workspace.items.version == 160


def test_another_database_by_setting(tmp_path: Path) -> None:
    settings = WorkspaceSettings(database_url=sqlite_url(tmp_path))
    with Workspace.create(tmp_path / "shop", settings) as workspace:
        workspace.items.upsert([Item("1", "One")])
    assert not (tmp_path / "shop" / "tastemaker.db").exists()
    with Workspace.create(tmp_path / "other", settings) as workspace:
        assert workspace.items.ids() == ["1"]


def test_a_new_database_that_does_not_regard_case_is_refused(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    with opened.write() as connection:
        database._check_case(connection, "this one")
        connection.execute(COUNTERS.insert(), {"name": "ITEMS", "value": 0})
        with pytest.raises(SettingsError, match=r"takes 'items' and 'ITEMS' for the same.*COLLATE utf8mb4_bin"):
            database._check_case(connection, "this one")
    opened.close()


def test_a_writer_of_any_dialect_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # which locks nothing yet
        database._begin_other(connection)

    monkeypatch.setitem(database._BEGIN, "sqlite", begin)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0)
    one, other = Database.open(sqlite_url(tmp_path)), Database.open(sqlite_url(tmp_path))
    with one.write(), pytest.raises(WorkspaceLockedError, match="locked by another process"), other.write():
        pass
    with other.write() as connection:
        assert other.bump(connection, "items") == 1
    one.close()
    other.close()


SERVER = """
import sys
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    report = workspace.log.import_file(sys.argv[2])
    for number in range(20):
        workspace.items.upsert([Item(str(number), sys.argv[3])])
        workspace.items.mark_embedded("text", {"1": str(number) * 8})
    print(report.new, report.known)
"""


def test_a_database_server_by_setting(tmp_path: Path) -> None:
    url = os.environ.get("TASTEMAKER_TEST_DATABASE")
    if not url:
        pytest.skip("needs TASTEMAKER_TEST_DATABASE=postgresql+psycopg://user@host/EMPTY_DATABASE and the driver")
    with Workspace.create(tmp_path / "shop", WorkspaceSettings(database_url=url)) as workspace:
        try:
            use(workspace, tmp_path)
        finally:
            with workspace.database.write() as connection:
                for table in ("events", "embedded", "items", "counters", "alembic_version"):
                    connection.exec_driver_sql(f"DROP TABLE {table}")


def use(workspace: Workspace, folder: Path) -> None:
    """Every statement that there is, and then four processes that write the same at once."""
    with workspace.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    long = "ü" * 90_000
    workspace.items.upsert([Item("1", "One"), Item("2", "Two", {"text": long}), Item("A", "A"), Item("a", "a")])
    workspace.items.upsert([Item("2", "Zwei", {"text": long})])
    workspace.items.mark_embedded("text", {"1": "0" * 64})
    workspace.items.mark_embedded("text", {"1": "1" * 64, "A": "2" * 64})
    assert workspace.items.embedded("text") == {"1": "1" * 64, "A": "2" * 64}
    workspace.items.forget_embedded("text", ["A"])
    assert workspace.items.withdraw(["a"]) == 1
    assert (workspace.items.ids(), workspace.items.count(withdrawn=True)) == (["1", "2", "A"], 4)
    assert workspace.items.get("2") == Item("2", "Zwei", {"text": long})
    rows = ["user_id,item_id,rating,timestamp", *(f"{user},{item},5,1000" for user in "abcA" for item in "12")]
    (folder / "log.csv").write_text("\n".join(rows))
    reports = [workspace.log.import_file(folder / "log.csv") for _ in range(2)]
    assert [(report.new, report.known) for report in reports] == [(8, 0), (0, 8)]
    workspace.log.add([Event("a", "1", EventType.DISLIKE, datetime(2026, 1, 1, tzinfo=UTC), text="🙈")])
    behaviour = Behaviour(workspace.log)
    behaviour.refresh()
    popular = behaviour.popularity()
    assert dict(zip(popular.item_ids, popular.scores, strict=True)) == {"1": 3, "2": 4}
    assert [event.item_id for event in workspace.log.positives("a")] == ["2"]
    assert workspace.log.history("a")[-1].text == "🙈"
    assert workspace.log.users() == ["a", "b", "c", "A"]
    assert (len(list(workspace.log.events())), workspace.log.seen("A")) == (9, {"1", "2"})

    more = ["user_id,item_id,timestamp", *(f"u{row % 7},{row % 2 + 1},{row}" for row in range(2_000))]
    (folder / "more.csv").write_text("\n".join(more))
    command = [sys.executable, "-c", SERVER, str(workspace.path), str(folder / "more.csv")]
    running = [subprocess.Popen([*command, name], stdout=-1, stderr=-1, text=True) for name in "wxyz"]
    told = [process.communicate() for process in running]
    assert [errors for _, errors in told] == [""] * 4
    assert sum(int(said.split()[0]) for said, _ in told) == 2_000
    assert (workspace.log.count(), workspace.items.count(withdrawn=True)) == (2_009, 22)


def test_counters_start_at_nought(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    with opened.read() as connection:
        assert {row.name: row.value for row in connection.execute(sa.select(COUNTERS))} == {"items": 0, "events": 0}
        assert connection.execute(sa.select(ITEMS)).all() == []
    opened.close()
