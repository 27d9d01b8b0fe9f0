"""Whether tuning helped: the retrievers, the base model, what is in use, and the tuned one, on the same lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.registry import Figure
from finetune.bootstrap import Bootstrap, Difference, Estimate
from finetune.list_scores import (
    crossed_ndcgs,
    model_scores,
    ndcgs,
    priors,
    share_changed,
    surest_alpha,
    training_priors,
    with_prior,
)

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.settings import RerankSettings
    from finetune.event_table import Floats
    from finetune.examples import Example
    from finetune.list_prompts import ListPrompts


@dataclass(frozen=True, slots=True)
class Scores:
    """By list the model's log-probability of each candidate; zeros where the list does not hold what was wanted."""

    validation: Sequence[Floats]
    test: Sequence[Floats]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model, as it is at the time of asking, and the lists that it is asked about."""

    model: VisionLanguageModel
    prompts: ListPrompts
    rerank: RerankSettings
    validation: Sequence[Example]
    test: Sequence[Example]
    progress: Callable[[str, int, int], object]

    def scores(self, name: str) -> Scores:
        """What the model says of each list in which the wanted item can be found: the others count 0 for everybody."""

        def of(part: str, examples: Sequence[Example]) -> list[Floats]:
            telling = [example for example in examples if example.target >= 0]
            tables = iter(
                model_scores(
                    self.model,
                    telling,
                    self.prompts,
                    self.rerank,
                    progress=lambda done, total: self.progress(f"{name}: {part} lists", done, total),
                )
            )
            return [next(tables) if example.target >= 0 else np.zeros(len(example.candidates)) for example in examples]

        return Scores(of("validation", self.validation), of("test", self.test))


@dataclass(frozen=True, slots=True)
class Comparison:
    """NDCG@10 on test lists by system, and differences on the same lists.

    rows: retriever, base, in use, tuned, tuned without pictures. alpha: the prior's weight beside the tuned model, the
    surest one on validation lists, as that of the base and of the tuned one without pictures is; what is in use has the
    one that it is served with. validation: tuned against what is in use, on validation lists, of which no user helped
    to choose the weight that theirs are ordered by. over_base, over_retriever, of_pictures: of the tuned one on test
    lists. lists, users: of the test. telling: so many of the lists hold what was wanted, the others count 0 for
    everybody. changed: share of those whose first five are other ones, or in another order, than the retrievers'.
    """

    rows: tuple[tuple[str, Estimate], ...]
    alpha: float
    validation: Difference
    over_base: Difference
    over_retriever: Difference
    of_pictures: Difference
    changed: float
    lists: int
    users: int
    telling: int

    @property
    def better(self) -> bool:
        """Whether the tuned model is better than what is in use beyond doubt, on validation lists."""
        return self.validation.low > 0

    def figures(self) -> tuple[Figure, ...]:
        """All of it as a card holds it."""
        rows = [_figure(f"NDCG@10 {name}", each) for name, each in self.rows]
        told = {
            "validation: tuned over in use": self.validation,
            "tuned over base": self.over_base,
            "tuned over retriever": self.over_retriever,
            "pictures over none": self.of_pictures,
        }
        differences = [_figure(name, each) for name, each in told.items()]
        return (*rows, *differences, Figure("share of lists changed", self.changed))


def compare_tuned(
    validation: Sequence[Example],
    test: Sequence[Example],
    *,
    base: Scores,
    now: Scores,
    now_alpha: float,
    tuned: Scores,
    text_only: Scores,
    seed: int,
) -> Comparison:
    """The systems on the same lists. now_alpha: the prior's weight that what is in use is served with."""
    systems = {"base": base, "in use": now, "tuned": tuned, "tuned without pictures": text_only}
    alphas = {name: surest_alpha(scores.validation, validation) for name, scores in systems.items()}
    alphas["in use"] = now_alpha
    served = {name: with_prior(scores.test, test, alphas[name]) for name, scores in systems.items()}
    values = {"retriever": ndcgs([priors(example) for example in test], test)}
    values |= {name: ndcgs(rows, test) for name, rows in served.items()}
    on_test = Bootstrap(_users(test), seed=seed)
    estimates = on_test.estimates(np.stack(list(values.values()), axis=1))
    mine = np.repeat(values["tuned"][:, None], 3, axis=1)
    others = np.stack([values[name] for name in ("base", "retriever", "tuned without pictures")], axis=1)
    over_base, over_retriever, of_pictures = on_test.differences(mine, others)
    checked = crossed_ndcgs(tuned.validation, validation, seed=seed)
    before = ndcgs(with_prior(now.validation, validation, now_alpha), validation)
    telling = [place for place, example in enumerate(test) if example.target >= 0]
    return Comparison(
        rows=tuple(zip(values, estimates, strict=True)),
        alpha=alphas["tuned"],
        validation=Bootstrap(_users(validation), seed=seed).differences(checked[:, None], before[:, None])[0],
        over_base=over_base,
        over_retriever=over_retriever,
        of_pictures=of_pictures,
        changed=share_changed([served["tuned"][place] for place in telling], [test[place] for place in telling]),
        lists=len(test),
        users=len({example.user_id for example in test}),
        telling=len(telling),
    )


def labels_lead(learned: Sequence[Example], *, seed: int) -> Difference:
    """By how much NDCG@10 of lists that were learned from is better by their labels than in the retrievers' order.

    Where trees that have seen nothing of a list's user made the labels, that is about what prompts have to tell.
    """
    labelled = ndcgs([np.array(example.relevance) for example in learned], learned)
    before = ndcgs([training_priors(example) for example in learned], learned)
    return Bootstrap(_users(learned), seed=seed).differences(labelled[:, None], before[:, None])[0]


def _figure(name: str, of: Estimate | Difference) -> Figure:
    return Figure(name, of.mean, *(None if np.isnan(bound) else bound for bound in (of.low, of.high)))


def _users(examples: Sequence[Example]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    rows: dict[str, int] = {}
    return np.array([rows.setdefault(example.user_id, len(rows)) for example in examples], dtype=np.int64)
