"""The built-in shop as it stood when the window began: what a recommender knows before it has to foresee.

Nobody's events from the window on are in the log. Test shoppers are asked about in evaluations, all others are there
to fit on.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agent.showing import Showcase
from finetune.builtin.truth import Truth, load_truth
from retrieval.builtin import SHOP_FOLDER
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.types import EventType
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from retrieval.encoders import Encoder
    from retrieval.store import VectorStore

POSITIVE = frozenset({EventType.CLICK, EventType.LIKE, EventType.BUY})


@dataclass(frozen=True, slots=True)
class Shopper:
    """Somebody whose window is to be foreseen.

    kind: "visual", "textual" or "both". wanted: what they first met in the window and clicked, liked or bought.
    """

    user_id: str
    kind: str
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True)
class PastShop:
    """The shop's workspace before the window, open."""

    truth: Truth
    workspace: Workspace
    store: VectorStore
    encoder: Encoder
    finder: CandidateFinder
    showcase: Showcase


def shoppers(truth: Truth, folder: Path = SHOP_FOLDER) -> tuple[list[Shopper], list[Shopper]]:
    """Test shoppers and all others, in a fixed random order; only those with something to foresee and a past."""
    wanted, known = _wants(truth, folder)
    found = [Shopper(name, truth.shoppers[name].kind, wanted[name]) for name in sorted(wanted) if known[name]]
    random.Random("order").shuffle(found)  # noqa: S311
    test = set(truth.test_shoppers)
    return [s for s in found if s.user_id in test], [s for s in found if s.user_id not in test]


def _wants(truth: Truth, folder: Path) -> tuple[Mapping[str, frozenset[str]], Mapping[str, set[str]]]:
    """By shopper what is wanted first in the window, and what was met before it."""
    before: defaultdict[str, set[str]] = defaultdict(set)
    after: defaultdict[str, set[str]] = defaultdict(set)
    for row in shop_events(folder):
        if datetime.fromisoformat(row["timestamp"]) < truth.window_start:
            before[row["user_id"]].add(row["item_id"])
        elif row["type"] in POSITIVE:
            after[row["user_id"]].add(row["item_id"])
    return {name: frozenset(new) for name, items in after.items() if (new := items - before[name])}, before


@contextmanager
def past_shop(folder: Path, shop: Path = SHOP_FOLDER, *, made: Path | None = None) -> Iterator[PastShop]:
    """The shop and its log up to the window in a new folder, open.

    made: a folder that keeps what was indexed, of which the next one is a copy: what is recommended is logged.
    """
    if made is None:
        _index(folder, shop)
    else:
        if not Workspace.exists(made):
            index_whole(made, lambda fresh: _index(fresh, shop))
        shutil.copytree(made, folder)
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(folder))
        encoder = open_encoder()
        store = stack.enter_context(open_store(workspace))
        finder = CandidateFinder(workspace, store, encoder)
        yield PastShop(load_truth(shop), workspace, store, encoder, finder, Showcase(workspace, store))


def _index(folder: Path, shop: Path) -> None:
    with Workspace.create(folder) as workspace:
        index_catalog(workspace, shop / "items.jsonl", encoder=open_encoder())
        with TemporaryDirectory() as scratch:
            workspace.log.import_file(_past_log(load_truth(shop), shop, Path(scratch) / "past.csv"))


def index_whole(folder: Path, index: Callable[[Path], None]) -> None:
    """Make a workspace under another name first, so that a run that is cut off leaves nothing half."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as scratch:
        index(Path(scratch) / folder.name)
        try:
            (Path(scratch) / folder.name).rename(folder)
        except OSError:
            if not Workspace.exists(folder):  # otherwise another run was first, with the same shop
                raise


def _past_log(truth: Truth, shop: Path, path: Path) -> Path:
    rows = [row for row in shop_events(shop) if datetime.fromisoformat(row["timestamp"]) < truth.window_start]
    write_events(rows, path)
    return path


def write_events(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    """Rows of the shop's log as a log of their own."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def shop_events(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of the shop's log, as they are written there."""
    with (folder / "interactions.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
