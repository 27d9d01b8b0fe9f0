"""The workspace's SQL database: its tables, its transactions, its migrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from retrieval.errors import SettingsError, StoreError, WorkspaceError, WorkspaceLockedError

HEAD = "0002"
"""The newest migration; a database that carries it needs no Alembic to be opened."""

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one."""

KEYS_PER_QUERY = 500
"""Keys in one IN (...): below the smallest limit on bound parameters of the databases we know."""

_WRITE_LOCK = 7_463_512_901
"""Any constant: PostgreSQL's advisory locks are numbers."""

METADATA = sa.MetaData()

LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
"""Text without a limit that matters; MySQL's TEXT ends at 64 KB."""

ITEMS = sa.Table(
    "items",
    METADATA,
    sa.Column("item_id", sa.String(256), primary_key=True),
    sa.Column("item_row", sa.Integer, nullable=False, unique=True),
    sa.Column("title", LONG_TEXT, nullable=False),
    sa.Column("attributes", LONG_TEXT, nullable=False),
    sa.Column("images", LONG_TEXT, nullable=False),
    sa.Column("video", sa.String(64)),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    sa.Column("text_hash", sa.String(64), nullable=False),
    sa.Column("images_hash", sa.String(64), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("items_version", "version"),
)
EMBEDDED = sa.Table(
    "embedded",
    METADATA,
    sa.Column("space", sa.String(32), primary_key=True),
    sa.Column("item_id", sa.String(256), sa.ForeignKey("items.item_id"), primary_key=True),
    sa.Column("embedded_hash", sa.String(64), nullable=False),
)
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("event_row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String(64), nullable=False, unique=True),
    sa.Column("user_id", sa.String(256), nullable=False),
    sa.Column("item_id", sa.String(256), sa.ForeignKey("items.item_id"), nullable=False),
    sa.Column("type", sa.String(16), nullable=False),
    sa.Column("timestamp_us", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("text", LONG_TEXT),
    sa.Column("session_id", sa.String(256)),
    sa.Column("request_id", sa.String(256)),
    sa.Column("position", sa.Integer),
    sa.Column("source", sa.String(256)),
    sa.Column("model", sa.String(256)),
    sa.Column("adapter", sa.String(256)),
    sa.Index("events_user_time", "user_id", "timestamp_us", "event_row"),
    sa.Index("events_item", "item_id"),
)
PREFERENCES = sa.Table(
    "preferences",
    METADATA,
    sa.Column("user_id", sa.String(256), primary_key=True),
    sa.Column("preference_hash", sa.String(64), primary_key=True),
    sa.Column("attribute", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("avoided", sa.Boolean, nullable=False),
    sa.Column("timestamp_us", sa.BigInteger, nullable=False),
)
COUNTERS = sa.Table(
    "counters",
    METADATA,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

_T = TypeVar("_T")


def batches(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The values in lists of at most `size`, in order."""
    remaining = iter(values)
    while batch := list(islice(remaining, size)):
        yield batch


class Database:
    """Transactions over one database, safe for several threads and several processes.

    A writer takes the write lock when it begins (SQLite: BEGIN IMMEDIATE, PostgreSQL: an advisory lock, others: the
    row of a counter), so that it waits for another writer instead of failing half-way, up to BUSY_TIMEOUT_S or what
    the server has set, and what it reads is still so when it writes. A committed transaction is on the disk. That one
    writer works at a time is also why no statement needs a dialect: "insert what is not there" is a look and an insert.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Database:
        """The database at a SQLAlchemy URL, its schema brought up to HEAD.

        Any database that SQLAlchemy has a dialect for, if it has transactions and tells `a` from `A`: ids that differ
        only in case are different. SQLite, PostgreSQL and MariaDB have been tried.

        Raises SettingsError for a URL that SQLAlchemy cannot use and for a new database that takes `a` for `A`,
        StoreError when the database does not answer,
        WorkspaceError when a newer Tastemaker wrote it.
        """
        database = cls(_engine(url))
        try:
            database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database until it is closed."""
        with _explained(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A connection that holds the write lock; committed at the end, rolled back on any error."""
        writing = self._engine.execution_options(write=True)
        with _explained(self._engine), writing.begin() as connection:
            yield connection

    def counter(self, name: str) -> int:
        """The counter's value: what all committed changes under that name have raised it by."""
        with self.read() as connection:
            return int(connection.execute(_READ_COUNTER, {"name": name}).scalar_one())

    def bump(self, connection: sa.Connection, name: str, *, by: int = 1) -> int:
        """Raise the counter within the transaction and return the new value."""
        raised = COUNTERS.update().where(COUNTERS.c.name == name).values(value=COUNTERS.c.value + by)
        connection.execute(raised)
        return int(connection.execute(_READ_COUNTER, {"name": name}).scalar_one())

    def close(self) -> None:
        self._engine.dispose()

    def _migrate(self) -> None:
        if self._revision() == HEAD:
            return
        # Two processes may make a new database at once: SQLite and PostgreSQL let one of them wait, others have no
        # row to lock yet, and the slower one is told that the tables exist.
        migrating = self._engine.execution_options(write=True, migrating=True)
        with _explained(self._engine), migrating.begin() as connection:
            _upgrade(connection, shown(self._engine.url))
            _check_case(connection, shown(self._engine.url))

    def _revision(self) -> str | None:
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


_READ_COUNTER = sa.select(COUNTERS.c.value).where(COUNTERS.c.name == sa.bindparam("name"))


def shown(url: sa.URL | str) -> str:
    """The URL as it may be printed: without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
        dialect = parsed.get_backend_name()
        connect_args = {"timeout": BUSY_TIMEOUT_S} if dialect == "sqlite" else {}
        engine = sa.create_engine(parsed, connect_args=connect_args, pool_pre_ping=dialect != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingsError(
            f"the database URL cannot be used ({error}); expected e.g. postgresql+psycopg://user@host/name, with the "
            "driver that it names installed (for PostgreSQL: pip install 'tastemaker[postgres]')"
        ) from error
    if dialect == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _BEGIN.get(dialect, _begin_other))
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Transactions are begun by _begin_sqlite: sqlite3's own begin comes late and never covers a read.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",  # NORMAL would lose the last commits when the power fails
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _begin_postgresql(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("write", False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_S}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")


def _begin_other(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("write", False) and not options.get("migrating", False):
        connection.execute(COUNTERS.update().where(COUNTERS.c.name == "items").values(value=COUNTERS.c.value))


_BEGIN = {"sqlite": _begin_sqlite, "postgresql": _begin_postgresql}


def _check_case(connection: sa.Connection, name: str) -> None:
    found = sa.select(sa.func.count()).select_from(COUNTERS).where(COUNTERS.c.name == "ITEMS")
    if connection.execute(found).scalar_one():
        raise SettingsError(
            f"the database {name} takes 'items' and 'ITEMS' for the same text, expected different ones; make it with a "
            "collation that regards case, e.g. CREATE DATABASE name CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )


def _upgrade(connection: sa.Connection, name: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise WorkspaceError(
            f"the database {name} has a schema that this version does not know ({error}); "
            "it was written by a newer Tastemaker: upgrade this one"
        ) from error


@contextmanager
def _explained(engine: sa.Engine) -> Iterator[None]:
    """What the driver says, as an error that says what to do."""
    try:
        yield
    except DBAPIError as error:
        name, cause = shown(engine.url), str(error.orig)
        if any(words in cause for words in ("locked", "lock timeout", "Lock wait timeout")):
            raise WorkspaceLockedError(
                f"the database {name} was locked by another process for too long ({cause}); try again"
            ) from error
        if "full" in cause or "No space left" in cause:
            raise StoreError(f"the disk of {name} is full; nothing committed is lost: free space, run again") from error
        raise StoreError(f"the database {name} cannot be used: {cause}") from error
