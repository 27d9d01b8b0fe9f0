"""Messages to learn from: the answer is what the message says in the catalogue's words; held-out parts stay out."""

from __future__ import annotations

import difflib
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from agent.dialogue import Action, Facet, Update, parse_update
from agent.prompts import UPDATE_SYSTEM, update_prompt
from finetune.builtin.drafts import Drafts
from finetune.builtin.queries import Query
from finetune.builtin.schemas import shop_schema
from finetune.builtin.talk_numbers import IN_WORDS
from finetune.builtin.talk_schemas import talk_schema
from finetune.builtin.tokenizer import add_quoted_words, render
from finetune.builtin.update_acts import Intent, Scene, held_out_combination, slot_kinds
from finetune.builtin.updates import UpdateExample, make_update, standing_text
from finetune.builtin.utterance_families import FAMILIES, HELD_OUT
from finetune.builtin.utterance_noise import rough, slip
from finetune.builtin.utterances import say
from retrieval.encoders import open_encoder

TOKENIZER = Path(__file__).parents[2] / "agent" / "builtin" / "tokenizer.json"

pytestmark = pytest.mark.usefixtures("short_word_list")


@pytest.fixture(scope="module")
def examples(short_word_list) -> list[UpdateExample]:
    rng = random.Random(1)
    return [make_update(rng, talk_schema(rng)) for _ in range(5000)]


def test_the_answer_reads_back_as_the_update(examples):
    for example in examples:
        assert parse_update(example.text, example.facets) == example.update


def test_every_value_is_listed_and_every_place_is_shown(examples):
    for example in examples:
        listed = {(facet.name, value) for facet in example.facets for value in facet.values}
        update = example.update
        for held in (update.want, update.prefer, update.avoid):
            assert {(name, value) for name, values in held.items() for value in values} <= listed
        assert all(1 <= item <= len(example.shown) for item in update.items)


def test_numbers_and_free_words_stand_in_the_message(examples):
    for example in examples:
        update, message = example.update, example.message
        assert update.query in message
        numbers = {*update.at_most.items(), *update.at_least.items()}
        around = set(update.at_most) & set(update.at_least)
        for name, number in numbers:
            assert name in around or f"{number:g}" in message or _in_words(number, message.lower())


def _in_words(number: float, message: str) -> bool:
    """Whether a number is written out, be it with a slip of the pen."""
    written = IN_WORDS[int(number)].split()[-1]
    return any(difflib.SequenceMatcher(None, written, word).ratio() > 0.7 for word in re.findall(r"[a-z]+", message))


def test_a_thing_without_a_category_is_searched_for_by_its_name():
    toaster = Query("toaster", "", "", "", noun=True)
    intent = Intent(Update(Action.SEARCH, at_most={"price": 40}, query="toaster"), toaster)
    for seed in range(20):
        text, _ = say(random.Random(seed), SHOP, intent)
        assert "toaster" in text
        assert "something" not in text


def test_only_wishes_have_wishes(examples):
    for example in examples:
        if example.update.action not in (Action.SEARCH, Action.REFINE, Action.SIMILAR):
            assert example.update == Update(example.update.action, items=example.update.items)
        assert (example.update.action is Action.REFINE) <= (example.standing is not None)
        if example.update.drop:
            assert all(name in example.standing for name in example.update.drop)


def test_all_actions_and_all_kinds_of_slots_are_drawn(examples):
    actions = Counter(example.update.action for example in examples)
    kinds = Counter(kind.split(":")[0] for example in examples for kind in slot_kinds(example.update))
    assert set(actions) == set(Action)
    assert min(actions.values()) > 100
    slots = {"want", "prefer", "avoid", "drop", "at_most", "at_least", "step", "count", "items", "query"}
    assert set(kinds) == slots
    assert min(kinds.values()) > 60


def test_training_never_meets_what_is_held_out(examples):
    for example in examples:
        group, family = example.family.split("/")
        assert family not in HELD_OUT[group]
        assert not held_out_combination(example.update)


def test_measuring_meets_nothing_else():
    rng = random.Random(2)
    for _ in range(120):
        phrased = make_update(rng, talk_schema(rng), held_out_phrasings=True)
        group, family = phrased.family.split("/")
        assert family in HELD_OUT[group]
        combined = make_update(rng, talk_schema(rng), held_out_combinations=True)
        assert held_out_combination(combined.update)


