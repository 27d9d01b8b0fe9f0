"""The linker, with the real text encoder: what it reads in messages whose meaning is planted."""

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

from agent.dialogue import Action, Facet, Update, update_text
from agent.linker import facets_in_question, link
from agent.mentions import Embed
from retrieval.encoders import open_encoder
from retrieval.vectors import Vectors

SHOP = (
    Facet("category", ("chair", "rug", "vase", "umbrella", "dress", "plant pot")),
    Facet("colour", ("red", "green", "blue", "brown", "grey")),
    Facet("accent", ("red", "green", "blue", "brown")),
    Facet("pattern", ("plain", "stripes", "dots", "leaves")),
    Facet("material", ("wool", "jute", "bamboo", "bamboo viscose", "recycled polyester")),
    Facet("room", ("living room", "dining room", "balcony")),
    Facet("brand", ("Lumi & Oak", "Kestrel Row")),
    Facet("price"),
)
FILMS = (
    Facet("genre", ("Comedy", "Western", "Noir")),
    Facet("director", ("Akira Kurosawa", "Sergio Leone")),
    Facet("year"),
    Facet("runtime_minutes"),
)
SHOWN = ("Moss green oak stool", "Brass desk lamp Ola", "Paper globe lamp, white")


@pytest.fixture(scope="module")
def embed() -> Embed:
    return open_encoder("builtin").embed_text


def told(update: Update) -> dict[str, object]:
    return dict(json.loads(update_text(update)))


