"""A workspace: one folder with the settings, the database, the vectors, the pictures and the adapters."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import sqlalchemy as sa
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from retrieval.currencies import MINOR_DIGITS
from retrieval.database import Database
from retrieval.errors import StoreError, WorkspaceError, WorkspaceLockedError
from retrieval.interactions import InteractionLog, PositiveRule
from retrieval.items import ItemTable
from retrieval.media import MediaStore
from retrieval.preferences import PreferenceTable
from retrieval.types import EventType

SCHEMA_VERSION = 1
SETTINGS_NAME = "workspace.json"
_PARTS = ("chroma", "media", "rejects", "adapters")
_LOCK_NAME = "workspace.lock"
_LOCK_TIMEOUT_S = 60


class WorkspaceSettings(BaseModel):
    """What a workspace is made with.

    encoder: a preset's name, a sentence-transformers name, a path, or one of its own. encoder_fingerprint: of the
    encoder that its vectors were made with; None until something is indexed.
    database_url: a SQLAlchemy URL, such as postgresql+psycopg://user@host/name; None is tastemaker.db in the folder.
    chroma_url: http(s)://host:port of a Chroma server; None is the folder's own store.
    currency: ISO 4217 code of prices that name none.
    positive_types: the events that say that a user wants an item; a `rate` or `review` counts from
    positive_min_rating on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    encoder: str = "builtin"
    encoder_fingerprint: str | None = None
    database_url: str | None = None
    chroma_url: str | None = None
    currency: str | None = None
    positive_types: tuple[EventType, ...] = (
        EventType.LIKE,
        EventType.BUY,
        EventType.CLICK,
        EventType.SHARE,
        EventType.RATE,
        EventType.REVIEW,
    )
    positive_min_rating: float = Field(default=4.0, allow_inf_nan=False)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str | None) -> str | None:
        if value is not None and value not in MINOR_DIGITS:
            raise ValueError(f"{value!r} is no ISO 4217 code such as EUR")
        return value

    @field_validator("positive_types")
    @classmethod
    def _possible_types(cls, value: tuple[EventType, ...]) -> tuple[EventType, ...]:
        if not value or {EventType.IMPRESSION, EventType.DISLIKE} & set(value):
            raise ValueError("at least one type, and neither impression nor dislike")
        return value


class Workspace:
    """An open workspace. Its parts open when they are first used; several processes may have it open."""

    def __init__(self, path: Path, settings: WorkspaceSettings) -> None:
        self.path = path
        self._settings = settings

    @classmethod
    def create(cls, path: str | Path, settings: WorkspaceSettings | None = None) -> Workspace:
        """Make a workspace in a new or empty folder and open it.

        Raises WorkspaceError when there is one already, or when the folder holds something else.
        """
        folder = Path(path)
        _make_folder(folder)
        with _creation_lock(folder):
            if cls.exists(folder):
                raise WorkspaceError(f"{folder} is a workspace already; open it, or choose another folder")
            return cls._made(folder, settings or WorkspaceSettings())

    @staticmethod
    def exists(path: str | Path) -> bool:
        """Whether there is a workspace in the folder."""
        return (Path(path) / SETTINGS_NAME).exists()

    @classmethod
    def open(cls, path: str | Path) -> Workspace:
        """The workspace in the folder. Raises WorkspaceError: none there, damaged, or made by a newer version."""
        folder = Path(path)
        return cls(folder, _read_settings(folder))

    @classmethod
    def open_or_create(cls, path: str | Path, settings: WorkspaceSettings | None = None) -> Workspace:
        """The workspace in the folder, made with these settings when there is none. Safe in several processes."""
        folder = Path(path)
        _make_folder(folder)
        with _creation_lock(folder):
            if cls.exists(folder):
                return cls(folder, _read_settings(folder))
            return cls._made(folder, settings or WorkspaceSettings())

    @classmethod
    def _made(cls, folder: Path, settings: WorkspaceSettings) -> Workspace:
        strange = sorted(entry.name for entry in folder.iterdir() if not _ours(entry.name))
        if strange:
            raise WorkspaceError(
                f"{folder} is no workspace and holds other things ({', '.join(strange)[:120]}); choose a new folder"
            )
        workspace = cls(folder, settings)
        for part in _PARTS:
            (folder / part).mkdir(exist_ok=True)
        workspace.save(settings)  # last: a folder with this file is a whole workspace
        return workspace

    @property
    def settings(self) -> WorkspaceSettings:
        return self._settings

    def save(self, settings: WorkspaceSettings) -> None:
        """Make these the workspace's settings, on the disk whole or not at all."""
        _write_settings(self.path / SETTINGS_NAME, settings)
        self._settings = settings

    @cached_property
    def database(self) -> Database:
        """The database, its schema brought up to date. Raises WorkspaceError, StoreError."""
        url = self._settings.database_url
        if url is not None:
            return Database.open(url)
        file = sa.URL.create("sqlite", database=str((self.path / "tastemaker.db").resolve()))
        with _creation_lock(self.path):  # only one process may turn a new file into a WAL database
            return Database.open(file.render_as_string())

    @cached_property
    def items(self) -> ItemTable:
        return ItemTable(self.database)

    @cached_property
    def log(self) -> InteractionLog:
        rule = PositiveRule(frozenset(self._settings.positive_types), self._settings.positive_min_rating)
        return InteractionLog(self.database, self.items, rule, self.rejects_folder)

    @cached_property
    def preferences(self) -> PreferenceTable:
        return PreferenceTable(self.database)

    @cached_property
    def media(self) -> MediaStore:
        return MediaStore(self.path / "media")

    @property
    def encoders_folder(self) -> Path:
        """Where the image encoders are kept that were trained on its own catalogue; made when the first one is."""
        return self.path / "encoders"

    @property
    def rejects_folder(self) -> Path:
        """Where the rows that a run refused are told, a JSON Lines file per run."""
        return self.path / "rejects"

    def close(self) -> None:
        """Let go of the database. What was written stays; the workspace can be opened again."""
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ours(name: str) -> bool:
    """Whether a file of that name is left by a creation that did not finish, or by the system."""
    return name in (*_PARTS, _LOCK_NAME) or name.startswith(f".new-{SETTINGS_NAME}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"{folder} cannot be made a workspace ({error.strerror}); choose another folder"
        ) from error


@contextmanager
def _creation_lock(folder: Path) -> Iterator[None]:
    """One process at a time makes the workspace or its database."""
    lock = FileLock(folder / _LOCK_NAME, timeout=_LOCK_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceLockedError(
            f"another process has been making {folder} for more than {_LOCK_TIMEOUT_S} s; try again when it is done"
        ) from error
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written ({error.strerror}); a workspace must be writable") from error
    try:
        yield
    finally:
        lock.release()


def _read_settings(folder: Path) -> WorkspaceSettings:
    path = folder / SETTINGS_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise WorkspaceError(
            f"{folder} is no workspace; make one with: tastemaker index CATALOG --workspace {folder}"
        ) from error
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{path} cannot be read ({error}); restore it from a backup, or index again") from error
    version = values.get("schema_version") if isinstance(values, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise WorkspaceError(
            f"{folder} has schema version {version}, this Tastemaker knows {SCHEMA_VERSION}; upgrade Tastemaker"
        )
    try:
        return WorkspaceSettings.model_validate(values)
    except ValidationError as error:
        raise WorkspaceError(f"{path} is damaged: {_faults(error)}; repair the file, or index again") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors())


def _write_settings(path: Path, settings: WorkspaceSettings) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".new-{path.name}-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(settings.model_dump_json(indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the rename itself
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); the settings before stay in force") from error
