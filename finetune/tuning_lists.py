"""The lists of a tuning run: to learn from, to decide on, and to tell the result on; made once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from finetune.examples import Example, ListSettings, asked_lists, read_examples, save_examples, training_lists
from finetune.lora_settings import LEAST_LISTS, LoraTraining
from finetune.past import known_events, past_workspace
from finetune.preferences import Preference, moments, preferences, read_preferences, save_preferences
from finetune.scratch import scratch
from finetune.splits import Part, last_wanted
from retrieval.candidates import CandidateFinder
from retrieval.errors import InteractionError
from retrieval.store import open_store

if TYPE_CHECKING:
    from finetune.event_table import EventTable, Mask
    from finetune.ranker_lists import Prepare
    from retrieval.encoders import Encoder
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

PREFERENCES = "preferences"
_KINDS = ("training", "validation", "test")
LEAST_TELLING = LEAST_LISTS // 2
Teach = Callable[[list[Example]], list[Example]]
"""Labels the candidates of lists to learn from."""
Tell = Callable[[str, int, int], object]
"""Told a stage, and how many of how many are done."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where lists come from. table: of the workspace's log; the other parts are as `finetune.tune.tune` has them."""

    workspace: Workspace
    store: VectorStore
    encoder: Encoder
    table: EventTable
    prepare: Prepare | None


@dataclass(frozen=True, slots=True)
class TuningLists:
    """validation, test: as the product would show them, of the wanted items before the last ones and of the last ones.

    data_hash: of what is learned from: those lists, and preferences among what was shown before the validation events.
    users: whom that comes from.
    """

    training: list[Example]
    validation: list[Example]
    test: list[Example]
    data_hash: str
    users: frozenset[str]


def tuning_lists(
    source: Source,
    training: LoraTraining,
    lists: ListSettings,
    *,
    users: frozenset[str] | None,
    folder: Path,
    teach: Teach,
    seed: int,
    tell: Tell,
) -> TuningLists:
    """The lists, made, or read in the folder where a run that was cut off has made them.

    users: only these are learned from; everybody when None. Raises InteractionError when there are too few.
    """
    files = {name: folder / f"{name}.jsonl" for name in (*_KINDS, PREFERENCES)}
    if not all(path.is_file() for path in files.values()):
        parts = _parts(source.table, training, users)
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in parts.items():
            if name == "training":
                made = _drawn(teach(_learned(source, part, training, lists, seed, tell)), training.lists, seed)
            else:
                with _past_finder(source, part) as finder:
                    made = _asked(name, part, source.table, finder, training, lists, seed, tell)
            save_examples(made, folder / f".{name}.jsonl")
            (folder / f".{name}.jsonl").rename(files[name])
        save_preferences(_preferences(source, training, users, seed), files[PREFERENCES])
    found = {name: read_examples(files[name]) for name in _KINDS}
    telling = sum(example.target >= 0 for example in found["validation"])
    if telling < LEAST_TELLING:
        instead = "say a larger `checked`" if len(found["validation"]) >= training.checked else "log more events first"
        raise InteractionError(
            f"{telling} of {len(found['validation'])} validation lists hold the item that was wanted, expected "
            f"{LEAST_TELLING} or more to decide on an adapter; {instead}"
        )
    learned = b"".join(files[name].read_bytes() for name in ("training", PREFERENCES))
    digest = hashlib.sha256(learned).hexdigest()
    users_learned = {example.user_id for example in found["training"]}
    users_learned |= {pair.shown.user_id for pair in read_preferences(files[PREFERENCES])}
    return TuningLists(found["training"], found["validation"], found["test"], digest, frozenset(users_learned))


def _preferences(source: Source, training: LoraTraining, users: frozenset[str] | None, seed: int) -> list[Preference]:
    """At most so many pairs, drawn by the seed, that tell nothing of what validation and test ask for."""
    if not training.preferences or not training.preference_epochs:
        return []
    known = last_wanted(source.table, 0, training.last + 1).past
    until, newest_row = moments(source.table, known), source.table.newest_row
    pairs = preferences(source.workspace, until=until, newest_row=newest_row, users=users)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(pairs))[: training.preferences])
    return [pairs[place] for place in drawn.tolist()]


