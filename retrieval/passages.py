"""The text of an item that is embedded: its title, what is told of it, and its attributes as one passage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from retrieval.types import AttributeValue, Item, Money

MAX_CHARS = 2_000
"""More than any encoder's window of 256 or 512 tokens needs; a huge text costs nothing beyond it."""

PROSE_CHARS = 800
"""So much prose comes before the labels: with them it fits into a window of 256 tokens, the rest comes after."""

LABEL_SHARE = 1 / 3
"""Of the prose's length: so long may the labels of an item be together."""

_SHORT = 40


def passage(item: Item) -> str:
    """`title. prose. label. label`; without prose, `title. key: value. key: value`, short values first.

    A vector says what most of its words say. With every attribute in it, a film is its year, its director and four
    actors before it is its plot, and "heist" found Ben-Hur, Cliffhanger and The Lawnmower Man on MovieLens; with prose
    and few labels it finds The Getaway, Cliffhanger, Heat and Reservoir Dogs. Prose alone is as good for a plot, but
    misses what only a label says: "courtroom drama" gains 12 Angry Men, "romantic comedy in Paris" gains French Kiss
    and The Apartment from the genres.

    Labels are texts without their keys, lists of single words (genres, tags) before others, short before long, as
    far as LABEL_SHARE goes: names of many people do not fit in. Numbers, dates and amounts are for filters; names and
    rare words are what the lexical retriever finds.
    """
    prose = " ".join(text for value in item.attributes.values() if (text := _prose(value)))
    if not prose:
        return _sentences(item.title, *_keyed(item.attributes))[:MAX_CHARS]
    first, rest = _split(prose)
    return _sentences(item.title, first, *_labels(item.attributes, int(len(first) * LABEL_SHARE)), rest)[:MAX_CHARS]


def value_text(value: AttributeValue) -> str:
    """An attribute's value as words, at most MAX_CHARS of them."""
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


def _sentences(*texts: str) -> str:
    return ". ".join(said for text in texts if (said := text.rstrip(" .")))


def _prose(value: AttributeValue) -> str:
    """The value, if it is a text of its own: long, and not names with commas between them."""
    if not isinstance(value, str) or len(value) <= _SHORT:
        return ""
    pieces = value[:MAX_CHARS].split(",")
    return value[:MAX_CHARS] if len(pieces) == 1 or any(len(piece.split()) > 3 for piece in pieces) else ""


def _split(prose: str) -> tuple[str, str]:
    """The first PROSE_CHARS, to the end of a word, and the rest."""
    if len(prose) <= PROSE_CHARS:
        return prose, ""
    first = prose[:PROSE_CHARS].rpartition(" ")[0] or prose[:PROSE_CHARS]
    return first, prose[len(first) :].strip()


def _labels(attributes: Mapping[str, AttributeValue], room: int) -> Iterator[str]:
    labels = [value for value in attributes.values() if isinstance(value, str | tuple) and not _prose(value)]
    for value in sorted(labels, key=lambda value: (not _is_tags(value), len(value_text(value)))):
        text = value_text(value)
        if text and len(text) <= room:
            room -= len(text)
            yield text


def _is_tags(value: str | tuple[str, ...]) -> bool:
    return isinstance(value, tuple) and all(len(text.split()) == 1 for text in value)


def _keyed(attributes: Mapping[str, AttributeValue]) -> Iterator[str]:
    texts = [(name, value_text(value)) for name, value in attributes.items()]
    texts.sort(key=lambda pair: len(pair[1]) > _SHORT)  # so that a long one cannot push the short ones out
    return (f"{name}: {text}" for name, text in texts if text)
