"""Systems on one split of a workspace's log: asked once, measured with intervals, told apart by paired tests."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from finetune.bench import Bench, Entry, able, chosen, entries
from finetune.bootstrap import Bootstrap
from finetune.devices import check_device
from finetune.event_table import read_events
from finetune.lists import Lists, load_lists, save_lists
from finetune.material import Material
from finetune.measures import TESTED, Measures, Pair, Row, pairs
from finetune.metrics import DEPTH
from finetune.ratings import RatingResult, check_scale, rating_prediction
from finetune.splits import Split, global_time, hide_items, leave_one_out, rolling
from retrieval.errors import InteractionError, SettingsError, WorkspaceLockedError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.event_table import EventTable, Ints
    from retrieval.workspace import Workspace

PROTOCOLS = ("leave-one-out", "rolling", "global-time")

REVISION = 1
"""Raised when systems or splits are changed so that lists of earlier versions are not theirs any more."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What is evaluated, and how.

    last: events per user that `rolling` asks for. hide_items: share of items that training does not see, 0 to below 1.
    systems: by name or group; the usual ones when empty. rating_scale: lowest and highest rating, others are left out
    of rating prediction; what the log has when None. seed: of everything that draws.
    """

    protocol: str = "leave-one-out"
    last: int = 10
    hide_items: float = 0.0
    systems: tuple[str, ...] = ()
    rating_scale: tuple[float, float] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise SettingsError(f"no protocol {self.protocol!r:.60}; expected one of {', '.join(PROTOCOLS)}")
        if self.rating_scale is not None:
            check_scale(self.rating_scale)

    @property
    def label(self) -> str:
        """The protocol with its numbers: the name of a folder."""
        name = f"rolling-{self.last}" if self.protocol == "rolling" else self.protocol
        return f"{name}-hidden-{self.hide_items:g}" if self.hide_items else name


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    slices: how many cases each slice has. diversity: what intra-list diversity is measured by. ratings: None where the
    log has too few.
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
    ratings: RatingResult | None
    lists: Mapping[str, Lists] = field(repr=False)
    split: Split = field(repr=False)
    item_titles: tuple[str, ...] = field(repr=False)

    def titles(self, items: Ints) -> tuple[str, ...]:
        """The titles of item rows; -1 names none."""
        return tuple(self.item_titles[row] for row in items.tolist() if row >= 0)


def evaluate(
    workspace: Workspace,
    settings: EvaluationSettings = EvaluationSettings(),
    *,
    folder: Path | None = None,
    device: str = "cpu",
    tell: Callable[[str], None] = lambda _text: None,
) -> Evaluation:
    """Ask the systems on a split of the workspace's log, and measure their lists.

    folder: where what is made is kept, WORKSPACE/evaluation unless given; under it PROTOCOL/seed-N. A system that has
    answered there for the same data and settings is not asked again. tell: is told what is going on. A system for
    which what is known before the cut-off is too little is left out, and a note says so.
    Raises SettingsError for what cannot be evaluated, InteractionError for a log without anything to test on,
    WorkspaceLockedError when another process evaluates in the same folder.
    """
    check_device(device)
    known = entries(workspace)
    names = chosen(settings.systems, known)
    split = make_split(read_events(workspace), settings)
    names, notes = able(names, known, Material.of(workspace, split), settings.systems)
    place = run_folder(workspace, settings, folder)
    with _alone(place):
        run = _Run(workspace, split, settings, place, device, tell)
        run.forget_others(known)
        lists, unmade = run.all_answers({name: known[name] for name in names})
        run.finish()
    return _measured(workspace, settings, split, lists, (*split.notes, *notes, *unmade))


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


@dataclass(frozen=True, slots=True)
class _Run:
    """What all systems of an evaluation have in common."""

    workspace: Workspace
    split: Split
    settings: EvaluationSettings
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
            self.settings.seed,
            self.device,
            self._key(name, entry),
            lambda text: self.tell(f"{name}: {text}"),
        )

    def _key(self, name: str, entry: Entry) -> Mapping[str, Any]:
        """What the system's lists depend on."""
        return {
            "revision": REVISION,
            "data": self.split.table.data_hash,
            "protocol": self.settings.label,
            "seed": self.settings.seed,
            "system": name,
            "settings": dict(entry.settings),
        }


def _measured(
    workspace: Workspace,
    settings: EvaluationSettings,
    split: Split,
    lists: Mapping[str, Lists],
    notes: tuple[str, ...],
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
        notes=notes,
        diversity=measures.diversity,
        slices={name: int(mask.sum()) for name, mask in measures.slices().items()},
        rows=tuple(measures.row(lists[name], values[name], bootstrap) for name in lists),
        pairs=pairs({name: each[TESTED] for name, each in values.items()}, bootstrap),
        ratings=_ratings(split, settings),
        lists=lists,
        split=split,
        item_titles=tuple(item.title for item in workspace.items.all(withdrawn=True)),
    )


def _ratings(split: Split, settings: EvaluationSettings) -> RatingResult | None:
    last = {"leave-one-out": 1, "rolling": settings.last}.get(settings.protocol)
    return rating_prediction(split.table, split.hidden, last=last, scale=settings.rating_scale, seed=settings.seed)


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
