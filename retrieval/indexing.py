"""From a catalogue file to a workspace that can be searched: items, pictures and vectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval import picture_values
from retrieval.behavioural import towers_folder
from retrieval.catalog import CatalogRow, read_catalog
from retrieval.embedding import Embedded, ItemEmbedder, Target
from retrieval.encoders import TokenCount, record_of
from retrieval.errors import CatalogError, MediaError, WeightsError
from retrieval.generations import LEARN_AGAIN
from retrieval.locks import alone
from retrieval.rejects import Reject, RejectsFile
from retrieval.store import VectorStore, open_store
from retrieval.store_state import SPACES
from retrieval.tables import check_file

if TYPE_CHECKING:
    from retrieval.encoders import Encoder
    from retrieval.store_state import StoreState, TowersRecord
    from retrieval.towers import Towers
    from retrieval.types import Item
    from retrieval.workspace import Workspace

BATCH_ROWS = 64
"""Rows that are read, embedded and written together: what a run that is killed has to do again."""

UNKNOWN_SHARE_LIMIT = 0.1
_DECODERS = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run did.

    rejected: rows that were refused; pictures_refused: pictures (and videos) left out of rows that went in. Both are
    told in the file `rejects`, None when there is nothing to tell.
    texts_embedded, pictures_embedded: the work that was not done before.
    unknown_text_share: of the tokens of those texts, 0 to 1.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    rejected: int = 0
    pictures_refused: int = 0
    texts_embedded: int = 0
    pictures_embedded: int = 0
    unknown_text_share: float = 0.0
    seconds: float = 0.0
    rejects: Path | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def items(self) -> int:
        """Rows of the catalogue that are in the workspace now."""
        return self.added + self.updated + self.unchanged

    @property
    def changed(self) -> bool:
        """Whether the workspace's items or vectors are others than before."""
        return bool(self.added or self.updated or self.withdrawn or self.texts_embedded or self.pictures_embedded)


