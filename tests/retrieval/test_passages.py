from datetime import date

from retrieval.passages import MAX_CHARS, PROSE_CHARS, passage
from retrieval.types import Item, Money

PLOT = "A thief and a detective, each the best at what he does, meet on a night when neither of them can turn back."


def test_what_an_item_is_about_comes_first_and_labels_after_it() -> None:
    item = Item(
        "1",
        "Heat.",
        {
            "year": 1995,
            "director": "Mann",
            "actors": ("Al Pacino", "Robert De Niro", "Val Kilmer"),
            "genres": ("Crime", "Drama"),
            "price": Money(990, "EUR"),
            "seen": date(2026, 3, 1),
            "empty": "",
            "plot": PLOT,
        },
    )
    assert passage(item) == f"Heat. {PLOT.rstrip('.')}. Crime, Drama. Mann"


def test_names_with_commas_between_them_are_no_prose() -> None:
    names = "Allison Anders, Alexandre Rockwell, Robert Rodriguez, Quentin Tarantino"
    assert passage(Item("1", "Four Rooms", {"director": names, "plot": PLOT})) == f"Four Rooms. {PLOT.rstrip('.')}"
    assert passage(Item("1", "Four Rooms", {"director": names})) == f"Four Rooms. director: {names}"


def test_without_prose_all_attributes_are_told_the_short_ones_first() -> None:
    item = Item(
        "1",
        "Mug",
        {
            "makers": ("Alexandra Bell", "Christopher Dunn", "Emmanuel Ford"),
            "colour": "red",
            "price": Money(990, "EUR"),
            "made": date(2026, 3, 1),
            "size": 9,
            "empty": "",
        },
    )
    assert passage(item) == (
        "Mug. colour: red. price: 9.90 EUR. made: 2026-03-01. size: 9. "
        "makers: Alexandra Bell, Christopher Dunn, Emmanuel Ford"
    )
    assert passage(Item("1", "Mug.")) == "Mug"


def test_a_huge_text_does_not_push_out_the_labels() -> None:
    text = passage(Item("1", "Heat", {"plot": "and then " * 100_000, "genres": ("Crime",)}))
    assert text.startswith("Heat. and then")
    assert text.index(". Crime. ") < PROSE_CHARS + 10
    assert len(text) == MAX_CHARS
