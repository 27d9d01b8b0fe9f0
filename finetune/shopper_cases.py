"""Who looks for what: shoppers whose planted tastes are known, or the last thing that each user of a log wanted."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from agent.facets import FacetCounts, number_of
from agent.measures import of_kind
from finetune.shopper import Seen
from retrieval.errors import InteractionError

if TYPE_CHECKING:
    from agent.dialogue import Facet
    from finetune.builtin.shoppers import Tastes
    from finetune.builtin.truth import Truth
    from retrieval.interactions import InteractionLog
    from retrieval.types import Event, Item
    from retrieval.workspace import Workspace

_BEST = 20
"""Of so many things that a shopper of the shop would like best, and has not met, one is the target."""

_LOOKS = ("pattern", "accent")
_TEXTS = ("material", "style", "room", "occasion")


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody who looks for something. salience: how much each attribute is noticed, and so spoken of."""

    user_id: str
    target: Seen
    salience: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cases:
    """What is simulated. source: where the targets are from, in words. head: the attribute that says what things are.

    price: the attribute that cheaper and dearer are about, None where there is none. hidden: from when on what a user
    did is not to be known.
    """

    source: str
    head: str
    price: str | None
    cases: tuple[Case, ...]
    items: Mapping[str, Seen] = field(repr=False)
    hidden: Mapping[str, datetime] = field(default_factory=dict, repr=False)

    def seen(self, item_id: str) -> Seen:
        """What shoppers see of an item."""
        return self.items[item_id]

    def known(self, log: InteractionLog) -> Iterator[Event]:
        """What the recommender may know, in the order of time."""
        return (e for e in log.events() if e.user_id not in self.hidden or e.timestamp < self.hidden[e.user_id])


def cases_of(workspace: Workspace, users: int, *, seed: int, develop: bool) -> Cases:
    """So many shoppers, fewer where there are fewer. develop: those that results are not told of.

    Raises InteractionError when nobody has anything to look for.
    """
    items = list(workspace.items.all())
    facets, truth = FacetCounts(items).facets(), _truth_of({item.item_id for item in items})
    tested = frozenset[str]() if truth is None else frozenset(truth.test_shoppers)
    some = sorted(workspace.log.users()) if truth is None else sorted(truth.shoppers)
    random.Random("halves").shuffle(some)  # noqa: S311  who is in which half does not depend on the seed
    if truth is None:
        some = some[::2] if develop else some[1::2]
    else:
        some = [user_id for user_id in some if (user_id in tested) is not develop]
    random.Random(f"{seed}/who").shuffle(some)  # noqa: S311
    if truth is None:
        found = _of_log(workspace, items, facets, some, users)
    else:
        found = _of_shop(workspace, items, facets, truth, some[:users])
    if not found.cases:
        raise InteractionError("nobody has anything to look for: the log needs users who wanted two things or more")
    return found


def _truth_of(item_ids: set[str]) -> Truth | None:
    """The planted truth where these are the built-in shop's items."""
    from finetune.builtin.truth import load_truth
    from retrieval.builtin import SHOP_FOLDER

    truth = load_truth(SHOP_FOLDER)
    return truth if item_ids == truth.offers.keys() else None


def _of_shop(
    workspace: Workspace, items: Sequence[Item], facets: Sequence[Facet], truth: Truth, user_ids: Sequence[str]
) -> Cases:
    """Of what each shopper has not met, one of the things that they would like best, by their planted tastes."""
    seen = {item.item_id: _seen(item, facets, _looks(truth, item.item_id)) for item in items}
    cases = []
    for user_id in user_ids:
        last = workspace.log.history(user_id, limit=1)
        when = last[-1].timestamp if last else truth.window_start
        unmet = sorted(seen.keys() - workspace.log.seen(user_id))
        liked = {item_id: truth.liking(user_id, item_id, when) for item_id in unmet}
        best = sorted(unmet, key=lambda item_id: -liked[item_id])[:_BEST]
        target = random.Random(f"target/{user_id}").choice(best)  # noqa: S311
        cases.append(Case(user_id, seen[target], _salience(truth.shoppers[user_id].phases[-1][1])))
    source = "the things of the built-in shop that they have not met and would like best, by their planted tastes"
    return Cases(source, "category", "price", tuple(cases), seen)


def _salience(tastes: Tastes) -> Mapping[str, float]:
    """Who goes by looks speaks of looks, who goes by the text of what it says."""
    weights = {"colour": tastes.look, **dict.fromkeys(_LOOKS, tastes.look * 0.8)}
    weights["accent"] *= 0.25
    return {**weights, **dict.fromkeys(_TEXTS, tastes.text), "brand": 0.1}


def _looks(truth: Truth, item_id: str) -> Mapping[str, str]:
    """What a picture shows, whether the text tells it or not."""
    look = truth.look(item_id)
    return {name: getattr(look, name) for name in _LOOKS}


def _of_log(
    workspace: Workspace, items: Sequence[Item], facets: Sequence[Facet], user_ids: Sequence[str], users: int
) -> Cases:
    """What each of the first so many users wanted last, once they had wanted something else."""
    seen = {item.item_id: _seen(item, facets, {}) for item in items}
    head = next((facet.name for facet in facets if not facet.numeric), "")
    salience = {facet.name: 1.0 for facet in facets if not facet.numeric and facet.name != head}
    cases, hidden = list[Case](), {}
    for user_id in user_ids:
        wanted = [event.item_id for event in workspace.log.positives(user_id)]
        if len(cases) < users and len(wanted) > 1 and wanted[-1] in seen:
            cases.append(Case(user_id, seen[wanted[-1]], salience))
            deeds = workspace.log.history(user_id)
            hidden[user_id] = min(event.timestamp for event in deeds if event.item_id == wanted[-1])
    price = of_kind("price", [facet.name for facet in facets if facet.numeric])
    source = "the last things that users of the log wanted, without what they did from then on"
    return Cases(source, head, price, tuple(cases), seen, hidden)


def _seen(item: Item, facets: Sequence[Facet], looks: Mapping[str, str]) -> Seen:
    values = {name: frozenset((value,)) for name, value in looks.items()}
    numbers: dict[str, float] = {}
    for facet in facets:
        value = item.attributes.get(facet.name)
        if facet.numeric:
            numbers |= {} if (number := number_of(value)) is None else {facet.name: number}
        elif value is not None:
            told = value if isinstance(value, tuple) else (value,)
            values.setdefault(facet.name, frozenset(str(text) for text in told))
    return Seen(item.item_id, values, numbers)
