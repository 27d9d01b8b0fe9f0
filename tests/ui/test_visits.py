"""Which chat an open page shows."""

from ui.chats import Said
from ui.visits import MAX_CHATS, MAX_PAGES, Visits


def test_two_pages_are_two_chats() -> None:
    visits = Visits()
    visits.chat("one").say(Said("a vase", "ana"), "Looking")
    assert len(visits.view("one")["turns"]) == 1
    assert visits.view("two")["turns"] == []
    assert visits.chat("one").session_id != visits.chat("two").session_id


def test_a_new_chat_is_newer_than_the_old_one() -> None:
    visits = Visits()
    old, before = visits.chat("one"), visits.view("one")
    new, after = visits.renew("one"), visits.view("one")
    assert after["serial"] > before["serial"]
    assert (before["fresh"], after["fresh"]) == (False, True)
    assert not visits.shows("one", old)
    assert visits.shows("one", new)


def test_memory_is_bounded_and_the_latest_pages_stay() -> None:
    visits = Visits()
    chats = [visits.chat(str(number)) for number in range(MAX_PAGES + 5)]
    assert not visits.shows("0", chats[0])
    assert visits.shows(str(MAX_PAGES + 4), chats[-1])


def test_one_goes_back_to_an_earlier_chat_of_ones_own_only() -> None:
    visits = Visits()
    mine, empty = visits.chat("one", "ana"), visits.renew("one", "ana")
    mine.say(Said("a vase", "ana"), "Looking")
    ids = [mine.chat_id, empty.chat_id, "unknown"]
    assert visits.earlier(ids, "ana") == [mine]
    assert visits.earlier(ids, "ben") == []
    assert visits.reopen("two", mine.chat_id, "ben") is None
    assert visits.reopen("one", mine.chat_id, "ana") is mine
    assert visits.view("one")["fresh"], "the one that was shown must go"
    assert visits.shows("one", mine)


def test_the_oldest_chats_are_forgotten() -> None:
    visits = Visits()
    chats = [visits.renew("one") for _ in range(MAX_CHATS + 1)]
    for chat in chats:
        chat.say(Said("a vase", "ana"), "Looking")
    assert visits.earlier([chats[0].chat_id, chats[1].chat_id]) == [chats[1]]