def index_catalog(
    workspace: Workspace,
    path: str | Path,
    *,
    encoder: Encoder,
    sync: bool = False,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> IndexReport:
    """Bring the workspace up to date with the catalogue, and embed what has changed.

    sync: withdraw the items that the catalogue does not have. A row that is refused keeps its item; while there is
    one that cannot be read at all, nothing is withdrawn, since it may be about any item.
    rebuild: make every vector anew, with this encoder; until that is done, readers see the old ones.
    progress: called with (rows done, rows in all).
    A run that is killed can be run again, and ends with the store that it would have made.
    Raises CatalogError (unreadable, no usable row), EncoderMismatchError (without rebuild), WorkspaceLockedError
    (another run), StoreError (disk full: what was written stays).
    """
    start = time.perf_counter()
    check_file(Path(path), CatalogError)
    with alone(workspace.path), open_store(workspace, serve=True) as store:
        if not rebuild:
            store.check_encoder(record_of(encoder))
        with RejectsFile(workspace.rejects_folder, path, of_people=False) as rejects:
            catalog = read_catalog(path, currency=workspace.settings.currency)
            read = _read(catalog, rejects)
            if not read.rows:
                raise CatalogError(f"{path} has no usable row{_told(rejects)}; expected rows with an id and a title")
            before = store.towers
            with _target(store, encoder, rebuild=rebuild) as (target, state, present):
                learning = _Learning.of(workspace, before, state)
                run = _Run(workspace, encoder, target, state, present, rejects, Path(path).parent, learning.towers)
                report = run.all(read, sync=sync and not read.unreadable, progress=progress)
        warnings = [
            *catalog.warnings,
            *_warnings(report),
            *(_nothing_withdrawn(read) if sync else ()),
            *learning.warnings,
        ]
        if report.changed or not (workspace.path / picture_values.FILE).exists():
            picture_values.learn_to_read(workspace, store, encoder=encoder.fingerprint)
        settings = {"encoder": encoder.name, "encoder_fingerprint": encoder.fingerprint}
        if workspace.settings.model_dump(include=set(settings)) != settings:
            workspace.save(workspace.settings.model_copy(update=settings))
    return replace(report, seconds=time.perf_counter() - start, warnings=tuple(warnings))


class _Run:
    """One run over a catalogue: prepares the pictures of the next batch while this one is embedded."""

    def __init__(
        self,
        workspace: Workspace,
        encoder: Encoder,
        target: Target,
        state: StoreState,
        present: dict[str, frozenset[str]],
        rejects: RejectsFile,
        root: Path,
        towers: Towers | None,
    ) -> None:
        self._workspace = workspace
        self._rejects = rejects
        self._root = root
        self._report = IndexReport(rejected=rejects.count)
        self._tokens = TokenCount()
        self._pool = ThreadPoolExecutor(_DECODERS, thread_name_prefix="pictures")
        self._embedder = ItemEmbedder(
            workspace.items, workspace.media, encoder, target, state, present, self._pool, towers
        )

    def all(self, read: _Read, *, sync: bool, progress: Progress | None) -> IndexReport:
        with self._pool:
            done = 0
            for items in self._prepared(read.rows):
                self._add(items)
                done += len(items)
                if progress is not None:
                    progress(done, len(read.rows))
            self._others(read.item_ids, sync=sync)
        return replace(self._report, unknown_text_share=self._tokens.unknown_share, rejects=self._rejects.path)

    def _prepared(self, rows: Sequence[CatalogRow]) -> Iterator[list[Item]]:
        ahead: Iterable[_Illustrated] = ()
        for start in [*range(0, len(rows), BATCH_ROWS), len(rows)]:
            # The pool works on the batch that comes while the caller embeds the one that is yielded.
            now, ahead = ahead, _submitted(self._pool, self._illustrate, rows[start : start + BATCH_ROWS])
            items = [self._accept(illustrated) for illustrated in now]
            if items:
                yield items

    def _illustrate(self, row: CatalogRow) -> _Illustrated:
        """The row's item with its pictures kept; a picture that cannot be used is left out and told."""
        media = self._workspace.media
        images: list[str] = []
        refused: list[Reject] = []
        video = None
        for name in row.pictures:
            try:
                images.append(media.add_file(name, root=self._root))
            except MediaError as error:
                refused.append(Reject(row.line, f"picture left out: {error}", name))
        if row.video is not None:
            try:
                video, frames = media.sample_video(row.video, root=self._root)
                images += frames
            except MediaError as error:
                refused.append(Reject(row.line, f"video left out: {error}", row.video))
        item = replace(row.item, images=tuple(dict.fromkeys(images)), video=video)
        return _Illustrated(item, tuple(refused))

    def _accept(self, illustrated: _Illustrated) -> Item:
        for reject in illustrated.refused:
            self._rejects.write(reject)
        self._count(pictures_refused=len(illustrated.refused))
        return illustrated.item

    def _add(self, items: Sequence[Item]) -> None:
        done = self._workspace.items.upsert(items)
        self._count(added=len(done.added), updated=len(done.updated), unchanged=len(done.unchanged))
        self._embed(items)

    def _others(self, in_catalog: Collection[str], *, sync: bool) -> None:
        """The items that this catalogue does not have: withdraw them, or see that they have vectors too."""
        others = [item for item in self._workspace.items.all() if item.item_id not in in_catalog]
        if sync:
            item_ids = [item.item_id for item in others]
            self._embedder.remove(item_ids)
            self._count(withdrawn=self._workspace.items.withdraw(item_ids) if item_ids else 0)
            return
        described = [item for item in others if item.attributes or item.images or item.title != item.item_id]
        for start in range(0, len(described), BATCH_ROWS):
            self._embed(described[start : start + BATCH_ROWS])

    def _embed(self, items: Sequence[Item]) -> None:
        embedded: Embedded = self._embedder.write(items)
        self._tokens += embedded.tokens
        self._count(texts_embedded=embedded.texts, pictures_embedded=embedded.pictures)

    def _count(self, **more: int) -> None:
        self._report = replace(self._report, **{name: getattr(self._report, name) + n for name, n in more.items()})


@dataclass(frozen=True, slots=True)
class _Read:
    """A catalogue as it was read: the rows to take in, the ids that it names, rows that were refused included.

    unreadable: rows that name nothing because they could not be read.
    """

    rows: tuple[CatalogRow, ...]
    item_ids: frozenset[str]
    unreadable: int


@dataclass(frozen=True, slots=True)
class _Illustrated:
    item: Item
    refused: tuple[Reject, ...]


def _submitted(
    pool: Executor, illustrate: Callable[[CatalogRow], _Illustrated], rows: Sequence[CatalogRow]
) -> Iterable[_Illustrated]:
    futures = [pool.submit(illustrate, row) for row in rows]
    return (future.result() for future in futures)


def _read(catalog: Iterable[CatalogRow | Reject], rejects: RejectsFile) -> _Read:
    rows: list[CatalogRow] = []
    item_ids: set[str] = set()
    unreadable = 0
    for row in catalog:
        if isinstance(row, CatalogRow):
            rows.append(row)
            item_ids.add(row.item.item_id)
            continue
        rejects.write(row)
        if row.item_id is None:
            unreadable += 1
        else:
            item_ids.add(row.item_id)
    return _Read(tuple(rows), frozenset(item_ids), unreadable)


@contextmanager
def _target(
    store: VectorStore, encoder: Encoder, *, rebuild: bool
) -> Iterator[tuple[Target, StoreState, dict[str, frozenset[str]]]]:
    """Where the vectors go, and which are there already."""
    if not rebuild:
        store.claim(record_of(encoder))
        yield store, store.state, {space: frozenset(store.item_ids(space)) for space in SPACES}
        return
    with store.rebuild(record_of(encoder)) as fresh:
        yield fresh, fresh.state, {space: frozenset(fresh.item_ids(space)) for space in SPACES}


@dataclass(frozen=True, slots=True)
class _Learning:
    """The towers that give items their behaviour vectors, and what is to be said of them."""

    towers: Towers | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, workspace: Workspace, before: TowersRecord | None, state: StoreState) -> _Learning:
        again = f"{LEARN_AGAIN} --workspace {workspace.path} again"
        if state.learned is None:
            void = f"the learned towers were trained with another encoder and no longer count; {again}"
            return cls(warnings=() if before is None else (void,))
        from retrieval.towers import load_towers

        try:
            return cls(load_towers(towers_folder(workspace), state.learned.towers.version))
        except WeightsError as error:
            return cls(warnings=(f"new and changed items get no behaviour vector: {error}",))


def _told(rejects: RejectsFile) -> str:
    return f"; {rejects.count} refused, see {rejects.path}" if rejects.path else ""


def _warnings(report: IndexReport) -> tuple[str, ...]:
    if report.unknown_text_share <= UNKNOWN_SHARE_LIMIT:
        return ()
    return (
        f"{report.unknown_text_share:.0%} of the catalogue's text is unknown to the encoder; "
        "for other languages than English index with --encoder multilingual --rebuild",
    )


def _nothing_withdrawn(read: _Read) -> tuple[str, ...]:
    if not read.unreadable:
        return ()
    return (
        f"{read.unreadable:,} rows could not be read, so which items they are about is unknown and --sync has "
        "withdrawn nothing; correct them and run again",
    )
