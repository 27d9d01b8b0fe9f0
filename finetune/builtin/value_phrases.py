"""Values of an attribute in words, as people put them: "striped", "made of oak", "for the kitchen", "with tempo X"."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agent.dialogue import Facet
from finetune.builtin.synonyms import other_words, pattern_adjectives, pattern_nouns, plural, with_article
from finetune.builtin.talk_numbers import spoken_name
from finetune.builtin.update_acts import Scene

KINDS = {
    "colour": "colour",
    "color": "colour",
    "accent": "accent",
    "pattern": "pattern",
    "material": "material",
    "fabric": "material",
    "style": "style",
    "mood": "style",
    "tone": "style",
    "room": "room",
    "occasion": "occasion",
    "season": "occasion",
    "category": "category",
    "kind": "kind",
    "type": "type",
    "genre": "genre",
    "brand": "brand",
    "maker": "brand",
    "publisher": "brand",
    "label": "brand",
    "employer": "brand",
    "author": "by",
    "director": "by",
    "artist": "by",
    "actor": "with",
    "cast": "with",
    "ingredient": "with",
    "instrument": "with",
    "topic": "about",
    "theme": "about",
    "subject": "about",
    "section": "about",
    "plot": "about",
    "language": "in",
    "setting": "set in",
    "country": "from",
    "region": "from",
    "origin": "from",
    "city": "from",
}
"""How people speak of an attribute, by its name; of all others they speak by name."""

_AFTER = {
    "colour": ("in {a}", "in {a}", "that is {a}"),
    "accent": ("with {a} accents", "with {a} details", "with a touch of {a}", "with {a} as the accent colour"),
    "material": ("made of {a}", "made of {a}", "in {a}", "out of {a}"),
    "style": ("in a {a} style", "with a {a} look", "that looks {a}"),
    "room": ("for the {a}", "for the {a}", "for my {a}"),
    "occasion": ("for {a}", "for {a}", "that I can use for {a}"),
    "brand": ("by {a}", "from {a}", "made by {a}", "by the brand {a}"),
    "by": ("by {a}", "by {a}", "from {a}"),
    "with": ("with {a}", "with {a}", "that has {a}"),
    "about": ("about {a}", "about {a}", "on {a}", "to do with {a}"),
    "in": ("in {a}",),
    "set in": ("set in {a}",),
    "from": ("from {a}",),
    "genre": ("that is {a}", "in the {a} genre"),
    "kind": ("that is {a}",),
    "type": ("that is {a}",),
}
_FOR = {
    "everyday": "everyday use",
    "weekend": "the weekend",
    "party": "a party",
    "beach": "the beach",
    "gym": "the gym",
    "wedding": "a wedding",
    "birthday": "a birthday",
    "picnic": "a picnic",
    "festival": "a festival",
    "travel": "travel",
    "work": "work",
    "sport": "sport",
    "rainy days": "rainy days",
    "camping": "camping",
    "school": "school",
    "winter": "winter",
    "summer": "summer",
    "autumn": "autumn",
    "spring": "spring",
}
_BEFORE = frozenset(("colour", "pattern", "material", "style", "genre", "kind", "type", "brand"))
ROOMS_BEFORE = frozenset(("kitchen", "bedroom", "bathroom", "garden", "office", "hallway", "balcony"))
_ADJECTIVES = frozenset(("woollen", "woolen", "silken", "fleecy", "velvety"))
_NOUNS = ("category", "type")
"""Kinds whose values are things."""


def kind_of(name: str) -> str:
    """How people speak of the attribute of this name: a key of KINDS' values, or "plain", or "many"."""
    bare = name.lower().removesuffix("_name")
    for one in (bare, bare.removesuffix("s"), bare.removesuffix("es"), f"{bare.removesuffix('ies')}y"):
        if one in KINDS:
            return KINDS[one]
    return "many" if bare.endswith("s") and not bare.endswith("ss") else "plain"


