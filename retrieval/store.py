"""The vector store: every item's vectors in Chroma, and search over all of them or over some."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from retrieval.chroma_access import WAIT_S, RemoteAccess, shared_access
from retrieval.errors import EncoderMismatchError, StoreError, WeightsError
from retrieval.generations import LEARN_AGAIN, Access, Generation, GraphSettings
from retrieval.store_state import BEHAVIOUR, SPACES, EncoderRecord, Learned, StoreState, TowersRecord
from retrieval.vectors import VectorCache, exact_top

if TYPE_CHECKING:
    from retrieval.vectors import Rows, Vector, Vectors
    from retrieval.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that a search found, with its score (cosine, -1 to 1, where a vector was searched)."""

    item_id: str
    score: float


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How the store searches.

    graph, learned_graph: of the encoder's spaces, and of behaviour. A user's vector is no item's, and the learned
        lengths differ, so there the graph has to look further: recall@100 is 0.99 or more in
        `python -m tests.bench.behavioural`.
    exact_items: so many allowed items are always scored exactly, in memory. More of them are too, unless what would
        have to be asked of Chroma instead is at most half of the graph's ef_search: its answers get coarse beyond.
    wait_s: how long to wait for another process that has the folder to itself.
    """

    graph: GraphSettings = field(default_factory=GraphSettings)
    learned_graph: GraphSettings = field(default_factory=lambda: GraphSettings(ef_search=2_000))
    exact_items: int = 2_000
    wait_s: float = WAIT_S

    def graph_of(self, space: str) -> GraphSettings:
        return self.learned_graph if space == BEHAVIOUR else self.graph


class ChangeLog(Protocol):
    """Says which items have changed, across processes: the item table."""

    @property
    def version(self) -> int: ...

    def changed_since(self, version: int) -> list[str]: ...


def open_store(workspace: Workspace, *, serve: bool = False, settings: StoreSettings = StoreSettings()) -> VectorStore:
    """The workspace's vectors, until `close`.

    serve: for a process that stays: other processes can use the store at the same time. A short command leaves it
    False, and has the store to itself unless there is a server to join.
    Raises WorkspaceLockedError, StoreError.
    """
    url = workspace.settings.chroma_url
    access: Access = RemoteAccess(url) if url else shared_access(workspace.path, serve=serve, wait_s=settings.wait_s)
    try:
        return VectorStore(workspace.path, access, workspace.items, settings)
    except BaseException:
        access.close()
        raise


class VectorStore:
    """Vectors by item: in text, image and content (their normalised mean) by the encoder, in behaviour by the towers.

    Readers see what other processes wrote as soon as the item table's version says so.
    """

    def __init__(self, folder: Path, access: Access, changes: ChangeLog, settings: StoreSettings) -> None:
        self._path = folder / "store.json"
        self._access = access
        self._changes = changes
        self._settings = settings
        self._guard = threading.RLock()
        self._closed = False
        self._stamp: tuple[int, int, int] | None = None
        self._seen = changes.version
        self._expected: EncoderRecord | None = None
        self._caches = {space: VectorCache() for space in SPACES}
        self._sizes: dict[str, int] = {}
        self._generation = Generation(access, self._load_state(), settings.graph_of)

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store; again does nothing."""
        with self._guard:
            closed, self._closed = self._closed, True
        if not closed:
            self._access.close()

    @property
    def embedded(self) -> bool:
        """Whether this process has the store to itself."""
        return self._access.embedded

    @property
    def encoder(self) -> EncoderRecord | None:
        """What made the vectors; None before the first."""
        return self._current().state.encoder

    @property
    def towers(self) -> TowersRecord | None:
        """What made the behaviour vectors; None while there are none, or none that fit the encoder."""
        learned = self._current().state.learned
        return None if learned is None else learned.towers

    @property
    def towers_version(self) -> str | None:
        """Of the towers that count; None while there are none."""
        towers = self.towers
        return None if towers is None else towers.version

    @property
    def state(self) -> StoreState:
        """What counts now."""
        return self._current().state

    def check_encoder(self, encoder: EncoderRecord) -> None:
        """Raises EncoderMismatchError unless the vectors, if any, were made by this encoder."""
        made = self.encoder
        if made is None or made.fingerprint == encoder.fingerprint:
            return
        raise EncoderMismatchError(
            f"{self._path.parent} was indexed with {made.name}, {made.dimensions} dimensions; the encoder is "
            f"{encoder.name}, {encoder.dimensions} dimensions, or another version of it; "
            f"run tastemaker index CATALOG --workspace {self._path.parent} --rebuild"
        )

    def expect(self, encoder: EncoderRecord) -> None:
        """Use the vectors for as long as they are of this encoder: what compares with them asks for it once.

        Raises EncoderMismatchError when they are not now; so does every later call that reads or writes vectors, from
        the moment that another process has replaced them by those of another encoder.
        """
        self.check_encoder(encoder)
        self._expected = encoder

    def claim(self, encoder: EncoderRecord) -> None:
        """Record the encoder of the vectors that are going to be written. Raises EncoderMismatchError."""
        self.check_encoder(encoder)
        state = self._current().state
        if state.encoder is None:
            state.made_by(encoder).save(self._path)

    def upsert(self, space: str, item_ids: Sequence[str], vectors: Vectors) -> None:
        """Write the items' vectors, (n_items, dimensions) normalised; on disk when it returns."""
        self._run(lambda generation: generation.upsert(space, item_ids, vectors))
        self._forget(item_ids)

    def delete(self, space: str, item_ids: Sequence[str]) -> None:
        """Remove the items' vectors."""
        self._run(lambda generation: generation.delete(space, item_ids))
        self._forget(item_ids)

    def count(self, space: str) -> int:
        """How many items have a vector."""
        return self._run(lambda generation: generation.count(space))

    def item_ids(self, space: str) -> list[str]:
        """The items that have a vector."""
        return self._run(lambda generation: generation.item_ids(space))

    def get(self, space: str, item_ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those items that have one."""
        kept, rows, matrix = self._cached(space, item_ids)
        return {item_id: matrix[row] for item_id, row in zip(kept, rows, strict=True)}

    def steadily(self, read: Callable[[TowersRecord | None], T]) -> T:
        """What `read` finds with the towers that count; read anew when others were published meanwhile.

        So what the towers make (a user's vector) is never held against the vectors of others.
        """
        while True:
            towers = self.towers
            try:
                found = read(towers)
            except (StoreError, WeightsError, RuntimeError):  # torch's word for vectors of another size
                if self.towers == towers:
                    raise
                continue
            if self.towers == towers:
                return found

    def search(
        self,
        space: str,
        vector: Vector,
        k: int,
        *,
        allowed: Collection[str] | None = None,
        exclude: Collection[str] = (),
    ) -> list[Hit]:
        """The k items nearest to the vector (dimensions,), best first; fewer where there are fewer.

        allowed: only these. Chroma's own filters are slow, so few allowed items are scored exactly in memory,
        and where nearly all are, Chroma is asked for more than k.
        """
        if k <= 0 or (allowed is not None and not allowed):
            return []
        vector = np.asarray(vector, dtype=np.float32)
        exclude = exclude if isinstance(exclude, (set, frozenset)) else frozenset(exclude)
        if allowed is None:
            return self._nearest(space, vector, k + len(exclude), lambda item_id: item_id not in exclude)[:k]
        wanted = self._worth_fetching(space, k, allowed, exclude)
        if wanted is not None:
            members = allowed if isinstance(allowed, (set, frozenset)) else frozenset(allowed)
            hits = self._nearest(space, vector, wanted, lambda i: i in members and i not in exclude)
            if len(hits) >= k:
                return hits[:k]
        wanted_ids = [i for i in allowed if i not in exclude] if exclude else list(allowed)
        return self._exact(space, vector, k, wanted_ids)

    def warm(self, space: str) -> None:
        """Read a space into memory before the first request needs it."""
        self.get(space, self.item_ids(space))

    def rebuild(self, encoder: EncoderRecord) -> AbstractContextManager[Generation]:
        """Write all of the encoder's vectors anew: into the next generation, which counts when the block ends well.

        Readers, in other processes too, go on with the old vectors until then. Behaviour vectors are kept, unless
        their towers were trained on another encoder's vectors: then there are none until they are published again.
        """
        return self._replaced(lambda state: state.rebuilt(encoder))

    def publish_towers(self, towers: TowersRecord, item_ids: Sequence[str], vectors: Vectors) -> Learned:
        """Make these the behaviour vectors, (n_items, dimensions) normalised, and all that there are.

        Readers, in other processes too, see all of the old ones or all of these. For whoever is the only one to make
        vectors, see `retrieval.locks.alone`.
        Raises EncoderMismatchError when the towers were trained on another encoder's vectors.
        """
        if not towers.reads(self.encoder):
            raise EncoderMismatchError(
                f"the towers were trained on vectors of another encoder than {self._path.parent} has now; "
                f"{LEARN_AGAIN} --workspace {self._path.parent} again"
            )
        learned = Learned.by(towers)
        with self._replaced(lambda state: replace(state, learned=learned)) as fresh:
            fresh.upsert(BEHAVIOUR, item_ids, vectors)
        return learned

    @contextlib.contextmanager
    def _replaced(self, change: Callable[[StoreState], StoreState]) -> Iterator[Generation]:
        """A generation in the changed state, with its new collections empty: it counts when the block ends well."""
        old = self._current()
        old.drop_others()
        fresh = Generation(self._access, change(old.state), self._settings.graph_of)
        try:
            fresh.create()
            yield fresh
            fresh.state.save(self._path)
        except BaseException:
            with contextlib.suppress(StoreError):
                old.drop_others()
            raise
        self._current().drop_others()

    def _worth_fetching(self, space: str, k: int, allowed: Collection[str], exclude: Collection[str]) -> int | None:
        """How many to ask of Chroma so that k allowed ones are very likely among them; None: score exactly."""
        if len(allowed) <= self._settings.exact_items:
            return None
        share = min(1.0, len(allowed) / max(1, self._size(space)))
        wanted = math.ceil((k + len(exclude)) / share * 1.2) + 20
        return wanted if wanted <= self._settings.graph_of(space).ef_search // 2 else None

    def _nearest(self, space: str, vector: Vector, k: int, keep: Callable[[str], bool]) -> list[Hit]:
        item_ids, distances = self._run(lambda generation: generation.query(space, vector, k))
        hits = [Hit(i, 1.0 - distance) for i, distance in zip(item_ids, distances, strict=True) if keep(i)]
        return sorted(hits, key=lambda hit: (-hit.score, hit.item_id))

    def _exact(self, space: str, vector: Vector, k: int, item_ids: Sequence[str]) -> list[Hit]:
        kept, rows, matrix = self._cached(space, item_ids)
        return [Hit(item_id, score) for item_id, score in exact_top(matrix, rows, kept, vector, k)]

    def _cached(self, space: str, item_ids: Sequence[str]) -> tuple[Sequence[str], Rows, Vectors]:
        def rows(generation: Generation) -> tuple[Sequence[str], Rows, Vectors]:
            return self._caches[space].rows(item_ids, lambda missing: generation.get(space, missing))

        with self._guard:
            self._forget_changed()
            return self._run(rows)

    def _size(self, space: str) -> int:
        with self._guard:
            self._forget_changed()
            if space not in self._sizes:
                self._sizes[space] = self.count(space)
            return self._sizes[space]

    def _run(self, action: Callable[[Generation], T]) -> T:
        """Act on the generation that counts; again when a rebuild replaced it meanwhile, or when it is all new."""
        from chromadb.errors import NotFoundError

        for _attempt in range(3):
            generation = self._current()
            self._check_expected(generation.state.encoder)
            try:
                return action(generation)
            except NotFoundError:
                self._renew()
                if self._generation.state == generation.state:
                    self._generation.create()
        raise StoreError(f"the collections of {self._path.parent} vanish as soon as they are made")

    def _check_expected(self, made: EncoderRecord | None) -> None:
        expected = self._expected
        if expected is None or made is None or made.fingerprint == expected.fingerprint:
            return
        raise EncoderMismatchError(
            f"{self._path.parent} has been indexed anew with {made.name}, {made.dimensions} dimensions; this process "
            f"still has {expected.name}, {expected.dimensions} dimensions, or another version of it; restart it, or "
            f"run tastemaker index CATALOG --workspace {self._path.parent} --encoder {expected.name} --rebuild"
        )

    def _current(self) -> Generation:
        """The generation that counts now."""
        with self._guard:
            if self._file_stamp() != self._stamp:
                self._renew()
            return self._generation

    def _forget_changed(self) -> None:
        """Rid the caches of what has changed, here or in other processes."""
        version = self._changes.version
        if version != self._seen:
            self._forget(self._changes.changed_since(self._seen))
            self._seen = version

    def _renew(self) -> None:
        with self._guard:
            state = self._load_state()
            for space in SPACES:
                if state.collection(space) != self._generation.state.collection(space):
                    self._caches[space] = VectorCache()
                    self._sizes.pop(space, None)
            self._generation = Generation(self._access, state, self._settings.graph_of)

    def _load_state(self) -> StoreState:
        self._stamp = self._file_stamp()
        if self._stamp is None:
            StoreState.create(self._path)
            self._stamp = self._file_stamp()
        return StoreState.load(self._path)

    def _file_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _forget(self, item_ids: Sequence[str]) -> None:
        with self._guard:
            for cache in self._caches.values():
                cache.forget(item_ids)
            self._sizes = {}
