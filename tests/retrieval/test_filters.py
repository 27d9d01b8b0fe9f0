"""Filters: what they let through, and what they say when they cannot be read."""

from datetime import date

import numpy as np
import pytest

from retrieval.catalog import CatalogRow, read_catalog
from retrieval.errors import FilterError
from retrieval.filters import AttributeTable, parse_filter
from retrieval.types import Item, Money
from tests.conftest import TinyShop

EUR, YEN = Money(999, "EUR"), Money(1500, "JPY")
JANUARY, MARCH = date(2026, 1, 5), date(2026, 3, 1)
ITEMS = [
    Item("seven", "Se7en", {"year": 1995, "genres": ("Crime", "Thriller"), "price": EUR, "added": JANUARY}),
    Item("babe", "Babe: Pig in the City", {"year": 1998, "genres": ("Children's", "Comedy"), "price": YEN}),
    Item("heat", "Heat", {"year": 1995, "genres": ("Action", "Crime"), "director": "Michael Mann", "added": MARCH}),
    Item(
        "psycho",
        "Psycho",
        {"year": 1960, "genres": (), "director": "Alfred Hitchcock", "two words": "yes", "new": "true"},
    ),
    Item("bare", "Untitled", {"price": 3, "größe": 4.5, "android": 1}),
]
TABLE = AttributeTable(ITEMS)


def chosen(text: str) -> list[str]:
    mask = TABLE.mask(parse_filter(text))
    assert (mask.dtype, mask.shape) == (np.bool_, (len(ITEMS),))
    return [item_id for item_id, kept in zip(TABLE.item_ids, mask, strict=True) if kept]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("year = 1995", "seven heat"),
        ("year=1995.0", "seven heat"),
        ("year != 1995", "babe psycho bare"),
        ("year < 1995", "psycho"),
        ("year <= 1995", "seven heat psycho"),
        ("year > 1995", "babe"),
        ("year >= 1995", "seven babe heat"),
        ("year > -1e3", "seven babe heat psycho"),
        ("price < 10", "seven bare"),
        ("price >= 9.99", "seven babe"),
        ("price = 1500", "babe"),
        ("genres = 'Crime'", "seven heat"),
        ('genres = "children\'s"', "babe"),
        (r"genres = 'Children\'s'", "babe"),
        ("genres != 'Crime'", "babe psycho bare"),
        ("genres in ('Action', 'Comedy')", "babe heat"),
        ("genres not in ('Action', 'Comedy')", "seven psycho bare"),
        ("year in (1960, 1998)", "babe psycho"),
        ("genres contains 'rim'", "seven heat"),
        ("title contains 'PIG in'", "babe"),
        ("director = 'alfred hitchcock'", "psycho"),
        ("director < 'b'", "psycho"),
        ("director is missing", "seven babe bare"),
        ("not genres IS MISSING", "seven babe heat"),
        ("genres = 'Comedy' or added is missing", "babe psycho bare"),
        ("id = 'heat' or id = 'bare'", "heat bare"),
        ("added = 2026-03-01", "heat"),
        ("added >= 2026-01-05", "seven heat"),
        ("added < '2026-02-01'", "seven"),
        ("added != 2026-03-01", "seven babe psycho bare"),
        ("`two words` = 'yes'", "psycho"),
        ("größe > 4", "bare"),
        ("android = 1", "bare"),
        ("new = 'TRUE'", "psycho"),
        ("YEAR = 1960", "psycho"),
        ("year = 1995 and genres = 'Action'", "heat"),
        ("year = 1960 or year = 1995 and genres = 'Action'", "heat psycho"),
        ("(year = 1960 or year = 1995) and genres = 'Action'", "heat"),
        ("not year = 1995 and not year = 1960", "babe bare"),
        ("NOT (year = 1995 OR year = 1960)", "babe bare"),
        ("not not year = 1960", "psycho"),
        ("director contains ''", "heat psycho"),
        ("genres = 'no such genre'", ""),
        ("  ( ( year=1960 ) )\n", "psycho"),
    ],
)
def test_a_filter_chooses(text: str, expected: str) -> None:
    assert chosen(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at its end"),
        ("year = ", "at its end"),
        ("year", "at its end"),
        ("year = 1 year", r"at 'year' \(character 10\)"),
        ("year = Drama", "at 'Drama'.*text in quotes"),
        ("year == 1", "at '= 1'"),
        ("(year = 1", "at its end"),
        ("year = 'open", 'at "\'open"'),
        ("year in ()", r"at '\)'"),
        ("year = 1 and and", "at its end"),
        ("year = 1; DROP TABLE items", "at '; DROP TABLE items'"),
        ("__import__('os')", r"at \"\('os'\)\""),
        ("added > 2026-02-30", "found the date '2026-02-30'"),
        ("added > 'spring'", "found the date 'spring'"),
        ("yaer = 1", "no item has the attribute 'yaer', the catalogue has added, .*did you mean year"),
        ("colour = 'red'", "no item has the attribute 'colour'"),
        ("year = 'Drama'", "year holds numbers, it cannot be compared with 'Drama'"),
        ("year contains 9", "year holds numbers; contains looks into text"),
        ("genres > 5", "genres holds text, it cannot be compared with 5"),
        ("genres contains 5", "put text in quotes"),
        ("added > 5", "added holds dates, it cannot be compared with 5"),
        ("year > 2026-01-01", "year holds numbers, it cannot be compared with 2026-01-01"),
        ("price < 'EUR 5'", "price holds numbers"),
        ("not " * 31 + "year = 1", "nested more than 30 deep"),
        ("year = 1 and " * 200 + "year = 1", "2,608 characters, at most 2,000"),
        ("(" * 999 + "year = 1", "at its end"),
    ],
)
def test_a_filter_that_cannot_be_used_says_why(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        chosen(text)


def test_many_parts_side_by_side_are_fine() -> None:
    assert chosen(" or ".join(["year = 1960"] * 100)) == ["psycho"]
    assert chosen("(" * 500 + "year = 1960" + ")" * 500) == ["psycho"]


def test_mixed_kinds_in_one_attribute_are_each_matched() -> None:
    table = AttributeTable([Item("a", "A", {"size": 42}), Item("b", "B", {"size": "XL"})])
    assert list(table.mask(parse_filter("size > 40"))) == [True, False]
    assert list(table.mask(parse_filter("size = 'xl'"))) == [False, True]


def test_a_table_of_nothing() -> None:
    table = AttributeTable([])
    assert table.mask(parse_filter("not id = 'x'")).shape == (0,)
    with pytest.raises(FilterError, match="no item has the attribute 'year', the catalogue has id, title"):
        table.mask(parse_filter("year = 1"))


def test_the_planted_prices_and_rooms(tiny_shop: TinyShop) -> None:
    items = [row.item for row in read_catalog(tiny_shop.catalog) if isinstance(row, CatalogRow)]
    table = AttributeTable(items)
    cheap = table.mask(parse_filter("price < 20 and rooms = 'Kitchen' and added < 2026-02-01"))
    assert [item.item_id for item, kept in zip(items, cheap, strict=True) if kept] == ["red-mug"]
