"""Systems on one split of a workspace's log: asked once, measured with intervals, told apart by paired tests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from finetune.bench import Bench, Entry, chosen, entries
from finetune.bootstrap import Bootstrap
from finetune.event_table import read_events
from finetune.lists import Lists, load_lists, save_lists
from finetune.measures import TESTED, Measures, Pair, Row, pairs
from finetune.metrics import DEPTH
from finetune.splits import Split, global_time, hide_items, leave_one_out, rolling
from retrieval.errors import SettingsError, WorkspaceLockedError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.event_table import EventTable, Ints
    from retrieval.workspace import Workspace

_log = logging.getLogger(__name__)

PROTOCOLS = ("leave-one-out", "rolling", "global-time")

REVISION = 1
"""Raised when systems or splits are changed so that lists of earlier versions are not theirs any more."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What is evaluated, and how.

    last: events per user that `rolling` asks for. hide_items: share of items that training does not see, 0 to below 1.
    systems: by name; all when empty. seed: of everything that draws.
    """

    protocol: str = "leave-one-out"
    last: int = 10
    hide_items: float = 0.0
    systems: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise SettingsError(f"no protocol {self.protocol!r:.60}; expected one of {', '.join(PROTOCOLS)}")

    @property
    def label(self) -> str:
        """The protocol with its numbers: the name of a folder."""
        name = f"rolling-{self.last}" if self.protocol == "rolling" else self.protocol
        return f"{name}-hidden-{self.hide_items:g}" if self.hide_items else name


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    slices: how many cases each slice has. diversity: what intra-list diversity is measured by.
    """

    workspace: str
    settings: EvaluationSettings
    data_hash: str
    n_cases: int
    n_users: int
    n_items: int
    notes: tuple[str, ...]
    diversity: str
    slices: Mapping[str, int]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    lists: Mapping[str, Lists] = field(repr=False)
    split: Split = field(repr=False)
    item_titles: tuple[str, ...] = field(repr=False)

    def titles(self, items: Ints) -> tuple[str, ...]:
        """The titles of item rows; -1 names none."""
        return tuple(self.item_titles[row] for row in items.tolist() if row >= 0)


Told = Callable[[str, int, int], None]
"""Is told the system at work, and how many of how many cases are ranked."""


def evaluate(
    workspace: Workspace,
    settings: EvaluationSettings = EvaluationSettings(),
    *,
    folder: Path | None = None,
    device: str = "cpu",
    told: Told = lambda _system, _done, _total: None,
) -> Evaluation:
    """Ask the systems on a split of the workspace's log, and measure their lists.

    folder: where what is made is kept, WORKSPACE/evaluation unless given; under it PROTOCOL/seed-N. A system that has
    answered there for the same data and settings is not asked again.
    Raises SettingsError for what cannot be evaluated, InteractionError for a log without anything to test on,
    WorkspaceLockedError when another process evaluates in the same folder.
    """
    known = entries()
    names = chosen(settings.systems, known)
    split = make_split(read_events(workspace), settings)
    place = run_folder(workspace, settings, folder)
    with _alone(place):
        lists = {}
        for name in names:
            told(name, 0, len(split.test))
            bench = Bench(workspace, split, place, settings.seed, device, partial(told, name))
            lists[name] = _answers(name, known[name], bench, settings)
    return _measured(workspace, settings, split, lists)


def run_folder(workspace: Workspace, settings: EvaluationSettings, folder: Path | None = None) -> Path:
    """Where an evaluation with these settings keeps what it makes."""
    return (folder or workspace.path / "evaluation") / settings.label / f"seed-{settings.seed}"


def make_split(table: EventTable, settings: EvaluationSettings) -> Split:
    """The split that the settings ask for. Raises SettingsError, InteractionError."""
    hidden = hide_items(table, settings.hide_items, settings.seed)
    match settings.protocol:
        case "rolling":
            return rolling(table, settings.last, hidden=hidden)
        case "global-time":
            return global_time(table, hidden=hidden)
        case _:
            return leave_one_out(table, hidden=hidden)


def _answers(name: str, entry: Entry, bench: Bench, settings: EvaluationSettings) -> Lists:
    key = {
        "revision": REVISION,
        "data": bench.split.table.data_hash,
        "protocol": settings.label,
        "seed": settings.seed,
        "system": name,
        "settings": dict(entry.settings),
    }
    path = bench.folder / "systems" / f"{name}.npz"
    kept = load_lists(path, key)
    if kept is not None:
        _log.info("%s: read back from %s", name, path)
        return kept
    started = time.perf_counter()
    with bench.stack:
        system, dials = entry.build(bench)
        built = time.perf_counter()
        rows = system.rank(bench.split.test.queries, DEPTH)
    lists = Lists(
        name, rows, dict(entry.settings), dict(dials), round(built - started, 3), round(time.perf_counter() - built, 3)
    )
    save_lists(path, lists, key)
    return lists


def _measured(
    workspace: Workspace, settings: EvaluationSettings, split: Split, lists: Mapping[str, Lists]
) -> Evaluation:
    measures = Measures.of(workspace, split)
    bootstrap = Bootstrap(split.test.queries.user, seed=settings.seed)
    values = {name: measures.values(each.rows) for name, each in lists.items()}
    return Evaluation(
        workspace=workspace.path.resolve().name,
        settings=settings,
        data_hash=split.table.data_hash,
        n_cases=len(split.test),
        n_users=len(np.unique(split.test.queries.user)),
        n_items=int(split.table.on_shelf.sum()),
        notes=split.notes,
        diversity=measures.diversity,
        slices={name: int(mask.sum()) for name, mask in measures.slices().items()},
        rows=tuple(measures.row(lists[name], values[name], bootstrap) for name in lists),
        pairs=pairs({name: each[TESTED] for name, each in values.items()}, bootstrap),
        lists=lists,
        split=split,
        item_titles=tuple(item.title for item in workspace.items.all(withdrawn=True)),
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One evaluation at a time in a folder."""
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