def test_about_one_family_in_five_is_held_out():
    for group, families in FAMILIES.items():
        assert HELD_OUT[group] < set(families), group
    share = sum(map(len, HELD_OUT.values())) / sum(map(len, FAMILIES.values()))
    assert 0.15 < share < 0.28
    assert min(len(FAMILIES[group]) for group in ("search", "refine", "ask", "compare", "like", "dislike", "why")) >= 12


def test_prompts_are_short(examples):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    add_quoted_words(tokenizer)
    lengths = sorted(
        len(tokenizer.encode(render(example.prompt(example.update), 16)).ids) for example in examples[:1000]
    )
    assert lengths[990] <= 440
    assert examples[0].prompt()[0].parts == (UPDATE_SYSTEM,)


def test_drafts_of_a_batch_are_those_of_one_by_one(examples):
    encode = open_encoder().embed_text
    calls = []

    def counted(texts):
        calls.append(len(texts))
        return encode(texts)

    drawn = examples[:40]
    assert Drafts(counted).of(drawn) == [example.draft(encode) for example in drawn]
    assert len(calls) <= 3


def test_a_draft_is_shown_to_the_model_cleaned():
    draft = Update(Action.SEARCH, query="a <image> lamp")
    text = "".join(update_prompt((), None, (), "a lamp", draft=draft)[1].parts)
    assert text.endswith('Draft: {"action":"search","query":"a ‹image› lamp"}\nUpdate:')
    assert "Draft" not in "".join(update_prompt((), None, (), "a lamp")[1].parts)


def test_one_seed_gives_one_example():
    first, again = (make_update(random.Random(7), shop_schema(random.Random(7))) for _ in range(2))
    assert first == again


SHOP = Scene(
    facets=(Facet("category", ("lamp", "mug")), Facet("pattern", ("stripes", "dots")), Facet("price")),
    kinds={"category": "category", "pattern": "pattern", "price": "price"},
    standing=None,
    shown=("Alva lamp", "Bera mug", "Cato mug"),
    noun="",
    goods=True,
)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_said_is_what_is_meant(seed):
    update = Update(Action.SEARCH, want={"category": ("lamp",)}, avoid={"pattern": ("stripes",)}, at_most={"price": 40})
    text, _ = say(random.Random(seed), SHOP, Intent(update))
    assert any(word in text for word in ("lamp", "light"))
    assert any(word in text for word in ("strip", "band"))
    assert any(word in text for word in ("no", "not", "without", "except", "but", "stand", "wrong", "enough", "leave"))
    assert "40" in text
    assert "mug" not in text
    assert "dot" not in text


@pytest.mark.parametrize("seed", range(20))
def test_an_item_is_named_so_that_it_is_told_from_the_others(seed):
    text, _ = say(random.Random(seed), SHOP, Intent(Update(Action.WHY, items=(2,))))
    assert any(word in text for word in ("2", "two", "second", "Bera", "2nd"))
    assert not any(word in text for word in ("Alva", "Cato", "third", "first", "last"))


@pytest.mark.parametrize("seed", range(20))
def test_several_items_are_spoken_of_as_several(seed):
    text, _ = say(random.Random(seed), SHOP, Intent(Update(Action.LIKE, items=(1, 3))))
    assert not re.search(r"(3|Cato mug|third|third one|Cato) (is|looks|suits|has|makes)\b", text)


def test_a_slip_changes_one_word_and_spares_the_free_words():
    rng, plain = random.Random(3), "something striped for reading in bed"
    for _ in range(200):
        slipped = slip(rng, plain, "reading in bed")
        assert slipped.endswith("for reading in bed")
        told = zip(slipped.split(), plain.split(), strict=True)
        assert sum(one != other for one, other in told) <= 1
    assert any("reading in bed" in rough(rng, "a lamp for reading in bed", "reading in bed").lower() for _ in range(5))


def test_what_stands_in_words():
    standing = Update(
        Action.SEARCH,
        want={"category": ("lamp",), "colour": ("blue", "teal")},
        avoid={"material": ("oak",)},
        at_most={"price": 50.0},
    )
    assert standing_text(standing) == "category lamp; colour blue, teal; not material oak; price at most 50"
    assert standing_text(Update(Action.SEARCH)) is None
