"""What messages make of what is wanted, and what a search makes of that."""

from __future__ import annotations

import math

import pytest

from agent.dialogue import Action, Update
from agent.dialogue_state import DialogueState, apply
from retrieval.filters import AttributeTable, parse_filter
from retrieval.types import Item, Money

LAMP = DialogueState(
    query="cosy",
    want={"category": ("lamp",), "colour": ("red", "blue")},
    prefer={"material": ("oak",)},
    avoid={"pattern": ("stripes",)},
    at_most={"price": 40.0},
)
SHOWN = [
    Item("a", "Lamp A", {"price": Money(1250, "EUR"), "year": 1990, "rating": 3.5}),
    Item("b", "Lamp B", {"price": Money(3000, "EUR"), "year": 2000, "rating": 4.5}),
    Item("c", "Lamp C", {"price": Money(5500, "EUR"), "year": 2010}),
]
HOSTILE = ("Children's", 'say "hi"', "back\\slash", "\\", "'", "x') or ('1'='1", "two\nlines", "<script>", "«»{}")


def refined(state: DialogueState = LAMP, **changes: object) -> DialogueState:
    return apply(state, Update(Action.REFINE, **changes), SHOWN)  # type: ignore[arg-type]


def test_a_search_starts_anew() -> None:
    assert apply(LAMP, Update(Action.SEARCH, want={"category": ("rug",)}, count=3)) == DialogueState(
        want={"category": ("rug",)}, count=3
    )


def test_a_refinement_keeps_what_it_does_not_name() -> None:
    assert refined() == LAMP
    state = refined(want={"colour": ("green",)}, query="modern", count=2)
    assert state.want == {"category": ("lamp",), "colour": ("green",)}
    assert (state.query, state.count) == ("cosy modern", 2)
    assert (state.prefer, state.avoid, state.at_most) == (LAMP.prefer, LAMP.avoid, LAMP.at_most)


def test_the_latest_word_on_a_value_counts() -> None:
    state = refined(avoid={"colour": ("red",), "material": ("oak",)})
    assert state.want["colour"] == ("blue",)
    assert state.prefer == {}
    assert state.avoid == {"pattern": ("stripes",), "colour": ("red",), "material": ("oak",)}
    again = refined(state, want={"pattern": ("stripes",)})
    assert again.want["pattern"] == ("stripes",)
    assert "pattern" not in again.avoid


def test_what_is_dropped_is_gone_wholly() -> None:
    state = refined(drop=("price", "colour", "pattern", "material"))
    assert state == DialogueState(query="cosy", want={"category": ("lamp",)})


@pytest.mark.parametrize(
    ("name", "way", "bound"),
    [("price", "lower", 29.99), ("year", "lower", 1999), ("year", "higher", 2001), ("rating", "higher", 3.51)],
)
def test_a_step_goes_beyond_the_middle_of_what_was_shown(name: str, way: str, bound: float) -> None:
    state = refined(DialogueState(), step={name: way})
    assert (state.at_most if way == "lower" else state.at_least) == {name: bound}


def test_of_one_shown_item_cheaper_is_cheaper_than_that() -> None:
    state = apply(LAMP, Update(Action.REFINE, step={"price": "lower"}), SHOWN[:1])
    assert state.at_most == {"price": 12.49}


def test_a_step_without_numbers_and_a_bound_without_end_change_nothing() -> None:
    assert refined(step={"weight": "lower"}) == LAMP
    assert refined(at_most={"price": math.inf}, at_least={"price": math.nan}) == LAMP


def test_a_bound_takes_away_the_one_that_it_contradicts() -> None:
    state = refined(at_least={"price": 60.0})
    assert (state.at_most, state.at_least) == ({}, {"price": 60.0})
    assert refined(at_least={"price": 20.0}).at_most == {"price": 40.0}


def test_similar_things_are_like_the_item_and_keep_the_constraints() -> None:
    update = Update(Action.SIMILAR, items=(2,), want={"colour": ("blue",)})
    state = apply(LAMP, update, SHOWN)
    assert (state.like, state.query, state.want["colour"]) == ("b", "", ("blue",))
    assert state.avoid == LAMP.avoid
    assert apply(LAMP, Update(Action.SIMILAR, items=(9,)), SHOWN) == LAMP
    cheaper = apply(DialogueState(), Update(Action.SIMILAR, items=(3,), step={"price": "lower"}), SHOWN)
    assert cheaper == DialogueState(like="c", at_most={"price": 54.99})


def test_the_state_in_words() -> None:
    assert LAMP.words() == (
        "category lamp; colour red, blue; ideally material oak; not pattern stripes; price at most 40; cosy"
    )
    assert DialogueState().words() is None


def test_each_chip_takes_its_own_part_away() -> None:
    state = DialogueState(LAMP.query, LAMP.want, LAMP.prefer, LAMP.avoid, LAMP.at_most, {"year": 1990.0}, 3, "b")
    chips = state.chips(like="Lamp B")
    assert [chip.label for chip in chips] == [
        "category lamp",
        "colour red",
        "colour blue",
        "not pattern stripes",
        "price at most 40",
        "year at least 1990",
        "ideally material oak",
        "like Lamp B",
        "cosy",
        "show 3",
    ]
    for chip in chips:
        assert set(state.without(chip.key).chips(like="Lamp B")) == {*chips} - {chip}
    for chip in chips:
        state = state.without(chip.key)
    assert state == DialogueState()
    assert LAMP.without("no such key") == LAMP


