"""Lists to learn ranking from: what a user would have been shown, and what of it they came to want.

Leak-free by construction: candidates come from the retrievers of a past workspace (`finetune.past`), in which neither
the wanted item nor anything that its user did later exists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetune.lora_settings import LEAST_LISTS
from finetune.served import as_query
from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from finetune.event_table import EventTable, Floats, Ints
    from finetune.splits import Part
    from retrieval.candidates import CandidateFinder

Progress = Callable[[int, int], object]
"""Told how many of how many lists are made."""


@dataclass(frozen=True, slots=True)
class ListSettings:
    """How lists to learn from are made.

    size: candidates in a list, at most 20. put_in: of the lists this share has the wanted item put in; the others are
    as the product would show them, of cases in which it shows the wanted item. Of a list into which it is put, sampled:
    how many of the others are drawn by popularity; depth: the rest is drawn from so many that the retrievers propose.
    later: what is wanted after the next item counts so much as a right answer, what is wanted after that its square,
    and so on; 0 to below 1. taught: by this share trees say how right each candidate is (`finetune.teacher`).
    popularity: whether lists tell how widely each candidate is wanted, which the adapter is told from then on.
    """

    size: int = 20
    sampled: int = 4
    depth: int = 40
    later: float = 0.5
    put_in: float = 0.0
    taught: float = 1.0
    popularity: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.size <= 20 or not 0 <= self.sampled < self.size or self.depth < self.size:
            raise SettingsError(
                f"size is {self.size}, sampled {self.sampled}, depth {self.depth}; expected 2 to 20, 0 to below the "
                "size, and the size or more"
            )
        if not 0 <= self.later < 1 or not 0 <= self.put_in <= 1 or not 0 <= self.taught <= 1:
            raise SettingsError(
                f"later is {self.later}, put_in {self.put_in}, taught {self.taught}; expected 0 to below 1, and 0 to 1 "
                "for the others"
            )


@dataclass(frozen=True, slots=True)
class Example:
    """One list for one user, without a request.

    history: ids of what they want, oldest first. candidates: item ids. scores: the retrievers' for each, 0 for one that
    they did not propose. target: place of the item that the user wanted next, -1 where it is not in the list.
    relevance: 1 for that item, less for what was wanted after it, 0 for the others; or how likely trees hold each.
    wanted_by: how many people want each, as far as the retrievers know; empty where nobody was counted.
    """

    user_id: str
    history: tuple[str, ...]
    candidates: tuple[str, ...]
    scores: tuple[float, ...]
    target: int
    relevance: tuple[float, ...]
    wanted_by: tuple[int, ...] = ()


def training_lists(
    part: Part,
    table: EventTable,
    finder: CandidateFinder,
    settings: ListSettings,
    *,
    count: int,
    seed: int,
    least: int = LEAST_LISTS,
    progress: Progress | None = None,
) -> list[Example]:
    """At most so many lists of cases drawn by the seed, shuffled, each with the wanted item in it.

    Into a list of the wrong items the wanted one does not fit, and a model soon sees that: what it learns from such
    lists does not hold for those that people are shown. They are made beyond their share only where there would be
    fewer than `least` lists without. finder: of a workspace that knows the part's past and nothing else.
    """
    tell = progress or (lambda _done, _total: None)
    maker = _Maker(part, table, finder, settings, np.random.default_rng(seed))
    served = round(count * (1 - settings.put_in))
    lists: dict[int, Example] = {}
    for case in maker.cases if served else ():
        if (example := maker.served(case)) is not None:
            lists[case] = example
            tell(len(lists), count)
        if len(lists) == served:
            break
    missed = [case for case in maker.cases if case not in lists]
    more = max(count - served, least - len(lists))
    for case in missed[: min(more, count - len(lists))]:
        lists[case] = maker.put_in(case)
        tell(len(lists), count)
    return [lists[case] for case in sorted(lists)]


class _Maker:
    """Makes lists of a part's cases. cases: in a drawn order."""

    def __init__(
        self,
        part: Part,
        table: EventTable,
        finder: CandidateFinder,
        settings: ListSettings,
        rng: np.random.Generator,
    ) -> None:
        self.cases: list[int] = rng.permutation(len(part)).tolist()
        self._part = part
        self._table = table
        self._finder = finder
        self._settings = settings
        self._rng = rng
        self._popularity = _popularity(table, part)
        self._wanted_later = _wanted_later(part)

    def served(self, case: int) -> Example | None:
        """What the product would show, where the wanted item is among it."""
        found = self._found(case, self._settings.size)
        target = self._table.item_ids[self._part.target[case]]
        return self._example(case, list(found), found) if target in found else None

    def put_in(self, case: int) -> Example:
        """The wanted item among some that the retrievers propose, and some that many want."""
        size, sampled = self._settings.size, self._settings.sampled
        found = self._found(case, self._settings.depth)
        target = self._table.item_ids[self._part.target[case]]
        near = _drawn(self._rng, [item_id for item_id in found if item_id != target], size - sampled - 1)
        there = {target, *near}
        far = _popular(self._rng, self._table, self._popularity, self._part, case, there, size - 1 - len(near))
        return self._example(case, [*near, *far, target], found)

    def _found(self, case: int, count: int) -> dict[str, float]:
        return {each.item_id: each.score for each in self._finder.search(as_query(self._part.queries, case), count)}

    def _example(self, case: int, candidates: list[str], scores: Mapping[str, float]) -> Example:
        ids, target = self._table.item_ids, self._table.item_ids[self._part.target[case]]
        shuffled = tuple(candidates[place] for place in self._rng.permutation(len(candidates)).tolist())
        later = {ids[row]: self._settings.later**ahead for ahead, row in enumerate(self._wanted_later[case], start=1)}
        weights = later | {target: 1.0}
        return Example(
            self._table.user_ids[self._part.queries.user[case]],
            _history(self._part, self._table, case),
            shuffled,
            tuple(scores.get(item_id, 0.0) for item_id in shuffled),
            shuffled.index(target),
            tuple(weights.get(item_id, 0.0) for item_id in shuffled),
            _wanted_by(self._finder, shuffled),
        )


