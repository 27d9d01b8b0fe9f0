"""The prompts of an empty page."""

from retrieval.types import Item
from ui.examples import SURPRISE, examples_of


def test_examples_are_common_values_a_title_and_a_surprise() -> None:
    items = [
        Item(
            str(n),
            f"Film {n}",
            {"genres": ("Drama", "Noir") if n % 2 else ("Drama",), "director": f"D{n}"},
            ("a" * 64,),
        )
        for n in range(70)
    ]
    assert examples_of(items) == ("Drama", "Noir", "Something like Film 0", SURPRISE)


def test_an_empty_catalogue_still_offers_a_surprise() -> None:
    assert examples_of([]) == (SURPRISE,)
