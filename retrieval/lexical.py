"""Items that have the request's very words: BM25 over titles, attributes and prose."""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from retrieval.passages import MAX_CHARS, value_text
from retrieval.store import Hit
from retrieval.vectors import best

if TYPE_CHECKING:
    from retrieval.items import ItemTable
    from retrieval.retrievers import Query
    from retrieval.types import Item
    from retrieval.vectors import Vector

TITLE_WEIGHT = 3
"""A word of the title counts as often as this many in the text."""

LEAST_SHARE = 0.5
"""Of the best item's score. Below it an item shares only the request's commoner words, which says little."""

_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b")


class LexicalRetriever:
    """Items with the words of the query's text: a title, a name, a rare word counts here, whatever it means.

    BM25 (Robertson and Zaragoza 2009, in Lucene's form) by bm25s. The words of an item are kept, and read again for
    what changed in the item table only; their statistics are of all items, so they are counted anew after a change.
    """

    name = "lexical"

    def __init__(self, items: ItemTable) -> None:
        self._items = items
        self._guard = threading.Lock()
        self._version = -1
        self._vocabulary: dict[str, int] = {}
        self._words: dict[str, list[int]] = {}
        self._index: _Index | None = None

    def search(self, query: Query, k: int) -> list[Hit]:
        asked = words(query.text or "")
        if not asked or k < 1:
            return []
        with self._guard:
            self._refresh()
            if self._index is None:
                self._index = _Index(self._words, self._vocabulary)
            index = self._index
            known = [self._vocabulary[word] for word in dict.fromkeys(asked) if word in self._vocabulary]
        return index.search(known, query, k)

    def _refresh(self) -> None:
        version = self._items.version
        if version == self._version:
            return
        if self._version < 0:
            changed = {item.item_id: item for item in self._items.all()}
        else:
            changed = self._items.get_many(self._items.changed_since(self._version))
        for item in changed.values():
            self._take(item)
        self._version = version

    def _take(self, item: Item) -> None:
        """Keep the item's words; the index is made anew where they differ, which being embedded does not cause."""
        found = None if item.withdrawn else self._numbers(words_of(item))
        if found == self._words.get(item.item_id):
            return
        self._index = None
        if found is None:
            del self._words[item.item_id]
        else:
            self._words[item.item_id] = found

    def _numbers(self, found: list[str]) -> list[int]:
        return [self._vocabulary.setdefault(word, len(self._vocabulary)) for word in found]


class _Index:
    """The words of all items, counted; never changed."""

    def __init__(self, words_by_item: dict[str, list[int]], vocabulary: dict[str, int]) -> None:
        from bm25s import BM25  # type: ignore[import-untyped]

        self._item_ids = list(words_by_item)
        self._bm25 = None
        if any(words_by_item.values()):
            self._bm25 = BM25(method="lucene", k1=1.2, b=0.75)
            self._bm25.index((list(words_by_item.values()), dict(vocabulary)), show_progress=False)

    def search(self, asked: list[int], query: Query, k: int) -> list[Hit]:
        if self._bm25 is None or not asked:
            return []
        scores: Vector = self._bm25.get_scores_from_ids(asked)
        least = LEAST_SHARE * float(scores.max())
        rows = [
            row
            for row in np.flatnonzero((scores > 0) & (scores >= least)).tolist()
            if (query.allowed is None or self._item_ids[row] in query.allowed)
            and self._item_ids[row] not in query.exclude
        ]
        found = best([self._item_ids[row] for row in rows], scores[rows], k)
        return [Hit(item_id, score) for item_id, score in found]


def words_of(item: Item) -> list[str]:
    """The words of the item, those of its title TITLE_WEIGHT times."""
    told = (word for value in item.attributes.values() for word in words(value_text(value)))
    return [*(words(item.title) * TITLE_WEIGHT), *told]


def words(text: str) -> list[str]:
    """The words of a text without their case, accents, plural and possessive s; words that say nothing are left out."""
    plain = unicodedata.normalize("NFKD", text[:MAX_CHARS].casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found = _WORD.findall(_POSSESSIVE.sub("", plain))
    return [_singular(word) for word in found if word not in _STOP_WORDS]


def _singular(word: str) -> str:
    """After Harman 1991, "How effective is suffixing?": the s of the plural, and no other ending."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]


_SAY_NOTHING = """
a about an and any are as at be but by can could do does for from get give had has have he her his how i if in into is
it its like me my no not of on one or our please she show so some something such than that the their them then there
these they this those to us want was we were what when where which who will with would you your
"""
_STOP_WORDS = frozenset(_SAY_NOTHING.split())
"""English words that say nothing of an item, with those that a request is framed in."""
