"""How right a model's updates of a conversation are: all of it, and field by field."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from finetune.builtin.talk_schemas import talk_schema
from finetune.builtin.updates import make_update

if TYPE_CHECKING:
    from agent.dialogue import Update
    from finetune.builtin.updates import UpdateExample

Fields = frozenset[tuple[str, ...]]
UPDATE_KINDS = ("combinations", "phrasings", "trained")


def fields(update: Update) -> Fields:
    """What an update says apart from its query, piece by piece: order and spelling of JSON play no part.

    One piece each for the action, every item, every value of an attribute, every attribute dropped, every bound with
    its number, every step with its direction, and the count.
    """
    told: list[tuple[str, ...]] = [("action", str(update.action))]
    told += [("item", str(place)) for place in update.items]
    for group, held in (("want", update.want), ("prefer", update.prefer), ("avoid", update.avoid)):
        told += [(group, name, value) for name, values in held.items() for value in values]
    told += [("drop", name) for name in update.drop]
    for group, bounds in (("at_most", update.at_most), ("at_least", update.at_least)):
        told += [(group, name, f"{number:g}") for name, number in bounds.items()]
    told += [("step", name, way) for name, way in update.step.items()]
    return frozenset([*told, ("count", str(update.count))] if update.count else told)


def query_words(update: Update) -> frozenset[str]:
    """The query as a set of words in lower case, without the marks around them."""
    return frozenset(bare for word in update.query.casefold().split() if (bare := word.strip(".,;:!?'\"()")))


def field_f1(predicted: Update, wanted: Update) -> tuple[float, float, float]:
    """True positives, false positives and false negatives over the fields of one update, to be summed over many.

    The query is one field. It earns the F1 of its words as a true positive, and what is missing to one as a false
    positive where a query was predicted and as a false negative where one was wanted.
    """
    told, right = fields(predicted), fields(wanted)
    said, asked = query_words(predicted), query_words(wanted)
    credit = 2 * len(said & asked) / (len(said) + len(asked)) if said or asked else 0.0
    return (
        len(told & right) + credit,
        len(told - right) + (1 - credit if said else 0.0),
        len(right - told) + (1 - credit if asked else 0.0),
    )


def f1(counts: tuple[float, float, float]) -> float:
    """2 tp / (2 tp + fp + fn), 0 to 1; 1 where there was nothing to find and nothing was found."""
    tp, fp, fn = counts
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


def same_update(one: Update, other: Update) -> bool:
    """Whether two updates change the same; the order in which things are listed plays no part."""
    return fields(one) == fields(other) and one.query.casefold().split() == other.query.casefold().split()


def measure_updates(
    predict: Callable[[UpdateExample], Update], *, count: int, seed: int, kind: str
) -> dict[str, float]:
    """How often the whole update is right, and its micro field F1, both 0 to 1, on messages that training never draws.

    predict: what is made of a message, which may not look at the example's answer. count: how many messages. kind:
    "combinations" for unseen combinations of slots, "phrasings" for unseen families of phrasings, "trained" for
    neither. Also by action, as "exact_search".
    """
    if kind not in UPDATE_KINDS:
        raise ValueError(f"kind is {kind!r}, expected one of {', '.join(UPDATE_KINDS)}")
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    right: dict[str, list[bool]] = {}
    counts = [0.0, 0.0, 0.0]
    for _ in range(count):
        example = make_update(
            rng,
            talk_schema(rng),
            held_out_phrasings=kind == "phrasings",
            held_out_combinations=kind == "combinations",
        )
        predicted = predict(example)
        right.setdefault(f"exact_{example.update.action}", []).append(same_update(predicted, example.update))
        counts = [total + one for total, one in zip(counts, field_f1(predicted, example.update), strict=True)]
    everything = [hit for hits in right.values() for hit in hits]
    by_action = {name: sum(hits) / len(hits) for name, hits in sorted(right.items())}
    tp, fp, fn = counts
    return {"exact": sum(everything) / len(everything), "f1": f1((tp, fp, fn)), "cases": float(count), **by_action}