@dataclass(frozen=True, slots=True)
class ValuePhrase:
    """Values of one attribute, joined by "or".

    name: the attribute's. before: before a noun, "" where that cannot be. after: after it. pred: after "it should be".
    noun: by itself, "stripes" or "anything for the kitchen". bare: nothing but the values.
    """

    name: str
    before: str
    after: str
    pred: str
    noun: str
    bare: str


def value_phrase(rng: random.Random, scene: Scene, facet: Facet, values: Sequence[str]) -> ValuePhrase:
    """Words for values of a facet: its own, or other words that mean them."""
    kind, said = scene.kinds[facet.name], spoken_name(facet.name)
    words = [_spoken(rng, scene, kind, value) for value in values]
    shared = sum(values[0] in other.values for other in scene.facets) > 1
    if kind in _NOUNS:
        one = " or ".join(with_article(word) for word in words)
        return ValuePhrase(said, "", f"that is {one}", one, " or ".join(map(plural, words)), " or ".join(words))
    if kind == "pattern":
        return _pattern(rng, said, values)
    if kind in ("plain", "many") or values[0].isdigit() or (shared and kind not in ("colour", "accent")):
        return _named(rng, said, kind, " or ".join(words), plain=not values[0].isdigit() and not shared)
    if kind in ("room", "occasion"):
        return _purpose(rng, said, kind, values, words)
    text = " or ".join(words)
    after = f"that is {text}" if text in _ADJECTIVES else rng.choice(_AFTER[kind]).format(a=text)
    plainly = kind in ("colour", "style", "genre", "kind") or text in _ADJECTIVES
    return ValuePhrase(
        name=said,
        before=text if kind in _BEFORE and (len(words) == 1 or kind == "colour") else "",
        after=after,
        pred=text if plainly and rng.random() < 0.8 else after.removeprefix("that is "),
        noun=f"{text} {rng.choice(('accents', 'details'))}" if kind == "accent" else text,
        bare=text,
    )


def _pattern(rng: random.Random, said: str, values: Sequence[str]) -> ValuePhrase:
    adjectives = " or ".join(rng.choice(pattern_adjectives(value)) for value in values)
    nouns = " or ".join(rng.choice(pattern_nouns(value) or (value,)) for value in values)
    plain = "plain" in values
    after = rng.choice((f"with {nouns}", f"with {nouns}", f"that has {nouns} on it"))
    return ValuePhrase(
        name=said,
        before=adjectives if len(values) == 1 else "",
        after=f"that is {adjectives}" if plain else after,
        pred=adjectives if plain or rng.random() < 0.6 else f"with {nouns}",
        noun=nouns,
        bare=nouns,
    )


def _purpose(rng: random.Random, said: str, kind: str, values: Sequence[str], words: Sequence[str]) -> ValuePhrase:
    """What a thing is for."""
    told = [
        _FOR.get(value, f"the {value}") if word == value and kind == "occasion" else word
        for value, word in zip(values, words, strict=True)
    ]
    text = " or ".join(told)
    after = rng.choice(_AFTER[kind]).format(a=text)
    before = text if kind == "room" and text in ROOMS_BEFORE else ""
    return ValuePhrase(said, before, after, after, f"anything {after}", text)


def _named(rng: random.Random, said: str, kind: str, text: str, *, plain: bool) -> ValuePhrase:
    """The value of an attribute that people call by its name."""
    if kind == "many":
        after = rng.choice((f"with {text} among the {said}", f"with {text} in the {said}", f"with the {said} {text}"))
        noun = text if plain and rng.random() < 0.6 else f"{said} {text}"
        return ValuePhrase(said, "", after, after, noun, text)
    after = rng.choice(
        (f"with {said} {text}", f"with {text} as {said}", f"with the {said} {text}", f"of {said} {text}")
    )
    noun = text if plain and rng.random() < 0.6 else rng.choice((f"{said} {text}", f"{text} {said}", f"{said} {text}"))
    before = text if plain and " " not in text else ""
    return ValuePhrase(said, before, after, noun if rng.random() < 0.6 else after, noun, text)


def _spoken(rng: random.Random, scene: Scene, kind: str, value: str) -> str:
    others = other_words(kind, value, scene.listed)
    return rng.choice(others) if others and rng.random() < 0.3 else value
