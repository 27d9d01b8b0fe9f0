"""Items like another: nearest in text and picture, with what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.facts import shareable_values
from agent.requests import MAX_KEY_CHARS, Wish
from retrieval.errors import RequestError
from retrieval.types import Item

if TYPE_CHECKING:
    from retrieval.candidates import CandidateFinder
    from retrieval.items import ItemTable
    from retrieval.store import VectorStore


@dataclass(frozen=True, slots=True)
class Alike:
    """An item like the one that was asked about.

    score: cosine of the two items' text and picture, -1 to 1. shared: (attribute, value) pairs that both have.
    """

    item: Item
    score: float
    shared: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Similar:
    """What is like an item, most alike first. request_id: names this answer in the log."""

    item: Item
    entries: tuple[Alike, ...]
    request_id: str


def known_item(items: ItemTable, item_id: str) -> Item:
    """The item of this id, which may be withdrawn. Raises RequestError for an id that the catalogue lacks."""
    if not isinstance(item_id, str) or not 0 < len(item_id) <= MAX_KEY_CHARS:
        raise RequestError(f"item_id is {item_id!r:.80}; expected text of 1 to {MAX_KEY_CHARS} characters")
    item = items.get_many([item_id]).get(item_id)
    if item is None:
        raise RequestError(f"the catalogue has no item {item_id!r:.80}; take an item_id from an answer")
    return item


def alike(finder: CandidateFinder, store: VectorStore, table: ItemTable, item: Item, wish: Wish) -> tuple[Alike, ...]:
    """The wish's k items nearest to this one, most alike first; none where it has no vectors any more.

    Left out are the item itself, what the wish's filter hides and what its user has done something with.
    Raises FilterError.
    """
    query = finder.query(user_id=wish.user_id, where=wish.where)
    vector = store.get("content", [item.item_id]).get(item.item_id)
    if vector is None:
        return ()
    query = replace(query, exclude=query.exclude | {item.item_id})
    hits = store.search("content", vector, wish.k, allowed=query.allowed, exclude=query.exclude)
    items = table.get_many([hit.item_id for hit in hits])
    return tuple(
        Alike(items[hit.item_id], hit.score, _shared(item, items[hit.item_id]))
        for hit in hits
        if hit.item_id in items and not items[hit.item_id].withdrawn
    )


def _shared(one: Item, other: Item) -> tuple[tuple[str, str], ...]:
    theirs: Sequence[tuple[str, str]] = list(shareable_values(other))
    return tuple(dict.fromkeys(pair for pair in shareable_values(one) if pair in theirs))
