"""Things to try on an empty page, made from the catalogue itself."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ui.cards import plain, year_of
from ui.i18n import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.types import Item

SURPRISE = TEXTS["surprise"][0]
"""Asks for nothing in particular: the history alone decides."""

_MAX_CHARS = 28
_MAX_VALUES = 60
_KINDS = frozenset({"category", "categories", "genre", "genres", "kind", "type"})
"""Attributes whose values name what an item is."""
_LOOKS = ("colour", "color", "pattern", "material", "style")
"""Attributes whose values stand before what an item is, as in "green lamp"."""
_NOUN = re.compile(r"[A-Za-z-]+( [A-Za-z-]+)?")


def examples_of(items: Sequence[Item], count: int = 5) -> tuple[str, ...]:
    """Up to `count` wishes: for what the catalogue has most of, like one of its titles, and a surprise.

    Each names what at least one item has. The same catalogue always gives the same wishes.
    """
    kinds = _common_values(items, _KINDS)[: max(0, count - 2)]
    if kinds:
        wishes = [_wish(items, kind, place) for place, kind in enumerate(kinds)]
    else:
        wishes = [f"something in {value}" for value in _common_values(items)[: max(0, count - 2)]]
    titles = [item for item in items if 3 <= len(item.title) <= _MAX_CHARS]
    likeable = [item.title for item in titles if item.images] or [item.title for item in titles]
    return (*wishes, *(f"something like {title}" for title in likeable[:1]), SURPRISE)


def _wish(items: Sequence[Item], kind: str, place: int) -> str:
    """A wish for items of the kind: from a decade or with a look that many of them have, another at each place.

    It has no article: a lamp, but no footwear, is one.
    """
    if not _NOUN.fullmatch(kind):
        return f"something in {kind}"
    noun = kind.lower() if kind[1:].replace(" ", "").isalpha() and kind[1:].islower() else kind  # T-shirt stays
    of_kind = [item for item in items if kind in _texts_among(item, _KINDS)]
    decades = _most_common(f"{year // 10}0s" for item in of_kind if (year := year_of(item)) is not None)
    if decades:
        return f"{noun} from the {decades[place % len(decades)]}"
    for name in _LOOKS:
        looks = _most_common(text for item in of_kind for text in _texts(item, name) if _NOUN.fullmatch(text))
        if looks:
            return f"{looks[place % len(looks)]} {noun}"
    return noun


def _most_common(values: Iterable[str]) -> list[str]:
    """The three most common values, without those that are rare beside the first."""
    common = Counter(values).most_common(3)
    return [value for value, n in common if 4 * n >= common[0][1]]


def _texts(item: Item, name: str) -> list[str]:
    value = item.attributes.get(name)
    texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
    return [plain(text, 60) for text in texts]


def _texts_among(item: Item, names: Iterable[str]) -> set[str]:
    return {text for name in item.attributes if name.lower() in names for text in _texts(item, name)}


def _common_values(items: Iterable[Item], names: frozenset[str] | None = None) -> list[str]:
    """Short texts that many items share: of each attribute with few values the most frequent, in turn.

    names: of the attributes that count, in lower case; None is all.
    """
    counts: dict[str, Counter[str]] = {}
    for item in items:
        for name in item.attributes:
            if names is None or name.lower() in names:
                counts.setdefault(name, Counter()).update(_texts(item, name))
    few = [
        [value for value, n in counter.most_common(3) if n >= 3 and 2 < len(value) <= _MAX_CHARS]
        for counter in counts.values()
        if len(counter) <= _MAX_VALUES
    ]
    return list(dict.fromkeys(values[place] for place in range(3) for values in few if place < len(values)))
