"""The linker's rules one by one: likes and dislikes, words for things, numbers, items spoken of, and actions."""

from __future__ import annotations

import pytest

from agent.dialogue import Update
from agent.linker import link
from agent.mentions import Embed, tokens_of
from agent.places import pointed, references
from retrieval.encoders import open_encoder
from tests.agent.test_linker import FILMS, SHOP, SHOWN, told

STANDING = "category rug; colour blue"


@pytest.fixture(scope="module")
def embed() -> Embed:
    return open_encoder("builtin").embed_text


def on_a_list(message: str, embed: Embed) -> dict[str, object]:
    return told(link(message, SHOP, standing=STANDING, shown=SHOWN, embed=embed))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("preferably wool, and in red", {"want": {"colour": ["red"]}, "prefer": {"material": ["wool"]}}),
        ("in wool if you can and with dots", {"want": {"pattern": ["dots"]}, "prefer": {"material": ["wool"]}}),
        ("if possible in wool or jute", {"prefer": {"material": ["wool", "jute"]}}),
        ("dots would be lovely", {"prefer": {"pattern": ["dots"]}}),
        ("best of all with leaves", {"prefer": {"pattern": ["leaves"]}}),
        ("without dots in red", {"want": {"colour": ["red"]}, "avoid": {"pattern": ["dots"]}}),
        ("no dots or wool", {"avoid": {"pattern": ["dots"], "material": ["wool"]}}),
        ("not over 50 euros in red", {"want": {"colour": ["red"]}, "at_most": {"price": 50}}),
        ("for less than 80 pounds in red", {"want": {"colour": ["red"]}, "at_most": {"price": 80}}),
        ("green and no longer brown", {"want": {"colour": ["green"]}}),
        ("no longer brown", {"avoid": {"colour": ["brown"]}}),
        ("wool and no longer brown", {"want": {"material": ["wool"]}, "avoid": {"colour": ["brown"]}}),
        ("wool would be wrong", {"avoid": {"material": ["wool"]}}),
        ("it need not be blue", {"drop": ["colour"]}),
        ("not necessarily blue", {"drop": ["colour"]}),
        ("lovely but too blue", {"avoid": {"colour": ["blue"]}}),
        ("not too blue", {"avoid": {"colour": ["blue"]}}),
        ("50ish euros in red", {"want": {"colour": ["red"]}, "at_least": {"price": 40}, "at_most": {"price": 60}}),
        (
            "for 50 euros or so in red",
            {"want": {"colour": ["red"]}, "at_least": {"price": 40}, "at_most": {"price": 60}},
        ),
        ("show me 10 or so in red", {"want": {"colour": ["red"]}, "count": 10}),
        ("for a 30ish man in red", {"want": {"colour": ["red"]}}),
        ("me too red please", {"want": {"colour": ["red"]}}),
        ("better between 5 and 10 euros", {"at_least": {"price": 5}, "at_most": {"price": 10}}),
        ("what about 10 euros?", {"at_least": {"price": 8}, "at_most": {"price": 12}}),
        ("forget the budget", {"drop": ["price"]}),
    ],
)
def test_what_a_like_or_a_dislike_is_of(message: str, expected: dict[str, object], embed: Embed) -> None:
    found = on_a_list(message, embed)
    assert {name: held for name, held in found.items() if name not in ("action", "query")} == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a burgundy frock", {"want": {"colour": ["red"], "category": ["dress"]}}),
        ("brollies for the terrace", {"want": {"category": ["umbrella"], "room": ["balcony"]}}),
        ("a navy blue flower vase", {"want": {"category": ["vase"], "colour": ["blue"]}}),
        ("a gingham rug", {"want": {"category": ["rug"]}, "query": "gingham"}),
        ("a vase with red details", {"want": {"category": ["vase"], "accent": ["red"]}}),
        ("a vase with red as the accent colour", {"want": {"category": ["vase"], "accent": ["red"]}}),
        ("a vase with a touch of green", {"want": {"category": ["vase"], "accent": ["green"]}}),
        ("an umbrela in bown", {"want": {"category": ["umbrella"], "colour": ["brown"]}}),
        ("a vase that's easy to rinse", {"want": {"category": ["vase"]}, "query": "easy to rinse"}),
        ("a chair with two drawers", {"want": {"category": ["chair"]}, "query": "two drawers"}),
        ("a rug that is very quiet", {"want": {"category": ["rug"]}, "query": "very quiet"}),
        ("good morning, a rug please", {"want": {"category": ["rug"]}}),
        ("I'd like 4 chairs", {"want": {"category": ["chair"]}, "count": 4}),
        ("category: vase, number: 3", {"want": {"category": ["vase"]}, "count": 3}),
        ("30 euros or cheaper", {"at_most": {"price": 30}}),
        ("30 euros and up", {"at_least": {"price": 30}}),
        ("price: no more than 40", {"at_most": {"price": 40}}),
    ],
)
def test_what_a_first_message_wants(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert told(link(message, SHOP, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("from 1970 onwards", {"at_least": {"year": 1970}}),
        ("1950 or older", {"at_most": {"year": 1950}}),
        ("not a western, 1950 or later", {"avoid": {"genre": ["Western"]}, "at_least": {"year": 1950}}),
        ("no later than 1970 and from 90 minutes", {"at_most": {"year": 1970}, "at_least": {"runtime_minutes": 90}}),
        ("cowboy films", {"want": {"genre": ["Western"]}}),
        ("a length of 90 to 120", {"at_least": {"runtime_minutes": 90}, "at_most": {"runtime_minutes": 120}}),
    ],
)
def test_numbers_and_names_in_films(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert told(link(message, FILMS, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("bookmark the second one", {"action": "like", "items": [2]}),
        ("thumbs up for number 3", {"action": "like", "items": [3]}),
        ("the last one has won me over", {"action": "like", "items": [3]}),
        ("thumbs down for the first", {"action": "dislike", "items": [1]}),
        ("I'd drop the second one", {"action": "dislike", "items": [2]}),
        ("the first is the one I like least", {"action": "dislike", "items": [1]}),
        ("all of them but the third", {"action": "dislike", "items": [3]}),
        ("1 or 3", {"action": "compare", "items": [1, 3]}),
        ("what's the difference between 1 and 3?", {"action": "compare", "items": [1, 3]}),
        ("choose one between 1 and 3 euros", {"action": "refine", "at_least": {"price": 1}, "at_most": {"price": 3}}),
        ("put 1 and 2 next to each other", {"action": "compare", "items": [1, 2]}),
        ("are the first and the third the same", {"action": "compare", "items": [1, 3]}),
        ("the paper globe lamp, white versus the brass desk lamp Ola", {"action": "compare", "items": [2, 3]}),
        ("explain the second one", {"action": "why", "items": [2]}),
        ("on what basis did you pick number 1", {"action": "why", "items": [1]}),
        ("how does the first one fit my taste", {"action": "why", "items": [1]}),
        (
            "is there a version of the second one in red",
            {"action": "similar", "items": [2], "want": {"colour": ["red"]}},
        ),
        ("take the first and make it red", {"action": "similar", "items": [1], "want": {"colour": ["red"]}}),
        ("an alternative to number 2", {"action": "similar", "items": [2]}),
        ("price of the second one", {"action": "ask", "items": [2]}),
        ("tell me more about 2", {"action": "ask", "items": [2]}),
        ("what about 3?", {"action": "ask", "items": [3]}),
        ("absolutely gorgeous!", {"action": "chat"}),
        ("the second one is gorgeous", {"action": "like", "items": [2]}),
        ("which prices are there", {"action": "ask"}),
        ("can I send it back", {"action": "ask"}),
        ("how can we pay", {"action": "ask"}),
        ("how does this work", {"action": "chat"}),
        ("just a moment please", {"action": "chat"}),
        ("show me 3", {"action": "refine", "count": 3}),
        ("the top two only", {"action": "refine", "count": 2}),
        ("keep going", {"action": "refine"}),
        ("next topic: a vase", {"action": "search", "want": {"category": ["vase"]}}),
        ("on another note, do you have chairs", {"action": "search", "want": {"category": ["chair"]}}),
        ("make it a vase instead", {"action": "refine", "want": {"category": ["vase"]}}),
    ],
)
def test_what_is_to_be_done(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert on_a_list(message, embed) == expected


def test_another_value_is_another_search_only_where_it_says_what_a_thing_is(embed: Embed) -> None:
    about = {"shown": SHOWN, "embed": embed}
    other = link("I'm looking for a vase", SHOP, standing="category lamp; colour blue", **about)  # type: ignore[arg-type]
    assert told(other) == {"action": "search", "want": {"category": ["vase"]}}
    narrower = link("grey, no wool", SHOP, standing="brand Oddsby; colour blue", **about)  # type: ignore[arg-type]
    assert told(narrower) == {"action": "refine", "want": {"colour": ["grey"]}, "avoid": {"material": ["wool"]}}


def test_the_only_item_shown_may_be_called_this_one(embed: Embed) -> None:
    one = link("this one but in red", SHOP, standing=STANDING, shown=SHOWN[:1], embed=embed)
    assert told(one) == {"action": "similar", "items": [1], "want": {"colour": ["red"]}}
    assert link("does it come in red", SHOP, shown=SHOWN[:1], embed=embed) != Update(one.action)


def test_words_for_shown_items_become_this_one() -> None:
    message = "I prefer the brass one to number 3"
    named = references(message, tokens_of(message), SHOWN)
    assert [one.place for one in named] == [3] or {one.place for one in named} == {2, 3}
    assert pointed("the second one but bigger", references("the second one but bigger", tokens_of("x"), SHOWN)) == (
        "this one but bigger"
    )