def test_attributes_of_many_names_are_known_by_letters_and_never_embedded(embed: Embed) -> None:
    names = tuple(f"Maker {number} {chr(97 + number % 26)}{chr(97 + number // 26 % 26)}son" for number in range(3000))
    facets = (*SHOP, Facet("maker", names))
    embedded: list[str] = []

    def counted(texts: Sequence[str]) -> Vectors:
        embedded.extend(texts)
        return embed(texts)

    message = "a warm carpet by Maker 1234"
    update = link(message, facets, embed=counted)
    assert (update.want["category"], update.want["maker"]) == (("rug",), (names[1234],))
    asked = {facet.name: facet.values for facet in facets_in_question(message, facets, counted)}
    assert names[1234] in asked["maker"]
    assert "rug" in asked["category"]
    assert len(embedded) < 150


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("too many stripes, drop those", {"avoid": {"pattern": ["stripes"]}}),
        ("spare me wool", {"avoid": {"material": ["wool"]}}),
        ("a check-patterned, leaf-green vase", {"want": {"category": ["vase"], "colour": ["green"]}}),
        ("an umbrlela in borwn", {"want": {"category": ["umbrella"], "colour": ["brown"]}}),
        ("that is more than I can spend", {"step": {"price": "lower"}}),
        ("it may cost more", {"step": {"price": "higher"}}),
        ("something softer", {"want": None, "query": "softer"}),
        ("I can't afford that", {"step": {"price": "lower"}}),
    ],
)
def test_what_is_typed_and_said_in_passing(message: str, expected: dict[str, object], embed: Embed) -> None:
    found = told(link(message, SHOP, standing="category rug", shown=SHOWN, embed=embed))
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("I'm after a striped rug", {"want": {"category": ["rug"], "pattern": ["stripes"]}}),
        ("a leafy umbrela", {"want": {"category": ["umbrella"], "pattern": ["leaves"]}}),
        ("carpet for the terrace", {"want": {"category": ["rug"], "room": ["balcony"]}}),
        ("Kestrel Row vases", {"want": {"brand": ["Kestrel Row"], "category": ["vase"]}}),
        ("anything by lumi & oak", {"want": {"brand": ["Lumi & Oak"]}}),
        ("bamboo", {"want": {"material": ["bamboo"]}}),
        ("a rug of polyester", {"want": {"category": ["rug"], "material": ["recycled polyester"]}}),
        ("grey rug with red accents", {"want": {"category": ["rug"], "colour": ["grey"], "accent": ["red"]}}),
        ("a rug without dots", {"want": {"category": ["rug"]}, "avoid": {"pattern": ["dots"]}}),
        ("a chair, not red or green", {"want": {"category": ["chair"]}, "avoid": {"colour": ["red", "green"]}}),
        ("anything but wool", {"avoid": {"material": ["wool"]}}),
        ("a rug, ideally jute", {"want": {"category": ["rug"]}, "prefer": {"material": ["jute"]}}),
        ("a rug, jute would be nice", {"want": {"category": ["rug"]}, "prefer": {"material": ["jute"]}}),
        ("red vases under £40", {"want": {"category": ["vase"], "colour": ["red"]}, "at_most": {"price": 40}}),
        ("a rug under a hundred", {"want": {"category": ["rug"]}, "at_most": {"price": 100}}),
        ("one hundred and fifty euros at most", {"at_most": {"price": 150}}),
        ("fifty to ninety euros", {"at_least": {"price": 50}, "at_most": {"price": 90}}),
        ("a rug under ten", {"want": {"category": ["rug"]}, "at_most": {"price": 10}}),
        ("any colour but red", {"avoid": {"colour": ["red"]}}),
        (
            "a vase for my living room or the balcony",
            {"want": {"category": ["vase"], "room": ["living room", "balcony"]}},
        ),
        ("vases to go with my red curtains", {"want": {"category": ["vase"]}, "query": "red curtains"}),
        ("vases with elbow handles", {"want": {"category": ["vase"]}, "query": "elbow handles"}),
        ("over twenty-five euros", {"at_least": {"price": 25}}),
        ("a rug for my old vase", {"want": {"category": ["rug"]}, "query": "old vase"}),
        ("a blue rug for our red vase", {"want": {"category": ["rug"], "colour": ["blue"]}, "query": "red vase"}),
        ("from 80 to 120 euros", {"at_least": {"price": 80}, "at_most": {"price": 120}}),
        ("2 red vases", {"want": {"category": ["vase"], "colour": ["red"]}, "count": 2}),
        ("something cosy for my sister", {"query": "cosy for my sister"}),
    ],
)
def test_a_new_wish(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert told(link(message, SHOP, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("less expensive please", {"action": "refine", "step": {"price": "lower"}}),
        ("make it red", {"action": "refine", "want": {"colour": ["red"]}}),
        ("any colour is fine", {"action": "refine", "drop": ["colour"]}),
        ("forget about blue", {"action": "refine", "drop": ["colour"]}),
        ("forget about the colour", {"action": "refine", "drop": ["colour"]}),
        ("leave the green ones out", {"action": "refine", "avoid": {"colour": ["green"]}}),
        ("the first is too dark", {"action": "dislike", "items": [1]}),
        ("the second one but bigger", {"action": "similar", "items": [2], "query": "bigger"}),
        ("leave out green", {"action": "refine", "avoid": {"colour": ["green"]}}),
        ("Chepaer please", {"action": "refine", "step": {"price": "lower"}}),
        ("my purse says cheaper", {"action": "refine", "step": {"price": "lower"}}),
        ("I changed my mind about blue", {"action": "refine", "drop": ["colour"]}),
        ("I've changed my mind about blue, make it red", {"action": "refine", "want": {"colour": ["red"]}}),
        ("green rather than blue", {"action": "refine", "want": {"colour": ["green"]}}),
        ("show me three", {"action": "refine", "count": 3}),
        ("I need a dress now", {"action": "search", "want": {"category": ["dress"]}}),
        ("why the brass lamp?", {"action": "why", "items": [2]}),
        ("compare 1 and 3", {"action": "compare", "items": [1, 3]}),
        ("what is the last one made from?", {"action": "ask", "items": [3]}),
        ("I don't like number 3", {"action": "dislike", "items": [3]}),
        ("the paper globe is beautiful", {"action": "like", "items": [3]}),
        ("the second one but in grey", {"action": "similar", "items": [2], "want": {"colour": ["grey"]}}),
        ("more like the first, but in grey", {"action": "similar", "items": [1], "want": {"colour": ["grey"]}}),
        ("the second one", {"action": "ask", "items": [2]}),
        ("I'll take the second", {"action": "like", "items": [2]}),
        ("put the globe lamp on my list", {"action": "like", "items": [3]}),
        ("Ola 👎", {"action": "dislike", "items": [2]}),
        ("tell me about the brass desk lamp Ola", {"action": "ask", "items": [2]}),
        ("what led you to the first?", {"action": "why", "items": [1]}),
        ("can I get the second in blue", {"action": "similar", "items": [2], "want": {"colour": ["blue"]}}),
        ("is it washable?", {"action": "ask"}),
        ("what materials are there?", {"action": "ask"}),
        ("how long does delivery take?", {"action": "ask"}),
        ("do you have a paper vase?", {"action": "search", "want": {"category": ["vase"]}, "query": "paper"}),
        ("thank you, goodbye", {"action": "chat"}),
    ],
)
def test_a_message_to_a_list(message: str, expected: dict[str, object], embed: Embed) -> None:
    update = link(message, SHOP, standing="category rug; colour blue", shown=SHOWN, embed=embed)
    assert told(update) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("before nineteen ninety", {"query": "nineteen ninety"}),
        ("from the 60s", {"at_least": {"year": 1960}, "at_most": {"year": 1969}}),
        ("Kurosawa before 1960", {"want": {"director": ["Akira Kurosawa"]}, "at_most": {"year": 1960}}),
        ("under two hours", {"at_most": {"runtime_minutes": 120}}),
        ("newer", {"step": {"year": "higher"}}),
    ],
)
def test_another_catalogue_has_numbers_of_its_own(message: str, expected: dict[str, object], embed: Embed) -> None:
    assert told(link(message, FILMS, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("narrow that down: a rug", {"want": {"category": ["rug"]}}),
        ("my friend thinks it should be a rug", {"want": {"category": ["rug"]}}),
        ("it's my sister's birthday soon and she would love a vase", {"want": {"category": ["vase"]}}),
        ("I have been thinking about it for weeks: a rug", {"want": {"category": ["rug"]}}),
        ("price: under 50", {"at_most": {"price": 50}}),
        ("Price: less", {"step": {"price": "lower"}}),
        ("anohter rug pleaes", {"want": {"category": ["rug"]}}),
        ("a rug with a lighthouse on it", {"want": {"category": ["rug"]}, "query": "lighthouse"}),
    ],
)
def test_what_is_said_around_a_wish_is_not_searched_for(
    message: str, expected: dict[str, object], embed: Embed
) -> None:
    assert told(link(message, SHOP, embed=embed)) == {"action": "search"} | expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("over 25 but under 150 centimetres", {"at_least": {"diameter": 25}, "at_most": {"diameter": 150}}),
        ("about 90 cm", {"at_least": {"diameter": 72}, "at_most": {"diameter": 108}}),
        ("between 3 and 4 stars", {"at_least": {"score": 3}, "at_most": {"score": 4}}),
        ("min a score of 4.5", {"at_least": {"score": 4.5}}),
        ("the heaviest", {"step": {"weight": "highest"}}),
        ("under 5 people", {"query": "people"}),
        ("I wouldn't pay more than 50", {"at_most": {"price_eur": 50}}),
        ("it can't cost less than 20", {"at_least": {"price_eur": 20}}),
        ("a group of about 5 friends", {"query": "group of about 5 friends"}),
    ],
)
def test_a_unit_says_which_number_is_meant(message: str, expected: dict[str, object], embed: Embed) -> None:
    numbers = tuple(Facet(name) for name in ("price_eur", "diameter", "score", "weight"))
    assert told(link(message, numbers, embed=embed)) == {"action": "search"} | expected


