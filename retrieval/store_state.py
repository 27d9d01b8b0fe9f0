"""What counts in a store, and what made it: one small file, swapped as a whole.

What is made anew, all vectors by a rebuild or the learned ones by new towers, is written beside what is in use; then
the file is swapped, so that a reader sees all of the old vectors or all of the new ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retrieval.errors import StoreError, WorkspaceError

CONTENT_SPACES = ("text", "image", "content")
"""What the encoder makes: of the text, of the pictures, and the normalised mean of both."""

BEHAVIOUR = "behaviour"
"""What the item tower makes; there is none before towers are published."""

SPACES = (*CONTENT_SPACES, BEHAVIOUR)


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """Which encoder made the vectors."""

    name: str
    fingerprint: str
    dimensions: int


@dataclass(frozen=True, slots=True)
class TowersRecord:
    """Which towers made the behaviour vectors.

    version: names their checkpoint. dimensions: of the vectors. encoder: fingerprint of the encoder whose vectors they
    read; None for towers that read no content.
    """

    version: str
    dimensions: int
    encoder: str | None

    def reads(self, encoder: EncoderRecord | None) -> bool:
        """Whether vectors of this encoder are what they were trained on."""
        return self.encoder is None or (encoder is not None and self.encoder == encoder.fingerprint)


@dataclass(frozen=True, slots=True)
class Learned:
    """The behaviour vectors that count: the build that names their collection, and the towers that made them."""

    build: str
    towers: TowersRecord

    @classmethod
    def by(cls, towers: TowersRecord) -> Learned:
        """New ones, in a build of their own."""
        return cls(_new_name(), towers)


@dataclass(frozen=True, slots=True)
class StoreState:
    """What counts now: written as a whole, by an atomic rename.

    store_id: keeps the collections of several workspaces on one remote server apart.
    generation: counts the rebuilds. build: names this one, so that what a killed rebuild left is never taken for it.
    learned: the behaviour vectors; None while there are none, or none that fit the encoder.
    """

    store_id: str
    build: str
    generation: int = 1
    encoder: EncoderRecord | None = None
    learned: Learned | None = None

    def collection(self, space: str) -> str | None:
        """The name of the space's collection; None where the space has none. Raises ValueError for no space."""
        if space not in SPACES:
            raise ValueError(f"no space {space!r}; expected one of {', '.join(SPACES)}")
        if space != BEHAVIOUR:
            return f"{self.prefix}-{self.build}-{space}"
        return None if self.learned is None else f"{self.prefix}-{self.learned.build}-{space}"

    @property
    def collections(self) -> tuple[str, ...]:
        """The names of all that there are."""
        return tuple(name for name in map(self.collection, SPACES) if name is not None)

    @property
    def prefix(self) -> str:
        return f"tastemaker-{self.store_id}"

    def made_by(self, encoder: EncoderRecord) -> StoreState:
        """The same for vectors of this encoder. Towers that were trained on another's no longer count."""
        keep = self.learned is not None and self.learned.towers.reads(encoder)
        return replace(self, encoder=encoder, learned=self.learned if keep else None)

    def rebuilt(self, encoder: EncoderRecord) -> StoreState:
        """The next generation of the content's vectors, by this encoder."""
        return replace(self.made_by(encoder), build=_new_name(), generation=self.generation + 1)

    def save(self, path: Path) -> None:
        """Make this the state that counts."""
        with self._written(path) as fresh:
            fresh.replace(path)

    @classmethod
    def create(cls, path: Path) -> None:
        """A first state, unless another process has made one a moment ago."""
        with cls(_new_name(), _new_name())._written(path) as fresh, contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)

    @contextlib.contextmanager
    def _written(self, path: Path) -> Iterator[Path]:
        fresh = path.with_suffix(f".{_new_name()}")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump({"schema_version": 1, **asdict(self)}, file)
                file.flush()
                os.fsync(file.fileno())
            yield fresh
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}; free some space and try again") from error
        finally:
            fresh.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> StoreState:
        """The state in the file. Raises FileNotFoundError, WorkspaceError."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            encoder = values["encoder"] and EncoderRecord(**values["encoder"])
            learned = values.get("learned")  # a store of before there were towers has none
            if learned is not None:
                learned = Learned(str(learned["build"]), TowersRecord(**learned["towers"]))
            return cls(str(values["store_id"]), str(values["build"]), int(values["generation"]), encoder, learned)
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"{path} is damaged ({error}); delete it and the folder chroma beside it, and run "
                "tastemaker index CATALOG --workspace DIR --rebuild"
            ) from error


def _new_name() -> str:
    return uuid.uuid4().hex[:12]
