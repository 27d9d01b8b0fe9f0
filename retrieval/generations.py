"""One generation of the vectors: a Chroma collection for each space. Chroma's errors become ours here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from retrieval.errors import StoreError
from retrieval.store_state import SPACES

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

    from retrieval.store_state import StoreState
    from retrieval.vectors import Vector, Vectors

WRITE_ROWS = 2_000
READ_ROWS = 5_000
"""Chroma takes at most 5,461 rows at a time."""

LEARN_AGAIN = "run tastemaker finetune towers"
"""What makes behaviour vectors."""

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
    """The vectors of one generation, by space; a space that has no collection is empty.

    Errors: StoreError with Chroma's own words when it cannot read or write. What was written before stays.
    """

    def __init__(self, access: Access, state: StoreState, graph_of: Callable[[str], GraphSettings]) -> None:
        """graph_of: the graph's settings by space."""
        self.state = state
        self._access = access
        self._graph_of = graph_of
        self._collections: dict[tuple[int, str], Collection] = {}

    def create(self) -> None:
        """Make the collections that do not exist yet."""
        for space in SPACES:
            name = self.state.collection(space)
            if name is None:
                continue
            graph: Any = {"hnsw": {"space": "cosine", **asdict(self._graph_of(space))}}
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
        """Remove the items' vectors; items that have none are no error, nor is a space that has none."""
        if self.state.collection(space) is None:
            return
        for start in range(0, len(item_ids), WRITE_ROWS):
            ids = list(item_ids[start : start + WRITE_ROWS])
            self._write(space, methodcaller("delete", ids=ids))

    def count(self, space: str) -> int:
        return self._read(space, lambda c: c.count()) or 0

    def item_ids(self, space: str) -> list[str]:
        """Every item that has a vector."""
        return self._read(space, lambda c: list(c.get(include=[])["ids"])) or []

    def get(self, space: str, item_ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those items that have one, as Chroma keeps them."""
        found: dict[str, Vector] = {}
        for start in range(0, len(item_ids), READ_ROWS):
            ids = list(item_ids[start : start + READ_ROWS])
            rows = self._read(space, methodcaller("get", ids=ids, include=["embeddings"]))
            if rows is not None:
                found.update(zip(rows["ids"], np.asarray(rows["embeddings"], dtype=np.float32), strict=True))
        return found

    def query(self, space: str, vector: Vector, k: int) -> tuple[list[str], list[float]]:
        """The k nearest items by Chroma's graph, and their cosine distances, nearest first."""
        row = np.asarray(vector, dtype=np.float32)[None, :]
        found = self._read(space, lambda c: c.query(query_embeddings=row, n_results=k, include=["distances"]))
        return ([], []) if found is None else (found["ids"][0], (found["distances"] or [[]])[0])

    def drop_others(self) -> None:
        """Delete what other generations left behind, those whose making failed or was killed included."""
        from chromadb.errors import NotFoundError

        kept, prefix = self.state.collections, self.state.prefix
        present = self._call("the collections cannot be listed", lambda client: client.list_collections())
        for name in [each.name for each in present if each.name.startswith(prefix) and each.name not in kept]:
            with contextlib.suppress(NotFoundError):  # another process was faster
                self._call(f"{name} cannot be deleted", methodcaller("delete_collection", name))

    def _read(self, space: str, action: Callable[[Collection], T]) -> T | None:
        """What the action says of the space's collection; None where there is none."""
        name = self.state.collection(space)
        if name is None:
            return None
        return self._call(f"the {space} vectors cannot be read", lambda _: action(self._collection(name)))

    def _write(self, space: str, action: Callable[[Collection], None]) -> None:
        name = self.state.collection(space)
        if name is None:
            raise StoreError(f"no towers are published, so there can be no {space} vectors; {LEARN_AGAIN}")
        self._call(
            f"the {space} vectors cannot be written; what was written before is kept: if the disk is full, free some "
            "space and run again",
            lambda _: action(self._collection(name)),
        )

    def _collection(self, name: str) -> Collection:
        key = self._access.epoch, name
        if key not in self._collections:
            self._collections[key] = self._access.client.get_collection(name, embedding_function=None)
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
