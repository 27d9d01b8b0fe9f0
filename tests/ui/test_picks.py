"""Picks and filters say the same, whatever the catalogue's names and values are."""

from __future__ import annotations

from datetime import date

import pytest

from retrieval.errors import FilterError, RequestError
from retrieval.filters import AttributeTable, parse_filter
from retrieval.types import Item
from ui.picks import Pick, named_in, picks_of, read_picks, where_of

HOSTILE = (
    "it's",
    'say "no"',
    "back\\slash",
    "ends with \\",
    "\\' or 1 = 1 or id = '",
    "') or title contains ('",
    "`tick` and (not in) missing",
    "<img src=x onerror=window.hacked=1>",
    "${window.hacked}",
    "a, 'b', \"c\"",
    "Ünïcödé 灯 🪔",
    "tab\tand  spaces ",
    "",
)
NAMES = ("colour", "two words", "and", "Missing", "2nd", "größe", "it's", "a='b' or c", "price\t", "灯")


@pytest.mark.parametrize(
    ("picks", "where"),
    [
        ((), ""),
        ((Pick("colour", ("red",)),), "colour = 'red'"),
        ((Pick("colour", ("red", "blue")),), "colour in ('red', 'blue')"),
        ((Pick("price", bounds={">=": 9.5, "<=": 40.0}),), "price >= 9.5 and price <= 40"),
        ((Pick("added", bounds={">": date(2026, 3, 1)}),), "added > 2026-03-01"),
        ((Pick("two words", ("it's",)), Pick("n", bounds={"<": -1e300})), r"`two words` = 'it\'s' and n < -1e+300"),
    ],
)
def test_a_filter_is_spelled_as_people_would(picks: tuple[Pick, ...], where: str) -> None:
    assert where_of(picks) == where
    assert picks_of(where) == picks


@pytest.mark.parametrize("name", NAMES)
def test_no_name_and_no_value_ends_its_place_in_the_filter(name: str) -> None:
    picks = (Pick(name, HOSTILE), Pick(f"{name} too", bounds={">=": 0.1, "<": 1e22}))
    assert picks_of(where_of(picks)) == picks
    assert named_in(where_of(picks)) == {name, f"{name} too"}
    table = AttributeTable([Item(str(row), "Thing", {name: value}) for row, value in enumerate(HOSTILE)])
    for row, value in enumerate(HOSTILE):
        mask = table.mask(parse_filter(where_of((Pick(name, (value,)),))))
        assert [place for place, kept in enumerate(mask) if kept] == [row]


@pytest.mark.parametrize(
    ("where", "picks"),
    [
        ("  ", ()),
        ("(price<44)", (Pick("price", bounds={"<": 44.0}),)),
        ("year = 1995", (Pick("year", bounds={">=": 1995.0, "<=": 1995.0}),)),
        ("a = 'x' and (b = 'y' and c > 1)", (Pick("a", ("x",)), Pick("b", ("y",)), Pick("c", bounds={">": 1.0}))),
        ("a in (\"x\", 'x')", (Pick("a", ("x",)),)),
    ],
)
def test_what_was_typed_is_read_as_picks(where: str, picks: tuple[Pick, ...]) -> None:
    assert picks_of(where) == picks


@pytest.mark.parametrize(
    "where",
    [
        "a = 'x' or b = 'y'",
        "not a = 'x'",
        "a != 'x'",
        "a not in ('x', 'y')",
        "a is missing",
        "a contains 'x'",
        "a < 'x'",
        "a = 'x' and a = 'y'",
        "a = 'x' and a > 3",
        "a in ('x', 3)",
        "a in (3, 4)",
        "a > 3 and a >= 4",
        "a = 3 and a < 4",
    ],
)
def test_what_says_more_is_no_picks(where: str) -> None:
    assert picks_of(where) is None
    assert named_in(where) <= {"a", "b"}


def test_a_filter_that_is_none_says_so() -> None:
    with pytest.raises(FilterError, match="stops making sense"):
        picks_of("price <")


def test_picks_of_a_browser_are_read() -> None:
    told = [
        {"name": "colour", "values": ["red"], "bounds": {}},
        {"name": "price", "values": [], "bounds": {">=": "9.5", "<": "1e3"}},
        {"name": "added", "bounds": {"<=": "2026-03-01"}},
        {"name": "nothing", "values": [], "bounds": {}},
    ]
    assert read_picks(told) == (
        Pick("colour", ("red",)),
        Pick("price", bounds={">=": 9.5, "<": 1000.0}),
        Pick("added", bounds={"<=": date(2026, 3, 1)}),
    )


@pytest.mark.parametrize(
    "told",
    [
        None,
        "colour = 'red'",
        {"name": "colour"},
        [3],
        [[]],
        [{"name": ""}],
        [{"name": 3}],
        [{"name": "a` or `b", "values": ["x"]}],
        [{"name": "a" * 2001}],
        [{"name": "a", "values": "x"}],
        [{"name": "a", "values": [None]}],
        [{"name": "a", "values": ["\ud800"]}],
        [{"name": "a", "values": ["x"] * 2001}],
        [{"name": "a", "bounds": {"=": "3"}}],
        [{"name": "a", "bounds": {"<": 3}}],
        [{"name": "a", "bounds": {"<": "9" * 41}}],
        [{"name": "a", "bounds": {"<": "nan"}}],
        [{"name": "a", "bounds": {"<": "1e999"}}],
        [{"name": "a", "bounds": {"<": "2026-02-31"}}],
        [{"name": "a", "bounds": {"<": "3 or 1"}}],
        [{"name": "a", "more": 1}],
        [{"name": "a"}] * 101,
    ],
)
def test_anything_else_that_a_browser_sends_is_refused(told: object) -> None:
    with pytest.raises(RequestError, match=r"cannot be read|found the bound"):
        read_picks(told)


def test_an_attribute_is_named_once_however_it_is_written() -> None:
    assert len(named_in("COLOUR = 'a' or colour = 'b'")) == 1