def test_chips_of_names_that_look_like_keys_are_told_apart() -> None:
    state = DialogueState(want={"a:b": ("c",), "a": ("b:c",), 'a","b': ("c",)})
    assert len({chip.key for chip in state.chips()}) == 3


def test_the_filter_has_the_constraints_and_nothing_else() -> None:
    items = [
        Item("1", "1", {"category": "lamp", "colour": "Red", "price": Money(3999, "EUR")}),
        Item("2", "2", {"category": "lamp", "colour": "blue", "pattern": "stripes", "price": Money(100, "EUR")}),
        Item("3", "3", {"category": "lamp", "colour": "blue", "price": Money(4001, "EUR")}),
        Item("4", "4", {"category": "rug", "colour": "blue", "price": Money(100, "EUR")}),
        Item("5", "5", {"category": "lamp", "colour": "blue", "price": Money(4000, "EUR")}),
    ]
    where = LAMP.where()
    assert where is not None
    assert AttributeTable(items).mask(parse_filter(where)).tolist() == [True, False, False, False, True]
    assert DialogueState(query="x", prefer={"colour": ("red",)}, count=2).where() is None


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_breaks_out_of_the_filter(value: str) -> None:
    items = [Item(value, "1", {"maker's name": value}), Item("2", "2", {"maker's name": "Ann"})]
    table = AttributeTable(items)
    for state, passes in (
        (DialogueState(want={"maker's name": (value,)}), [True, False]),
        (DialogueState(avoid={"maker's name": (value, "Eve")}), [False, True]),
        (DialogueState(like=value), [False, True]),
    ):
        where = state.where()
        assert where is not None
        assert table.mask(parse_filter(where)).tolist() == passes


def test_the_text_has_all_that_is_wanted_and_nothing_that_is_not() -> None:
    assert LAMP.text() == "lamp red blue cosy oak"
    assert DialogueState(avoid={"colour": ("red",)}, at_most={"price": 3.0}).text() is None


def test_the_text_of_a_likeness_leaves_out_what_shall_be_different() -> None:
    mug = Item("m", "Red mug", {"kind": "mug", "colour": "red", "text": "A sentence that is long enough for prose."})
    assert DialogueState(like="m").text(mug) == "Red mug mug red"
    assert DialogueState(like="m", want={"colour": ("blue",)}).text(mug) == "blue mug"
    assert DialogueState(like="m", avoid={"colour": ("red",)}).text(mug) == "mug"


def test_a_softened_state_wishes_what_it_wanted() -> None:
    assert LAMP.softened() == DialogueState(
        query="cosy", prefer={"material": ("oak",), "category": ("lamp",), "colour": ("red", "blue")}
    )


def passing(state: DialogueState, items: list[Item], **options: object) -> list[str]:
    where = state.where(**options)  # type: ignore[arg-type]
    assert where is not None
    mask = AttributeTable(items).mask(parse_filter(where)).tolist()
    return [item.item_id for item, passes in zip(items, mask, strict=True) if passes]


FILMS = [
    Item("both", "1", {"genres": ("Crime", "Drama"), "mood": "dark"}),
    Item("one", "2", {"genres": ("Crime",), "mood": "light"}),
    Item("other", "3", {"genres": ("Drama",)}),
]


def test_all_wanted_values_must_hold_where_the_message_means_so() -> None:
    update = Update(Action.SEARCH, want={"genres": ("Crime", "Drama"), "mood": ("dark", "light")})
    assert passing(apply(DialogueState(), update), FILMS) == ["both", "one"]
    state = apply(DialogueState(), update, every=["genres", "unheard of"])
    assert (state.every, passing(state, FILMS)) == (("genres",), ["both"])
    assert passing(refined(state, want={"genres": ("Crime",)}), FILMS) == ["both", "one"]
    assert refined(state, drop=("genres",)).where() == DialogueState(want={"mood": ("dark", "light")}).where()


def test_what_does_not_tell_an_attribute_passes_where_it_may() -> None:
    state = DialogueState(want={"genres": ("Drama",), "mood": ("dark",)})
    assert passing(state, FILMS) == ["both"]
    assert passing(state, FILMS, untold=["mood"]) == ["both", "other"]
    assert passing(DialogueState(avoid={"mood": ("dark",)}), FILMS) == ["one", "other"]


def test_what_is_wanted_comes_before_what_is_avoided_or_preferred_for_good() -> None:
    state = DialogueState(want={"colour": ("red",)}, avoid={"material": ("wool",)})
    refused = {"colour": ("red", "green"), "material": ("jute", "wool")}
    assert state.avoiding(refused).avoid == {"material": ("wool", "jute"), "colour": ("green",)}
    loved = state.preferring({"colour": ("blue",), "material": ("wool", "oak"), "style": ("retro",)})
    assert loved.prefer == {"material": ("oak",), "style": ("retro",)}
    assert (state.avoiding({}), state.preferring({})) == (state, state)
