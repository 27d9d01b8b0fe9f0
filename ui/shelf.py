"""Room for a limited number of things, shared out so that nobody can push out everybody else's."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Things by key, each of an owner; what was used longest ago goes first. For one thread at a time.

    An owner who has too many loses one of their own. When there are too many of all, whoever has the most loses one.
    """

    def __init__(self, most: int, most_each: int) -> None:
        """most: of all owners together. most_each: of one owner."""
        self._most = most
        self._most_each = most_each
        self._kept: OrderedDict[K, tuple[str, V]] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def get(self, key: K) -> V | None:
        """What is kept under the key, which counts as using it."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][1]

    def put(self, key: K, owner: str, thing: V) -> None:
        """Keep a thing, in place of what is kept under the key."""
        self.drop(key)
        self._kept[key] = owner, thing
        self._counts[owner] += 1
        if self._counts[owner] > self._most_each:
            self._lose_one({owner})
        elif len(self._kept) > self._most:
            most = max(self._counts.values())
            self._lose_one({each for each, count in self._counts.items() if count == most})

    def drop(self, key: K) -> None:
        """Keep no longer what is kept under the key, if anything is."""
        if key in self._kept:
            owner, _ = self._kept.pop(key)
            self._counts[owner] -= 1
            if not self._counts[owner]:
                del self._counts[owner]

    def having(self, wanted: Callable[[K, V], bool]) -> list[tuple[K, V]]:
        """Keys and things of this kind, the one used longest ago first; it does not count as using them."""
        return [(key, thing) for key, (_, thing) in self._kept.items() if wanted(key, thing)]

    def _lose_one(self, owners: set[str]) -> None:
        self.drop(next(key for key, (owner, _) in self._kept.items() if owner in owners))
