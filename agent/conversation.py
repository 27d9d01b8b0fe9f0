"""A conversation: what each message changes, what is recommended for it, and what is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.dialogue import QUERY_CHARS, Action, Update
from agent.dialogue_state import Chip, DialogueState, apply
from agent.feedback import ANONYMOUS
from agent.fillers import FILLERS
from agent.linker import link
from agent.mentions import tokens_of
from agent.prompts import clean
from agent.replies import answer, comparison, explanation, small_talk, titled
from agent.requests import understand
from retrieval.errors import InputError, TastemakerError
from retrieval.types import EventType, Item, Recommendation

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue import Facet
    from agent.recommendations import Recommendations
    from agent.recommender import Recommender

MAX_MESSAGE_CHARS = 1000
"""So much of a message is read."""

_MOST_STEPS, _CHIP_CHARS = 100, 80
_PICTURE = Chip("picture", "your picture")
_NOTHING_LEFT = "There is nothing new to suggest: the catalogue is empty, or you know all of it."
_NOT_YET = "Nothing has been shown yet. Tell me what you are looking for."
_COMPARES = re.compile(r"\b(?:compare|differ|difference)\b")
_WHICH_TWO = "Tell me which two to compare, such as the first and the third."
_ASK_FOR_WISH = "Tell me what you are looking for."


@dataclass(frozen=True, slots=True)
class Reply:
    """What a message is answered with.

    recommendations: None where nothing was searched. chips: what stands, each part with the key that
    `Conversation.remove` takes. note: what did not go as planned; None when all did.
    """

    text: str
    recommendations: Recommendations | None
    state: DialogueState
    chips: tuple[Chip, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where the conversation stands: what is wanted, and the list shown last."""

    state: DialogueState = field(default_factory=DialogueState)
    image: Image | None = None
    shown: Recommendations | None = None

    def entries(self) -> tuple[Recommendation, ...]:
        return () if self.shown is None else self.shown.entries

    def standing(self) -> str | None:
        return self.state.words() or (_PICTURE.label if self.image is not None else None)


