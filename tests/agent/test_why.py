"""What an item's place hangs on, where the truth is planted: parts that matter, and parts that do not."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.rerank import Ranked
from agent.why import Deletion, Part, Why, why
from retrieval.retrievers import Query
from retrieval.types import Candidate, Event, EventType
from tests.agent.test_conversation import Talk, recommender, talk  # noqa: F401  the fixtures

LIKED = tuple(Event("ann", item_id, EventType.LIKE, datetime(2026, 1, 1, tzinfo=UTC)) for item_id in ("x", "y", "z"))


def planted(query: Query) -> list[Ranked]:
    """The item is first, by what it owes to the words and to x; without x third, without words not there."""
    liked = {event.item_id for event in query.history}
    order = ["item", "b", "c"] if "x" in liked else ["b", "c", "item"]
    order = order if query.text is not None else ["b", "c"]
    return [Ranked(Candidate(item_id, 1.0), 0.0, 0.0) for item_id in order]


def without(item_id: str) -> Query:
    return Query("words", history=tuple(event for event in LIKED if event.item_id != item_id))


def test_what_matters_is_told_the_most_telling_first() -> None:
    parts = [
        Part("y", without("y"), "y"),
        Part("x", without("x"), "x"),
        Part("words", Query(None, history=LIKED)),
        Part("z", without("z"), "z"),
    ]
    assert why("item", Query("words", history=LIKED), parts, planted) == Why(
        "item", 1, (Deletion("words", None, None), Deletion("x", "x", 3)), 4
    )


def test_the_part_of_a_wish_that_an_item_hangs_on_is_told(talk: Talk) -> None:  # noqa: F811
    conversation = talk("a blue lamp", k=1)
    text = conversation.reply("why this?").text
    assert "Tried out: without “kind lamp” it would be number" in text
    assert "instead of 1" in text
