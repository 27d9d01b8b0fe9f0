"""Messages of a conversation to learn from: what each changes, as the product's prompt asks and as its JSON answers."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from agent.dialogue import Facet, Update, update_text
from agent.linker import link
from agent.prompts import update_prompt
from finetune.builtin import words
from finetune.builtin.products import products
from finetune.builtin.schemas import Schema
from finetune.builtin.talk_numbers import NUMBERS, SAME_KIND, short
from finetune.builtin.things import title_of
from finetune.builtin.update_acts import Intent, Scene, draw_intent, draw_standing, held_out_combination
from finetune.builtin.utterance_noise import rough
from finetune.builtin.utterances import say
from finetune.builtin.value_phrases import kind_of

if TYPE_CHECKING:
    from agent.mentions import Embed
    from agent.models.base import Prompt


@dataclass(frozen=True, slots=True)
class UpdateExample:
    """One message and what it changes.

    update: what it changes. facets: those that the prompt lists. family: the phrasing that was used, as "refine/but".
    message, standing, shown: what the prompt is made of, beside a draft.
    """

    update: Update
    facets: tuple[Facet, ...]
    family: str
    message: str
    standing: str | None
    shown: tuple[str, ...]

    @property
    def text(self) -> str:
        """The answer, JSON."""
        return update_text(self.update)

    def prompt(self, draft: Update | None = None) -> Prompt:
        """As the product asks."""
        return update_prompt(self.facets, self.standing, self.shown, self.message, draft=draft)

    def draft(self, embed: Embed) -> Update:
        """What rules make of the message."""
        return link(self.message, self.facets, standing=self.standing, shown=self.shown, embed=embed)


def make_update(
    rng: random.Random,
    schema: Schema,
    *,
    held_out_phrasings: bool = False,
    held_out_combinations: bool = False,
) -> UpdateExample:
    """A message in a catalogue of this schema.

    held_out_phrasings: whether its phrasing is of a family that training never uses. held_out_combinations: whether
    its slots are a combination that training never uses.
    """
    while True:
        scene = _draw_scene(rng, schema)
        intent = draw_intent(rng, scene)
        if held_out_combination(intent.update) == held_out_combinations:
            break
    message, family = say(rng, scene, intent, held_out=held_out_phrasings)
    message = rough(rng, message, intent.update.query)
    update = _as_typed(message, intent)
    standing = standing_text(scene.standing) if scene.standing else None
    return UpdateExample(update, scene.facets, family, message, standing, scene.shown)


def standing_text(standing: Update) -> str | None:
    """What holds so far, in words: "category lamp; not material oak; price at most 50"; None where nothing does."""
    told = [f"{name} {', '.join(values)}" for name, values in standing.want.items()]
    told += [f"ideally {name} {', '.join(values)}" for name, values in standing.prefer.items()]
    told += [f"not {name} {', '.join(values)}" for name, values in standing.avoid.items()]
    told += [f"{name} at most {short(number)}" for name, number in standing.at_most.items()]
    told += [f"{name} at least {short(number)}" for name, number in standing.at_least.items()]
    told += [standing.query] if standing.query else []
    return "; ".join(told) or None


def _as_typed(message: str, intent: Intent) -> Update:
    """The update with its free words as the message has them."""
    query = intent.update.query
    found = re.search(rf"(?<!\w){re.escape(query)}\w*", message, re.IGNORECASE) if query else None
    return replace(intent.update, query=found.group()) if found else intent.update


_NOUNS = ("", "", "", "item", "piece", "film", "book", "song", "recipe", "article", "game", "show")
_NOUN_OF = {"director": "film", "format": "book", "instrument": "song", "diet": "recipe", "section": "article"}
"""What things are called, by an attribute that gives them away."""
_GOODS = ["rating", "weight", "size", "year"]
"""Kinds of numbers that things for the house have, beside a price."""
_TITLES, _TITLES_SEED = 600, 5


def _draw_scene(rng: random.Random, schema: Schema) -> Scene:
    fields = [field for field in schema.fields if field.name != "plot" or rng.random() < 0.3]
    whole = rng.random() < (0.35 if schema.shop and len(fields) > 8 else 0.1)
    most = 7 if not whole else len(fields)
    kept = set(
        rng.sample(
            range(len(fields)), min(len(fields), rng.randint(2, most) if len(fields) > 2 and not whole else most)
        )
    )
    if schema.shop and fields[0].name == "category" and rng.random() < 0.9:
        kept.add(0)
    fields = [field for place, field in enumerate(fields) if place in kept]
    if not schema.shop and rng.random() < 0.5:
        rng.shuffle(fields)
    numbers = _numbers(rng, schema, {field.name for field in fields})
    kinds = {field.name: kind_of(field.name) for field in fields} | numbers
    if not schema.shop:
        kinds = {name: "genre" if kind == "category" else kind for name, kind in kinds.items()}
    wide = rng.choice((3, 4, 6, 8)) if len(fields) < 6 else rng.choice((3, 4, 5, 5))
    if whole and rng.random() < 0.12:
        wide = 8
    facets, standing_facets = (
        (*(Facet(f.name, _some(rng, f.values, wide, schema.shop)) for f in fields), *(Facet(n) for n in numbers))
        for _ in range(2)
    )
    names = {field.name for field in schema.fields}
    known = next((noun for name, noun in _NOUN_OF.items() if name in names and schema.titles != "values"), None)
    noun = "" if schema.shop else known if known and rng.random() < 0.85 else rng.choice(_NOUNS)
    scene = Scene(facets, kinds, None, (), noun, schema.shop, schema.held_out)
    standing = _standing(rng, replace(scene, facets=standing_facets)) if rng.random() < 0.62 else None
    shown = rng.randint(1, 8) if rng.random() < (0.85 if standing else 0.3) else 0
    return replace(scene, standing=standing, shown=tuple(_title(rng, schema) for _ in range(shown)))


def _some(rng: random.Random, values: Sequence[str], most: int, in_order: bool) -> tuple[str, ...]:
    """A handful of an attribute's values, as the product lists those that a message may mean."""
    count = min(len(values), rng.randint(2, most))
    picked = rng.sample(values, count)
    return tuple(sorted(picked, key=values.index)) if in_order else tuple(picked)


