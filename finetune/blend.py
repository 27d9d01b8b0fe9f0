"""Fitting a blend: the weights of the retrievers that make what users wanted next most likely."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from finetune.event_table import read_events
from finetune.past import known_events, past_workspace
from finetune.served import as_query
from finetune.splits import leave_one_out
from retrieval.behavioural import towers_folder
from retrieval.blend import Blend, relevance
from retrieval.candidates import taste_retrievers
from retrieval.errors import InteractionError
from retrieval.publishing import publish_towers
from retrieval.store import open_store
from retrieval.towers import save_towers

if TYPE_CHECKING:
    from retrieval.store import Hit, VectorStore
    from retrieval.towers import Towers
    from retrieval.workspace import Workspace

LEAST_CASES = 20
MOST_CASES = 3_000
DEPTH = 100
_PENALTY = 1e-3


@dataclass(frozen=True, slots=True)
class _Table:
    """One case: (n_items, n_retrievers) relevances of all that was found, and the target's row."""

    relevances: NDArray[np.float64]
    target: int


def blend_of_validation(workspace: Workspace, store: VectorStore, towers: Towers, *, seed: int = 0) -> Blend:
    """The weights that make each user's last wanted item most likely, fitted in a workspace that does not have them.

    store: the workspace's. towers: trained without those events. Of more than 3,000 users, a random 3,000 are asked.
    Raises InteractionError: too few users.
    """
    table = read_events(workspace)
    part = leave_one_out(table).test
    with (
        tempfile.TemporaryDirectory(prefix=".past-", dir=workspace.path / "towers") as name,
        past_workspace(workspace, store, Path(name) / "past", known_events(workspace, table, part.past)) as past,
        open_store(past) as past_store,
    ):
        version = save_towers(towers, towers_folder(past))
        publish_towers(past, past_store, towers, version)
        retrievers = taste_retrievers(past, past_store)
        asked = np.sort(np.random.default_rng(seed).permutation(len(part))[:MOST_CASES])
        cases = []
        for place in asked.tolist():
            query = as_query(part.queries, place)
            found = {retriever.name: retriever.search(query, DEPTH) for retriever in retrievers}
            cases.append((found, part.queries.item_ids[part.target[place]]))
        return fit_blend(cases, [retriever.name for retriever in retrievers], depth=DEPTH)


def fit_blend(
    cases: Iterable[tuple[Mapping[str, Sequence[Hit]], str]], retrievers: Sequence[str], *, depth: int
) -> Blend:
    """The weights of highest likelihood, none below 0.

    cases: what each retriever found, best first, and the item that was wanted next; a case whose target nobody found
    says nothing. The likelihood is that of a conditional logit (McFadden 1974), which is concave: there is one best.
    Raises InteractionError when fewer than 20 cases say something.
    """
    tables = [table for found, target in cases if (table := _table(found, target, retrievers, depth)) is not None]
    if len(tables) < LEAST_CASES:
        raise InteractionError(
            f"{len(tables)} validation users want an item that a retriever finds, expected {LEAST_CASES} or more to "
            "fit its weights; log more events first"
        )

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros(len(weights))
        for table in tables:
            logits = table.relevances @ weights
            chances = np.exp(logits - logits.max())
            chances /= chances.sum()
            total -= float(np.log(max(chances[table.target], 1e-300)))
            gradient += chances @ table.relevances - table.relevances[table.target]
        penalty = _PENALTY * float(weights @ weights)
        return total / len(tables) + penalty, gradient / len(tables) + 2 * _PENALTY * weights

    start = np.full(len(retrievers), 0.5)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(retrievers))
    weights = {name: round(float(weight), 4) for name, weight in zip(retrievers, best.x, strict=True)}
    return Blend(weights, depth)


def _table(found: Mapping[str, Sequence[Hit]], target: str, retrievers: Sequence[str], depth: int) -> _Table | None:
    row_of: dict[str, int] = {}
    entries = []
    for column, name in enumerate(retrievers):
        for rank, hit in enumerate(found.get(name, ())[:depth], start=1):
            entries.append((row_of.setdefault(hit.item_id, len(row_of)), column, relevance(rank, depth)))
    if target not in row_of:
        return None
    relevances = np.zeros((len(row_of), len(retrievers)))
    for row, column, value in entries:
        relevances[row, column] = value
    return _Table(relevances, row_of[target])
