"""The database: its migrations lead to its tables, and its errors say what to do."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from retrieval import database, migrations
from retrieval.database import COUNTERS, HEAD, ITEMS, METADATA, Database
from retrieval.errors import SettingsError, StoreError, WorkspaceError, WorkspaceLockedError
from retrieval.items import ItemTable
from retrieval.types import Item
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
        ("mysql://u:secret@h/d", "found mysql, expected sqlite or postgresql"),
        ("nonsense", "cannot be used"),
        ("postgresql+nodriver://u:secret@h/d", "cannot be used"),
        ("oracle://u:secret@h/d", "found oracle"),
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


def test_postgresql_by_setting(tmp_path: Path) -> None:
    url = os.environ.get("TASTEMAKER_TEST_POSTGRESQL")
    if not url:
        pytest.skip("needs TASTEMAKER_TEST_POSTGRESQL=postgresql+DRIVER://user@host/EMPTY_DATABASE and the driver")
    with Workspace.create(tmp_path / "shop", WorkspaceSettings(database_url=url)) as workspace:
        workspace.items.upsert([Item("1", "One"), Item("2", "Two")])
        workspace.items.upsert([Item("2", "Zwei")])
        workspace.items.mark_embedded("text", {"1": "0" * 64})
        workspace.items.mark_embedded("text", {"1": "1" * 64})
        rows = ["user_id,item_id,rating,timestamp", *(f"{user},{item},5,1000" for user in "abc" for item in "12")]
        (tmp_path / "log.csv").write_text("\n".join(rows))
        reports = [workspace.log.import_file(tmp_path / "log.csv") for _ in range(2)]
        assert [(report.new, report.known) for report in reports] == [(6, 0), (0, 6)]
        assert workspace.items.get("2").title == "Zwei"
        assert workspace.items.embedded("text") == {"1": "1" * 64}
        assert workspace.log.popularity() == {"1": 3, "2": 3}
        with workspace.database.write() as connection:
            for table in ("events", "embedded", "items", "counters", "alembic_version"):
                connection.exec_driver_sql(f"DROP TABLE {table}")


def test_counters_start_at_nought(tmp_path: Path) -> None:
    opened = Database.open(sqlite_url(tmp_path))
    with opened.read() as connection:
        assert {row.name: row.value for row in connection.execute(sa.select(COUNTERS))} == {"items": 0, "events": 0}
        assert connection.execute(sa.select(ITEMS)).all() == []
    opened.close()
