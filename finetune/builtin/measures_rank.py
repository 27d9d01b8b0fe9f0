"""What the reranker is worth on the built-in shop: NDCG@10 of what test shoppers wanted in the window.

Every order is of the same 20 candidates that the real retrievers found, which none can be better than. "Of all" is
NDCG@10 over all that was wanted (the ideal list has it all, found or not); "in the list" over what of it is among the
candidates, of the shoppers who have any there. Relative gains are the same for both up to how much a shopper counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finetune.builtin.figures import Figure, Floats, drawn, gain, mean
from finetune.builtin.past_shop import Shopper
from finetune.builtin.scored_lists import ScoredList, request_of
from finetune.builtin.shoppers import APPEAL_SHARE
from finetune.builtin.truth import Truth
from finetune.list_scores import ALPHAS

CUTOFF = 10


@dataclass(frozen=True, slots=True)
class Ordered:
    """NDCG@10 by shopper of one order. of_all: (n,). in_list: (n,), NaN where nothing wanted is in the list."""

    of_all: Floats
    in_list: Floats


def ndcg(points: Sequence[float] | Floats, wanted: Sequence[bool], ideal: int) -> float:
    """NDCG@10 of the candidates by falling points; of equal points the earlier is first.

    wanted: by candidate. ideal: how many wanted items the best possible list has; 0 gives NaN.
    """
    if not ideal:
        return float("nan")
    order = np.argsort(-np.asarray(points, dtype=np.float64), kind="stable")[:CUTOFF]
    reached = sum(1 / np.log2(place + 2) for place, row in enumerate(order) if wanted[row])
    return float(reached / sum(1 / np.log2(place + 2) for place in range(min(CUTOFF, ideal))))


def ordered(lists: Sequence[ScoredList], wanted: Sequence[frozenset[str]], points: Sequence[Floats]) -> Ordered:
    """What an order is worth. wanted, points: by list; points by candidate, higher is better."""
    of_all, in_list = [], []
    for entry, want, score in zip(lists, wanted, points, strict=True):
        hits = [item_id in want for item_id in entry.item_ids]
        of_all.append(ndcg(score, hits, len(want)))
        in_list.append(ndcg(score, hits, sum(hits)))
    return Ordered(np.array(of_all), np.array(in_list))


def priors(lists: Sequence[ScoredList]) -> list[Floats]:
    """The retriever's order."""
    return [-np.arange(len(entry.item_ids), dtype=np.float64) for entry in lists]


def reranked(lists: Sequence[ScoredList], alpha: float) -> list[Floats]:
    """The served order: log_prob + alpha * log prior."""
    return [np.array(entry.log_probs) + alpha * np.array(entry.log_priors) for entry in lists]


def planted(lists: Sequence[ScoredList], truth: Truth) -> list[Floats]:
    """The order of what the shoppers really liked when the window began, appeal included."""
    return [
        np.array(
            [
                truth.liking(entry.user_id, item_id, truth.window_start) + APPEAL_SHARE * truth.offers[item_id].appeal
                for item_id in entry.item_ids
            ]
        )
        for entry in lists
    ]


def changed(before: Sequence[Floats], after: Sequence[Floats]) -> Floats:
    """(n,) 1 where two orders of a list differ."""
    pairs = zip(before, after, strict=True)
    orders = [(np.argsort(-one, kind="stable"), np.argsort(-other, kind="stable")) for one, other in pairs]
    return np.array([float(not np.array_equal(one, other)) for one, other in orders])


def fit_alpha(lists: Sequence[ScoredList], wanted: Sequence[frozenset[str]]) -> float:
    """The weight of the prior that is best on these lists, not those of test shoppers; of equal ones the largest."""
    return max(ALPHAS, key=lambda alpha: (float(ordered(lists, wanted, reranked(lists, alpha)).of_all.sum()), alpha))