def _parts(table: EventTable, training: LoraTraining, users: frozenset[str] | None) -> Mapping[str, Part]:
    last = training.last
    bands = {"training": (last + 1, last + 1 + training.window), "validation": (last, last + 1), "test": (0, last)}
    parts = {name: last_wanted(table, low, high) for name, (low, high) in bands.items()}
    if users is not None:
        parts["training"] = _of_users(parts["training"], table, users)
    for name, part in parts.items():
        if len(part) < LEAST_LISTS:
            smaller = ", or say a smaller `last`" if training.last > 1 else ""
            larger = ", or say a larger `window`" if name == "training" else ""
            raise InteractionError(
                f"the log has too few {name} cases: {len(part)}, of {table.n_users:,} users; expected {LEAST_LISTS} or "
                f"more; log more events first{smaller}{larger}"
            )
    return parts


def _of_users(part: Part, table: EventTable, users: frozenset[str]) -> Part:
    mine = np.array([table.user_ids[user] in users for user in part.queries.user.tolist()], dtype=np.bool_)
    rows = np.flatnonzero(mine)
    return Part(part.past, part.queries.take(rows), part.target[rows])


@contextmanager
def _past_finder(source: Source, part: Part) -> Iterator[CandidateFinder]:
    """The retrievers as they were before anything that the part asks for."""
    known = known_events(source.workspace, source.table, part.past)
    with (
        scratch(source.workspace.path, "lora") as folder,
        past_workspace(source.workspace, source.store, folder / "past", known) as past,
    ):
        if source.prepare is not None:
            source.prepare(past)
        with open_store(past) as past_store:
            yield CandidateFinder(past, past_store, source.encoder)


def _learned(
    source: Source, part: Part, training: LoraTraining, lists: ListSettings, seed: int, tell: Tell
) -> list[Example]:
    """Lists to learn from, fold by fold of the users."""
    count, folds = max(training.lists, training.teaching), training.folds
    most = last_wanted(source.table, training.last, training.last + 1).past
    made: list[Example] = []
    for number, some in enumerate(folds_of(part, source.table, most, folds, seed)):
        with _past_finder(source, some) as finder:
            made += training_lists(
                some,
                source.table,
                finder,
                lists,
                count=-(-(count - len(made)) // (folds - number)),
                least=-(-LEAST_LISTS // folds),
                seed=seed,
                progress=partial(_tell_more, tell, len(made), count),
            )
    return made


def folds_of(part: Part, table: EventTable, most: Mask, folds: int, seed: int) -> Iterator[Part]:
    """The part's cases by fold of the users, each with a past that lacks only what these users did later.

    Lacked a past that of everybody, what is found in it were much less of what other people want, and more like one's
    history: a model would learn an answer to lists that nobody is ever shown. most: (n_events,) what may be known of
    the others.
    """
    fold = np.random.default_rng(seed).permutation(table.n_users) % folds
    for each in range(folds):
        mine = fold == each
        rows = np.flatnonzero(mine[part.queries.user])
        yield Part(np.where(mine[table.user], part.past, most), part.queries.take(rows), part.target[rows])


def _tell_more(tell: Tell, before: int, total: int, done: int, _of: int) -> None:
    tell("training lists", before + done, total)


def _asked(
    name: str,
    part: Part,
    table: EventTable,
    finder: CandidateFinder,
    training: LoraTraining,
    lists: ListSettings,
    seed: int,
    tell: Tell,
) -> list[Example]:
    """Lists to decide on, or to tell the result on, as the product would show them."""
    count = training.checked if name == "validation" else training.asked
    progress = partial(tell, f"{name} lists")
    return asked_lists(part, table, finder, size=lists.size, count=count, seed=seed, progress=progress)


def _drawn(examples: list[Example], count: int, seed: int) -> list[Example]:
    places = np.sort(np.random.default_rng(seed).permutation(len(examples))[:count])
    return [examples[place] for place in places.tolist()]
