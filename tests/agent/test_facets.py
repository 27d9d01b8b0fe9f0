"""The attributes that messages speak of are those whose values items share, and numbers."""

from __future__ import annotations

from datetime import date

from agent.dialogue import Facet
from agent.facets import FacetCounts, Range
from agent.showing import Showcase
from retrieval.types import Item, Money
from retrieval.workspace import Workspace


def thing(number: int, colour: str = "red", *, withdrawn: bool = False) -> Item:
    attributes = {
        "sku": f"x-{number}",
        "colour": colour,
        "rooms": ("kitchen", "office"),
        "price": Money(1000 + number, "EUR"),
        "year": 2000 + number,
        "added": date(2026, 1, 1),
        "text": f"A thing of the number {number}, and a good one.",
        "wei`rd": "red",
    }
    return Item(str(number), f"Thing {number}", attributes, withdrawn=withdrawn)


def test_prose_dates_ids_and_names_that_no_filter_spells_are_left_out() -> None:
    counts = FacetCounts([thing(number, ("red", "blue")[number % 2]) for number in range(20)])
    assert counts.facets() == (
        Facet("colour", ("blue", "red")),
        Facet("rooms", ("kitchen", "office")),
        Facet("price"),
        Facet("year"),
    )


def test_the_counts_follow_what_items_say() -> None:
    counts = FacetCounts([thing(1), thing(2, "blue")])
    before = counts.facets()
    assert counts.facets() is before
    counts.update([thing(2, "green"), thing(3, "blue", withdrawn=True)])
    assert Facet("colour", ("green", "red")) in counts.facets()
    assert counts.facets() == FacetCounts([thing(1), thing(2, "green")]).facets()
    counts.update([thing(1, withdrawn=True), thing(2, withdrawn=True)])
    assert counts.facets() == ()


def test_the_showcase_tells_those_of_the_catalogue_as_it_is_now(empty_workspace: Workspace) -> None:
    showcase = Showcase(empty_workspace)
    assert showcase.facets() == ()
    empty_workspace.items.upsert([thing(1), thing(2, "blue")])
    assert Facet("colour", ("blue", "red")) in showcase.facets()
    empty_workspace.items.withdraw(["2"])
    assert Facet("colour", ("red",)) in showcase.facets()


def test_attributes_of_several_values_at_a_time_are_told_from_others() -> None:
    several = {facet.name: facet.several for facet in FacetCounts([thing(n) for n in range(20)]).facets()}
    assert several == {"colour": False, "rooms": True, "price": False, "year": False}


def test_values_are_counted_the_commonest_first() -> None:
    counts = FacetCounts([thing(1), thing(2, "blue"), thing(3, "blue")])
    assert list(counts.counts("colour").items()) == [("blue", 2), ("red", 1)]
    counts.update([thing(2, "blue", withdrawn=True), thing(3, "blue", withdrawn=True)])
    assert (counts.counts("colour"), counts.counts("nothing")) == ({"red": 1}, {})


def test_ranges_go_from_the_least_to_the_greatest_of_what_is_not_withdrawn() -> None:
    counts = FacetCounts([thing(1), thing(2), thing(9)])
    day = Range(date(2026, 1, 1), date(2026, 1, 1))
    assert counts.ranges() == {"price": Range(10.01, 10.09), "year": Range(2001, 2009), "added": day}
    counts.update([thing(9, withdrawn=True)])
    assert (counts.ranges()["price"], counts.ranges()["year"]) == (Range(10.01, 10.02), Range(2001, 2002))
    counts.update([thing(1, withdrawn=True), thing(2, withdrawn=True)])
    assert counts.ranges() == {}
