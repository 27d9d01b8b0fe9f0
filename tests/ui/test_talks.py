"""Which conversations of programs go on."""

from __future__ import annotations

from typing import cast

from agent.conversation import Conversation
from ui.talks import MOST_TALKS_EACH, Talks


def _one(talks: Talks, caller: str, session_id: str, user_id: str | None = None) -> Conversation:
    with talks.going_on(caller, user_id, session_id, lambda *_: cast("Conversation", object())) as (_, conversation):
        return conversation


def test_a_session_goes_on_for_the_same_caller_and_person_only() -> None:
    talks = Talks()
    first = _one(talks, "address 192.0.2.1", "ours", "ann")
    assert _one(talks, "address 192.0.2.1", "ours", "ann") is first
    assert _one(talks, "address 192.0.2.2", "ours", "ann") is not first
    assert _one(talks, "address 192.0.2.1", "ours", "ben") is not first


def test_who_begins_conversations_without_end_ends_only_their_own() -> None:
    talks = Talks()
    mine, theirs = _one(talks, "user ann", "mine"), _one(talks, "user ben", "first")
    for number in range(MOST_TALKS_EACH):
        _one(talks, "user ben", str(number))
    assert _one(talks, "user ann", "mine") is mine
    assert _one(talks, "user ben", "first") is not theirs


def test_a_conversation_that_is_used_stays() -> None:
    talks = Talks()
    first = _one(talks, "user ann", "first")
    for number in range(2 * MOST_TALKS_EACH):
        _one(talks, "user ann", str(number))
        assert _one(talks, "user ann", "first") is first
