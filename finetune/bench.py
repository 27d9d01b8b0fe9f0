"""What systems under test are made from, and the list of them by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from finetune.baselines import BASELINES, Ease, ease_fault, fit_baseline
from finetune.material import Material, fusion_fault
from finetune.past import known_events, past_workspace
from finetune.served import FinderSystem
from finetune.tower_fit import plain
from finetune.tower_systems import by_ids_only, fit_tower_system, tower_settings
from finetune.towers import train_towers
from retrieval.behavioural import BehaviouralRetriever
from retrieval.candidates import WEIGHTS, CandidateFinder, CandidateSettings
from retrieval.encoders import open_encoder
from retrieval.errors import SettingsError
from retrieval.store import open_store
from retrieval.store_state import BEHAVIOUR
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.splits import Split
    from finetune.systems import System
    from finetune.tower_fit import EpochReport, TowerTraining
    from retrieval.fusion import FusionName
    from retrieval.two_towers import TowerSettings

FUSIONS: tuple[FusionName, ...] = ("text", "image", "mean", "concat", "attention", "bilinear")
"""Ways to make content of text and picture, each tested as the towers-NAME system."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "baselines": tuple(BASELINES),
    "fusion": tuple(f"towers-{fusion}" for fusion in FUSIONS),
    "usual": (*BASELINES, "sasrec", "content", "served"),
}
"""Names for several systems at once; `usual` is what is tested unless others are named."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A split workspace, and a place for what a system is made of.

    key: what the system's lists depend on. stack: closes what it has opened, when it has been asked. tell: is told what
    is going on.
    """

    workspace: Workspace
    split: Split
    folder: Path
    seed: int
    device: str
    key: Mapping[str, Any]
    tell: Callable[[str], None]
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def place(self) -> Path:
        """A folder for this system, data, protocol and seed; what lies there was left by a run that was cut off."""
        return self.folder / _digest(json.dumps(self.key, sort_keys=True).encode())

    @property
    def shared(self) -> Path:
        """The folder of the past that all systems read: by what happened, and by how much of it may be known."""
        return self.folder / f"past-{_digest(self.split.table.data_hash.encode() + self.split.test.past.tobytes())}"

    def past(self) -> Workspace:
        """The workspace as it was before the test part, to read in: it is the same for all systems."""
        return self.stack.enter_context(Workspace.open(self._shared()))

    def own_past(self) -> Workspace:
        """A copy of the past for this system alone, which may write in it."""
        folder = self.place / "past"
        if not folder.exists():
            with _whole(folder) as fresh:
                shutil.copytree(self._shared(), fresh, symlinks=True)
        return self.stack.enter_context(Workspace.open(folder))

    def _shared(self) -> Path:
        if not self.shared.exists():
            table = self.split.table
            known = known_events(self.workspace, table, self.split.test.past)
            with (
                _whole(self.shared) as fresh,
                open_store(self.workspace) as store,
                past_workspace(self.workspace, store, fresh, known) as past,
            ):
                past.items.withdraw(set(past.items.ids()).difference(table.item_ids))  # came after the table was read
        return self.shared

    def told_epoch(self, report: EpochReport) -> None:
        ndcg = "" if report.ndcg is None else f", NDCG@10 {report.ndcg:.4f}"
        self.tell(f"{report.stage}, epoch {report.epoch} of at most {report.epochs}, loss {report.loss:.3f}{ndcg}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A system that can be tested.

    settings: what its lists depend on beside the data, the protocol and the seed; JSON.
    build: gives it, and what was chosen on validation cases; JSON.
    fault: why it cannot be made of what there is, or None.
    """

    settings: Mapping[str, Any]
    build: Callable[[Bench], tuple[System, Mapping[str, Any]]]
    fault: Callable[[Material], str | None] = lambda _material: None


def entries(workspace: Workspace) -> dict[str, Entry]:
    """Every system by name, in the order of a table: the simplest first, what is served last."""
    shape, training = tower_settings(workspace)
    without = {**WEIGHTS, BehaviouralRetriever.name: 0.0}
    found = {name: _baseline(name) for name in BASELINES}
    found[Ease.name] = replace(found[Ease.name], fault=lambda material: ease_fault(material.wanted))
    found["sasrec"] = _towers("sasrec", by_ids_only(shape), training)
    for fusion in FUSIONS:
        entry = _towers(f"towers-{fusion}", replace(shape, fusion=fusion), training)
        found[f"towers-{fusion}"] = replace(entry, fault=partial(fusion_fault, fusion=fusion))
    found["content"] = Entry({"weights": without}, partial(_content, weights=without))
    settings = {
        "weights": dict(WEIGHTS),
        "newcomers": CandidateSettings().newcomers,
        "towers": asdict(shape),
        "training": plain(training),
    }
    found["served"] = Entry(settings, partial(_served, shape=shape, training=training))
    return found


def chosen(names: tuple[str, ...], known: Mapping[str, Entry]) -> tuple[str, ...]:
    """The systems of these names and groups, in the order of the table; the usual ones unless any is named.

    Raises SettingsError.
    """
    unknown = [name for name in names if name not in known and name not in GROUPS]
    if unknown:
        raise SettingsError(f"no system {', '.join(unknown):.80}; expected some of {', '.join((*known, *GROUPS))}")
    wanted = {system for name in names or ("usual",) for system in GROUPS.get(name, (name,))}
    return tuple(name for name in known if name in wanted)


def able(
    names: tuple[str, ...], known: Mapping[str, Entry], material: Material, asked: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the systems that can be made of what there is, and notes on the others.

    asked: names and groups. Raises SettingsError for a system that is asked for by its own name, or when none is left.
    """
    faults = {name: fault for name in names if (fault := known[name].fault(material))}
    left = tuple(name for name in names if name not in faults)
    for name, fault in faults.items():
        if name in asked or not left:
            raise SettingsError(f"{name} cannot be tested: {fault}; leave it out of --systems")
    return left, tuple(f"{name} is left out: {fault}" for name, fault in faults.items())


def _baseline(name: str) -> Entry:
    def build(bench: Bench) -> tuple[System, Mapping[str, Any]]:
        return fit_baseline(name, bench.split, seed=bench.seed)

    return Entry({"grid": {dial: list(values) for dial, values in BASELINES[name].grid.items()}}, build)


def _towers(name: str, shape: TowerSettings, training: TowerTraining) -> Entry:
    def build(bench: Bench) -> tuple[System, Mapping[str, Any]]:
        return fit_tower_system(
            name,
            bench.past(),
            shape,
            training,
            item_ids=bench.split.table.item_ids,
            on_shelf=bench.split.table.on_shelf,
            device=bench.device,
            seed=bench.seed,
            checkpoint=bench.place / "training",
            progress=bench.told_epoch,
        )

    return Entry({"towers": asdict(shape), "training": plain(training)}, build)


def _content(bench: Bench, weights: Mapping[str, float]) -> tuple[System, Mapping[str, Any]]:
    return _finder("content", bench, bench.past(), CandidateSettings(weights=weights)), {}


def _served(bench: Bench, shape: TowerSettings, training: TowerTraining) -> tuple[System, Mapping[str, Any]]:
    past = bench.own_past()
    learned = train_towers(past, shape, training, device=bench.device, seed=bench.seed, progress=bench.told_epoch)
    about = {
        "epochs": learned.epochs,
        "validation_ndcg@10": round(learned.ndcg, 4),
        "blend": None if learned.blend is None else dict(learned.blend.weights),
    }
    return _finder("served", bench, past, CandidateSettings()), about


def _finder(name: str, bench: Bench, past: Workspace, settings: CandidateSettings) -> FinderSystem:
    store = bench.stack.enter_context(open_store(past))
    for space in ("content", BEHAVIOUR):
        store.warm(space)
    encoder = open_encoder(past.settings.encoder, own=past.encoders_folder)
    finder = CandidateFinder(past, store, encoder, settings)
    return FinderSystem(name, finder, tell=bench.tell)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A fresh folder to fill, which gets the folder's name when it is whole."""
    fresh = folder.with_name(f".new-{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    yield fresh
    fresh.rename(folder)
