"""Captions tell what they claim to tell."""

import random

import pytest

from finetune.builtin.captions import TOLD, captions, full_caption, product_caption, short_caption
from finetune.builtin.drawing import Look, random_look
from finetune.builtin.wording import CATEGORY_WORDS, COLOUR_WORDS, PATTERN_ADJECTIVES, PATTERN_NOUNS, form

LOOKS = [random_look(random.Random(seed)) for seed in range(80)]


def words_for(look: Look, attribute: str) -> tuple[str, ...]:
    return {
        "category": (*CATEGORY_WORDS[look.category], form(look.category, look.shape)),
        "shape": (form(look.category, look.shape),),
        "colour": COLOUR_WORDS[look.colour],
        "accent": COLOUR_WORDS[look.accent],
        "pattern": (*PATTERN_ADJECTIVES[look.pattern], *PATTERN_NOUNS.get(look.pattern, ()), "without a pattern"),
    }[attribute]


@pytest.mark.parametrize("write", [full_caption, short_caption, product_caption])
def test_what_is_told_is_in_the_text(write):
    for seed, look in enumerate(LOOKS):
        caption = write(look, random.Random(seed))
        for attribute, told in zip(TOLD, caption.told, strict=True):
            if told:
                found = [word for word in words_for(look, attribute) if word.lower() in caption.text.lower()]
                assert found, (attribute, caption.text)


def test_most_are_short_some_tell_all_and_few_are_product_entries():
    some = captions(LOOKS[0], random.Random(1), 2000)
    assert some == captions(LOOKS[0], random.Random(1), 2000)
    entries = sum(len(caption.text) > 150 for caption in some)  # an entry has a description
    assert 2 <= entries <= 24
    assert 60 <= sum(all(caption.told) for caption in some) <= 160
