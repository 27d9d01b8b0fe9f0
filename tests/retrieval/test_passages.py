from datetime import date

from retrieval.passages import MAX_CHARS, passage
from retrieval.types import Item, Money


def test_a_passage_tells_the_title_and_the_attributes() -> None:
    item = Item(
        "1",
        "Heat.",
        {
            "plot": "A thief and a detective, each the best at what he does, meet.",
            "year": 1995,
            "genres": ("Crime", "Drama"),
            "price": Money(990, "EUR"),
            "seen": date(2026, 3, 1),
            "empty": "",
        },
    )
    assert passage(item) == (
        "Heat. year: 1995. genres: Crime, Drama. price: 9.90 EUR. seen: 2026-03-01. "
        "plot: A thief and a detective, each the best at what he does, meet"
    )


def test_a_huge_text_does_not_push_out_the_short_ones() -> None:
    text = passage(Item("1", "Heat", {"plot": "and then " * 100_000, "year": 1995}))
    assert text.startswith("Heat. year: 1995. plot: and then")
    assert len(text) == MAX_CHARS
