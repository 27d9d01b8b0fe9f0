"""One generation of the vectors: a Chroma collection for each space, and the file that says which one counts.

A rebuild writes the next generation beside the one in use and then swaps the file, so that a reader sees all of
the old vectors or all of the new ones. Chroma's errors become ours here.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from retrieval.errors import StoreError, WorkspaceError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

    from retrieval.vectors import Vector, Vectors

SPACES = ("text", "image", "content")
WRITE_ROWS = 2_000
READ_ROWS = 5_000
"""Chroma takes at most 5,461 rows at a time."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """Chroma's HNSW graph, fixed when a collection is made.

    Recall@100 against exact search is 0.99 or more with these on the text embeddings of the fashion and the MovieLens
    catalogue, for items and for typed requests as queries (`python -m tests.bench.recall` prints it).
    """

    ef_search: int = 800
    ef_construction: int = 200
    max_neighbors: int = 32


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """Which encoder made the vectors."""

    name: str
    fingerprint: str
    dimensions: int


@dataclass(frozen=True, slots=True)
class StoreState:
    """What counts now: written as a whole, by an atomic rename.

    store_id: keeps the collections of several workspaces on one remote server apart.
    generation: counts the rebuilds. build: names this one, so that what a killed rebuild left is never taken for it.
    """

    store_id: str
    build: str
    generation: int = 1
    encoder: EncoderRecord | None = None

    def collection(self, space: str) -> str:
        return f"{self.prefix}-{self.build}-{space}"

    @property
    def prefix(self) -> str:
        return f"tastemaker-{self.store_id}"

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
            return cls(str(values["store_id"]), str(values["build"]), int(values["generation"]), encoder)
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"{path} is damaged ({error}); delete it and the folder chroma beside it, and run "
                "tastemaker index CATALOG --workspace DIR --rebuild"
            ) from error

    def next(self, encoder: EncoderRecord | None) -> StoreState:
        return replace(self, build=_new_name(), generation=self.generation + 1, encoder=encoder)


def _new_name() -> str:
    return uuid.uuid4().hex[:12]


class Access(Protocol):
    """A Chroma client that can be found again: ChromaAccess or RemoteAccess."""

    epoch: int

    @property
    def client(self) -> Client: ...

    @property
    def embedded(self) -> bool: ...

    def serve(self) -> None: ...

    def reconnect(self, epoch: int) -> None: ...

    def close(self) -> None: ...


class Generation:
    """The vectors of one generation, by space.

    Errors: StoreError with Chroma's own words when it cannot read or write. What was written before stays.
    """

    def __init__(self, access: Access, state: StoreState, graph: GraphSettings) -> None:
        self.state = state
        self._access = access
        self._graph = graph
        self._collections: dict[tuple[int, str], Collection] = {}

    def create(self) -> None:
        """Make the collections that do not exist yet."""
        graph: Any = {"hnsw": {"space": "cosine", **asdict(self._graph)}}
        for space in SPACES:
            name = self.state.collection(space)
            self._call(
                f"{name} cannot be made",
                methodcaller("get_or_create_collection", name, embedding_function=None, configuration=graph),
            )

    def upsert(self, space: str, item_ids: Sequence[str], vectors: Vectors) -> None:
        """Write the vectors of the items; when it returns, they are on disk.

        vectors: (n_items, dimensions) finite float32, not zero. Raises ValueError for any other.
        """
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(item_ids):
            raise ValueError(f"{len(item_ids)} item ids and vectors of shape {vectors.shape}; expected one row each")
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise ValueError("a vector is zero or not finite; expected the encoder's normalised vectors")
        for start in range(0, len(item_ids), WRITE_ROWS):
            ids = list(item_ids[start : start + WRITE_ROWS])
            rows = vectors[start : start + WRITE_ROWS]
            self._write(space, methodcaller("upsert", ids=ids, embeddings=rows))

    def delete(self, space: str, item_ids: Sequence[str]) -> None:
        """Remove the items' vectors; items that have none are no error."""
        for start in range(0, len(item_ids), WRITE_ROWS):
            ids = list(item_ids[start : start + WRITE_ROWS])
            self._write(space, methodcaller("delete", ids=ids))

    def count(self, space: str) -> int:
        return self._read(space, lambda c: c.count())

    def item_ids(self, space: str) -> list[str]:
        """Every item that has a vector."""
        return self._read(space, lambda c: list(c.get(include=[])["ids"]))

    def get(self, space: str, item_ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those items that have one, as Chroma keeps them."""
        found: dict[str, Vector] = {}
        for start in range(0, len(item_ids), READ_ROWS):
            ids = list(item_ids[start : start + READ_ROWS])
            rows = self._read(space, methodcaller("get", ids=ids, include=["embeddings"]))
            found.update(zip(rows["ids"], np.asarray(rows["embeddings"], dtype=np.float32), strict=True))
        return found

    def query(self, space: str, vector: Vector, k: int) -> tuple[list[str], list[float]]:
        """The k nearest items by Chroma's graph, and their cosine distances, nearest first."""
        row = np.asarray(vector, dtype=np.float32)[None, :]
        found = self._read(space, lambda c: c.query(query_embeddings=row, n_results=k, include=["distances"]))
        return found["ids"][0], (found["distances"] or [[]])[0]

    def drop(self) -> None:
        """Delete these collections, as far as they exist."""
        self._drop_where(lambda name: name in self._names)

    def drop_others(self) -> None:
        """Delete what other generations left behind, those of a rebuild that was killed included."""
        self._drop_where(lambda name: name.startswith(self.state.prefix) and name not in self._names)

    @property
    def _names(self) -> frozenset[str]:
        return frozenset(self.state.collection(space) for space in SPACES)

    def _drop_where(self, doomed: Callable[[str], bool]) -> None:
        from chromadb.errors import NotFoundError

        present = self._call("the collections cannot be listed", lambda client: client.list_collections())
        for name in [collection.name for collection in present if doomed(collection.name)]:
            with contextlib.suppress(NotFoundError):  # another process was faster
                self._call(f"{name} cannot be deleted", methodcaller("delete_collection", name))

    def _read(self, space: str, action: Callable[[Collection], T]) -> T:
        return self._call(f"the {space} vectors cannot be read", lambda _: action(self._collection(space)))

    def _write(self, space: str, action: Callable[[Collection], None]) -> None:
        self._call(
            f"the {space} vectors cannot be written; what was written before is kept: if the disk is full, free some "
            "space and run again",
            lambda _: action(self._collection(space)),
        )

    def _collection(self, space: str) -> Collection:
        if space not in SPACES:
            raise ValueError(f"no space {space!r}; expected one of {', '.join(SPACES)}")
        key = self._access.epoch, space
        if key not in self._collections:
            self._collections[key] = self._access.client.get_collection(
                self.state.collection(space), embedding_function=None
            )
        return self._collections[key]

    def _call(self, failure: str, action: Callable[[Client], T]) -> T:
        """Run the action; again when the server had died, or when the client was replaced meanwhile.

        NotFoundError passes: that a collection is gone means that a rebuild replaced it.
        """
        import httpx
        from chromadb.errors import ChromaError, NotFoundError

        for _attempt in range(3):
            epoch = self._access.epoch
            try:
                return action(self._access.client)
            except NotFoundError:
                raise
            except httpx.TransportError:
                self._access.reconnect(epoch)
            except (ChromaError, httpx.HTTPError, OSError) as error:
                if self._access.epoch == epoch:
                    raise StoreError(f"{failure} ({error})") from error
        raise StoreError(f"{failure}: the Chroma server dies again and again; see chroma.log in the workspace")