def measure_rerank(
    shoppers: Sequence[Shopper],
    lists: Mapping[str, ScoredList],
    truth: Truth,
    *,
    alpha: float,
    trees: Mapping[str, Floats] | None = None,
) -> list[Figure]:
    """The reranker, a gradient-boosted ranker and the oracle beside the retriever's order, on lists by taste.

    trees: by user the points that the gradient-boosted ranker gives the candidates; None where it is not installed.
    """
    rows, wanted = [lists[s.user_id] for s in shoppers], [s.wanted for s in shoppers]
    before, after = priors(rows), reranked(rows, alpha)
    base, served = ordered(rows, wanted, before), ordered(rows, wanted, after)
    oracle = ordered(rows, wanted, planted(rows, truth))
    n = len(rows)
    value, low, high = gain(served.of_all, base.of_all)
    there = ~np.isnan(base.in_list)
    figures = [
        Figure(
            "reranker over retriever order, NDCG@10",
            *(value, low, high),
            8,
            20,
            "%",
            n,
            note=f"of all that was wanted; alpha {alpha:g}",
            sure=True,
        ),
        Figure(
            "reranker over retriever order, NDCG@10 in the list",
            *gain(served.in_list[there], base.in_list[there]),
            unit="%",
            n=int(there.sum()),
            note="the ideal list is the best order of the 20 candidates",
        ),
        *_levels("retriever", base),
        *_levels("reranked", served),
        *_levels("planted-taste oracle", oracle),
    ]
    if trees is not None:
        found = ordered(rows, wanted, [trees[s.user_id] for s in shoppers])
        figures += [
            Figure(
                "gradient-boosted ranker over retriever order, NDCG@10", *gain(found.of_all, base.of_all), unit="%", n=n
            ),
            *_levels("gradient-boosted ranker", found),
        ]
    gap = drawn((served.of_all, base.of_all, oracle.of_all), lambda s: 100 * (s[:, 0] - s[:, 1]) / (s[:, 2] - s[:, 1]))
    return [
        *figures,
        Figure("gap between retriever and planted-taste oracle that is closed", *gap, None, 60, "%", n),
        Figure("alpha of the prior", alpha, n=n),
        Figure("lists that the reranker changed", *_percent(mean(changed(before, after))), unit="%", n=n),
        Figure("shoppers with something wanted among the candidates", *_percent(mean(there * 1.0)), unit="%", n=n),
    ]


def measure_adapter(
    shoppers: Sequence[Shopper],
    lists: Mapping[str, ScoredList],
    bare: Mapping[str, ScoredList],
    *,
    alpha: float,
    bare_alpha: float,
) -> list[Figure]:
    """What the shop's adapter is worth: the reranker with it beside the one without it (bare)."""
    wanted, rows = [s.wanted for s in shoppers], [bare[s.user_id] for s in shoppers]
    tuned = [lists[s.user_id] for s in shoppers]
    served = ordered(tuned, wanted, reranked(tuned, alpha))
    without, retrieved = ordered(rows, wanted, reranked(rows, bare_alpha)), ordered(rows, wanted, priors(rows))
    n = len(rows)
    over = gain(without.of_all, retrieved.of_all)
    return [
        Figure(
            "with the shop's adapter over without it, NDCG@10",
            *gain(served.of_all, without.of_all),
            5,
            15,
            "%",
            n,
            sure=True,
        ),
        Figure(
            "reranker without the shop's adapter over retriever order, NDCG@10",
            *over,
            unit="%",
            n=n,
            note=f"alpha {bare_alpha:g}",
        ),
        *_levels("reranked without the shop's adapter", without),
    ]


def measure_pictures(
    shoppers: Sequence[Shopper], seen: Mapping[str, ScoredList], blind: Mapping[str, ScoredList], *, alpha: float
) -> list[Figure]:
    """The same reranker with and without pictures in its prompt, on shoppers whose taste is of the look."""
    visual = [shopper for shopper in shoppers if shopper.kind == "visual"]
    wanted = [shopper.wanted for shopper in visual]
    orders = []
    for lists in (seen, blind):
        rows = [lists[shopper.user_id] for shopper in visual]
        orders.append(ordered(rows, wanted, reranked(rows, alpha)))
    with_pictures, text_only = orders
    return [
        Figure(
            "multimodal over text-only, NDCG@10, shoppers with visual taste",
            *gain(with_pictures.of_all, text_only.of_all),
            5,
            15,
            "%",
            len(visual),
            note=f"alpha {alpha:g}",
            sure=True,
        ),
        *_levels("with pictures, visual taste", with_pictures),
        *_levels("text only, visual taste", text_only),
    ]


def measure_requests(
    shoppers: Sequence[Shopper], lists: Mapping[str, ScoredList], truth: Truth, *, alpha: float
) -> list[Figure]:
    """Lists with a request in words, of what answers it among all that the shopper wanted: nothing may be lost."""
    rows, wanted = [lists[s.user_id] for s in shoppers], [request_of(s, truth)[1] for s in shoppers]
    before, after = priors(rows), reranked(rows, alpha)
    base, served = ordered(rows, wanted, before), ordered(rows, wanted, after)
    name = "reranker over retriever order with a request, NDCG@10"
    changes = _percent(mean(changed(before, after)))
    return [
        Figure(name, *gain(served.of_all, base.of_all), unit="%", n=len(rows), note=f"alpha {alpha:g}"),
        *_levels("retriever, with a request", base),
        *_levels("reranked, with a request", served),
        Figure("lists with a request that the reranker changed", *changes, unit="%", n=len(rows)),
    ]


def _levels(name: str, order: Ordered) -> list[Figure]:
    there = order.in_list[~np.isnan(order.in_list)]
    return [
        Figure(f"{name}: NDCG@10 of all", *mean(order.of_all), n=len(order.of_all)),
        Figure(f"{name}: NDCG@10 in the list", *mean(there), n=len(there)),
    ]


def _percent(told: tuple[float, float, float]) -> tuple[float, float, float]:
    value, low, high = told
    return 100 * value, 100 * low, 100 * high
