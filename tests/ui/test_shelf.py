"""What goes when there is no room for all of it."""

from __future__ import annotations

from ui.shelf import Shelf


def kept(shelf: Shelf[int, str]) -> list[int]:
    return [key for key, _ in shelf.having(lambda *_: True)]


def test_what_was_used_longest_ago_goes_first() -> None:
    shelf: Shelf[int, str] = Shelf(2, 2)
    shelf.put(1, "ann", "one")
    shelf.put(2, "ann", "two")
    assert shelf.get(1) == "one"
    shelf.put(3, "ann", "three")
    assert kept(shelf) == [1, 3]
    assert shelf.get(2) is None


def test_who_has_too_many_loses_one_of_their_own() -> None:
    shelf: Shelf[int, str] = Shelf(10, 2)
    shelf.put(1, "ben", "Ben's")
    for key in range(2, 9):
        shelf.put(key, "ann", "Ann's")
    assert kept(shelf) == [1, 7, 8]


def test_whoever_has_the_most_makes_room_for_others() -> None:
    shelf: Shelf[int, str] = Shelf(4, 3)
    shelf.put(1, "ben", "Ben's")
    for key in (2, 3, 4):
        shelf.put(key, "ann", "Ann's")
    shelf.put(5, "cleo", "Cleo's")
    assert kept(shelf) == [1, 3, 4, 5]
    shelf.put(6, "dora", "Dora's")
    assert kept(shelf) == [1, 4, 5, 6]
    shelf.put(7, "emil", "Emil's")
    assert kept(shelf) == [4, 5, 6, 7], "all have one: it is the turn of the one used longest ago"


def test_what_is_put_anew_or_dropped_counts_once_and_no_more() -> None:
    shelf: Shelf[int, str] = Shelf(3, 2)
    shelf.put(1, "ann", "one")
    shelf.put(1, "ben", "Ben's by now")
    shelf.put(2, "ann", "two")
    shelf.put(3, "ann", "three")
    assert kept(shelf) == [1, 2, 3]
    shelf.drop(2)
    shelf.drop(2)
    shelf.put(4, "ann", "four")
    assert kept(shelf) == [1, 3, 4]
    assert shelf.get(1) == "Ben's by now"
