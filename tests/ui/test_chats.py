"""What a chat of the page remembers, and in which order it works."""

import pytest

from agent.recommendations import Recommendations
from retrieval.errors import StoreError
from retrieval.types import Item, ReasonSource, Recommendation
from ui.cards import make_card
from ui.chats import MAX_TURNS, Chat, Said, Turn


def _turn_with_a_card(chat: Chat, user_id: str = "ana") -> Turn:
    turn = chat.say(Said("a vase", user_id), "Looking")
    found = Recommendations((Recommendation(Item("7", "Moss vase"), 0.5, "Green.", ReasonSource.EVIDENCE),), "r", True)
    chat.change(turn, stage=None, found=found, cards=tuple(map(make_card, found)))
    return turn


def test_views_are_numbered_so_that_a_late_one_is_seen_to_be_late() -> None:
    chat = Chat("user ana")
    assert [chat.view()["version"] for _ in range(3)] == [1, 2, 3]


def test_a_settled_click_shows_on_the_item_wherever_the_same_person_sees_it() -> None:
    chat = Chat("user ana")
    for user_id in ("ana", "ana", "ben"):
        _turn_with_a_card(chat, user_id)
    chat.mark("ana", "7", error="The disk is full.")
    (card,) = chat.view()["turns"][0]["cards"]
    assert (card["choice"], card["error"], card["answered"]) == (None, "The disk is full.", 1)
    chat.mark("ana", "7", choice="like")
    cards = [turn["cards"][0] for turn in chat.view()["turns"]]
    assert [(card["choice"], card["error"], card["answered"]) for card in cards] == [
        ("like", None, 2),
        ("like", None, 2),
        (None, None, 0),
    ]


def test_what_was_not_shown_is_not_found() -> None:
    chat = Chat("user ana")
    turn = _turn_with_a_card(chat)
    assert chat.recommended(turn.turn_id, "8") is None
    assert chat.recommended("no such turn", "7") is None


def test_memory_is_bounded_and_the_latest_stay() -> None:
    chat = Chat("user ana")
    for number in range(MAX_TURNS + 3):
        chat.say(Said(str(number), "ana"), "Looking")
    turns = chat.view()["turns"]
    assert len(turns) == MAX_TURNS
    assert turns[-1]["said"]["text"] == str(MAX_TURNS + 2)


def test_jobs_of_a_chat_are_done_one_after_another_even_after_a_fault() -> None:
    chat, done = Chat("user ana"), list[str]()
    line = []

    def fail() -> None:
        done.append("fail")
        raise ZeroDivisionError

    chat.do(fail, line.append)
    chat.do(lambda: done.append("second"), line.append)
    assert len(line) == 1, "the second waits for the first"
    try:
        line.pop(0)()
    except ZeroDivisionError:
        line.pop(0)()
    assert done == ["fail", "second"]
    assert line == []
    chat.do(lambda: done.append("third"), line.append)
    line.pop()()
    assert done[-1] == "third"


def test_a_line_that_is_full_loses_no_job_that_it_took() -> None:
    chat, done = Chat("user ana"), list[str]()
    line = []

    def refuse(_: object) -> None:
        raise StoreError("the line is full")

    with pytest.raises(StoreError):
        chat.do(lambda: done.append("refused"), refuse)
    assert not chat.busy()
    chat.do(lambda: done.append("first"), line.append)
    chat.do(lambda: done.append("second"), refuse)
    line.pop()()
    assert done == ["first", "second"]


def test_what_was_given_while_a_job_was_refused_is_done_all_the_same() -> None:
    chat, done = Chat("user ana"), list[str]()
    line = []

    def refuse(_: object) -> None:
        chat.do(lambda: done.append("meanwhile"), line.append)  # another thread may be as quick
        raise StoreError("the line is full")

    with pytest.raises(StoreError):
        chat.do(lambda: done.append("refused"), refuse)
    assert chat.busy()
    line.pop()()
    assert done == ["meanwhile"]
    assert not chat.busy()


def test_the_result_of_a_job_can_be_waited_for() -> None:
    chat = Chat("user ana")
    assert chat.run(lambda: "done", lambda work: work()) == "done"

    def fail() -> None:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="the disk is full"):
        chat.run(fail, lambda work: work())


def test_an_emptied_chat_keeps_what_is_still_to_be_answered() -> None:
    chat = Chat("user ana")
    _turn_with_a_card(chat)
    chat.mark("ana", "7", choice="like")
    waiting = chat.say(Said("a lamp", "ben"), "Looking")
    assert (chat.is_with("ana"), chat.is_with("ben"), chat.is_with("cleo")) == (True, True, False)
    chat.empty()
    assert [turn["id"] for turn in chat.view()["turns"]] == [waiting.turn_id]
    assert not chat.is_with("ana")
    _turn_with_a_card(chat)
    assert chat.view()["turns"][-1]["cards"][0]["choice"] is None


def test_who_follows_a_turn_is_told_until_it_is_answered() -> None:
    chat = Chat("user ana")
    turn = chat.say(Said("a vase", "ana"), "Looking")
    signs = chat.follow(turn)
    next(signs)
    chat.change(turn, stage="Comparing")
    next(signs)
    chat.change(turn, stage=None)
    assert list(signs) == [None]
