"""What a message changes, before anybody puts it into words: a scene of a conversation, and an update that fits it."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from agent.dialogue import Action, Facet, Update
from finetune.builtin.queries import Query, draw_query, draw_thing
from finetune.builtin.talk_numbers import NUMBERS, ROUND

_Held = TypeVar("_Held")
HEADS = ("category", "genre", "kind", "type")
"""Kinds of attributes that say what a thing is; naming another one begins a new search, unless the words correct."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a message falls.

    facets: as the prompt lists them. kinds: how people speak of each, by name. standing: what holds so far, as an
    update. shown: titles of the list shown last. noun: what the things are called where no attribute says it.
    """

    facets: tuple[Facet, ...]
    kinds: Mapping[str, str]
    standing: Update | None
    shown: tuple[str, ...]
    noun: str
    goods: bool
    held_out: bool = False

    @property
    def head(self) -> str | None:
        """The attribute that says what a thing is."""
        return next((facet.name for facet in self.facets if self.kinds[facet.name] in HEADS), None)

    @property
    def listed(self) -> frozenset[str]:
        """The values listed, in lower case."""
        return frozenset(value.lower() for facet in self.facets for value in facet.values)


@dataclass(frozen=True, slots=True)
class Intent:
    """An update to be put into words.

    query: its free words with what stands around them. anew: whether it begins a new search while something stands.
    repair: whether it changes what a thing is, as a correction.
    """

    update: Update
    query: Query | None = None
    anew: bool = False
    repair: bool = False


def slot_kinds(update: Update) -> tuple[str, ...]:
    """The kinds of slots that an update fills, sorted: "at_most:price", "want:colour", "count"."""
    kinds = [
        f"{group}:{name}"
        for group in ("want", "prefer", "avoid", "at_most", "at_least", "step")
        for name in getattr(update, group)
    ]
    kinds += [f"drop:{name}" for name in update.drop]
    kinds += [name for name in ("items", "count", "query") if getattr(update, name)]
    return tuple(sorted(kinds))


def held_out_combination(update: Update) -> bool:
    """One combination of two and more slots in ten is kept for measuring."""
    kinds = slot_kinds(update)
    return len(kinds) > 1 and zlib.crc32("|".join(kinds).encode()) % 10 == 0


_ACTIONS = (
    (Action.SEARCH, 0.42),
    (Action.SIMILAR, 0.1),
    (Action.COMPARE, 0.08),
    (Action.ASK, 0.13),
    (Action.WHY, 0.06),
    (Action.LIKE, 0.07),
    (Action.DISLIKE, 0.07),
    (Action.CHAT, 0.07),
)
_FOLLOWING = ((Action.SEARCH, 0.12), (Action.REFINE, 0.42), *_ACTIONS[1:])


def draw_intent(rng: random.Random, scene: Scene) -> Intent:
    """Something that a person may want to say in this scene."""
    choices = _ACTIONS if scene.standing is None else _FOLLOWING
    action = rng.choices([a for a, _ in choices], [w for _, w in choices])[0]
    if not scene.shown and action in (Action.SIMILAR, Action.COMPARE, Action.WHY, Action.LIKE, Action.DISLIKE):
        action = Action.REFINE if scene.standing else Action.SEARCH
    if action is Action.COMPARE and len(scene.shown) < 2:
        action = Action.ASK
    match action:
        case Action.SEARCH:
            return _search(rng, scene)
        case Action.REFINE:
            return _refine(rng, scene)
        case Action.SIMILAR:
            return _similar(rng, scene)
        case Action.COMPARE:
            return Intent(Update(action, items=_several(rng, len(scene.shown))))
        case Action.CHAT:
            return Intent(Update(action))
        case _:
            return Intent(Update(action, items=_one(rng, scene, action)))


def _one(rng: random.Random, scene: Scene, action: Action) -> tuple[int, ...]:
    """The item that is spoken of; none where "it" may be any of several, and for a question about the shop."""
    if not scene.shown or (action is Action.ASK and rng.random() < 0.2):
        return ()
    if action is not Action.ASK and len(scene.shown) > 2 and rng.random() < 0.1:
        return tuple(sorted(rng.sample(range(1, len(scene.shown) + 1), 2)))
    return () if len(scene.shown) > 1 and rng.random() < 0.12 else (rng.randint(1, len(scene.shown)),)


def _several(rng: random.Random, shown: int) -> tuple[int, ...]:
    count = 3 if shown > 3 and rng.random() < 0.12 else 2
    return tuple(sorted(rng.sample(range(1, shown + 1), count)))


def draw_standing(rng: random.Random, scene: Scene) -> Update:
    """What may hold after earlier messages: the wish of a search."""
    return replace(_search(rng, scene).update, count=None)


def _search(rng: random.Random, scene: Scene) -> Intent:
    slots = rng.choices((0, 1, 2, 3, 4), (3, 26, 36, 24, 11))[0]
    fixed = None
    anew = scene.standing is not None
    held = scene.standing.want.get(scene.head, ()) if scene.standing and scene.head else ()
    if scene.head and slots and rng.random() < 0.85:
        values = [v for f in scene.facets if f.name == scene.head for v in f.values if v not in held]
        fixed = (scene.head, rng.choice(values)) if values else None
    intent = _wish(rng, scene, Update(Action.SEARCH), slots, fixed)
    if scene.goods and slots and not fixed and rng.random() < 0.25 and not _says_what(intent.update, scene.head):
        thing = draw_thing(rng)
        intent = Intent(replace(intent.update, query=thing.core), thing)
    return replace(intent, anew=anew)


def _says_what(update: Update, head: str | None) -> bool:
    return any(head in held for held in (update.want, update.prefer, update.avoid))


def _refine(rng: random.Random, scene: Scene) -> Intent:
    standing = scene.standing or Update(Action.SEARCH)
    draw = rng.random()
    update = Update(Action.REFINE)
    if draw < 0.13:
        return Intent(
            replace(update, step=_steps(rng, scene)) if _numeric(scene) else replace(update, count=rng.randint(2, 6))
        )
    if draw < 0.25 and (drop := _droppable(scene, standing)):
        dropped = (rng.choice(drop),)
        more = rng.random() < 0.25
        intent = _wish(rng, scene, update, 1, None, ban=(*dropped, scene.head)) if more else Intent(update)
        return Intent(replace(intent.update, drop=dropped, query=""))
    if draw < 0.28:
        return Intent(replace(update, count=rng.choice((None, None, 2, 3, 4, 5, 6))))
    held = standing.want.get(scene.head, ()) if scene.head else ()
    if draw < 0.36 and held and scene.head:
        values = [v for f in scene.facets if f.name == scene.head for v in f.values if v not in held]
        if values:
            slots = rng.choices((1, 2), (7, 3))[0]
            intent = _wish(rng, scene, update, slots, (scene.head, rng.choice(values)))
            return replace(intent, repair=True)
    intent = _wish(rng, scene, update, rng.choices((1, 2, 3), (55, 33, 12))[0], None, ban=(scene.head,) if held else ())
    if rng.random() < 0.08 and not intent.update.at_most and not intent.update.at_least and _numeric(scene):
        return replace(intent, update=replace(intent.update, step=_steps(rng, scene)))
    return intent


def _similar(rng: random.Random, scene: Scene) -> Intent:
    items: tuple[int, ...] = (rng.randint(1, len(scene.shown)),)
    if len(scene.shown) > 2 and rng.random() < 0.1:
        items = _several(rng, len(scene.shown))[:2]
    slots = rng.choices((0, 1, 2), (35, 50, 15))[0]
    base = Update(Action.SIMILAR, items=items)
    if slots and _numeric(scene) and rng.random() < 0.25:
        return Intent(replace(base, step=_steps(rng, scene)))
    if not slots:
        return Intent(replace(base, count=rng.randint(2, 6) if rng.random() < 0.15 else None))
    intent = _wish(rng, scene, base, slots, None)
    return replace(intent, update=replace(intent.update, count=None))


def _numeric(scene: Scene) -> tuple[str, ...]:
    return tuple(facet.name for facet in scene.facets if facet.numeric)


def _steps(rng: random.Random, scene: Scene) -> dict[str, str]:
    return {rng.choice(_numeric(scene)): rng.choice(("lower", "lower", "higher"))}


def _droppable(scene: Scene, standing: Update) -> list[str]:
    """Attributes about which something stands, listed ones only, and not what the thing is."""
    told = {*standing.want, *standing.avoid, *standing.prefer, *standing.at_most, *standing.at_least}
    return [facet.name for facet in scene.facets if facet.name in told and facet.name != scene.head]


def _wish(
    rng: random.Random,
    scene: Scene,
    base: Update,
    slots: int,
    fixed: tuple[str, str] | None,
    ban: tuple[str | None, ...] = (),
) -> Intent:
    """The base with so many slots filled, each of another attribute but for a value refused beside one wanted."""
    groups: dict[str, dict[str, tuple[str, ...]]] = {"want": {}, "prefer": {}, "avoid": {}}
    bounds: dict[str, dict[str, float]] = {"at_most": {}, "at_least": {}}
    if fixed:
        groups["want"][fixed[0]] = (fixed[1],)
        slots -= 1
    free = [f for f in scene.facets if f.name not in ban and f.name not in groups["want"] and f.name != scene.head]
    if scene.head and not fixed and scene.head not in ban and scene.standing is None and rng.random() < 0.1:
        free += [f for f in scene.facets if f.name == scene.head]
    rng.shuffle(free)
    query = None
    for _ in range(slots):
        if query is None and rng.random() < 0.14:
            query = draw_query(rng, _words(scene), goods=scene.goods, held_out=scene.held_out)
        elif free:
            facet = free.pop()
            if facet.numeric:
                _bound(rng, scene.kinds[facet.name], facet.name, bounds)
            else:
                _choose(rng, facet, groups)
    count = rng.randint(2, 8) if rng.random() < 0.07 else None
    filled = any((*groups.values(), *bounds.values())) or query
    update = replace(
        base,
        want=_ordered(scene, groups["want"]),
        prefer=_ordered(scene, groups["prefer"]),
        avoid=_ordered(scene, groups["avoid"]),
        at_most=_ordered(scene, bounds["at_most"]),
        at_least=_ordered(scene, bounds["at_least"]),
        count=count if filled else base.count,
        query=query.core if query else "",
    )
    return Intent(update, query)


def _words(scene: Scene) -> frozenset[str]:
    return frozenset(word for value in scene.listed for word in (value, *value.split()))


def _ordered(scene: Scene, held: Mapping[str, _Held]) -> dict[str, _Held]:
    """In the order of the facets, so that there is one way to write an update."""
    return {facet.name: held[facet.name] for facet in scene.facets if facet.name in held}


def _choose(rng: random.Random, facet: Facet, groups: dict[str, dict[str, tuple[str, ...]]]) -> None:
    draw = rng.random()
    values = rng.sample(facet.values, min(2, len(facet.values)))
    one, both = tuple(values[:1]), tuple(value for value in facet.values if value in values)
    if draw < 0.58:
        groups["want"][facet.name] = both if draw < 0.08 else one
    elif draw < 0.72:
        groups["prefer"][facet.name] = both if draw < 0.595 else one
    elif draw < 0.92:
        groups["avoid"][facet.name] = both if draw < 0.75 else one
    else:
        groups["avoid"][facet.name] = one
        if len(values) > 1:
            groups["want"][facet.name] = (values[1],)


def _bound(rng: random.Random, kind: str, name: str, bounds: dict[str, dict[str, float]]) -> None:
    number = NUMBERS.get(kind)
    value = float(number.draw(rng) if number else rng.randint(1, 200))
    draw = rng.random()
    if kind == "year" and draw < 0.25:
        start = rng.choice((1930, 1940, 1950, 1960, 1970, 1980, 1990, 2000, 2010))
        bounds["at_least"][name], bounds["at_most"][name] = start, start + 9
    elif kind in ("price", "minutes", "size") and draw < 0.14:
        middle = rng.choice(ROUND if kind == "price" else ROUND[:9])
        bounds["at_least"][name], bounds["at_most"][name] = round(0.8 * middle, 2), round(1.2 * middle, 2)
    elif draw < 0.3:
        other = float(number.draw(rng) if number else rng.randint(1, 200))
        low, high = sorted((value, other if other != value else value + 1))
        bounds["at_least"][name], bounds["at_most"][name] = low, high
    elif draw < (0.78 if kind in ("price", "weight", "minutes") else 0.62 if kind != "rating" else 0.33):
        bounds["at_most"][name] = value
    else:
        bounds["at_least"][name] = value
