"""Lists of the drawn shop as simulated shoppers judge them: what a taste read from a history is worth.

The lists of `finetune.builtin.rankings` have one right answer by construction. Here everything about an article counts
a little, as in the shop itself: the history is what a shopper of random tastes would click, and each candidate's share
of the answer follows how much that shopper can be expected to like it, as far as the history tells. That is what can be
learned: what they really like is mostly chance to somebody who sees eight clicks. No shopper or article of the shipped
shop takes part.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from agent.echoes import with_echoes
from agent.models.base import Picture, Prompt
from agent.prompts import LETTERS, Detail, Shown, rank_prompt
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, Look
from finetune.builtin.phrases import request_text
from finetune.builtin.products import Product, item_of, product_with
from finetune.builtin.schemas import LOOKS
from finetune.builtin.shoppers import Tastes, click_chance, liking, random_tastes
from finetune.builtin.things import with_junk

MOST_PRODUCTS = 8_000
_POOL = 60
"""Articles of each favourite category that come into question for one list."""
_SHARPNESS = 0.35
"""Points of expected liking that make an answer e times as likely."""
_ASKED = 1.5
"""Points that an article gains by each thing that was asked for and that it has."""
_LUKEWARM = 1.5
"""Points of expected liking at which an article is as much wanted as not."""
_MUCH = 2.0
"""Points of an attribute that count as all that one can give."""
_READ, _RIGHTLY = 0.97, 0.9
"""Share of the values left out that are read off pictures, and of these the share that is read rightly."""
_SHOWN = 8
"""Liked articles that a prompt shows; what is counted may be more."""
WORTH: Mapping[str, float] = MappingProxyType(
    {
        "category": 0.8,
        "colour": 1.9,
        "pattern": 2.6,
        "accent": 0.4,
        "material": 0.8,
        "style": 1.4,
        "room": 0.65,
        "occasion": 0.65,
    }
)
"""Points to be expected for each attribute of whose value the history consists: a linear fit of liking to shares."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """Articles to make lists of. rows: by article, its row in the gallery. by_category: places in products.

    vectors: (n_products, d) unit vectors of the articles' pictures, as the image encoder gives them; None without any.
    """

    products: Sequence[Product]
    rows: Sequence[int]
    by_category: dict[str, list[int]]
    vectors: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        looks: Sequence[Look],
        *,
        seed: int,
        vectors_of: Callable[[Sequence[int]], NDArray[np.float32]] | None = None,
    ) -> Shelves:
        """At most MOST_PRODUCTS articles with these looks, the rest of each drawn at random.

        vectors_of: what the image encoder says of the pictures in these rows of the gallery.
        """
        rng = random.Random(f"{seed}/shelves")  # noqa: S311
        rows = rng.sample(range(len(looks)), min(MOST_PRODUCTS, len(looks)))
        products = [product_with(looks[row], rng) for row in rows]
        by_category: dict[str, list[int]] = {name: [] for name in CATEGORIES}
        for place, product in enumerate(products):
            by_category[product.look.category].append(place)
        return cls(products, rows, by_category, None if vectors_of is None else vectors_of(rows))


@dataclass(frozen=True, slots=True)
class TasteTask:
    """Settings of one list. request: whether something is asked for. junk: whether titles may hold instructions."""

    candidates: int
    pictures: bool
    request: bool
    detail: Detail
    shuffled_letters: bool = True
    junk: bool = False


@dataclass(frozen=True, slots=True)
class TasteList:
    """One list. chances: by candidate in prompt order, how likely it is the answer; they sum to 1.

    relevance: 0 to 1, how much each can be expected to be wanted, whatever the others are. expected: that in points.
    liking: points of each candidate in truth. met: by attribute and value, the share of what was liked that has it.
    seen: by candidate, the mean of that over what its picture shows. worth: by attribute and value, what that counts: 0
    for nothing to 1.
    """

    prompt: Prompt
    letters: tuple[str, ...]
    chances: tuple[float, ...]
    relevance: tuple[float, ...]
    expected: tuple[float, ...]
    liking: tuple[float, ...]
    met: Mapping[tuple[str, str], float]
    seen: tuple[float, ...]
    worth: Mapping[tuple[str, str], float]


def make_taste_list(rng: random.Random, shelves: Shelves, task: TasteTask) -> TasteList:
    """What a new shopper liked, perhaps what they ask for, and candidates that a retriever might have found."""
    _, tastes = random_tastes(rng)
    pool = _pool(rng, shelves, tastes)
    points = np.array([liking(tastes, shelves.products[place]) for place in pool])
    past = _clicked(rng, points, min(20, max(2, round(rng.lognormvariate(2.1, 0.6)))))
    wishes = _wishes(rng, [shelves.products[place] for place in pool], points) if task.request else {}
    wanted = points + [_ASKED * _met(shelves.products[place], wishes) for place in pool]
    alike = _alike(rng, [shelves.products[place] for place in pool], past, task.candidates)
    chosen = _found(rng, wanted, alike, task.candidates)
    letters = tuple(rng.sample(LETTERS, len(chosen))) if task.shuffled_letters else LETTERS[: len(chosen)]
    request = request_text(rng, list(wishes.items()), shop=True) if wishes else None
    shown = [_shown(shelves, pool[at], pictures=task.pictures) for at in chosen]
    if task.junk:
        shown = [replace(one, item=with_junk(rng, one.item)) for one in shown]
    history = [_shown(shelves, pool[at], pictures=task.pictures) for at in past]
    prompt = rank_prompt(history[-_SHOWN:], request, with_echoes(shown, history), task.detail, letters=letters)
    met = _met_in([shelves.products[pool[at]] for at in past])
    found = [shelves.products[pool[at]] for at in chosen]
    expected = np.array([_expected(product, met) + _ASKED * _met(product, wishes) for product in found])
    odds = np.exp((expected - expected.max()) / _SHARPNESS)
    relevance = 1 / (1 + np.exp(2 * (_LUKEWARM - expected)))
    looks = [[met.get((name, value_of(product, name)), 0.0) for name in LOOKS] for product in found]
    return TasteList(
        prompt,
        letters,
        tuple((odds / odds.sum()).tolist()),
        tuple(relevance.tolist()),
        tuple(expected.tolist()),
        tuple(wanted[chosen].tolist()),
        met,
        tuple(float(np.mean(shares)) for shares in looks),
        {(name, value): min(1.0, WORTH[name] * share / _MUCH) for (name, value), share in met.items()},
    )


def _pool(rng: random.Random, shelves: Shelves, tastes: Tastes) -> list[int]:
    pool: list[int] = []
    for name in tastes.categories:
        shelf = shelves.by_category[name]
        pool += rng.sample(shelf, min(_POOL, len(shelf)))
    return pool


def _clicked(rng: random.Random, points: NDArray[np.float64], count: int) -> list[int]:
    """Places in the pool that the shopper clicks, in random order; a twelfth of them are slips."""
    chances = np.asarray(click_chance(points)) + 1e-9
    keys = np.log(np.array([rng.random() for _ in points])) / chances  # weighted sampling without replacement
    past = [int(at) for at in np.argsort(-keys)[:count]]
    return [rng.randrange(len(points)) if rng.random() < 1 / 12 else at for at in past]


def _wishes(rng: random.Random, pool: Sequence[Product], points: NDArray[np.float64]) -> dict[str, str]:
    """What is asked for: the category of an article that is liked, and perhaps one or two of its attributes."""
    best = np.argsort(-points)[:40]
    product = pool[int(rng.choice(list(best)))]
    told = ("colour", "pattern", "accent", "material", "style", product.place_kind)
    names = ["category", *rng.sample(told, rng.choice((0, 0, 1, 1, 2)))]
    return {name: value_of(product, name) for name in names}


def value_of(product: Product, name: str) -> str:
    """An attribute of an article by its name, seen or told."""
    if name in LOOKS:
        return str(getattr(product.look, name))
    return product.place if name == product.place_kind else str(getattr(product, name, ""))


def _met_in(past: Sequence[Product]) -> dict[tuple[str, str], float]:
    """By attribute and value, the share of the liked articles that have it."""
    found = Counter(
        (name, value_of(product, name))
        for product in past
        for name in (*LOOKS, "material", "style", product.place_kind)
    )
    return {pair: count / len(past) for pair, count in found.items()}


def _expected(product: Product, met: Mapping[tuple[str, str], float]) -> float:
    """Points that a product can be expected to get from somebody with such a history."""
    names = [name for name in WORTH if name not in ("room", "occasion") or name == product.place_kind]
    return sum(WORTH[name] * met.get((name, value_of(product, name)), 0.0) for name in names)


def _met(product: Product, wishes: dict[str, str]) -> int:
    return sum(value_of(product, name) == value for name, value in wishes.items())


def _alike(rng: random.Random, pool: Sequence[Product], past: Sequence[int], count: int) -> list[int]:
    """Places in the pool that were not clicked, often of one or two categories that were: retrievers find such."""
    liked = list(dict.fromkeys(pool[at].look.category for at in past))
    some = set(rng.sample(liked, min(len(liked), rng.choice((1, 1, 2, len(liked))))))
    new = sorted(set(range(len(pool))) - set(past))
    alike = [at for at in new if pool[at].look.category in some]
    return new if rng.random() < 0.3 or len(alike) < count else alike


def _found(rng: random.Random, wanted: NDArray[np.float64], open_to: Sequence[int], count: int) -> list[int]:
    """Candidates in random order: most are what a retriever that knows half the truth puts first, the rest chance."""
    known = rng.uniform(0.2, 1.0)
    order = sorted(open_to, key=lambda at: -(known * wanted[at] + rng.gauss(0, 1)))
    first = order[: max(1, round(count * rng.uniform(0.6, 1.0)))]
    rest = [at for at in order if at not in set(first)]
    chosen = first + rng.sample(rest, count - len(first))
    rng.shuffle(chosen)
    return chosen


def _shown(shelves: Shelves, place: int, *, pictures: bool) -> Shown:
    if not pictures:
        return Shown(item_of(shelves.products[place]))
    look = None if shelves.vectors is None else shelves.vectors[place]
    picture = Picture(image=None, key=str(shelves.rows[place]))  # type: ignore[arg-type]
    return Shown(item_of(shelves.products[place]), picture, look, _seen(shelves.products[place], place))


def _seen(product: Product, place: int) -> dict[str, str]:
    """What the text leaves out, as `retrieval.picture_values` reads it off the picture: mostly rightly."""
    rng = random.Random(place)  # noqa: S311
    told, found = item_of(product).attributes, {}
    for name, values in (("pattern", PATTERNS), ("accent", COLOURS)):
        draw = rng.random()
        if name not in told and draw < _READ:
            found[name] = value_of(product, name) if draw < _READ * _RIGHTLY else rng.choice(values)
    return found
