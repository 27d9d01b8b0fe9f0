"""An intent in words: a family of phrasings is chosen, one of its templates, and words for every slot."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from agent.dialogue import Action, Update
from finetune.builtin.item_references import either, reference, several
from finetune.builtin.noun_phrases import (
    NUMBER_WORDS,
    Parts,
    clauses,
    keywords,
    labels,
    noun_phrase,
    parts_of,
    predicates,
)
from finetune.builtin.queries import phrases
from finetune.builtin.slot_phrases import update_is_plain
from finetune.builtin.synonyms import plural, with_article
from finetune.builtin.talk_numbers import spoken_name
from finetune.builtin.update_acts import HEADS, Intent, Scene
from finetune.builtin.utterance_families import FAMILIES, HELD_OUT

_VOWEL = re.compile(r"\ba (?=[aeio]|u[mnrgpl](?!i))")
_PLURALS = {
    "{ref} is": "{ref} are",
    "is {ref}": "are {ref}",
    "does {ref}": "do {ref}",
    "was {ref}": "were {ref}",
    "{ref} isn't": "{ref} aren't",
    "{ref} looks": "{ref} look",
    "{ref} does": "{ref} do",
    "{ref} suits": "{ref} suit",
    "{ref} appeals": "{ref} appeal",
    "{ref} speaks": "{ref} speak",
    "{ref} leaves": "{ref} leave",
    "{ref} has won": "{ref} have won",
    "{ref} makes": "{ref} make",
}
_SINGULAR = re.compile("|".join(rf"(?<![a-z]){re.escape(text)}(?![a-z'])" for text in _PLURALS))
_SLOT = re.compile(r"{(\w+)}")
_COMPARATIVES = phrases(
    """
    cheaper|better made|easier to clean|lighter|bigger|more
    practical|longer|newer|nicer|prettier|sturdier|softer|more popular|better rated|shorter
    """
)
_PROPERTIES = phrases(
    """
    washable|waterproof|heavy|easy to clean|handmade|suitable for kids|in stock|fair trade|dishwasher safe|vegan|any
    good|new|worth it|scary|long|available in other sizes|soft|big enough for two|foldable|well reviewed
    """
)
_DEGREES = phrases(
    """
    big|heavy|old|long|tall|wide|expensive|good|popular|thick|deep|warm|loud|difficult|durable
    """
)
_FEATURES = phrases(
    """
    a lid|pockets|a warranty|a zip|subtitles|a lining|handles|a sequel|a manual|batteries|a cover
    """
)
_USES = phrases(
    """
    wash|return|iron|fold|exchange|paint|repair|order|give away|stack|cut|hang up
    """
)
_WHERE = phrases(
    """
    outdoors|in the dishwasher|in the rain|in a small room|at school|in the oven|at a party|in a car
    """
)
_BEHAVIOURS = phrases(
    """
    shrink|fade|make noise|break easily|fit a small room|scratch|last|end well|smell|stretch
    """
)
_PRAISES = phrases(
    """
    lovely|beautiful|great|gorgeous|perfect|nice|cute|wonderful|stunning|pretty|brilliant|charming
    """
)
_BLAMES = phrases(
    """
    ugly|boring|awful|too loud|horrible|dull|too much|hideous|not pretty|terrible|odd|a bit bland
    """
)


def group_of(rng: random.Random, scene: Scene, intent: Intent) -> str:
    """The key of FAMILIES under which the words for an intent are found."""
    update = intent.update
    match update.action:
        case Action.SEARCH:
            if update_is_plain(update):
                return "vague"
            turns = scene.head and update.want.get(scene.head) and scene.kinds[scene.head] in HEADS
            thing = intent.query is not None and intent.query.noun
            plainly = not intent.anew or (
                (turns or thing) and scene.standing and scene.standing.want.get(scene.head or "")
            )
            return "search" if plainly and (not intent.anew or rng.random() < 0.4) else "restart"
        case Action.REFINE:
            if intent.repair:
                return "repair"
            only_count = Update(Action.REFINE, count=update.count) == update
            return ("count" if update.count else "more") if only_count else "refine"
        case Action.SIMILAR:
            plain = Update(Action.SIMILAR, items=update.items, count=update.count) == update
            return ("similar_count" if update.count else "similar") if plain else "similar_but"
        case Action.ASK:
            return "ask_shop" if not update.items and (not scene.shown or rng.random() < 0.5) else "ask"
        case _:
            return str(update.action)


def say(rng: random.Random, scene: Scene, intent: Intent, *, held_out: bool = False) -> tuple[str, str]:
    """Words for an intent, and the family that they come from; a held-out family where that is asked for."""
    group = group_of(rng, scene, intent)
    parts = parts_of(rng, scene, intent)
    kept = HELD_OUT[group]
    fitting = {
        name: fit
        for name, templates in FAMILIES[group].items()
        if (name in kept) == held_out and (fit := [t for t in templates if _fits(t, parts, intent)])
    }
    family = rng.choice(list(fitting))
    template = rng.choice(fitting[family])
    said = {name: _fill(rng, name, scene, intent, parts) for name in dict.fromkeys(_SLOT.findall(template))}
    if "ref2" in said:
        said["ref"], said["ref2"] = several(rng, scene.shown, intent.update.items)[:2]
    if len(intent.update.items) > 1 and "ref" in said and "ref2" not in said:
        template = _SINGULAR.sub(lambda found: _PLURALS[found.group()], template)
    return _VOWEL.sub("an ", template.format(**said)), f"{group}/{family}"


def _fits(template: str, parts: Parts, intent: Intent) -> bool:
    """Whether a template has room for all that is to be said, and nothing to say is missing."""
    update = intent.update
    if "{rest}" in template and not (parts.phrases or parts.count):
        return False
    if update.drop and any(form in template for form in ("{np}", "{nps}", "{pred}")):
        return False
    if update.count and ("{pred}" in template or "{in}" in template or ("{clauses}" in template and not parts.phrases)):
        return False
    if "{clauses}" in template and not parts.phrases:
        return False
    if update.action is Action.COMPARE and "{ref2}" in template:
        return len(update.items) == 2
    return True


def _fill(rng: random.Random, slot: str, scene: Scene, intent: Intent, parts: Parts) -> str:
    items = intent.update.items
    match slot:
        case "np":
            return noun_phrase(rng, parts)
        case "nps":
            return noun_phrase(rng, parts, several=True)
        case "keys":
            return keywords(rng, parts)
        case "labels":
            return labels(rng, parts, spoken_name(scene.head or ""))
        case "pred":
            return predicates(rng, parts)
        case "in":
            told = [phrase.pred if phrase.after.startswith("that ") else phrase.after for phrase in parts.phrases]
            return " and ".join(told) or predicates(rng, parts)
        case "clauses" | "rest":
            return clauses(rng, parts.phrases, parts.count)
        case "head":
            return " or ".join(with_article(head) for head in parts.heads) or rng.choice(
                ("something", "something nice")
            )
        case "ref" | "refs" | "ref2":
            return reference(rng, scene.shown, items)
        case "or":
            return either(rng, scene.shown, items)
        case "count":
            return rng.choice((parts.count, NUMBER_WORDS[(intent.update.count or 1) - 1]))
        case "name":
            return spoken_name(rng.choice(scene.facets).name)
        case "names":
            return plural(spoken_name(rng.choice(scene.facets).name))
        case _:
            return rng.choice(_pool(slot))


def _pool(slot: str) -> Sequence[str]:
    return {
        "comparative": _COMPARATIVES,
        "property": _PROPERTIES,
        "degree": _DEGREES,
        "feature": _FEATURES,
        "use": _USES,
        "where": _WHERE,
        "behave": _BEHAVIOURS,
        "praise": _PRAISES,
        "blame": _BLAMES,
    }[slot]
