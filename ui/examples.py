"""Things to try on an empty page, made from the catalogue itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ui.cards import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.types import Item

SURPRISE = "Surprise me"
"""Asks for nothing in particular: the history alone decides."""

_MAX_CHARS = 28
_MAX_VALUES = 60


def examples_of(items: Sequence[Item], count: int = 5) -> tuple[str, ...]:
    """Up to `count` prompts: common values of the catalogue's attributes, one title to start from, and a surprise.

    The same catalogue always gives the same prompts.
    """
    values = _common_values(items)[: max(0, count - 2)]
    titles = [item.title for item in items if item.images and 3 <= len(item.title) <= _MAX_CHARS][:1]
    return (*values, *(f"Something like {title}" for title in titles), SURPRISE)


def _common_values(items: Iterable[Item]) -> list[str]:
    """Short texts that many items share: of each attribute with few values the most frequent, in turn."""
    counts: dict[str, Counter[str]] = {}
    for item in items:
        for name, value in item.attributes.items():
            texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
            counts.setdefault(name, Counter()).update(plain(text, 60) for text in texts)
    few = [
        [value for value, n in counter.most_common(3) if n >= 3 and 2 < len(value) <= _MAX_CHARS]
        for counter in counts.values()
        if len(counter) <= _MAX_VALUES
    ]
    return list(dict.fromkeys(values[place] for place in range(3) for values in few if place < len(values)))
