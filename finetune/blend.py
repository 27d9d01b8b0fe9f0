"""Fitting a blend: the weights of the retrievers that make what users wanted next most likely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from finetune.event_table import read_events
from finetune.logit import Choice, fit_logit
from finetune.past import known_events, past_workspace
from finetune.scratch import scratch
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
    from finetune.event_table import EventTable, Ints
    from finetune.splits import Part
    from retrieval.store import Hit, VectorStore
    from retrieval.towers import Towers
    from retrieval.workspace import Workspace

LEAST_CASES = 20
MOST_CASES = 3_000
DEPTH = 100
_PENALTY = 1e-3


def blend_of_validation(workspace: Workspace, store: VectorStore, towers: Towers, *, seed: int = 0) -> Blend:
    """The weights that make each user's last wanted item most likely, fitted in a workspace that does not have them.

    store: the workspace's. towers: trained without those events. Of more than 3,000 users, a random 3,000 are asked.
    Who has come back to another item since they found that one is not: the towers have left out the other one.
    Raises InteractionError: too few users.
    """
    table = read_events(workspace)
    part = leave_one_out(table).test
    with (
        scratch(towers_folder(workspace), "towers") as folder,
        past_workspace(workspace, store, folder / "past", known_events(workspace, table, part.past)) as past,
        open_store(past) as past_store,
    ):
        version = save_towers(towers, towers_folder(past))
        publish_towers(past, past_store, towers, version)
        retrievers = taste_retrievers(past, past_store)
        askable = _left_out(table, part)
        asked = askable[np.sort(np.random.default_rng(seed).permutation(len(askable))[:MOST_CASES])]
        cases = []
        for place in asked.tolist():
            query = as_query(part.queries, place)
            found = {retriever.name: retriever.search(query, DEPTH) for retriever in retrievers}
            cases.append((found, part.queries.item_ids[part.target[place]]))
        return fit_blend(cases, [retriever.name for retriever in retrievers], depth=DEPTH)


def _left_out(table: EventTable, part: Part) -> Ints:
    """Places of the cases that ask for the last item in what their user wants, which towers are validated on."""
    wanted = table.wanted()
    wanted = wanted[table.on_shelf[table.item[wanted]]]
    last = np.full(table.n_users, -1)
    last[table.user[wanted]] = table.item[wanted]  # in the order of time, so that the last one stays
    return np.flatnonzero(last[part.queries.user] == part.target)


def fit_blend(
    cases: Iterable[tuple[Mapping[str, Sequence[Hit]], str]], retrievers: Sequence[str], *, depth: int
) -> Blend:
    """The weights of highest likelihood, none below 0.

    cases: what each retriever found, best first, and the item that was wanted next; a case whose target nobody found
    says nothing. The likelihood is that of a conditional logit.
    Raises InteractionError when fewer than 20 cases say something.
    """
    choices = [choice for found, target in cases if (choice := _choice(found, target, retrievers, depth)) is not None]
    if len(choices) < LEAST_CASES:
        raise InteractionError(
            f"{len(choices)} validation users want an item that a retriever finds, expected {LEAST_CASES} or more to "
            "fit its weights; log more events first"
        )
    of_each = np.ones(len(retrievers))
    fitted = fit_logit(choices, start=0.5 * of_each, lowest=0 * of_each, penalties=_PENALTY * of_each)
    weights = {name: round(weight, 4) for name, weight in zip(retrievers, fitted.tolist(), strict=True)}
    return Blend(weights, depth)


def _choice(found: Mapping[str, Sequence[Hit]], target: str, retrievers: Sequence[str], depth: int) -> Choice | None:
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
    return Choice(relevances, row_of[target])
