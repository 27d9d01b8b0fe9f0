"""Field by field: what counts as right, as too much and as missing."""

from agent.dialogue import Action, Update
from finetune.builtin.measures_talk import f1, field_f1, same_update


def test_each_piece_of_an_update_counts_once():
    wanted = Update(Action.SIMILAR, items=(2, 3), want={"colour": ("blue", "green")}, step={"price": "lower"}, count=3)
    said = Update(Action.SIMILAR, items=(2,), want={"colour": ("blue", "red")}, at_most={"price": 40}, count=3)
    assert field_f1(wanted, wanted) == (7, 0, 0)
    assert field_f1(said, wanted) == (4, 2, 3)


def test_a_value_in_another_group_is_wrong_on_both_sides():
    want, avoid = Update(Action.REFINE, want={"a": ("x",)}), Update(Action.REFINE, avoid={"a": ("x",)})
    assert field_f1(want, avoid) == (1, 1, 1)


def test_a_query_earns_the_f1_of_its_words():
    wanted, said = Update(Action.SEARCH, query="Rainy days"), Update(Action.SEARCH, query="days, rainy or not today")
    tp, fp, fn = field_f1(said, wanted)
    assert (tp, fp, fn) == (1 + 4 / 7, 1 - 4 / 7, 1 - 4 / 7)
    assert field_f1(Update(Action.SEARCH), wanted) == (1, 0, 1)
    assert field_f1(said, Update(Action.SEARCH)) == (1, 1, 0)


def test_f1_of_sums():
    assert f1((3, 1, 1)) == 0.75
    assert f1((0, 0, 0)) == 1.0


def test_order_plays_no_part_in_sameness_and_words_do():
    one = Update(Action.SEARCH, want={"a": ("x", "y"), "b": ("z",)}, query="For winter")
    assert same_update(one, Update(Action.SEARCH, want={"b": ("z",), "a": ("y", "x")}, query="for winter"))
    assert not same_update(one, Update(Action.SEARCH, want={"b": ("z",), "a": ("y", "x")}, query="for summer"))
