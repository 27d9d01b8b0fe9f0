"""What a card shows, as plain data. Nothing here is markup: the page sets every text as text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from retrieval.types import Evidence, Item, Money, Recommendation, minor_digits
from ui.i18n import TEXTS, Text, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

REASON_CHARS = 600
_SYMBOLS = {"CNY": "¥", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "KRW": "₩", "USD": "$"}
_YEAR_NAMES = ("year", "release_year", "released", "release_date", "published", "date")
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of evidence. yours: whether it rests on an item that the person liked. title: that item's, or empty."""

    text: str
    yours: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One recommended item as the page shows it; every field is text that was cleaned of control characters.

    picture: SHA-256 of the picture to show, or None. detail: the price or the year, or empty. reason: what is
    written of it so far. evidence: facts, and of each whether it is about an item of the person's own history.
    """

    item_id: str
    title: str
    detail: str
    reason: str
    written_by_model: bool
    evidence: tuple[Fact, ...]
    found_by: Text | None
    picture: str | None


def make_card(recommendation: Recommendation) -> Card:
    """The card of one recommendation."""
    item = recommendation.item
    return Card(
        item_id=item.item_id,
        title=plain(item.title, 160) or item.item_id,
        detail=plain(price_or_year(item), 40),
        reason=plain(recommendation.reason, REASON_CHARS),
        written_by_model=recommendation.source == "model",
        evidence=tuple(fact for fact in map(_fact, recommendation.evidence) if fact.text),
        found_by=found_by(recommendation.retrievers),
        picture=item.images[0] if item.images else None,
    )


def _fact(evidence: Evidence) -> Fact:
    return Fact(plain(evidence.text, 160), evidence.item_id is not None, plain(evidence.title or "", 80))


def unexplained(recommendation: Recommendation) -> Card:
    """The card of one recommendation whose reason is still being written."""
    return replace(make_card(recommendation), reason="")


def plain(text: str, max_chars: int) -> str:
    """Untrusted text as one line without control, bidirectional-override or surrogate characters, cut to max_chars.

    Markup is left as it is, because the page never parses it.
    """
    kept = "".join(" " if _is_control(c) else c for c in text[: max_chars * 4 + 64] if c not in _BIDI_CONTROLS)
    line = " ".join(kept.split())
    return line if len(line) <= max_chars else line[: max_chars - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """A message as a sentence: a capital letter first, a full stop last."""
    line = plain(text, 600)
    return f"{line[:1].upper()}{line[1:]}" + ("" if line.endswith((".", "!", "?", "…")) else ".")


def price_or_year(item: Item) -> str:
    """What stands under the title: the price, else the year, else nothing."""
    prices = {name: value for name, value in item.attributes.items() if isinstance(value, Money)}
    if prices:
        return price_text(prices.get("price") or next(iter(prices.values())))
    year = year_of(item)
    return "" if year is None else str(year)


def year_of(item: Item) -> int | None:
    """The year that the item is of, where an attribute says so by its name."""
    by_name = {name.lower(): value for name, value in item.attributes.items()}
    for name in _YEAR_NAMES:
        value = by_name.get(name)
        if isinstance(value, date):
            return value.year
        if isinstance(value, int | float) and 1000 <= value < 3000:
            return int(value)
    return None


def price_text(price: Money) -> str:
    """€1,049.90, or 1,049.90 CHF where the currency has no sign that everybody knows."""
    amount = f"{price.major:,.{minor_digits(price.currency)}f}"
    symbol = _SYMBOLS.get(price.currency)
    return f"{symbol}{amount}" if symbol else f"{amount} {price.currency}"


def found_by(retrievers: Iterable[str]) -> Text | None:
    """Which retrievers found the item, in words; None where none is named."""
    names = [_source(name) for name in dict.fromkeys(retrievers)]
    return words("found_by", sources=names) if names else None


def _source(retriever: str) -> Text:
    key = f"found_{retriever}"
    return words(key) if key in TEXTS else plain(retriever, 40)


def footer(timings_ms: Mapping[str, float], cards: Collection[Card]) -> tuple[Text, ...]:
    """What stands small under the cards: how long each stage took, and how many reasons the model wrote."""
    stages = {name: value for name, value in timings_ms.items() if name != "total"}
    seconds = timings_ms.get("total", sum(stages.values())) / 1000
    took = words("took", seconds=f"{seconds:.2f}", stages=[_took(name, value) for name, value in stages.items()])
    written = sum(card.written_by_model for card in cards)
    return (took, words("by_model", written=str(written), count=str(len(cards)))) if cards else (took,)


def _took(stage: str, time_ms: float) -> Text:
    key = f"took_{stage}"
    return words(key, ms=f"{time_ms:.0f}") if key in TEXTS else f"{plain(stage, 40)} {time_ms:.0f} ms"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
