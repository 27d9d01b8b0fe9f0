"""Where a conversation stands: what is wanted and was shown, the way back, and the search from there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.dialogue import QUERY_CHARS
from agent.dialogue_state import Chip, DialogueState
from agent.habits import habit_chips, said
from agent.offers import SOFTEN, choices, relaxations
from agent.prompts import clean
from agent.scenes import PICTURE, Hooks, Reply, Scene, Step
from retrieval.errors import InputError, TastemakerError

if TYPE_CHECKING:
    from agent.person import Person
    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from retrieval.preferences import Preference
    from retrieval.types import Event

CHIP_CHARS = 80
_MOST_STEPS = 30
_NOTHING_LEFT = "There is nothing new to suggest: the catalogue is empty, or you know all of it."
_SURPRISES = re.compile(r"\b(?:surprise|anything|random|whatever)\b")


class Standing:
    """The scene of now with the steps that led to it, for one person; not safe for several threads at once."""

    def __init__(self, recommender: Recommender, person: Person) -> None:
        self._recommender = recommender
        self._person = person
        self.scene = Scene()
        self._past: list[Step] = []

    def go_on(
        self,
        scene: Scene,
        *,
        events: tuple[Event, ...] = (),
        habits: tuple[Preference, ...] = (),
        dropped: tuple[Preference, ...] = (),
    ) -> None:
        """Another scene; the one before can be gone back to. The rest is what the message leaves, as in `Step`."""
        self._past = [*self._past, Step(self.scene, events, habits, dropped)][-_MOST_STEPS:]
        self.scene = scene

    def speaks_of(self, place: int) -> None:
        """Of the shown items this one, from 1, is what "it" means from now on."""
        self.scene = replace(self.scene, focus=place)

    def leaves(self, *, habits: tuple[Preference, ...] = (), dropped: tuple[Preference, ...] = ()) -> None:
        """Note what else the last message leaves beside its scene."""
        step = self._past[-1]
        self._past[-1] = replace(step, habits=(*step.habits, *habits), dropped=(*step.dropped, *dropped))

    @property
    def last(self) -> Step | None:
        """The step that undo would take back; None where there is none."""
        return self._past[-1] if self._past else None

    def begin(self) -> None:
        """Nothing stands, and there is no way back."""
        self.scene, self._past = Scene(), []

    def undone(self) -> Reply:
        """Back to the scene before the last message that changed anything; what that left behind is taken back."""
        if not self._past:
            return self.said("There is nothing to take back.")
        step = self._past[-1]
        count = self._person.take_back(step.habits, step.events)
        self._person.keep(step.dropped)
        self.scene = self._past.pop().before
        taken = [f"you judged {count} of them"] if count else []
        taken += [said(habit) for habit in step.habits]
        again = "; ".join(said(habit) for habit in step.dropped)
        back = ", ".join(chip.label for chip in self._chips())
        text = f"Back to: {back}." if back else "Back to the beginning."
        text += f" Taken back: {'; '.join(taken)}." if taken else ""
        text += f" It counts again: {again}." if again else ""
        return self.said(text, shown=self.scene.shown, offers=self.scene.offers)

    def said(
        self,
        text: str,
        *,
        shown: Recommendations | None = None,
        note: str | None = None,
        offers: tuple[Chip, ...] = (),
    ) -> Reply:
        """A reply, with what stands."""
        return Reply(text, shown, self.scene.state, self._chips(), note, _tidied(offers))

    def searched(self, scene: Scene, words: str, hooks: Hooks, *, anew: bool = False) -> Reply:
        """The reply with what fits the scene; the conversation goes on from there.

        words: the message, which is searched for as it is where its constraints cannot be used. anew: only what was not
        shown for this wish before; else that comes again where too little else fits. Raises TastemakerError.
        """
        hidden, note = scene.known if anew else (), None
        try:
            state, limits = self._person.meant(scene)
            if not self._person.count(limits, hidden):
                return self._nothing(scene, hidden)
        except InputError as error:
            note = f"Only the words themselves were searched for: {error}."
            scene = Scene(DialogueState(query=words[:QUERY_CHARS]), scene.image)
            found = self._person.recommend(scene.state, None, scene, hidden, hooks)
        else:
            found = self._person.recommend(state, limits, scene, hidden, hooks)
        known = tuple(dict.fromkeys((*scene.known, *(entry.item.item_id for entry in found))))
        question, offers = self._question(scene, words)
        scene = replace(scene, shown=found, known=known, empty=False, focus=None)
        self.go_on(replace(scene, offers=offers, asks=bool(question)))
        text = f"{_headline(self._chips(), anew)} {question}".strip() if found else _NOTHING_LEFT
        return self.said(text, shown=found, note=both(note, found.note), offers=offers)

    def eased(self, scene: Scene, others: Sequence[Scene]) -> tuple[Scene, str]:
        """The scene, or where nothing fits it, the first other one that something fits; and what that leaves out."""
        try:
            fits = next((each for each in (scene, *others) if self._person.fitting(each)), scene)
        except InputError:  # the search says what is wrong
            return scene, ""
        kept = {chip.key for chip in fits.state.chips()}
        return fits, ", ".join(chip.label for chip in _tidied(scene.state.chips()) if chip.key not in kept)

    def last_fitting(self) -> Scene:
        """The latest scene that anything fitted."""
        return next((step.before for step in reversed(self._past) if not step.before.empty), Scene())

    def _nothing(self, scene: Scene, hidden: Sequence[str]) -> Reply:
        """Nothing fits, or nothing more: which part is to blame, and what there is without it."""
        before = {chip.key for chip in self.scene.state.constraints()}
        habits = self._habit_chips(scene)
        if not self._person.count() or not (scene.state.constraints() or habits):
            self.go_on(scene)
            return self.said(_NOTHING_LEFT)
        offers = relaxations(
            scene.state, before, lambda state: self._person.fitting(replace(scene, state=state), hidden)
        )
        helping = (
            chip for chip in habits if self._person.fitting(replace(scene, ignored=scene.ignored | {chip.key}), hidden)
        )
        offers += tuple(Chip(chip.key, f"though you said {chip.label}") for chip in helping)
        self.go_on(replace(scene, offers=offers, asks=False, empty=not hidden))
        first = clean(offers[0].label, CHIP_CHARS)
        lead = "That is all there is for this." if hidden else "Nothing fits all of that."
        return self.said(f"{lead} Shall I look for {'' if offers[0].key == SOFTEN else 'it '}{first}?", offers=offers)

    def _question(self, scene: Scene, words: str) -> tuple[str, tuple[Chip, ...]]:
        """What to ask where a wish says too little, with values to choose; never twice in a row."""
        wide = not scene.state.words() and scene.image is None and not _SURPRISES.search(words.lower())
        if not wide or scene.asks or scene.known or self._person.habits() or self._person.has_history():
            return "", ()
        facets, count = self._recommender.facets(), self._person.count()
        name, offers = choices(facets, self._recommender.value_counts, count)
        if not offers:
            return "", ()
        values = ", ".join(clean(offer.label, CHIP_CHARS) for offer in offers)
        return f"Which {clean(name.replace('_', ' '), CHIP_CHARS)} do you have in mind: {values}, another?", offers

    def _chips(self) -> tuple[Chip, ...]:
        try:
            like = self._person.item(self.scene.state.like)
        except TastemakerError:
            like = None
        chips = self.scene.state.chips(like="" if like is None else like.title)
        picture = (PICTURE,) if self.scene.image is not None else ()
        return (*_tidied(chips), *picture, *self._habit_chips(self.scene))

    def _habit_chips(self, scene: Scene) -> tuple[Chip, ...]:
        try:
            habits = self._person.habits()
        except TastemakerError:
            return ()
        return tuple(chip for chip in habit_chips(habits, scene.state) if chip.key not in scene.ignored)


def both(*notes: str | None) -> str | None:
    """The notes that there are, in one."""
    return " ".join(note for note in notes if note) or None


def _tidied(chips: Sequence[Chip]) -> tuple[Chip, ...]:
    return tuple(Chip(chip.key, clean(chip.label, CHIP_CHARS)) for chip in chips)


def _headline(chips: Sequence[Chip], anew: bool) -> str:
    told = ", ".join(chip.label for chip in chips)
    if anew:
        return f"Here are others for: {told}." if told else "Here are others."
    return f"This is what I found for: {told}." if told else "This may be something for you."