def test_words_that_mean_nothing_of_the_catalogue_link_to_nothing(embed: Embed) -> None:
    for message in ("", "?!", "please", "12", "\x00 «»", "¿dónde?"):
        update = link(message, SHOP, standing="colour red", shown=SHOWN, embed=embed)
        assert told(update).keys() <= {"action", "query", "count"}
    assert link("red", (), embed=embed) == Update(Action.SEARCH, query="red")


def test_values_are_embedded_once(embed: Embed) -> None:
    asked: list[str] = []

    def counted(texts: list[str]) -> object:
        asked.extend(texts)
        return embed(texts)

    for _ in range(3):
        link("a doormat", SHOP, embed=counted)  # type: ignore[arg-type]
    assert asked.count("dining room") == 1


def test_of_many_values_those_in_question_are_shown(embed: Embed) -> None:
    people = tuple(f"Person {number:03d}" for number in range(300))
    facets = (Facet("director", (*people[:150], "Akira Kurosawa", *people[150:])), Facet("genre", ("Comedy", "Noir")))
    director, genre = facets_in_question("kurosawa, but funny", (*facets,), embed, most=5)
    assert len(director.values) == 5
    assert "Akira Kurosawa" in director.values
    assert genre == facets[1]
    kept = {facet.name: facet.values for facet in facets_in_question("carpet in navy", SHOP, embed, most=2)}
    assert "rug" in kept["category"]
    assert "blue" in kept["colour"]
    assert kept["price"] == ()


def test_the_linker_loads_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "sentence_transformers", "chromadb")
    code = f"import sys, agent.linker; print([m for m in {heavy!r} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
