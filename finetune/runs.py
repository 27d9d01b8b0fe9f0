"""Asking systems for their lists: each once, those that cannot be made left out, what was cut off gone on with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from finetune.bench import Bench
from finetune.lists import Lists, load_lists, save_lists
from finetune.metrics import DEPTH
from retrieval.errors import InteractionError, WorkspaceLockedError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.bench import Entry
    from finetune.splits import Split
    from retrieval.workspace import Workspace

REVISION = 1
"""Raised when systems or splits are changed so that lists of earlier versions are not theirs any more."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run over systems: each is asked once, and what it has answered is kept.

    protocol: with its numbers. folder: where lists are kept, and what is needed on the way.
    """

    workspace: Workspace
    split: Split
    protocol: str
    seed: int
    folder: Path
    device: str
    tell: Callable[[str], None]

    def forget_others(self, known: Mapping[str, Entry]) -> None:
        """Remove what runs that were cut off left, where no system of this data and these settings goes on with it."""
        benches = [self._bench(name, entry) for name, entry in known.items()]
        kept = {bench.place for bench in benches} | {bench.shared for bench in benches}
        for place in self._unfinished.glob("*"):
            if place not in kept:
                shutil.rmtree(place, ignore_errors=True)

    def all_answers(self, systems: Mapping[str, Entry]) -> tuple[dict[str, Lists], list[str]]:
        """The lists of the systems that can be made of the past, and notes on the others. Raises InteractionError when
        none can."""
        lists: dict[str, Lists] = {}
        notes = []
        for name, entry in systems.items():
            try:
                lists[name] = self._answers(name, entry)
            except InteractionError as error:
                shutil.rmtree(self._bench(name, entry).place, ignore_errors=True)
                notes.append(f"{name} is left out, as it cannot be made of what came before the cut-off: {error}")
        if not lists:
            raise InteractionError("; ".join(notes))
        return lists, notes

    def finish(self) -> None:
        """Remove the past that the systems had in common."""
        for place in self._unfinished.glob("past-*"):
            shutil.rmtree(place, ignore_errors=True)

    @property
    def _unfinished(self) -> Path:
        return self.folder / "unfinished"

    def _answers(self, name: str, entry: Entry) -> Lists:
        """The system's lists: those of an earlier run, or new ones."""
        path, key = self.folder / "systems" / f"{name}.npz", self._key(name, entry)
        kept = load_lists(path, key)
        if kept is None:
            kept = self._asked(name, entry)
            save_lists(path, kept, key)
        return kept

    def _asked(self, name: str, entry: Entry) -> Lists:
        self.tell(name)
        started = time.perf_counter()
        bench = self._bench(name, entry)
        with bench.stack:
            system, dials = entry.build(bench)
            built = time.perf_counter()
            rows = system.rank(self.split.test.queries, DEPTH)
        shutil.rmtree(bench.place, ignore_errors=True)
        seconds = round(built - started, 3), round(time.perf_counter() - built, 3)
        return Lists(name, rows, dict(entry.settings), dict(dials), *seconds)

    def _bench(self, name: str, entry: Entry) -> Bench:
        return Bench(
            self.workspace,
            self.split,
            self._unfinished,
            self.seed,
            self.device,
            self._key(name, entry),
            lambda text: self.tell(f"{name}: {text}"),
        )

    def _key(self, name: str, entry: Entry) -> Mapping[str, Any]:
        """What the system's lists depend on."""
        return {
            "revision": REVISION,
            "data": self.split.table.data_hash,
            "protocol": self.protocol,
            "seed": self.seed,
            "system": name,
            "settings": dict(entry.settings),
        }


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One evaluation at a time in a folder. Raises WorkspaceLockedError."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceLockedError(f"another process evaluates in {folder}; run again when it has finished") from error
    try:
        yield
    finally:
        lock.release()
