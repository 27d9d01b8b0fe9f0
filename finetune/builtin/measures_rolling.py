"""What the reranker is worth on the built-in shop, want by want: each thing that test shoppers came to want in the
window, asked for at the moment before they first did anything with it.

The retrievers know what everybody did before the window, and of the one who is asked all that came before that moment.
One list a shopper, as in `finetune.builtin.measures_rank`, asks less often and says less surely what a model is worth.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.settings import RerankSettings
from finetune.builtin.figures import Figure, Floats, gain, share
from finetune.event_table import read_events
from finetune.examples import Example, asked_lists
from finetune.list_prompts import ListPrompts
from finetune.list_scores import model_scores, ndcgs, priors, with_prior
from finetune.splits import Part, wanted_from
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from finetune.builtin.past_shop import PastShop

SIZE = 20


def window_lists(past: PastShop, shop: Path, folder: Path) -> list[Example]:
    """The lists of all test shoppers' wants in the window, as the retrievers find them then.

    folder: a new one, for a copy of the workspace that knows the whole log.
    """
    shutil.copytree(past.workspace.path, folder)
    with Workspace.open(folder) as whole:
        whole.log.import_file(shop / "interactions.csv")
        table = read_events(whole)
    part = wanted_from(table, past.truth.window_start)
    test = set(past.truth.test_shoppers)
    mine = np.array([table.user_ids[user] in test for user in part.queries.user.tolist()], dtype=np.bool_)
    rows = np.flatnonzero(mine)
    asked = Part(part.past, part.queries.take(rows), part.target[rows])
    return asked_lists(asked, table, past.finder, size=SIZE, count=len(asked), seed=0)


def list_scores(
    model: VisionLanguageModel, past: PastShop, lists: Sequence[Example], *, pictures: bool
) -> list[Floats]:
    """By list the model's log-probabilities; zeros where what was wanted is not in it, which counts 0 for everybody."""
    prompts = ListPrompts(past.showcase, model.info, RerankSettings(), pictures=pictures)
    telling = [example for example in lists if example.target >= 0]
    found = iter(model_scores(model, telling, prompts, RerankSettings()))
    return [next(found) if example.target >= 0 else np.zeros(len(example.candidates)) for example in lists]


def measure_rolling(
    lists: Sequence[Example],
    *,
    visual: Sequence[bool],
    served: Sequence[Floats],
    blind: Sequence[Floats],
    bare: Sequence[Floats] | None,
    alpha: float,
    bare_alpha: float,
) -> list[Figure]:
    """The reranker as it is served, the same without pictures (blind), and without the shop's adapter (bare), if any.

    Levels and gains are drawn by shopper. visual: by list whether its shopper goes by looks.
    """
    values = {
        "retriever": ndcgs([priors(example) for example in lists], lists),
        "reranked": ndcgs(with_prior(served, lists, alpha), lists),
        "reranked, text only": ndcgs(with_prior(blind, lists, alpha), lists),
    }
    if bare is not None:
        values["reranked without the shop's adapter"] = ndcgs(with_prior(bare, lists, bare_alpha), lists)
    every, looking = _Shoppers(lists), _Shoppers([each for each, looks in zip(lists, visual, strict=True) if looks])
    seen = np.array(visual, dtype=np.bool_)
    reranked = values["reranked"]
    told = f"{len(every)} shoppers, {sum(example.target >= 0 for example in lists)} wants in the list; alpha {alpha:g}"
    figures = [
        Figure(
            "reranker over retriever order, want by want, NDCG@10",
            *gain(every.sums(reranked), every.sums(values["retriever"])),
            floor=8,
            aim=20,
            unit="%",
            n=len(lists),
            note=told,
            sure=True,
        ),
        Figure(
            "multimodal over text-only, want by want, NDCG@10, shoppers with visual taste",
            *gain(looking.sums(reranked[seen]), looking.sums(values["reranked, text only"][seen])),
            floor=5,
            aim=15,
            unit="%",
            n=int(seen.sum()),
            note=f"{len(looking)} shoppers",
            sure=True,
        ),
    ]
    if bare is not None:
        over = gain(every.sums(reranked), every.sums(values["reranked without the shop's adapter"]))
        name = "with the shop's adapter over without it, want by want, NDCG@10"
        note = f"alpha {alpha:g} and {bare_alpha:g}"
        figures.append(Figure(name, *over, floor=5, aim=15, unit="%", n=len(lists), note=note, sure=True))
    levels = [(name, share(every.sums(found), every.counts)) for name, found in values.items()]
    return [*figures, *(Figure(f"{name}: NDCG@10, want by want", *level, n=len(lists)) for name, level in levels)]


class _Shoppers:
    """Sums values of lists by shopper. counts: (n_shoppers,) lists of each."""

    def __init__(self, lists: Sequence[Example]) -> None:
        names, self._of = np.unique([example.user_id for example in lists], return_inverse=True)
        self.counts: Floats = np.bincount(self._of, minlength=len(names)).astype(np.float64)

    def __len__(self) -> int:
        return len(self.counts)

    def sums(self, values: Floats) -> Floats:
        """(n_shoppers,). values: (n_lists,)."""
        found: Floats = np.bincount(self._of, values, minlength=len(self)).astype(np.float64)
        return found
