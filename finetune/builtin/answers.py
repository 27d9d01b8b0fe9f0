"""Questions about an item and their answers: from what the prompt tells of it, or that it does not tell."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.models.base import Prompt
from agent.prompts import Detail, answer_prompt, clean, describe
from finetune.builtin import words
from finetune.builtin.gallery import Gallery
from finetune.builtin.item_facts import PROSE, chosen, told_facts, verb_phrase
from finetune.builtin.queries import phrases
from finetune.builtin.schemas import Schema
from finetune.builtin.synonyms import with_article
from finetune.builtin.things import Thing, make_thing, shown_as
from finetune.builtin.value_phrases import kind_of
from retrieval.types import Money


@dataclass(frozen=True, slots=True)
class Answer:
    """An item, a question about it as the prompt asks it, and one sentence that answers."""

    prompt: Prompt
    text: str
    question: str
    thing: Thing


_ASKED = {
    "colour": ("what colour is {it}?", "which colour does {it} have?"),
    "accent": ("what colour are the accents of {it}?", "what accent colour does {it} have?"),
    "pattern": ("what pattern does {it} have?", "what is the pattern of {it}?"),
    "material": ("what is {it} made of?", "what material is {it}?", "which material is {it} made from?"),
    "style": ("what style is {it}?", "in what style is {it}?"),
    "room": ("what room is {it} for?", "for which room is {it} meant?"),
    "occasion": ("what occasion is {it} for?", "when would I use {it}?"),
    "brand": ("which {name} is {it} by?", "who makes {it}?"),
    "by": ("who is {it} by?", "who is the {name} of {it}?"),
    "category": ("what is {it}?", "what kind of thing is {it}?"),
    "price": ("how much is {it}?", "what does {it} cost?", "what is the price of {it}?", "how much does {it} cost?"),
    "year": ("what year is {it} from?", "how old is {it}?", "when did {it} come out?"),
}
_BY_NAME = ("what is the {name} of {it}?", "what {name} does {it} have?", "tell me the {name} of {it}", "its {name}?")
_PICTURED = (
    "which {name} does its picture show?",
    "what {name} does the picture show?",
    "what {name} is in the picture?",
    "going by the picture, which {name} is it?",
    "what {name} do you see in its picture?",
)
_SEEN = {"colour": "colour", "pattern": "pattern", "accent": "accent colour"}
"""What pictures are asked about, and what it is called."""
_PROPERTIES = phrases(
    """
    washable|waterproof|dishwasher safe|handmade|vegan|in stock|easy to clean|good for children|foldable|heavy|
    fair trade|machine washable|fragile|second-hand|award-winning|difficult|popular|recyclable|scratch resistant
    """
)
_NOT_TOLD = (
    "material",
    "colour",
    "size",
    "weight",
    "warranty",
    "origin",
    "maker",
    "age",
    "length",
    "price",
    "language",
)


def make_answer(rng: random.Random, schema: Schema, detail: Detail, gallery: Gallery | None) -> Answer:
    """A question about one item: an attribute, whether it has a value, its price, its picture, or what nobody told."""
    thing = make_thing(rng, schema, {}, gallery)
    facts = told_facts(thing, detail.candidate_chars)
    draw = rng.random()
    if gallery is not None and thing.picture_row is not None and rng.random() < 0.5:
        thing, question, text = _of_picture(rng, thing, thing.picture_row, gallery)
    elif not facts or draw < 0.25:
        question, text = _untold(rng, thing, facts, detail)
    elif draw < 0.6:
        name = rng.choice(list(facts))
        question, text = _open_question(rng, thing, name), _told(thing, f"{verb_phrase(name, facts[name])}")
    elif "price" in facts and draw < 0.7 and isinstance(price := thing.item.attributes["price"], Money):
        question, text = _of_price(rng, thing, price)
    else:
        question, text = _whether(rng, schema, thing, facts)
    if rng.random() < 0.5:
        question = question[:1].upper() + question[1:]
    prompt = answer_prompt(shown_as(rng, thing), question, detail)
    return Answer(prompt, text, question, thing)


def _it(rng: random.Random, thing: Thing) -> str:
    return rng.choice(("it", "it", "it", "this", "this one", clean(thing.item.title, 60)))


def _told(thing: Thing, phrase: str) -> str:
    """A fact as a sentence; whether it begins with the title depends on the title."""
    title = clean(thing.item.title, 60)
    return f"{chosen(title, ('It', title))} {phrase}."


def _open_question(rng: random.Random, thing: Thing, name: str) -> str:
    kind = name if name in ("price", "year", "category") else kind_of(name)
    ways = (*_ASKED.get(kind, ()), *_BY_NAME) if kind not in ("price", "year", "category") else _ASKED[kind]
    return rng.choice(ways).format(it=_it(rng, thing), name=name)


def _whether(rng: random.Random, schema: Schema, thing: Thing, facts: Mapping[str, str]) -> tuple[str, str]:
    """Whether an attribute has a value: one that it has, or another one of the catalogue."""
    names = [field for field in schema.fields if field.name in facts]
    if not names:
        name = rng.choice(list(facts))
        return _open_question(rng, thing, name), _told(thing, verb_phrase(name, facts[name]))
    field = rng.choice(names)
    held = thing.values[field.name]
    others = [value for value in field.values if value not in held]
    true = not others or rng.random() < 0.5
    value = rng.choice(held if true else others)
    question = _as_question(rng, field.name, value, _it(rng, thing))
    said = verb_phrase(field.name, value if true else facts[field.name])
    return question, f"{'Yes' if true else 'No'}, it {said}."


def _as_question(rng: random.Random, name: str, value: str, it: str) -> str:
    """ "is it made of oak?", "does it have the genre noir?" """
    said = verb_phrase(name, value)
    verb, _, rest = said.partition(" ")
    asked = {"is": f"is {it} {rest}?", "has": f"does {it} have {rest}?", "costs": f"does {it} cost {rest}?"}[verb]
    if name != "category" and not name.endswith("s"):
        return rng.choice((asked, asked, f"is the {name} of {it} {value}?", f"is {it} {value}?"))
    return asked.replace(with_article(value), f"really {with_article(value)}") if rng.random() < 0.1 else asked


def _of_price(rng: random.Random, thing: Thing, price: Money) -> tuple[str, str]:
    """Whether an item costs less than so much."""
    limit = rng.choice((5, 10, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 300, 400))
    way, below = rng.choice((("under", True), ("less than", True), ("more than", False), ("over", False)))
    question = rng.choice(("is {it} {way} {limit}?", "does {it} cost {way} {limit}?"))
    yes = price.major < limit if below else price.major > limit
    text = f"{'Yes' if yes else 'No'}, it costs {price}."
    return question.format(it=_it(rng, thing), way=way, limit=limit), text


def _of_picture(rng: random.Random, thing: Thing, row: int, gallery: Gallery) -> tuple[Thing, str, str]:
    """What the picture shows; half of the time it is another item's, so that the text is no help."""
    row = rng.randrange(len(gallery.looks)) if rng.random() < 0.5 else row
    name = rng.choice(tuple(_SEEN))
    text = f"The picture shows the {_SEEN[name]} {getattr(gallery.looks[row], name)}."
    return replace(thing, picture_row=row), rng.choice(_PICTURED).format(name=_SEEN[name]), text


