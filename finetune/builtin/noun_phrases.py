"""Slots put together: a noun with all that is said of it, a list of keywords, a chain of sentences."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from finetune.builtin.slot_phrases import Phrase, slot_phrases
from finetune.builtin.synonyms import other_words, plural, with_article
from finetune.builtin.update_acts import Intent, Scene
from finetune.builtin.value_phrases import ROOMS_BEFORE

NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class Parts:
    """A wish in pieces. heads: what the thing is, "" where nobody says. count: "three", "3", or ""."""

    heads: tuple[str, ...]
    noun: str
    phrases: tuple[Phrase, ...]
    count: str

    @property
    def empty(self) -> bool:
        return not (self.heads or self.phrases or self.count)


def parts_of(rng: random.Random, scene: Scene, intent: Intent) -> Parts:
    """The pieces of a wish, in random order."""
    phrases = slot_phrases(rng, scene, intent)
    rng.shuffle(phrases)
    phrases.sort(key=lambda phrase: phrase.late)
    count = intent.update.count
    told = "" if count is None else rng.choice((str(count), NUMBER_WORDS[count - 1]))
    return Parts(_heads(rng, scene, intent), scene.noun, tuple(phrases), told)


def _heads(rng: random.Random, scene: Scene, intent: Intent) -> tuple[str, ...]:
    if intent.query and intent.query.noun:
        return (intent.query.core,)
    values = intent.update.want.get(scene.head, ()) if scene.head else ()
    if not scene.head or (set(values) and intent.update.avoid.get(scene.head)):
        return ()
    kind = scene.kinds[scene.head]
    words = []
    for value in values:
        others = other_words(kind, value, scene.listed)
        word = rng.choice(others) if others and rng.random() < 0.25 else value
        words.append(word if kind in ("category", "type") or not scene.noun else f"{word} {scene.noun}")
    return tuple(words)


def noun_phrase(rng: random.Random, parts: Parts, *, several: bool = False) -> str:
    """ "a blue lamp with stripes, not made of oak", "three zorar ones"; plural where `several`."""
    before, after = _split(rng, parts)
    many = several or bool(parts.count)
    if not parts.heads and not parts.noun and not many:
        text = " ".join((rng.choice(("something", "something", "something", "something", "anything")), *before))
    else:
        nouns = list(parts.heads) or [parts.noun or ("ones" if many else "one")]
        if not parts.heads and many and not parts.noun:
            nouns = [rng.choice(("ones", "things", "items", "options"))]
        said = [plural(noun) if many and noun not in ("ones", "things", "items", "options") else noun for noun in nouns]
        front = " ".join(before)
        if many:
            text = " ".join(filter(None, (parts.count, front, " or ".join(said))))
        else:
            text = " or ".join(with_article(f"{front} {noun}".strip()) for noun in said)
    return _followed(rng, text, after, many)


def _split(rng: random.Random, parts: Parts) -> tuple[list[str], list[str]]:
    """What comes before the noun, at most three, and what after."""
    before: list[str] = []
    after: list[str] = []
    for phrase in parts.phrases:
        fits = phrase.before and (parts.heads or phrase.before not in ROOMS_BEFORE)
        if fits and len(before) < 3 and len(parts.heads) < 2 and rng.random() < 0.75:
            before.append(phrase.before)
        else:
            after.append(phrase.after)
    return before, after


def _followed(rng: random.Random, text: str, after: Sequence[str], many: bool) -> str:
    for place, phrase in enumerate(after):
        if many and phrase.startswith("that is "):
            phrase = f"that are {phrase.removeprefix('that is ').removeprefix('a ')}"
        elif many and phrase.startswith("that "):
            phrase = phrase.replace("that has", "that have").replace("that looks", "that look")
        soft = phrase.startswith(("not ", "no ", "ideally", "preferably", "maybe", "perhaps", "if possible", "any",
                                  "possibly", "best of all"))  # fmt: skip
        joint = ", " if soft and rng.random() < 0.7 else " "
        if place and not soft and not phrase.startswith("but"):
            joint = rng.choice((" and ", ", ", " ", " "))
        text = f"{text}{joint}{phrase}"
    return text


def keywords(rng: random.Random, parts: Parts, *, joint: str | None = None) -> str:
    """ "lamp, blue, no oak, max 40"."""
    words = [*(f"{head}" for head in [" or ".join(parts.heads)] if head), *(phrase.key for phrase in parts.phrases)]
    if rng.random() < 0.3:
        rng.shuffle(words)
    if parts.count:
        words.append(rng.choice((f"{parts.count} of them", f"just {parts.count}", f"{parts.count} options")))
    if joint is None:
        joint = rng.choice((", ", ", ", ", ", " and "))
    return joint.join(words)


def labels(rng: random.Random, parts: Parts, head: str) -> str:
    """ "category: lamp; colour: blue; price: under 40"."""
    told = [f"{head}: {' or '.join(parts.heads)}"] if parts.heads else []
    told += [phrase.label for phrase in parts.phrases]
    told += [f"number: {parts.count}"] if parts.count else []
    return rng.choice(("; ", ", ", "; ")).join(told)


def predicates(rng: random.Random, parts: Parts) -> str:
    """What comes after "it should be": "blue, not striped and under 40"; heads as "a lamp"."""
    told = [" or ".join(with_article(head) for head in parts.heads)] if parts.heads else []
    told += [phrase.pred for phrase in parts.phrases]
    return _listed(rng, told)


def _listed(rng: random.Random, told: Sequence[str]) -> str:
    if len(told) < 2:
        return "".join(told)
    last = told[-1] if told[-1].startswith("but") else f"{'but' if told[-1].startswith('not') else 'and'} {told[-1]}"
    return f"{', '.join(told[:-1])}{rng.choice((' ', ', '))}{last}"


def clauses(rng: random.Random, phrases: Sequence[Phrase], count: str = "") -> str:
    """A chain of sentences, without the last full stop: "it should be blue. please no oak"."""
    told = [phrase.clause for phrase in phrases]
    if count:
        told.append(rng.choice((f"show me {count}", f"{count} will do", f"just {count} please")))
    joint = rng.choice((". ", ". ", ", ", " and ", ", and ", "; "))
    if joint == ". ":
        told = [text[:1].upper() + text[1:] if row else text for row, text in enumerate(told)]
    return joint.join(told)
