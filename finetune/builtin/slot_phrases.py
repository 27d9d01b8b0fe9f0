"""One slot of an update in words: before a noun, after it, after "it should be", as a keyword, as a sentence."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agent.dialogue import Facet, Update
from finetune.builtin.talk_numbers import NUMBERS, bound_phrase, spoken_name
from finetune.builtin.update_acts import Intent, Scene
from finetune.builtin.value_phrases import ValuePhrase, value_phrase


@dataclass(frozen=True, slots=True)
class Phrase:
    """One slot in words.

    before: before a noun, "" where that cannot be. after: after it. pred: after "it should be". key: by itself in a
    list. clause: as a sentence. label: as "attribute: value". late: whether it had better come last.
    """

    before: str
    after: str
    pred: str
    key: str
    clause: str
    label: str
    late: bool = False


def slot_phrases(rng: random.Random, scene: Scene, intent: Intent) -> list[Phrase]:
    """All slots of an intent in words, but for its head, its count and its items."""
    update, phrases = intent.update, list[Phrase]()
    for facet in scene.facets:
        name = facet.name
        avoided, wanted = update.avoid.get(name, ()), update.want.get(name, ())
        if wanted and avoided and rng.random() < 0.6:
            phrases.append(_exchanged(rng, scene, facet, avoided, wanted))
            continue
        if wanted and name != scene.head:
            phrases.append(_wanted(rng, scene, facet, wanted, intent))
        if avoided:
            phrases.append(_avoided(rng, value_phrase(rng, scene, facet, avoided)))
        if preferred := update.prefer.get(name):
            phrases.append(_preferred(rng, value_phrase(rng, scene, facet, preferred)))
        low, high = update.at_least.get(name), update.at_most.get(name)
        if low is not None or high is not None:
            phrases.append(_bounded(rng, scene.kinds[name], name, low, high))
        if way := update.step.get(name):
            phrases.append(_stepped(rng, scene.kinds[name], name, way))
        if name in update.drop:
            phrases.append(_dropped(rng, scene, name))
    if (query := intent.query) and not query.noun:
        late = query.after != "that is "
        after = f"{query.after}{query.core}"
        phrases.append(
            Phrase(
                query.core if query.adjective else "",
                after,
                query.core if not late else after,
                f"{query.alone}{query.core}",
                f"{query.clause}{query.core}",
                f"{query.alone}{query.core}",
                late,
            )
        )
    return phrases


def _wanted(rng: random.Random, scene: Scene, facet: Facet, values: Sequence[str], intent: Intent) -> Phrase:
    v = value_phrase(rng, scene, facet, values)
    held = scene.standing.want.get(facet.name, ()) if scene.standing and not intent.anew else ()
    if held and not set(held) & set(values) and rng.random() < 0.3:
        old = value_phrase(rng, scene, facet, held)
        way = rng.choice(("{new} instead of {old}", "{new} rather than {old}", "{new} and no longer {old}"))
        text = way.format(new=v.bare, old=old.bare)
        return Phrase(
            "",
            f"in {text}" if scene.kinds[facet.name] == "colour" else f"with {text}",
            text,
            text,
            rng.choice((f"{text} please", f"I would like {text}", f"make it {text}")),
            f"{v.name}: {v.bare}",
        )
    clause = rng.choice(
        (
            f"it should be {v.pred}",
            f"it must be {v.pred}",
            f"it has to be {v.pred}",
            f"it needs to be {v.pred}",
            f"the {v.name} should be {v.bare}",
            f"{v.name} {v.bare}",
            f"I want {v.noun}",
            f"I am after {v.noun}",
        )
    )
    key = v.noun if not v.noun.startswith("anything") else v.after
    return Phrase(
        v.before, v.after, v.pred, rng.choice((key, v.before or key)), clause, f"{v.name}: {v.bare}", late=not v.before
    )


def _avoided(rng: random.Random, v: ValuePhrase) -> Phrase:
    if v.noun.startswith("anything"):
        text = f"not {v.after}"
        clause = rng.choice((f"it must not be {v.after}", f"it is not {v.after}", f"it should not be {v.after}"))
        return Phrase("", rng.choice((f"but {text}", text)), text, text, clause, f"{v.name}: not {v.bare}", late=True)
    after = rng.choice(
        (
            f"but not {v.pred}",
            f"but no {v.noun}",
            f"not {v.pred}",
            f"without {v.noun}",
            f"no {v.noun}",
            f"but nothing {v.pred}",
            f"except {v.noun}",
            f"anything but {v.noun}",
        )
    )
    key = rng.choice((f"no {v.noun}", f"not {v.noun}", f"without {v.noun}", f"no {v.noun}", f"anything but {v.noun}"))
    clause = rng.choice(
        (
            f"it must not be {v.pred}",
            f"it should not be {v.pred}",
            f"please no {v.noun}",
            f"no {v.noun} please",
            f"I don't want {v.noun}",
            f"I do not want {v.noun}",
            f"I can't stand {v.noun}",
            f"{v.noun} would be wrong",
            f"I have had enough of {v.noun}",
            f"anything but {v.noun}",
            f"just not {v.pred}",
            f"leave out {v.noun}",
        )
    )
    return Phrase("", after, f"not {v.pred}", key, clause, f"{v.name}: not {v.bare}", late=True)


def _preferred(rng: random.Random, v: ValuePhrase) -> Phrase:
    soft = rng.choice(
        ("ideally", "preferably", "maybe", "perhaps", "if possible", "possibly", "ideally", "best of all")
    )
    after = rng.choice((f"{soft} {v.pred}", f"{soft} {v.after}", f"{v.after} if possible", f"{soft} {v.after}"))
    pred = f"{soft} {v.pred}" if rng.random() < 0.7 else f"{v.pred} if you can"
    nice = rng.choice(("lovely", "nice", "great", "a bonus", "ideal", "best", "welcome"))
    clause = rng.choice(
        (
            f"{soft} {v.pred}",
            f"ideally it is {v.pred}",
            f"it would be {nice} if it were {v.pred}",
            f"{v.pred} would be {nice}",
        )
    )
    key = f"{soft} {v.pred}"
    if not v.noun.startswith("anything"):
        key = rng.choice((key, f"{soft} {v.noun}", f"{v.noun} would be {nice}"))
        by_noun = (
            f"{v.noun} would be {nice}",
            f"I would prefer {v.noun}",
            f"I lean towards {v.noun}",
            f"{v.noun} if there is any",
        )
        clause = rng.choice((clause, *by_noun))
    return Phrase(
        "",
        after,
        pred,
        key,
        clause,
        f"{v.name}: {soft} {v.bare}",
        late=True,
    )


def _exchanged(rng: random.Random, scene: Scene, facet: Facet, avoided: Sequence[str], wanted: Sequence[str]) -> Phrase:
    """A value refused and another wanted in its place."""
    old, new = (value_phrase(rng, scene, facet, values) for values in (avoided, wanted))
    after = rng.choice(
        (f"{new.after}, not {old.bare}", f"not {old.pred} but {new.pred}", f"{new.after} but not {old.pred}")
    )
    key = rng.choice(
        (
            f"not {old.bare}, {new.bare}",
            f"{new.bare}, not {old.bare}",
            f"no {old.noun}, {new.noun} instead",
            f"not {old.bare} but {new.bare}",
            f"no {old.noun} but {new.noun}",
        )
    )
    clause = rng.choice(
        (
            f"it should not be {old.pred} but {new.pred}",
            key,
            f"I want {new.noun}, not {old.noun}",
            f"no {old.noun}, rather {new.noun}",
        )
    )
    return Phrase(
        "", after, f"not {old.pred} but {new.pred}", key, clause, f"{new.name}: {new.bare}, not {old.bare}", late=True
    )


def _bounded(rng: random.Random, kind: str, name: str, low: float | None, high: float | None) -> Phrase:
    text = bound_phrase(rng, kind, name, low, high)
    said = spoken_name(name)
    if text.startswith("with "):
        clause = f"it should have {text.removeprefix('with ')}"
    elif text.startswith(said):
        clause = f"the {said} should be {text.removeprefix(said).strip()}"
    elif text.startswith("budget"):
        clause = rng.choice(
            (f"my {text}", text.replace("budget", "my budget is"), text.replace("budget", "I have a budget of"))
        )
    elif kind == "price" and not text.startswith(("for", "cheaper", "within")):
        clause = rng.choice(
            (f"it should cost {text}", f"it must cost {text}", f"I would like to spend {text}", f"price {text}")
        )
    else:
        clause = rng.choice((f"it should be {text}", f"it has to be {text}", f"it must be {text}"))
    core = text.removeprefix("with a ").removeprefix(said).strip()
    after = text.replace("budget", "with a budget of") if text.startswith("budget") else text
    return Phrase("", after, after, text, clause, f"{said}: {core}", late=True)


def _stepped(rng: random.Random, kind: str, name: str, way: str) -> Phrase:
    number, said = NUMBERS.get(kind), spoken_name(name)
    if number is None:
        word = rng.choice(("lower", "smaller") if way == "lower" else ("higher", "bigger"))
        text = f"with a {word} {said}"
        return Phrase("", text, text, f"{word} {said}", f"the {said} should be {word}", f"{said}: {word}", late=True)
    word = rng.choice(number.lower if way == "lower" else number.higher)
    much = number.much if way == "lower" else number.little
    clause = rng.choice(
        (
            f"it should be {word}",
            f"these are {much}",
            f"that is {much}",
            f"they are all {much}",
            f"it can be {word}",
            f"all of this is {much} for me",
        )
    )
    bare = word.removeprefix("a bit ").removeprefix("a little ").removeprefix("much ")
    return Phrase(bare, f"that is {word}", word, word, clause, f"{said}: {'less' if way == 'lower' else 'more'}")


def _dropped(rng: random.Random, scene: Scene, name: str) -> Phrase:
    said = spoken_name(name)
    numeric = next(facet.numeric for facet in scene.facets if facet.name == name)
    clauses = [
        f"the {said} doesn't matter",
        f"the {said} does not matter",
        f"forget the {said}",
        f"never mind the {said}",
        f"I don't care about the {said}",
        f"the {said} is not important",
        f"any {said} is fine",
        f"any {said} will do",
        f"ignore the {said}",
        f"{said} is not important to me",
        f"I am open to any {said}",
        f"drop the {said}",
        f"it can be any {said}",
        f"whatever {said}",
        f"no matter the {said}",
    ]
    keys = [f"any {said}", f"any {said} is fine", f"{said} does not matter", f"no matter what {said}"]
    if numeric:
        clauses += [f"there is no limit on the {said}", f"drop the {said} limit", f"remove the limit on {said}"]
        clauses += ["money is no object", "I can spend whatever it takes"] if scene.kinds[name] == "price" else []
    held = scene.standing.want.get(name, ()) if scene.standing else ()
    if held and rng.random() < 0.3:
        value = value_phrase(rng, scene, next(facet for facet in scene.facets if facet.name == name), held)
        clauses = [
            f"it doesn't have to be {value.pred}",
            f"it need not be {value.pred}",
            f"no need for {value.noun} any more",
            f"{value.noun} is no longer important",
            f"not necessarily {value.pred}",
        ]
        keys = clauses[2:]
    key, clause = rng.choice(keys), rng.choice(clauses)
    return Phrase("", f"in any {said}", f"in any {said}", key, clause, f"{said}: any", late=True)


def update_is_plain(update: Update) -> bool:
    """Whether nothing is asked for beyond the action and the items."""
    return not any(
        (
            update.want,
            update.prefer,
            update.avoid,
            update.drop,
            update.at_most,
            update.at_least,
            update.step,
            update.count,
            update.query,
        )
    )