def asked_lists(
    part: Part,
    table: EventTable,
    finder: CandidateFinder,
    *,
    size: int,
    count: int,
    seed: int,
    progress: Progress | None = None,
) -> list[Example]:
    """At most so many lists as the product would show them, best first; the wanted item is where the retrievers put it.

    All cases of a user are asked, or none. finder: of a workspace that knows the part's past and nothing else.
    """
    cases = _cases_of_some(part.queries.user, count, np.random.default_rng(seed))
    examples = []
    for case in cases:
        found = finder.search(as_query(part.queries, case), size)
        candidates = tuple(each.item_id for each in found)
        target = table.item_ids[part.target[case]]
        examples.append(
            Example(
                table.user_ids[part.queries.user[case]],
                _history(part, table, case),
                candidates,
                tuple(each.score for each in found),
                candidates.index(target) if target in candidates else -1,
                tuple(float(item_id == target) for item_id in candidates),
                _wanted_by(finder, candidates),
            )
        )
        if progress is not None:
            progress(len(examples), len(cases))
    return examples


def save_examples(examples: Sequence[Example], path: Path) -> str:
    """Write them as JSON Lines. Returns the data hash: SHA-256 of the file."""
    text = "".join(json.dumps(asdict(example), ensure_ascii=False) + "\n" for example in examples)
    path.write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def read_examples(path: Path) -> list[Example]:
    """What `save_examples` wrote."""
    return [as_example(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def as_example(row: Mapping[str, Any]) -> Example:
    """The example that `dataclasses.asdict` made a dictionary of."""
    return Example(
        row["user_id"],
        tuple(row["history"]),
        tuple(row["candidates"]),
        tuple(row["scores"]),
        row["target"],
        tuple(row["relevance"]),
        tuple(row["wanted_by"]),
    )


def _wanted_by(finder: CandidateFinder, candidates: Sequence[str]) -> tuple[int, ...]:
    return tuple(standing.wanted_by for standing in finder.standings.of(candidates))


def _history(part: Part, table: EventTable, case: int) -> tuple[str, ...]:
    rows = part.queries.item[part.queries.starts[case] : part.queries.starts[case + 1]]
    return tuple(table.item_ids[row] for row in rows.tolist())


def _popularity(table: EventTable, part: Part) -> Floats:
    """(n_items,) how many want each item in the part's past, on the shelf; flattened a little, as word2vec does."""
    counts = np.bincount(table.item[table.wanted(part.past)], minlength=table.n_items).astype(np.float64)
    popularity: Floats = np.where(table.on_shelf, counts + 0.1, 0.0) ** 0.75
    return popularity


def _popular(
    rng: np.random.Generator,
    table: EventTable,
    popularity: Floats,
    part: Part,
    case: int,
    there: set[str],
    count: int,
) -> list[str]:
    """Items drawn by popularity that the user has not seen and that are not there yet."""
    weights = popularity.copy()
    weights[part.queries.seen[part.queries.seen_starts[case] : part.queries.seen_starts[case + 1]]] = 0
    open_rows = [row for row in np.flatnonzero(weights).tolist() if table.item_ids[row] not in there]
    chances = weights[open_rows]
    drawn = rng.choice(open_rows, min(count, len(open_rows)), replace=False, p=chances / chances.sum())
    return [table.item_ids[row] for row in drawn.tolist()]


def _drawn(rng: np.random.Generator, of: Sequence[str], count: int) -> list[str]:
    return [of[place] for place in rng.permutation(len(of))[: max(0, count)].tolist()]


def _wanted_later(part: Part) -> list[list[int]]:
    """By case the items that its user wants after that one, in order, as far as the part asks for them."""
    later: list[list[int]] = [[] for _ in range(len(part))]
    for case in range(len(part) - 2, -1, -1):
        if part.queries.user[case] == part.queries.user[case + 1]:
            later[case] = [int(part.target[case + 1]), *later[case + 1]]
    return later


def _cases_of_some(users: Ints, count: int, rng: np.random.Generator) -> list[int]:
    """All cases of users in a drawn order, as long as they are at most `count` cases."""
    cases: list[int] = []
    for user in rng.permutation(np.unique(users)).tolist():
        mine = np.flatnonzero(users == user).tolist()
        if len(cases) + len(mine) > count:
            break
        cases += mine
    return sorted(cases)
