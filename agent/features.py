"""What is known of the candidates of a list, as numbers that a ranker can weigh."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agent.rerank import Ranked, log_priors
from retrieval.blend import relevance
from retrieval.types import AttributeValue, Item, Money

if TYPE_CHECKING:
    from retrieval.standing import Standing

DEPTH = 100
"""A place in a retriever's list beyond this one says as little as not being in it."""

PLAIN = ("log_prob", "log_prior", "log_wanted_by", "newness", "price_distance", "price_unknown", "found_by")
"""The features that every candidate has; the others are of the retrievers that found it, see `relevance_of`."""

RELEVANCE = "relevance:"
"""What the names of the retrievers' features begin with."""

Features = Mapping[str, float]


def describe(
    ranked: Sequence[Ranked], items: Mapping[str, Item], history: Sequence[Item], standings: Sequence[Standing]
) -> list[Features]:
    """By candidate its features, each a finite number; one that is left out is 0.

    log_prob: what the model says. log_prior: what the retrievers say together. log_wanted_by: log of 1 + how many users
    want it. newness: 0 to 1. price_distance: how far its log price is from the mean log price of the history's items in
    the same currency, and price_unknown 1 instead where it or they have none. found_by: how many retrievers found it.
    items: of the candidates, by id. history: the items that the user wants. standings: of the candidates, in order.
    """
    usual = _usual_prices(history)
    priors = log_priors([entry.candidate for entry in ranked])
    rows: list[Features] = []
    for entry, prior, standing in zip(ranked, priors, standings, strict=True):
        distance = _price_distance(items[entry.candidate.item_id], usual)
        row = {
            "log_prob": entry.log_prob,
            "log_prior": prior,
            "log_wanted_by": math.log1p(standing.wanted_by),
            "newness": standing.newness,
            "price_distance": 0.0 if distance is None else distance,
            "price_unknown": float(distance is None),
            "found_by": float(len(entry.candidate.found)),
        }
        ranks = {found.retriever: min(found.rank, DEPTH) + 1 for found in entry.candidate.found}
        relevances = {relevance_of(name): relevance(rank, DEPTH) for name, rank in ranks.items()}
        rows.append(row | relevances)
    return rows


def relevance_of(retriever: str) -> str:
    """The feature that says where this retriever has the candidate: `retrieval.blend.relevance`, 0 where it has not."""
    return f"{RELEVANCE}{retriever}"


def price_of(item: Item) -> tuple[str, float] | None:
    """The currency ("" where none is told) and the natural log of the item's price in major units.

    Of several prices the one that is called `price`, else the first; None without any above 0.
    """
    prices = {name: told for name, value in item.attributes.items() if (told := _price(name, value)) is not None}
    return prices.get("price") or next(iter(prices.values()), None)


def _price(name: str, value: AttributeValue) -> tuple[str, float] | None:
    if isinstance(value, Money):
        return (value.currency, math.log(value.major)) if value.minor > 0 else None
    named = name == "price" or name.endswith("_price")
    if named and isinstance(value, int | float) and 0 < value < math.inf:
        return "", math.log(value)
    return None


def _usual_prices(history: Sequence[Item]) -> dict[str, float]:
    """By currency the mean log price of what the user wants."""
    told: defaultdict[str, list[float]] = defaultdict(list)
    for item in history:
        if (price := price_of(item)) is not None:
            told[price[0]].append(price[1])
    return {currency: sum(logs) / len(logs) for currency, logs in told.items()}


def _price_distance(item: Item, usual: Mapping[str, float]) -> float | None:
    price = price_of(item)
    return None if price is None or price[0] not in usual else abs(price[1] - usual[price[0]])
