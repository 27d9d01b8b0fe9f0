"""Two items side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.facts import told_values
from agent.prompts import value_text
from ui.cards import plain

if TYPE_CHECKING:
    from retrieval.types import Item

_TITLE_CHARS, _NAME_CHARS, _VALUE_CHARS = 160, 60, 120


@dataclass(frozen=True, slots=True)
class Table:
    """titles, pictures: of the two. rows: an attribute, and its text for each; empty where one does not tell it."""

    titles: tuple[str, str]
    pictures: tuple[str | None, str | None]
    rows: tuple[tuple[str, str, str], ...]


def side_by_side(one: Item, other: Item) -> Table:
    """The attributes in which the two differ, descriptions left out; what they share is not told."""
    rows = []
    for name in dict.fromkeys((*one.attributes, *other.attributes)):
        first, second = _value(one, name), _value(other, name)
        if first != second and not _is_prose(one, name) and not _is_prose(other, name):
            rows.append((plain(name.replace("_", " "), _NAME_CHARS), first, second))
    titles = (plain(one.title, _TITLE_CHARS) or one.item_id, plain(other.title, _TITLE_CHARS) or other.item_id)
    return Table(titles, (_picture(one), _picture(other)), tuple(rows))


def _value(item: Item, name: str) -> str:
    return plain(value_text(item.attributes[name]), _VALUE_CHARS) if name in item.attributes else ""


def _is_prose(item: Item, name: str) -> bool:
    return any(prose for told, _, prose in told_values(item) if told == name)


def _picture(item: Item) -> str | None:
    return item.images[0] if item.images else None