class Conversation:
    """Talks with one person about a recommender's catalogue. One caller at a time."""

    def __init__(
        self,
        recommender: Recommender,
        user_id: str | None = None,
        *,
        k: int = 5,
        source: str = "api",
        session_id: str | None = None,
    ) -> None:
        """k: how many items are shown where a message asks for no number. source, session_id: for the log."""
        self._recommender = recommender
        self._user_id = user_id
        self._k = k
        self._source = source
        self._session_id = session_id
        self.where: str | None = None
        """A filter (`retrieval.filters`) that all answers from now on keep to, beside what is said."""
        self._scene = _Scene()
        self._past: list[_Scene] = []

    def reply(
        self,
        message: str,
        *,
        image: Image | bytes | Path | None = None,
        on_stage: Callable[[str], object] | None = None,
    ) -> Reply:
        """The answer to a message, which may come with a picture. on_stage: as `Recommender.recommend` takes it.

        What goes wrong is said in the reply; the conversation stays where it was.
        """
        words, note = clean(message, MAX_MESSAGE_CHARS), None
        try:
            picture = understand(user_id=None, query=None, image=image, where=None, k=1).image
        except InputError as error:
            picture, note = None, f"The picture was left out: {error}."
        if not words and picture is None:
            return self._said(_ASK_FOR_WISH, note=note)
        try:
            reply = self._answered(words, picture, on_stage)
        except TastemakerError as error:
            return self._said(f"That did not work: {error}.", note=note)
        return replace(reply, note=_both(note, reply.note))

    def remove(self, chip_key: str, *, on_stage: Callable[[str], object] | None = None) -> Reply:
        """The answer without the part of a chip."""
        scene = self._scene
        image = None if chip_key == _PICTURE.key else scene.image
        try:
            return self._searched(_Scene(scene.state.without(chip_key), image), "", on_stage)
        except TastemakerError as error:
            return self._said(f"That did not work: {error}.")

    def similar(self, item_id: str, *, on_stage: Callable[[str], object] | None = None) -> Reply:
        """More like an item of the catalogue, within what stands."""
        try:
            state = replace(self._scene.state, query="", like=item_id)
            return self._searched(_Scene(state, self._scene.image), "", on_stage)
        except TastemakerError as error:
            return self._said(f"That did not work: {error}.")

    def surprise(self, *, on_stage: Callable[[str], object] | None = None) -> Reply:
        """What the person's history alone recommends; what stood is over."""
        try:
            return self._searched(_Scene(), "", on_stage)
        except TastemakerError as error:
            return self._said(f"That did not work: {error}.")

    def undo(self) -> Reply:
        """What stood and was shown before the last search; likes and dislikes stay in the log."""
        if not self._past:
            return self._said("There is nothing to take back.")
        self._scene = self._past.pop()
        back = ", ".join(chip.label for chip in self._chips())
        return self._said(f"Back to: {back}." if back else "Back to the beginning.", shown=self._scene.shown)

    def _answered(self, words: str, picture: Image | None, on_stage: Callable[[str], object] | None) -> Reply:
        if not words:
            return self._searched(_Scene(DialogueState(), picture), words, on_stage)
        entries, facets, embed = self._scene.entries(), self._recommender.facets(), self._recommender.embed
        titles = [entry.item.title for entry in entries]
        update = link(words, facets, standing=self._scene.standing(), shown=titles, embed=embed)
        named = [entries[place - 1] for place in update.items if place <= len(entries)]
        if picture is None:
            if entries and len(named) < 2 and _COMPARES.search(words.lower()):
                return self._said(_WHICH_TWO)
            match update.action:
                case Action.CHAT:
                    return self._said(small_talk(words))
                case Action.WHY if not entries:
                    return self._said(_NOT_YET)
                case Action.WHY:
                    return self._said(" ".join(explanation(entry) for entry in named or entries[:1]))
                case Action.COMPARE if len(named) > 1:
                    return self._said(comparison(named[0].item, named[1].item))
                case Action.ASK if named:
                    return self._said(" ".join(answer(words, entry.item, facets, embed) for entry in named))
                case Action.LIKE | Action.DISLIKE if named:
                    return self._judged(update.action, [entry.item for entry in named])
        return self._searched(self._wished(update, words, picture, facets), words, on_stage)

    def _wished(self, update: Update, words: str, picture: Image | None, facets: Sequence[Facet]) -> _Scene:
        """The scene that the message asks for; what says nothing of the catalogue is searched for as it is."""
        if update.action not in (Action.SEARCH, Action.REFINE, Action.SIMILAR):
            update = Update(Action.SEARCH)
        if update == Update(update.action) and any(token.text not in FILLERS for token in tokens_of(words)):
            update = replace(update, query=words[:QUERY_CHARS])
        state = apply(self._scene.state, update, [entry.item for entry in self._scene.entries()])
        if not state.chips() and picture is None and update.step:
            state = replace(state, query=words[:QUERY_CHARS])
        # In the catalogue's order, which begins with what things are: another value of the first one is a new wish.
        want = {facet.name: state.want[facet.name] for facet in facets if facet.name in state.want}
        state = replace(state, want=want)
        keeps = update.action is not Action.SEARCH and picture is None
        return _Scene(state, self._scene.image if keeps else picture)

    def _judged(self, action: Action, items: list[Item]) -> Reply:
        shown = self._scene.shown
        kind = EventType.LIKE if action is Action.LIKE else EventType.DISLIKE
        for item in items:
            self._recommender.feedback(
                self._user_id or ANONYMOUS,
                item.item_id,
                kind,
                None if shown is None else shown.request_id,
                source=self._source,
                session_id=self._session_id,
            )
        verb = "like" if action is Action.LIKE else "do not like"
        return self._said(f"Noted: you {verb} {' and '.join(titled(item) for item in items)}.")

    def _searched(self, scene: _Scene, words: str, on_stage: Callable[[str], object] | None) -> Reply:
        """The reply with what fits the scene, or nearly fits it; the conversation goes on from there."""
        note = None
        try:
            state, text = self._that_finds(scene.state)
            found = self._recommend(state, scene.image, on_stage)
        except InputError as error:
            state, text = DialogueState(query=words[:QUERY_CHARS]), None
            note = f"Only the words themselves were searched for: {error}."
            found = self._recommend(state, scene.image, on_stage)
        self._past = [*self._past, self._scene][-_MOST_STEPS:]
        self._scene = _Scene(state, scene.image, found)
        if not found:
            text = _NOTHING_LEFT
        return self._said(text or _headline(self._chips()), shown=found, note=_both(note, found.note))

    def _that_finds(self, state: DialogueState) -> tuple[DialogueState, str | None]:
        """The state, or the nearest one that lets items through, and what was left out of it.

        One constraint is left out where that is enough: rather not the first, which says what things are; then
        rather a new one, then the one that hides most.
        """
        if self._fitting(state):
            return state, None
        before = {chip.key for chip in self._scene.state.constraints()}
        counted = [
            (place > 0, chip.key not in before, self._fitting(state.without(chip.key)), chip)
            for place, chip in enumerate(state.constraints())
        ]
        enough = [each for each in counted if each[2]]
        if not enough:
            return state.softened(), "Nothing fits all of that; this is what comes near."
        *_, chip = max(enough, key=lambda each: each[:3])
        label = clean(chip.label, _CHIP_CHARS)
        return state.without(chip.key), f"Nothing fits with “{label}”; this is what there is without."

    def _fitting(self, state: DialogueState) -> int:
        return self._recommender.count(user_id=self._user_id, where=_all_of(self.where, state.where()))

    def _recommend(
        self, state: DialogueState, image: Image | None, on_stage: Callable[[str], object] | None
    ) -> Recommendations:
        return self._recommender.recommend(
            user_id=self._user_id,
            query=state.text(self._item(state.like)),
            image=image,
            where=_all_of(self.where, state.where()),
            k=state.count or self._k,
            source=self._source,
            session_id=self._session_id,
            on_stage=on_stage,
        )

    def _item(self, item_id: str | None) -> Item | None:
        return None if item_id is None else self._recommender.workspace.items.get_many([item_id]).get(item_id)

    def _said(self, text: str, *, shown: Recommendations | None = None, note: str | None = None) -> Reply:
        return Reply(text, shown, self._scene.state, self._chips(), note)

    def _chips(self) -> tuple[Chip, ...]:
        like = self._item(self._scene.state.like)
        chips = self._scene.state.chips(like="" if like is None else like.title)
        picture = (_PICTURE,) if self._scene.image is not None else ()
        return (*(Chip(chip.key, clean(chip.label, _CHIP_CHARS)) for chip in chips), *picture)


def _headline(chips: Sequence[Chip]) -> str:
    told = ", ".join(chip.label for chip in chips)
    return f"This is what I found for: {told}." if told else "This may be something for you."


def _both(*notes: str | None) -> str | None:
    return " ".join(note for note in notes if note) or None


def _all_of(*filters: str | None) -> str | None:
    """The filter that all of these together are."""
    kept = [f"({each})" for each in filters if each]
    return " and ".join(kept) or None
