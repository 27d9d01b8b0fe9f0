"""A simulated shopper: looks for one hidden item, and says in words how what is shown differs from it."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from finetune import shopper_words as words
from finetune.shopper_words import listed, named, nth, thing, typed

Told = tuple[str, str]
"""An attribute and one of its values."""

_TWO_AT_ONCE, _REFUSES, _REFERS, _VAGUE, _BUDGET = 0.3, 0.25, 0.25, 0.2, 0.15
_PRICE = 0.35


@dataclass(frozen=True, slots=True)
class Seen:
    """What a shopper sees of an item: its values by attribute, pictures included, and its numbers."""

    item_id: str
    values: Mapping[str, frozenset[str]]
    numbers: Mapping[str, float]

    def has(self, attribute: str, value: str) -> bool:
        return value in self.values.get(attribute, frozenset())


class Kind(Enum):
    """What a claim says of what is to be shown."""

    WANT = "want"
    AVOID = "avoid"
    AT_MOST = "at most"
    AT_LEAST = "at least"
    LIKE = "like"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of what a shopper said. number: the bound of AT_MOST and AT_LEAST, and for LIKE the place from 1."""

    kind: Kind
    attribute: str = ""
    value: str = ""
    number: float = 0.0

    def kept_by(self, item: Seen) -> bool:
        """Whether an item is as a want, a refusal or a bound says."""
        number = item.numbers.get(self.attribute)
        match self.kind:
            case Kind.WANT:
                return item.has(self.attribute, self.value)
            case Kind.AVOID:
                return not item.has(self.attribute, self.value)
            case Kind.AT_MOST:
                return number is not None and number <= self.number
            case Kind.AT_LEAST:
                return number is not None and number >= self.number
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Message:
    """What a shopper says, and what it claims."""

    text: str
    claims: tuple[Claim, ...]


class Shopper:
    """Knows what they look for, but not whether it exists.

    head: the attribute that says what things are; the others are mentioned in order of `salience`, an attribute's
    weight in what this shopper notices.
    """

    def __init__(
        self,
        target: Seen,
        head: str,
        salience: Mapping[str, float],
        price: str | None,
        rng: random.Random,
        *,
        develop: bool = False,
    ) -> None:
        """develop: puts things in the ways that are there to develop on, and in none of the others."""
        self._target = target
        self._head = head
        self._salience = salience
        self._price = price
        self._rng = rng
        self._develop = develop
        self._claimed: list[Claim] = []

    def opens(self) -> Message:
        """The first message: what it is, mostly, and one thing or two about it."""
        rng = self._rng
        told = self._to_tell(rng.choice((1, 1, 2)), ())
        vague = rng.random() < _VAGUE or not self._target.values.get(self._head)
        head = "something" if vague else min(self._target.values[self._head])
        claims = [Claim(Kind.WANT, *each) for each in told]
        claims += [] if vague else [Claim(Kind.WANT, self._head, head)]
        text = self._way(words.OPENINGS).format(np=thing(head, told, rng))
        number = None if self._price is None else self._target.numbers.get(self._price)
        if number is not None and rng.random() < _BUDGET:
            most = float(round(number * 1.15 + 1))
            text, claims = (
                f"{text}, up to {most:.0f} euros",
                [*claims, Claim(Kind.AT_MOST, self._price or "", "", most)],
            )
        return self._said(text, claims)

    def answers(self, values: Sequence[str]) -> Message:
        """The answer to a question about what it is. values: some that were named as examples."""
        del values
        value = min(self._target.values.get(self._head, {"anything"}))
        claim = Claim(Kind.WANT, self._head, value)
        return self._said(self._way(words.ANSWERS).format(what=value), [claim])

    def agrees(self) -> Message:
        """Takes an offer."""
        return self._said(self._way(words.YES), [])

    def criticises(self, shown: Sequence[Seen]) -> Message:
        """What to change about what is shown, which is not what they look for."""
        rng = self._rng
        if (step := self._step(shown)) is not None and rng.random() < _PRICE:
            return step
        told = self._to_tell(2 if rng.random() < _TWO_AT_ONCE else 1, shown)
        if not told:
            return step or self._said(self._way(words.OTHERS), [Claim(Kind.OTHERS)])
        draw = rng.random()
        if draw < _REFUSES and (refused := self._to_refuse(shown, told[0][0])) is not None:
            text = self._way(words.REFUSALS).format(what=named(*refused, rng))
            return self._said(text, [Claim(Kind.AVOID, *refused)])
        wants = [Claim(Kind.WANT, *each) for each in told]
        if draw < _REFUSES + _REFERS and len(shown) > 1:
            place = max(range(len(shown)), key=lambda row: self._nearness(shown[row])) + 1
            text = self._way(words.LIKENESSES).format(n=place, nth=nth(place), what=listed(told, rng))
            return self._said(text, [Claim(Kind.LIKE, number=float(place)), *wants])
        return self._said(self._way(words.VALUES).format(what=listed(told, rng)), wants)

    def _way(self, ways: Sequence[str]) -> str:
        """One of the ways to put it; every second one is there to develop on."""
        return self._rng.choice(ways[::2] if self._develop else ways[1::2])

    def _said(self, text: str, claims: Sequence[Claim]) -> Message:
        self._claimed += claims
        return Message(typed(text, self._rng), tuple(claims))

    def _to_tell(self, count: int, shown: Sequence[Seen]) -> tuple[Told, ...]:
        """Values of the target that were not told yet: the more shown items lack them, and the more they are noticed,
        the likelier."""
        done = {claim.attribute for claim in self._claimed if claim.kind is Kind.WANT}
        weights: dict[Told, float] = {}
        for name, weight in self._salience.items():
            for value in sorted(self._target.values.get(name, ())) if name not in done else ():
                lacking = sum(not item.has(name, value) for item in shown) / len(shown) if shown else 1.0
                weights[name, value] = weight * lacking
        told: list[Told] = []
        while len(told) < count and sum(weights.values()) > 0:
            told.append(self._rng.choices(list(weights), list(weights.values()))[0])
            weights = {each: weight for each, weight in weights.items() if each[0] != told[-1][0]}
        return tuple(told)

    def _to_refuse(self, shown: Sequence[Seen], attribute: str) -> Told | None:
        """A value of the attribute that the shown items have and the target has not, the commonest."""
        own = self._target.values.get(attribute, frozenset())
        others = [value for item in shown for value in sorted(item.values.get(attribute, frozenset()) - own)]
        return (attribute, statistics.mode(others)) if others else None

    def _step(self, shown: Sequence[Seen]) -> Message | None:
        """Cheaper or dearer, where the middle of what is shown is off."""
        own = None if self._price is None else self._target.numbers.get(self._price)
        prices = [item.numbers[self._price] for item in shown if self._price and self._price in item.numbers]
        if own is None or not prices:
            return None
        low, high = statistics.median_low(prices), statistics.median_high(prices)
        if own < 0.9 * low:
            text, kind, bound = self._way(words.CHEAPER), Kind.AT_MOST, high
        elif own > 1.1 * high:
            text, kind, bound = self._way(words.DEARER), Kind.AT_LEAST, low
        else:
            return None
        return self._said(text, [Claim(kind, self._price or "", "", bound)])

    def _nearness(self, item: Seen) -> int:
        return sum(len(values & self._target.values.get(name, frozenset())) for name, values in item.values.items())
