"""The scene that a message, or a chip, makes of the scene before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.dialogue import QUERY_CHARS, Action, Update
from agent.dialogue_state import apply
from agent.fillers import FILLERS
from agent.habits import habit_key
from agent.mentions import tokens_of
from agent.offers import SOFTEN, picked
from agent.residue import residue
from agent.scenes import PICTURE, Scene

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue import Facet
    from retrieval.preferences import Preference


def wished(scene: Scene, update: Update, words: str, picture: Image | None, facets: Sequence[Facet]) -> Scene:
    """The scene that the message asks for; what says nothing of the catalogue is searched for as it is."""
    if update.action not in (Action.SEARCH, Action.REFINE, Action.SIMILAR):
        update = Update(Action.SEARCH)
    if update == Update(update.action) and any(token.text not in FILLERS for token in tokens_of(words)):
        update = replace(update, query=residue(words, tokens_of(words), ()))
    every = () if re.search(r"\b(?:or|either)\b", words.lower()) else [f.name for f in facets if f.several]
    state = apply(scene.state, update, [entry.item for entry in scene.entries()], every=every)
    if not state.chips() and picture is None and update.step:
        state = replace(state, query=words[:QUERY_CHARS])
    # In the catalogue's order, which begins with what things are: another value of the first one is a new wish.
    want = {facet.name: state.want[facet.name] for facet in facets if facet.name in state.want}
    state = replace(state, want=want)
    if update.action is Action.SEARCH or picture is not None:
        return Scene(state, picture, scene.shown, asks=scene.asks)
    return replace(scene, state=state)


def without(scene: Scene, chip_key: str, habits: Iterable[Preference]) -> Scene:
    """The scene without the part of a chip."""
    if chip_key in {habit_key(habit) for habit in habits}:
        return replace(scene, ignored=scene.ignored | {chip_key})
    image = None if chip_key == PICTURE.key else scene.image
    return replace(scene, state=scene.state.without(chip_key), image=image)


def chosen(scene: Scene, offer_key: str, habits: Iterable[Preference]) -> Scene:
    """The scene after one of its offers is taken; after a chip's key, the scene without that part."""
    offered, habits = offer_key in {offer.key for offer in scene.offers}, tuple(habits)
    if offered and offer_key == SOFTEN:
        ignored = frozenset(habit_key(habit) for habit in habits)
        return replace(scene, state=scene.state.softened(), ignored=ignored)
    if offered and (pick := picked(offer_key)) is not None:
        return replace(scene, state=replace(scene.state, want={**scene.state.want, pick[0]: (pick[1],)}))
    return without(scene, offer_key, habits)
