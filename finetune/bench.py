"""What systems under test are made from, and the list of them by name."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from finetune.baselines import BASELINES, fit_baseline
from finetune.past import known_events, past_workspace
from finetune.served import FinderSystem
from retrieval.candidates import CandidateFinder, CandidateSettings
from retrieval.encoders import open_encoder
from retrieval.errors import SettingsError
from retrieval.store import open_store
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.splits import Split
    from finetune.systems import System
    from retrieval.store import VectorStore

_log = logging.getLogger(__name__)

LEARNED = ("behavioural",)
"""Retrievers that are trained on the log; `content` does without them."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A split workspace, and a folder for what is made of it.

    stack: closes what a system has opened when it has been asked. progress: how many of how many cases are ranked.
    """

    workspace: Workspace
    split: Split
    folder: Path
    seed: int
    device: str = "cpu"
    progress: Callable[[int, int], None] = field(default=lambda _done, _total: None)
    stack: ExitStack = field(default_factory=ExitStack)

    def past(self, name: str) -> tuple[Workspace, VectorStore]:
        """A workspace of this name, of the test part's past, with its store; what was learned there before is kept."""
        folder = self.folder / "past" / name
        if not folder.exists():
            self._make_past(folder)
        past = self.stack.enter_context(Workspace.open(folder))
        return past, self.stack.enter_context(open_store(past))

    def _make_past(self, folder: Path) -> None:
        """Made under another name and renamed when it is whole."""
        fresh = folder.with_name(f".new-{folder.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        known = known_events(self.workspace, self.split.table, self.split.test.past)
        with open_store(self.workspace) as store:
            past_workspace(self.workspace, store, fresh, known).close()
        fresh.rename(folder)


@dataclass(frozen=True, slots=True)
class Entry:
    """A system that can be tested.

    settings: what its lists depend on beside the data, the protocol and the seed; JSON.
    build: gives it, and what was chosen on validation cases; JSON.
    """

    settings: Mapping[str, Any]
    build: Callable[[Bench], tuple[System, Mapping[str, Any]]]


def entries() -> dict[str, Entry]:
    """Every system by name, in the order of a table: the simplest first."""
    found = {name: _baseline(name) for name in BASELINES}
    found["content"] = Entry({"weights": dict(_content_weights())}, _content)
    return found


def chosen(names: tuple[str, ...], known: Mapping[str, Entry]) -> tuple[str, ...]:
    """The names in the order of the table, each once; all when there are none. Raises SettingsError."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"no system {', '.join(unknown):.80}; expected some of {', '.join(known)}")
    return tuple(name for name in known if not names or name in names)


def _baseline(name: str) -> Entry:
    def build(bench: Bench) -> tuple[System, Mapping[str, Any]]:
        return fit_baseline(name, bench.split, seed=bench.seed)

    return Entry({"grid": dict(BASELINES[name].grid)}, build)


def _content_weights() -> dict[str, float]:
    weights = CandidateSettings().weights
    return {name: 0.0 if name in LEARNED else weight for name, weight in weights.items()}


def _content(bench: Bench) -> tuple[System, Mapping[str, Any]]:
    past, store = bench.past("content")
    settings = CandidateSettings(weights=_content_weights())
    finder = CandidateFinder(past, store, open_encoder(past.settings.encoder), settings)
    return FinderSystem("content", finder, progress=bench.progress), {}
