"""Which chat an open page shows."""

from ui.chats import Said
from ui.visits import MAX_CHATS_EACH, MAX_PAGES, MAX_PAGES_EACH, Visits

ANA, BEN = "user ana", "user ben"


def test_two_pages_are_two_chats() -> None:
    visits = Visits()
    visits.chat("one", ANA).say(Said("a vase", "ana"), "Looking")
    assert len(visits.view("one", ANA)["turns"]) == 1
    assert visits.view("two", ANA)["turns"] == []
    assert visits.chat("one", ANA).session_id != visits.chat("two", ANA).session_id


def test_a_new_chat_is_newer_than_the_old_one() -> None:
    visits = Visits()
    old, before = visits.chat("one", ANA), visits.view("one", ANA)
    new, after = visits.renew("one", ANA), visits.view("one", ANA)
    assert after["serial"] > before["serial"]
    assert (before["fresh"], after["fresh"]) == (False, True)
    assert not visits.shows("one", old)
    assert visits.shows("one", new)


def test_memory_is_bounded_and_the_latest_pages_stay() -> None:
    visits = Visits()
    chats = [visits.chat(str(number), f"user {number}") for number in range(MAX_PAGES + 5)]
    assert not visits.shows("0", chats[0])
    assert visits.shows(str(MAX_PAGES + 4), chats[-1])


def test_who_opens_pages_and_chats_without_end_closes_only_their_own() -> None:
    visits = Visits()
    mine = visits.chat("mine", ANA)
    mine.say(Said("a vase", "ana"), "Looking")
    theirs = [visits.chat(str(number), BEN) for number in range(MAX_PAGES_EACH + 1)]
    assert not visits.shows("0", theirs[0])
    for _ in range(2 * MAX_CHATS_EACH):
        visits.renew("one", BEN)
    assert visits.shows("mine", mine)
    assert visits.earlier([mine.chat_id], ANA) == [mine]


def test_one_goes_back_to_an_earlier_chat_of_ones_own_only() -> None:
    visits = Visits()
    mine, empty = visits.chat("one", ANA), visits.renew("one", ANA)
    mine.say(Said("a vase", "ana"), "Looking")
    ids = [mine.chat_id, empty.chat_id, "unknown"]
    assert visits.earlier(ids, ANA) == [mine]
    assert visits.earlier(ids, BEN) == []
    assert visits.reopen("two", mine.chat_id, BEN) is None
    assert visits.reopen("one", mine.chat_id, ANA) is mine
    assert visits.view("one", ANA)["fresh"], "the one that was shown must go"
    assert visits.shows("one", mine)


def test_a_page_that_was_forgotten_begins_a_chat_of_whoever_looks_at_it() -> None:
    visits = Visits()
    chat_id = visits.view("one", ANA)["chat_id"]
    assert visits.reopen("two", chat_id, BEN) is None
    assert visits.reopen("two", chat_id, ANA) is not None


def test_the_chats_used_longest_ago_are_forgotten() -> None:
    visits = Visits()
    chats = [visits.renew("one", ANA) for _ in range(MAX_CHATS_EACH)]
    for chat in chats:
        chat.say(Said("a vase", "ana"), "Looking")
    visits.reopen("one", chats[0].chat_id, ANA)
    visits.renew("one", ANA)
    assert visits.earlier([chats[0].chat_id, chats[1].chat_id], ANA) == [chats[0]]
