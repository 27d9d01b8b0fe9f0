"""What programs get: plain JSON values with a type for each field. The same for the API and for MCP."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

# Pydantic, which makes MCP's schemas, takes the standard library's only from Python 3.12 on.
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from agent.conversation import Reply
    from agent.recommendations import Recommendations
    from agent.similar import Alike, Similar
    from retrieval.types import Evidence, Recommendation


class EvidenceValue(TypedDict):
    """A fact behind a recommendation. item_id, title: of the item in the user's history that it is about."""

    kind: str
    text: str
    attribute: str | None
    value: str | None
    item_id: str | None
    title: str | None


class RecommendationValue(TypedDict):
    """A recommended item. source: who wrote the reason, the model or the plain evidence."""

    item_id: str
    title: str
    score: float
    reason: str
    source: str
    evidence: list[EvidenceValue]
    retrievers: list[str]


class RecommendAnswer(TypedDict):
    """Recommendations, best first. request_id: what `feedback` takes. note: what did not go as planned."""

    schema_version: int
    request_id: str
    reranked: bool
    note: str | None
    recommendations: list[RecommendationValue]
    timings_ms: dict[str, float]


class ChipValue(TypedDict):
    """A part of what a conversation stands for."""

    key: str
    label: str


class ReplyAnswer(TypedDict):
    """What a message is answered with. session_id: to go on. request_id: None where nothing was searched for.

    offers: what may be said next; a "yes" takes the first one.
    """

    session_id: str
    text: str
    note: str | None
    chips: list[ChipValue]
    offers: list[str]
    request_id: str | None
    recommendations: list[RecommendationValue]


class FeedbackAnswer(TypedDict):
    """What was written to the log, and for whom."""

    user_id: str
    item_id: str
    type: str


class SimilarValue(TypedDict):
    """An item like another. score: -1 to 1. shared: what both have, as "attribute: value"."""

    item_id: str
    title: str
    score: float
    shared: list[str]


class SimilarAnswer(TypedDict):
    """Items like the one of this id, most alike first."""

    request_id: str
    item_id: str
    title: str
    similar: list[SimilarValue]


def recommend_answer(found: "Recommendations") -> RecommendAnswer:
    """The recommendations as JSON values, schema version 1."""
    from agent.recommendations import SCHEMA_VERSION

    return RecommendAnswer(
        schema_version=SCHEMA_VERSION,
        request_id=found.request_id,
        reranked=found.reranked,
        note=found.note,
        recommendations=_entries(found),
        timings_ms=dict(found.timings_ms),
    )


def reply_answer(session_id: str, reply: "Reply") -> ReplyAnswer:
    """The reply as JSON values."""
    found = reply.recommendations
    return ReplyAnswer(
        session_id=session_id,
        text=reply.text,
        note=reply.note,
        chips=[ChipValue(key=chip.key, label=chip.label) for chip in reply.chips],
        offers=[offer.label for offer in reply.offers],
        request_id=None if found is None else found.request_id,
        recommendations=[] if found is None else _entries(found),
    )


def similar_answer(found: "Similar") -> SimilarAnswer:
    """The similar items as JSON values."""
    return SimilarAnswer(
        request_id=found.request_id,
        item_id=found.item.item_id,
        title=found.item.title,
        similar=[_alike(entry) for entry in found.entries],
    )


def _entries(found: "Sequence[Recommendation]") -> list[RecommendationValue]:
    return [
        RecommendationValue(
            item_id=entry.item.item_id,
            title=entry.item.title,
            score=entry.score,
            reason=entry.reason,
            source=entry.source.value,
            evidence=[_evidence(fact) for fact in entry.evidence],
            retrievers=list(entry.retrievers),
        )
        for entry in found
    ]


def _evidence(fact: "Evidence") -> EvidenceValue:
    return EvidenceValue(
        kind=fact.kind.value,
        text=fact.text,
        attribute=fact.attribute,
        value=fact.value,
        item_id=fact.item_id,
        title=fact.title,
    )


def _alike(entry: "Alike") -> SimilarValue:
    return SimilarValue(
        item_id=entry.item.item_id,
        title=entry.item.title,
        score=entry.score,
        shared=[f"{name}: {value}" for name, value in entry.shared],
    )
