"""Field by field: what counts as right, as too much and as missing."""

import random

import pytest

from agent.dialogue import Action, Update
from finetune.builtin.measures_talk import f1, field_f1, measure_updates, same_update
from finetune.builtin.talk_schemas import talk_schema
from finetune.builtin.updates import make_update


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


@pytest.mark.parametrize("kind", ["combinations", "phrasings", "trained"])
def test_who_knows_the_answers_is_right_and_who_chats_is_not(kind, short_word_list):
    rng, asked = random.Random(5), []
    kept = {"held_out_phrasings": kind == "phrasings", "held_out_combinations": kind == "combinations"}
    known = [make_update(rng, talk_schema(rng), **kept) for _ in range(60)]
    answers = {example.message: example.update for example in known}

    def knowing(example):
        asked.append(example.message)
        return answers[example.message]

    figures = measure_updates(knowing, count=60, seed=5, kind=kind)
    assert (figures["exact"], figures["f1"], figures["cases"]) == (1.0, 1.0, 60)
    assert asked == [example.message for example in known]
    wrong = measure_updates(lambda example: Update(Action.CHAT), count=60, seed=5, kind=kind)
    chats = sum(example.update.action is Action.CHAT for example in known)
    assert wrong["exact"] == chats / 60
    assert wrong["f1"] < 0.5


def test_an_unknown_kind_of_messages_is_refused():
    with pytest.raises(ValueError, match="combinations, phrasings"):
        measure_updates(lambda example: example.update, count=1, seed=1, kind="phrases")
