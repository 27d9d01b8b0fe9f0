"""What systems under test are made from, and the list of them by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from finetune.baselines import BASELINES, fit_baseline
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
        return self.folder / hashlib.sha256(json.dumps(self.key, sort_keys=True).encode()).hexdigest()[:16]

    def past(self) -> Workspace:
        """The workspace as it was before the test part, for this system alone."""
        folder = self.place / "past"
        if not folder.exists():
            fresh = self.place / ".new-past"  # renamed when it is whole
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.parent.mkdir(parents=True, exist_ok=True)
            known = known_events(self.workspace, self.split.table, self.split.test.past)
            with open_store(self.workspace) as store:
                past_workspace(self.workspace, store, fresh, known).close()
            fresh.rename(folder)
        return self.stack.enter_context(Workspace.open(folder))

    def told_epoch(self, report: EpochReport) -> None:
        ndcg = "" if report.ndcg is None else f", NDCG@10 {report.ndcg:.4f}"
        self.tell(f"{report.stage}, epoch {report.epoch} of at most {report.epochs}, loss {report.loss:.3f}{ndcg}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A system that can be tested.

    settings: what its lists depend on beside the data, the protocol and the seed; JSON.
    build: gives it, and what was chosen on validation cases; JSON.
    """

    settings: Mapping[str, Any]
    build: Callable[[Bench], tuple[System, Mapping[str, Any]]]


def entries(workspace: Workspace) -> dict[str, Entry]:
    """Every system by name, in the order of a table: the simplest first, what is served last."""
    shape, training = tower_settings(workspace)
    without = {**WEIGHTS, BehaviouralRetriever.name: 0.0}
    found = {name: _baseline(name) for name in BASELINES}
    found["sasrec"] = _towers("sasrec", by_ids_only(shape), training)
    for fusion in FUSIONS:
        found[f"towers-{fusion}"] = _towers(f"towers-{fusion}", replace(shape, fusion=fusion), training)
    found["content"] = Entry({"weights": without}, partial(_content, weights=without))
    settings = {"weights": dict(WEIGHTS), "towers": asdict(shape), "training": plain(training)}
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
    past = bench.past()
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
    finder = CandidateFinder(past, store, open_encoder(past.settings.encoder), settings)
    return FinderSystem(name, finder, tell=bench.tell)