def _untold(rng: random.Random, thing: Thing, facts: Mapping[str, str], detail: Detail) -> tuple[str, str]:
    """A question that what is shown of the item does not answer."""
    text = describe(thing.item, detail.candidate_chars).lower()
    cut = [name for name, held in thing.values.items() if name not in PROSE and not _hinted(text, name, held)]
    pool = [name for name in (*cut, *_NOT_TOLD, rng.choice(words.ATTRIBUTE_NAMES)) if name not in facts]
    pool = [name for name in pool if name not in text]
    if not pool or rng.random() < 0.4:
        way = rng.choice(_PROPERTIES)
        return f"is {_it(rng, thing)} {way}?", f"The description does not say whether it is {way}."
    name = rng.choice(pool)
    if name in cut and rng.random() < 0.3:
        question = rng.choice((f"what about the {name}?", f"and the {name}?"))
    else:
        question = _open_question(rng, thing, name) if name != "category" else f"what category is {_it(rng, thing)}?"
    return question, f"The description does not say {_what(name)}."


def _hinted(text: str, name: str, held: tuple[str, ...]) -> bool:
    return name in text or any(value.lower() in text for value in held)


def _what(name: str) -> str:
    """ "what it is made of": an attribute that nobody told, as the end of a sentence."""
    match kind_of(name):
        case "material":
            return "what it is made of"
        case "colour":
            return "what colour it is"
        case _:
            return {"price": "what it costs", "year": "what year it is from"}.get(name, f"what its {name} is")
