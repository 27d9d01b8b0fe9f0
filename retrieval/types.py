"""The nouns of the system: small, frozen, and free of heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from retrieval.currencies import MINOR_DIGITS

MAX_KEY_CHARS = 256
"""Longest item, user, session and request id."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in integer minor units (cents) of an ISO 4217 currency, e.g. Money(4990, "EUR")."""

    minor: int
    currency: str

    @property
    def major(self) -> float:
        """The amount in major units, which is what people type into a filter."""
        return self.minor / float(10 ** minor_digits(self.currency))

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        return f"{self.major:.{digits}f} {self.currency}"


def minor_digits(currency: str) -> int:
    """How many decimals the currency has (ISO 4217): 2 for most and for a code we do not know, 0 for yen."""
    return MINOR_DIGITS.get(currency, 2)


AttributeValue = str | int | float | date | Money | tuple[str, ...]
"""An attribute is text, a number, a date, an amount of money, or a list of texts."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of the catalogue.

    images: SHA-256 hex digests of its pictures in the workspace's media folder, in catalogue order.
    video: SHA-256 of its video's bytes; the frames taken from it are counted among `images`.
    withdrawn: no longer recommended, still readable in histories.
    """

    item_id: str
    title: str
    attributes: Mapping[str, AttributeValue] = field(default_factory=lambda: MappingProxyType({}))
    images: tuple[str, ...] = ()
    video: str | None = None
    withdrawn: bool = False


class EventType(StrEnum):
    """What a user did with an item. The order has no meaning; which ones are positive is a setting."""

    IMPRESSION = "impression"
    VIEW = "view"
    CLICK = "click"
    LIKE = "like"
    DISLIKE = "dislike"
    BUY = "buy"
    SHARE = "share"
    RATE = "rate"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the interaction log.

    timestamp: timezone-aware, UTC.
    value: the rating for `rate`, the quantity for `buy`, else None.
    position: rank in the list that was shown, from 0.
    source: where the event comes from: a file's name, "ui", "api".
    model, adapter: what ranked the list that this event answers to.
    event_id: content hash and ordinal; empty until the log has assigned it.
    """

    user_id: str
    item_id: str
    type: EventType
    timestamp: datetime
    value: float | None = None
    text: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    position: int | None = None
    source: str | None = None
    model: str | None = None
    adapter: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """That a retriever found an item: at which rank (from 0), with which score of its own scale."""

    retriever: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that retrieval proposes, with its fused score (higher is better) and who found it."""

    item_id: str
    score: float
    found: tuple[Found, ...] = ()

    @property
    def retrievers(self) -> tuple[str, ...]:
        return tuple(found.retriever for found in self.found)


class EvidenceKind(StrEnum):
    REQUEST = "request"  # an attribute of the item answers the words of the request
    HISTORY = "history"  # an attribute is shared with an item of the user's history
    RETRIEVER = "retriever"  # which retriever found the item, and through what


@dataclass(frozen=True, slots=True)
class Evidence:
    """One checkable fact behind a recommendation.

    attribute, value: the attribute of the recommended item that the fact is about, as shown text.
    item_id, title: the history item that it is shared with (kind HISTORY, and RETRIEVER through an item).
    """

    kind: EvidenceKind
    text: str
    attribute: str | None = None
    value: str | None = None
    item_id: str | None = None
    title: str | None = None


class ReasonSource(StrEnum):
    MODEL = "model"  # the model's words, checked against the catalogue
    EVIDENCE = "evidence"  # plain evidence, because the model's words failed the check or there were none


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended item with its score (higher is better), its reason and what the reason rests on."""

    item: Item
    score: float
    reason: str
    source: ReasonSource
    evidence: tuple[Evidence, ...] = ()
    retrievers: tuple[str, ...] = ()
