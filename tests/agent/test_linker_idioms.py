"""Idioms around a wish, of refusing, of liking, of likeness and of asking: what the linker makes of them."""

from __future__ import annotations

import pytest

from agent.linker import link
from agent.mentions import Embed
from retrieval.encoders import open_encoder
from tests.agent.test_linker import FILMS, SHOP, SHOWN, told


@pytest.fixture(scope="module")
def embed() -> Embed:
    return open_encoder("builtin").embed_text


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("on the hunt for a red vase", {"want": {"category": ["vase"], "colour": ["red"]}}),
        (
            "so my flat is a bit bare and I could do with a blue rug",
            {"want": {"category": ["rug"], "colour": ["blue"]}},
        ),
        ("kindly assist me in locating a brown chair", {"want": {"category": ["chair"], "colour": ["brown"]}}),
        ("it's high time I owned a jute rug", {"want": {"category": ["rug"], "material": ["jute"]}}),
        ("scratch that, show me a blue rug", {"want": {"category": ["rug"], "colour": ["blue"]}}),
        ("thanks, that's great", {"action": "chat"}),
        ("a gloriously quiet chair", {"want": {"category": ["chair"]}, "query": "gloriously quiet"}),
        ("a fan for the living room", {"want": {"room": ["living room"]}, "query": "fan"}),
        ("a hood for a chair", {"want": {"category": ["chair"]}, "query": "hood"}),
        ("a rug please. wool, no thanks", {"want": {"category": ["rug"]}, "avoid": {"material": ["wool"]}}),
        (
            "an umbrella, stripes are not for me",
            {"want": {"category": ["umbrella"]}, "avoid": {"pattern": ["stripes"]}},
        ),
        ("a dot-free dress", {"want": {"category": ["dress"]}, "avoid": {"pattern": ["dots"]}}),
        ("a chair, wool makes me itch", {"want": {"category": ["chair"]}, "avoid": {"material": ["wool"]}}),
        ("a vase, steer clear of brown", {"want": {"category": ["vase"]}, "avoid": {"colour": ["brown"]}}),
        ("a rug, extra points for jute", {"want": {"category": ["rug"]}, "prefer": {"material": ["jute"]}}),
        ("a rug, with a soft spot for dots", {"want": {"category": ["rug"]}, "prefer": {"pattern": ["dots"]}}),
        ("a chair, I wouldn't say no to red", {"want": {"category": ["chair"]}, "prefer": {"colour": ["red"]}}),
        ("a chair, 60 euros is my limit", {"want": {"category": ["chair"]}, "at_most": {"price": 60}}),
        ("a chair upwards of 60 euros", {"want": {"category": ["chair"]}, "at_least": {"price": 60}}),
        ("a chair, no cheaper than 50 euros", {"want": {"category": ["chair"]}, "at_least": {"price": 50}}),
    ],
)
def test_a_first_message_in_idioms(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert told(link(message, SHOP, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("in the mood for a comedy tonight", {"want": {"genre": ["Comedy"]}}),
        ("westerns put me to sleep, so a comedy", {"want": {"genre": ["Comedy"]}, "avoid": {"genre": ["Western"]}}),
    ],
)
def test_a_first_message_of_films_in_idioms(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert told(link(message, FILMS, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("dots aren't my thing", {"action": "refine", "avoid": {"pattern": ["dots"]}}),
        ("stripes? nope", {"action": "refine", "avoid": {"pattern": ["stripes"]}}),
        ("I could live without dots", {"action": "refine", "avoid": {"pattern": ["dots"]}}),
        ("on second thoughts, red", {"action": "refine", "want": {"colour": ["red"]}}),
        ("I'm not fussed about colour", {"action": "refine", "drop": ["colour"]}),
        ("colour is up to you", {"action": "refine", "drop": ["colour"]}),
        ("those cost an arm and a leg", {"action": "refine", "step": {"price": "lower"}}),
        ("keep them coming", {"action": "refine"}),
        ("something in the vein of the second", {"action": "similar", "items": [2]}),
        ("anything kindred to the third?", {"action": "similar", "items": [3]}),
        ("a twin of the first but in grey", {"action": "similar", "items": [1], "want": {"colour": ["grey"]}}),
        ("the second hits the mark, but make it red", {"action": "similar", "items": [2], "want": {"colour": ["red"]}}),
        ("number 1 ticks all the boxes", {"action": "like", "items": [1]}),
        ("the second has my name on it", {"action": "like", "items": [2]}),
        ("can't go wrong with number 3", {"action": "like", "items": [3]}),
        ("I'm sold on number 3", {"action": "like", "items": [3]}),
        ("I'm not sold on number 3", {"action": "dislike", "items": [3]}),
        ("I can't say the second grabs me", {"action": "dislike", "items": [2]}),
        ("number 2 is a hard pass", {"action": "dislike", "items": [2]}),
        ("the last one puts me off", {"action": "dislike", "items": [3]}),
        ("walk me through number 2", {"action": "ask", "items": [2]}),
        ("any info on the second", {"action": "ask", "items": [2]}),
        ("run me through the brands you stock", {"action": "ask"}),
        ("how did you land on the first", {"action": "why", "items": [1]}),
        ("how does the first stack up against the third", {"action": "compare", "items": [1, 3]}),
    ],
)
def test_a_message_to_a_list_in_idioms(message: str, expected: dict[str, object], embed: Embed) -> None:
    update = link(message, SHOP, standing="category rug; colour blue", shown=SHOWN, embed=embed)
    assert told(update) == expected
