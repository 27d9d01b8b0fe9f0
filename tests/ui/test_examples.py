"""The prompts of an empty page."""

import pytest

from retrieval.types import AttributeValue, Item
from retrieval.workspace import Workspace
from ui.examples import SURPRISE, examples_of


def test_films_are_wished_for_by_genre_and_decade_like_a_title_or_as_a_surprise() -> None:
    items = [
        Item(
            str(n),
            f"Film {n}",
            {"genres": ("Drama", "Noir") if n % 2 else ("Drama",), "director": f"D{n}", "year": 1960 + n % 40},
            ("a" * 64,),
        )
        for n in range(70)
    ]
    assert examples_of(items) == (
        "drama from the 1960s",
        "noir from the 1970s",
        "something like Film 0",
        SURPRISE,
    )


@pytest.mark.parametrize(
    ("attributes", "wish"),
    [
        ({"kind": "Lamp", "colour": "green"}, "green lamp"),
        ({"category": "T-shirt"}, "T-shirt"),
        ({"type": "Footwear", "year": 2012}, "footwear from the 2010s"),
        ({"category": "socks", "colour": "red"}, "red socks"),
        ({"genres": ("Children's",), "year": 1990}, "something in Children's"),
        ({"brand": "Moss"}, "something in Moss"),
    ],
)
def test_a_wish_reads_as_somebody_would_say_it(attributes: dict[str, AttributeValue], wish: str) -> None:
    assert examples_of([Item(str(n), "x", attributes) for n in range(3)])[0] == wish


def test_a_wish_names_what_an_item_has(shop_workspace: Workspace) -> None:
    items = shop_workspace.items.all()
    titles = {item.title.lower() for item in items}
    *wishes, _title, _surprise = examples_of(items)
    assert len(wishes) == 3
    assert set(wishes) <= titles


def test_an_empty_catalogue_still_offers_a_surprise() -> None:
    assert examples_of([]) == (SURPRISE,)
