"""What a card says, from a recommendation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from retrieval.retrievers import (
    CoOccurrenceRetriever,
    HistoryRetriever,
    PopularRetriever,
    SemanticRetriever,
    VisualRetriever,
)
from retrieval.types import AttributeValue, Evidence, EvidenceKind, Item, Money, ReasonSource, Recommendation
from ui.cards import Card, Fact, footer, found_by, make_card, plain, price_or_year, sentence
from ui.i18n import spoken

ALL = (SemanticRetriever, VisualRetriever, HistoryRetriever, CoOccurrenceRetriever, PopularRetriever)


def _recommendation(item: Item) -> Recommendation:
    facts = (
        Evidence(EvidenceKind.HISTORY, "shares colour green with Fern lamp", item_id="3", title="Fern lamp"),
        Evidence(EvidenceKind.RETRIEVER, "\u202e\x00"),
    )
    return Recommendation(item, 0.5, "Green,\nlike your lamp.", ReasonSource.MODEL, facts, ("semantic", "history"))


def test_a_card_carries_what_the_recommendation_says() -> None:
    item = Item("7", "Moss vase", {"price": Money(4990, "EUR")}, images=("ab" * 32, "cd" * 32))
    card = make_card(_recommendation(item))
    assert (card.item_id, card.title, card.detail) == ("7", "Moss vase", "€49.90")
    assert card.reason == "Green, like your lamp."
    assert card.written_by_model
    assert card.evidence == (Fact("shares colour green with Fern lamp", yours=True, title="Fern lamp"),)
    assert spoken(card.found_by or "") == "Found by your words, your history"
    assert card.picture == "ab" * 32


def test_an_item_without_title_or_picture_still_has_a_card() -> None:
    card = make_card(_recommendation(Item("only-id", "\u200f \n")))
    assert card.title == "only-id"
    assert card.picture is None
    assert card.detail == ""


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"year": 1995}, "1995"),
        ({"Year": 1995.0}, "1995"),
        ({"release_date": date(2001, 5, 4)}, "2001"),
        ({"year": 12}, ""),
        ({"year": "long ago"}, ""),
        ({"cost": Money(123456, "CHF"), "year": 1990}, "1,234.56 CHF"),
        ({"shipping": Money(100, "USD"), "price": Money(900, "USD")}, "$9.00"),
        ({"price": Money(1500, "JPY")}, "¥1,500"),
        ({}, ""),
    ],
)
def test_the_price_comes_before_the_year(attributes: dict[str, AttributeValue], text: str) -> None:
    assert price_or_year(Item("1", "x", attributes)) == text


def test_plain_keeps_markup_as_text_and_drops_what_hides_or_turns_text() -> None:
    assert plain("<b>a</b>\u202e\u2066evil\x00\r\n b", 80) == "<b>a</b>evil b"
    assert plain("好的 नमस्ते 👩‍👩‍👧", 80) == "好的 नमस्ते 👩‍👩‍👧"
    assert plain("\ud800x", 80) == "x"
    assert plain("a" * 100, 10) == "a" * 9 + "…"


def test_a_message_becomes_a_sentence() -> None:
    assert sentence("no attribute 'colr'; it has colour") == "No attribute 'colr'; it has colour."
    assert sentence("Try again!") == "Try again!"


def _footer(timings_ms: dict[str, float], cards: Sequence[Card] = ()) -> list[str]:
    return [spoken(part) for part in footer(timings_ms, cards)]


def test_the_footer_names_every_stage() -> None:
    took = "Answered in 0.42 s: retrieve 51 ms, rerank 210 ms"
    assert _footer({"retrieve": 51.2, "rerank": 210.0, "total": 420.0}) == [took]
    assert _footer({"retrieve": 1000.0, "new": 2.0}) == ["Answered in 1.00 s: retrieve 1000 ms, new 2 ms"]


def test_the_share_of_the_models_reasons_is_told() -> None:
    by_model = make_card(_recommendation(Item("7", "Moss vase")))
    by_evidence = replace(by_model, written_by_model=False)
    assert _footer({}, [by_model, by_evidence, by_model])[1] == "2 of 3 reasons by the model"
    assert _footer({}, [by_evidence])[1] == "0 of 1 reasons by the model"


def test_every_retriever_is_named_in_words() -> None:
    names = [retriever.name for retriever in ALL]
    assert spoken(found_by(names) or "") == (
        "Found by your words, the picture, your history, people who chose what you chose, popularity"
    )


def test_an_unknown_retriever_is_named_by_its_name() -> None:
    assert spoken(found_by(["visual", "two-towers", "visual"]) or "") == "Found by the picture, two-towers"
    assert found_by([]) is None


def test_what_fills_a_list_is_named_in_words() -> None:
    assert spoken(found_by(["lexical", "newest"]) or "") == "Found by your exact words, what is new"
