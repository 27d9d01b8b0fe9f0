"""What a request gets back: recommendations in order, and how they came about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from retrieval.types import Evidence, ReasonSource, Recommendation

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Recommendations(Sequence[Recommendation]):
    """Recommendations, best first.

    request_id: names this answer in the log. reranked: False when the language model did not take part; then they
    are in the retriever's order. note: what did not go as planned, for people to read; None when all did.
    timings_ms: by stage (retrieve, rerank, reasons, log) and in total.
    """

    entries: tuple[Recommendation, ...]
    request_id: str
    reranked: bool
    note: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @overload
    def __getitem__(self, index: int) -> Recommendation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Recommendation, ...]: ...
    def __getitem__(self, index: int | slice) -> Recommendation | tuple[Recommendation, ...]:
        return self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def model_share(self) -> float:
        """Share of the reasons that the model wrote, 0 to 1; 0 when there are none."""
        written = sum(entry.source is ReasonSource.MODEL for entry in self.entries)
        return written / len(self.entries) if self.entries else 0.0

    def to_json(self) -> str:
        """The answer as JSON text, schema version 1."""
        answer = {
            "schema_version": SCHEMA_VERSION,
            "request_id": self.request_id,
            "reranked": self.reranked,
            "note": self.note,
            "recommendations": [_entry(entry) for entry in self.entries],
            "timings_ms": dict(self.timings_ms),
        }
        return json.dumps(answer, ensure_ascii=False, allow_nan=False, indent=2)


def _entry(entry: Recommendation) -> dict[str, Any]:
    return {
        "item_id": entry.item.item_id,
        "title": entry.item.title,
        "score": entry.score,
        "reason": entry.reason,
        "source": entry.source.value,
        "evidence": [_evidence(fact) for fact in entry.evidence],
        "retrievers": list(entry.retrievers),
    }


def _evidence(fact: Evidence) -> dict[str, Any]:
    told = {
        "kind": fact.kind.value,
        "text": fact.text,
        "attribute": fact.attribute,
        "value": fact.value,
        "item_id": fact.item_id,
        "title": fact.title,
    }
    return {name: value for name, value in told.items() if value is not None}
