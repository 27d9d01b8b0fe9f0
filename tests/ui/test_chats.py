"""One chat per page, and what it remembers."""

from retrieval.types import EventType, Item, ReasonSource, Recommendation
from ui.cards import make_card
from ui.chats import MAX_CHATS, MAX_TURNS, Chat, Chats, Said, Turn


def _turn_with_a_card(chat: Chat) -> Turn:
    turn = chat.say(Said("a vase", "ana"), "Looking")
    turn.cards = (make_card(Recommendation(Item("7", "Moss vase"), 0.5, "Green.", ReasonSource.EVIDENCE)),)
    return turn


def test_two_pages_are_two_chats() -> None:
    chats = Chats()
    chats.of("one").say(Said("a vase", "ana"), "Looking")
    assert len(chats.of("one").view()["turns"]) == 1
    assert chats.of("two").view()["turns"] == []
    assert chats.of("one").session_id != chats.of("two").session_id


def test_a_new_chat_is_newer_than_the_old_one() -> None:
    chats = Chats()
    old = chats.of("one")
    new = chats.renew("one")
    assert new.serial > old.serial
    assert not chats.is_current("one", old)
    assert chats.is_current("one", new)


def test_views_are_numbered_so_that_a_late_one_is_seen_to_be_late() -> None:
    chat = Chats().of("one")
    assert [chat.view()["version"] for _ in range(3)] == [1, 2, 3]


def test_a_settled_click_shows_on_its_card_only() -> None:
    chat = Chats().of("one")
    turn = _turn_with_a_card(chat)
    found = chat.card(turn.turn_id, "7")
    assert found is not None
    chat.settle(found[1], error="The disk is full.")
    (card,) = chat.view()["turns"][0]["cards"]
    assert (card["choice"], card["error"], card["answered"]) == (None, "The disk is full.", 1)
    chat.settle(found[1], choice=EventType.LIKE)
    (card,) = chat.view()["turns"][0]["cards"]
    assert (card["choice"], card["error"], card["answered"]) == ("like", None, 2)


def test_a_card_that_was_not_shown_cannot_be_marked() -> None:
    chat = Chats().of("one")
    turn = _turn_with_a_card(chat)
    assert chat.card(turn.turn_id, "8") is None
    assert chat.card("no such turn", "7") is None


def test_memory_is_bounded_and_the_latest_stay() -> None:
    chats = Chats()
    for number in range(MAX_CHATS + 5):
        chats.of(str(number))
    chat = chats.of(str(MAX_CHATS + 4))
    assert not chats.is_current("0", chat)
    for number in range(MAX_TURNS + 3):
        chat.say(Said(str(number), "ana"), "Looking")
    turns = chat.view()["turns"]
    assert len(turns) == MAX_TURNS
    assert turns[-1]["said"]["text"] == str(MAX_TURNS + 2)