def _numbers(rng: random.Random, schema: Schema, taken: set[str]) -> dict[str, str]:
    """Numeric attributes by name, with their kinds."""
    kinds = [name for name in schema.extra if name in NUMBERS and rng.random() < 0.8]
    if schema.shop and "price" not in kinds and rng.random() < 0.85:
        kinds.append("price")
    if not schema.shop or rng.random() < 0.15:
        kinds += rng.sample(_GOODS if schema.shop else list(NUMBERS), rng.choice((0, 1, 1, 2)))
    for one, other in SAME_KIND:
        if one in kinds and other in kinds:
            kinds.remove(other)
    plainly = schema.shop and rng.random() < 0.7
    named = {
        NUMBERS[kind].names[0] if plainly else rng.choice(NUMBERS[kind].names): kind for kind in dict.fromkeys(kinds)
    }
    if not schema.shop and rng.random() < 0.15:
        named[rng.choice(words.ATTRIBUTE_NAMES)] = "number"
    return {name: kind for name, kind in named.items() if name not in taken and kind_of(name) in ("plain", "many")}


def _standing(rng: random.Random, scene: Scene) -> Update | None:
    update = draw_standing(rng, scene)
    return update if standing_text(update) else None


@cache
def _product_titles() -> tuple[str, ...]:
    """Titles of another shop like the built-in one."""
    return tuple(product.title for product in products(_TITLES, seed=_TITLES_SEED))


def _title(rng: random.Random, schema: Schema) -> str:
    if schema.titles == "product":
        return rng.choice(_product_titles())
    told = [field for field in schema.fields if field.name != "plot"]
    values = {field.name: (rng.choice(field.values),) for field in told}
    return title_of(rng, schema, values)
