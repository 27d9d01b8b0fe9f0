"""Counts over a catalogue that changes are those of counting it anew."""

from __future__ import annotations

import threading

from agent.facts import CatalogueFacts
from agent.wording import words_of
from retrieval.types import Item

HEAT = Item("1", "Heat", {"genres": ("Crime", "Thriller"), "director": "Michael Mann"})
THIEF = Item("2", "Thief", {"genres": ("Crime",), "director": "Michael Mann"})
BIG = Item("3", "Big", {"genres": ("Comedy",), "director": "Penny Marshall"})


def state(facts: CatalogueFacts) -> tuple[object, ...]:
    values = {stem: phrases for stem, phrases in facts._values.items() if phrases}
    titles = {word: phrases for word, phrases in facts._titles.items() if phrases}
    return facts.items, facts._counts, values, titles, facts.name_words


def test_an_update_counts_what_the_items_are_now() -> None:
    facts = CatalogueFacts([HEAT, THIEF])
    renamed = Item("2", "The Thief", {"genres": ("Drama",), "director": "Mann"})
    facts.update([BIG, renamed])
    assert state(facts) == state(CatalogueFacts([HEAT, renamed, BIG]))
    assert facts.rarity("genres", "crime") == facts.rarity("director", "michael mann") > 1


def test_what_no_item_says_any_more_is_unknown() -> None:
    facts = CatalogueFacts([HEAT, BIG])
    facts.update([Item("3", "Small", {"genres": ("Comedy",)})])
    assert "marshall" not in facts.name_words
    assert "michael" in facts.name_words
    assert list(facts.titles_at(("Big",), 0)) == []
    assert list(facts.titles_at(("Small",), 0)) == [("Small",)]


def test_a_value_that_another_item_still_says_stays() -> None:
    facts = CatalogueFacts([HEAT, THIEF])
    facts.update([Item("2", "Thief", {})])
    assert "michael" in facts.name_words
    stems = tuple(word.stem for word in words_of("crime"))
    assert list(facts.values_at(stems, 0)) == [stems]


def test_the_same_item_again_counts_once() -> None:
    facts = CatalogueFacts([HEAT, HEAT])
    facts.update([HEAT])
    assert state(facts) == state(CatalogueFacts([HEAT]))


def test_readers_go_on_during_an_update() -> None:
    facts = CatalogueFacts([Item(f"{n}", f"The film number-{n}", {}) for n in range(500)])
    done = threading.Event()

    def add() -> None:
        for n in range(500, 3000):
            facts.update([Item(f"{n}", f"The film number-{n}", {})])
        done.set()

    adding = threading.Thread(target=add)
    adding.start()
    while not done.is_set():
        assert list(facts.titles_at(("The", "film", "number", "7", "runs"), 0)) == [("The", "film", "number", "7")]
    adding.join()
