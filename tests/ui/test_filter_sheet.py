"""What the filter sheet offers of a catalogue, and which filters it can show."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, cast

from agent.facets import FacetCounts
from retrieval.types import Item, Money
from ui.filter_sheet import MOST_ATTRIBUTES, MOST_VALUES, Choice, choices_of, shown
from ui.picks import picks_of

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from retrieval.types import AttributeValue


class Counted:
    """What a recommender tells of the attributes of items."""

    def __init__(self, *items: Item) -> None:
        counts = FacetCounts(items)
        self.facets, self.value_counts, self.ranges = counts.facets, counts.counts, counts.ranges


def offered(*attributes: dict[str, AttributeValue]) -> tuple[Choice, ...]:
    items = (Item(str(number), f"Thing {number}", each) for number, each in enumerate(attributes))
    return choices_of(cast("Recommender", Counted(*items)))


THINGS = offered(
    {"added": date(2026, 1, 5), "main_colour": "red", "rooms": ("hall", "study"), "price": Money(950, "EUR"), "n": 1},
    {"added": date(2026, 3, 1), "main_colour": "blue", "rooms": ("hall",), "price": Money(4000, "EUR"), "n": 2.5},
    {"main_colour": "Blue", "prose": "It is long, it is a sentence, and it is nobody else's."},
)


def test_values_and_ranges_are_offered_and_prose_is_not() -> None:
    assert [choice.view(()) for choice in THINGS] == [
        {
            "name": "main_colour",
            "label": "main colour",
            "kind": "values",
            "options": [
                {"value": "blue", "label": "blue", "count": 2},
                {"value": "red", "label": "red", "count": 1},
            ],
            "rarer": 0,
        },
        {
            "name": "rooms",
            "label": "rooms",
            "kind": "values",
            "options": [
                {"value": "hall", "label": "hall", "count": 2},
                {"value": "study", "label": "study", "count": 1},
            ],
            "rarer": 0,
        },
        {"name": "price", "label": "price", "kind": "number", "least": "9.5", "greatest": "40"},
        {"name": "n", "label": "n", "kind": "number", "least": "1", "greatest": "2.5"},
        {"name": "added", "label": "added", "kind": "date", "least": "2026-01-05", "greatest": "2026-03-01"},
    ]


def test_what_is_withdrawn_is_not_offered() -> None:
    gone = Item("1", "Thing", {"colour": "red", "n": 1, "added": date(2026, 1, 5)}, withdrawn=True)
    assert choices_of(cast("Recommender", Counted(gone))) == ()


def test_a_big_catalogue_is_cut_and_what_is_picked_of_it_is_there() -> None:
    wide = offered({f"a{number:02}": "x" for number in range(50)}, {f"a{number:02}": "x" for number in range(50)})
    assert [choice.name for choice in wide] == [f"a{number:02}" for number in range(MOST_ATTRIBUTES)]
    things = [{"who": f"person {number // 2}"} for number in range(1000)]
    (who,) = offered(*things, {"who": "person 7"})
    view = who.view(["person 499", "nobody"])
    assert view["options"][0] == {"value": "person 7", "label": "person 7", "count": 3}
    assert [(option["value"], option["count"]) for option in view["options"][MOST_VALUES:]] == [
        ("person 499", 2),
        ("nobody", 0),
    ]
    assert view["rarer"] == 500 - MOST_VALUES - 1


def test_what_the_box_cannot_hold_is_not_offered() -> None:
    (note,) = offered({"note": "two\nlines", "a\rb": "x"}, {"note": "one line", "a\rb": "x"})
    assert (note.name, dict(note.values)) == ("note", {"one line": 1})


def test_a_filter_is_shown_in_the_catalogues_spelling() -> None:
    picks = picks_of("Main_Colour in ('BLUE', 'blue', 'mauve') and ADDED >= 2026-02-01")
    found = shown(picks or (), THINGS)
    assert found is not None
    assert [(pick.name, pick.values) for pick in found] == [("main_colour", ("blue", "mauve")), ("added", ())]


def test_a_filter_of_what_is_not_offered_is_not_shown() -> None:
    for where in ("title = 'Thing 1'", "n = 'x'", "rooms > 3", "price > 2026-01-01", "added > 3", "n > 1 and N < 3"):
        picks = picks_of(where)
        assert picks is not None, where
        assert shown(picks, THINGS) is None, where
