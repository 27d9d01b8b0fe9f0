"""The text of an item that is embedded: its title and attributes as one passage."""

from __future__ import annotations

from datetime import date

from retrieval.types import AttributeValue, Item, Money

MAX_CHARS = 2_000
"""More than any encoder's window of 256 or 512 tokens needs; a huge text costs nothing beyond it."""

_SHORT = 40


def passage(item: Item) -> str:
    """`title. key: value. key: value`, short attributes first, so that a long one cannot push them out."""
    texts = [(name, _value_text(value)) for name, value in item.attributes.items()]
    texts.sort(key=lambda pair: len(pair[1]) > _SHORT)
    sentences = [item.title, *(f"{name}: {text}" for name, text in texts if text)]
    return ". ".join(sentence.rstrip(" .") for sentence in sentences)[:MAX_CHARS]


def _value_text(value: AttributeValue) -> str:
    match value:
        case tuple():
            return ", ".join(value)[:MAX_CHARS]
        case str():
            return value[:MAX_CHARS]
        case Money():
            return str(value)
        case date():
            return value.isoformat()
        case _:
            return f"{value:g}"
