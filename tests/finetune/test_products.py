"""What the shop tells, and what it leaves to the picture."""

import json
import re

import pytest

from finetune.builtin.drawing import CATEGORIES
from finetune.builtin.products import BRANDS, MATERIALS, ROOMS, Product, item_of, places, products
from finetune.builtin.wording import COLOUR_WORDS, PATTERN_ADJECTIVES, PATTERN_NOUNS
from retrieval.catalog import read_catalog

GOODS = list(products(800, seed=7))


def told(product: Product) -> str:
    return " ".join(str(value) for name, value in product.row().items() if name != "id").lower()


def says(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word.lower())}\b", text) is not None


def test_a_larger_shop_begins_with_the_smaller_one():
    assert list(products(30, seed=7)) == GOODS[:30]
    assert list(products(30, seed=8)) != GOODS[:30]


def test_ids_are_unique_and_categories_take_turns():
    assert len({product.item_id for product in GOODS}) == len(GOODS)
    assert [product.look.category for product in GOODS[:20]] == list(CATEGORIES)


def test_two_fifths_leave_pattern_and_accent_to_the_picture():
    silent = [product for product in GOODS if not product.tells_all]
    assert 0.34 < len(silent) / len(GOODS) < 0.46
    for product in silent:
        look = product.look
        text = told(product)
        hidden = (*COLOUR_WORDS[look.accent], *PATTERN_ADJECTIVES[look.pattern], *PATTERN_NOUNS.get(look.pattern, ()))
        assert not [word for word in hidden if says(text, word)], product.item_id
        assert not {"pattern", "accent"} & set(product.row())


def test_the_others_tell_them_in_attributes_and_in_prose():
    for product in (product for product in GOODS if product.tells_all):
        assert product.row()["pattern"] == product.look.pattern
        assert says(product.description.lower(), product.look.accent)


def test_material_style_and_place_are_told_and_fit_the_category():
    for product in GOODS:
        category = product.look.category
        assert product.material in MATERIALS[category]
        assert product.place in places(category)
        assert product.place_kind == ("room" if category in ROOMS else "occasion")
        text = product.title.lower() + " " + product.description.lower()
        assert says(text, product.material)
        assert product.brand in BRANDS


def test_prose_hardly_ever_repeats():
    assert len({product.description for product in GOODS}) == len(GOODS)
    openings = {re.sub(r"\W.*", "", product.description) for product in GOODS}
    assert len(openings) > 30


@pytest.mark.parametrize("product", GOODS[:60], ids=lambda product: product.item_id)
def test_sentences_are_sentences(product):
    assert "{" not in product.title + product.description
    for sentence in re.split(r"(?<=[.!?]) ", product.description):
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence[-1] in ".!?"
    assert not re.search(r"\ba [aeiou]", product.description.lower().replace("a one", ""))


def test_prices_follow_category_and_brand():
    chairs = [p.price_cents for p in GOODS if p.look.category == "chair"]
    socks = [p.price_cents for p in GOODS if p.look.category == "socks"]
    assert min(chairs) > max(socks)
    assert all(product.price_cents % 100 in (0, 50, 90) for product in GOODS)


def test_an_item_is_what_the_catalogue_reads(tmp_path):
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(dict(product.row())) + "\n" for product in GOODS[:200]), encoding="utf-8")
    assert [row.item for row in read_catalog(path)] == [item_of(product) for product in GOODS[:200]]
