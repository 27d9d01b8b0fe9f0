from datetime import UTC, datetime

from retrieval.behaviour import Behaviour
from retrieval.shelf import Shelf
from retrieval.standing import Standing, Standings
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace


def test_what_many_want_and_what_is_new(shop_workspace: Workspace) -> None:
    standings = Standings(Behaviour(shop_workspace.log), Shelf(shop_workspace.items))
    assert standings.of(["red-mug", "blue-clock", "blue-scarf"]) == [
        Standing(3, 0.0),
        Standing(0, 1.0),
        Standing(1, 8 / 11),
    ], "the first and the last of twelve, and the ninth"
    assert standings.of([]) == []


def test_a_new_like_and_a_new_item_count_at_once(shop_workspace: Workspace) -> None:
    standings = Standings(Behaviour(shop_workspace.log), Shelf(shop_workspace.items))
    standings.of(["red-mug"])
    shop_workspace.log.add([Event("zoe", "blue-clock", EventType.LIKE, datetime(2026, 6, 1, tzinfo=UTC))])
    shop_workspace.items.upsert([Item("new", "A new thing")])
    shop_workspace.items.withdraw(["red-mug"])
    assert standings.of(["blue-clock", "new", "red-mug", "unknown"]) == [
        Standing(1, 10 / 11),
        Standing(0, 1.0),
        Standing(3, 0.0),
        Standing(0, 0.0),
    ]


def test_a_catalogue_of_one_item(empty_workspace: Workspace) -> None:
    empty_workspace.items.upsert([Item("only", "The only thing")])
    standings = Standings(Behaviour(empty_workspace.log), Shelf(empty_workspace.items))
    assert standings.of(["only"]) == [Standing(0, 1.0)]
