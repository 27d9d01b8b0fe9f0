"""A conversation: what each message changes, what is recommended for it, and what is said."""

from __future__ import annotations

import asyncio
import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.catalog_talk import Asks, CatalogQuestion, counted, listing, question_of, unknown_word
from agent.dialogue import QUERY_CHARS, Action, Update
from agent.dialogue_state import Chip, DialogueState, apply
from agent.facts import told_values
from agent.fillers import FILLERS
from agent.habits import habit_chips, habit_key, said, stated_in
from agent.linker import link
from agent.mentions import tokens_of
from agent.offers import SOFTEN, choices, picked, relaxations, value_offers
from agent.person import Person
from agent.places import count_of
from agent.prompts import clean
from agent.remarks import Remark, remark_of, tells_a_habit
from agent.replies import answer, comparison, explanation, hinges, small_talk, titled
from agent.requests import understand
from agent.scenes import PICTURE, CardsReady, Hooks, Replied, Reply, Scene, StageBegun, Step, StreamEvent
from retrieval.errors import InputError, TastemakerError
from retrieval.types import EventType, Item

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue import Facet
    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from retrieval.preferences import Preference
    from retrieval.types import Recommendation

__all__ = ["MAX_MESSAGE_CHARS", "CardsReady", "Conversation", "Replied", "Reply", "StageBegun", "StreamEvent"]

MAX_MESSAGE_CHARS = 1000
"""So much of a message is read."""

_MOST_STEPS, _CHIP_CHARS, _KEPT_PX = 30, 80, 384
_NOTHING_LEFT = "There is nothing new to suggest: the catalogue is empty, or you know all of it."
_NOT_YET = "Nothing has been shown yet. Tell me what you are looking for."
_COMPARES = re.compile(r"\b(?:compare|differ|difference)\b")
_SURPRISES = re.compile(r"\b(?:surprise|anything|random|whatever)\b")
_WHICH_TWO = "Tell me which two to compare, such as the first and the third."
_ASK_TO_FORGET = "Shall I erase all of it? It cannot be undone. Say yes or no."
_ASK_FOR_WISH = "Tell me what you are looking for."

OnStage = Callable[[str], object] | None


class Conversation:
    """Talks with one person about a recommender's catalogue; messages are answered one after another."""

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
        self._person = Person(recommender, user_id, k=k, source=source, session_id=session_id)
        self._guard = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._scene = Scene()
        self._past: list[Step] = []
        self._forgets = False

    def reply(self, message: str, *, image: Image | bytes | Path | None = None, on_stage: OnStage = None) -> Reply:
        """The answer to a message, which may come with a picture. on_stage: as `Recommender.recommend` takes it.

        What goes wrong is said in the reply; the conversation stays where it was.
        """
        return self._reply(message, image, Hooks(on_stage))

    def _reply(self, message: str, image: Image | bytes | Path | None, hooks: Hooks) -> Reply:
        words, note = clean(message, MAX_MESSAGE_CHARS), None
        try:
            picture = _small(understand(user_id=None, query=None, image=image, where=None, k=1).image)
        except InputError as error:
            picture, note = None, f"The picture was left out: {error}."
        if not words and picture is None:
            return self._said(_ASK_FOR_WISH, note=note)
        reply = self._safely(lambda: self._answered(words, picture, hooks))
        return replace(reply, note=_both(note, reply.note))

    def reply_stream(self, message: str, *, image: Image | bytes | Path | None = None) -> Iterator[StreamEvent]:
        """What happens while the message is answered: stages as they begin, then the cards, then the whole reply.

        The work goes on in a thread of its own: who stops listening stops nothing, and the conversation has moved on.
        """
        events: queue.SimpleQueue[StreamEvent | BaseException] = queue.SimpleQueue()
        hooks = Hooks(lambda stage: events.put(StageBegun(stage)), lambda entries: events.put(CardsReady(entries)))

        def work() -> None:
            try:
                events.put(Replied(self._reply(message, image, hooks)))
            except BaseException as error:  # noqa: BLE001  raised again where it is listened to
                events.put(error)

        threading.Thread(target=work, name="tastemaker-reply", daemon=True).start()
        while True:
            event = events.get()
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, Replied):
                return

    async def areply(
        self, message: str, *, image: Image | bytes | Path | None = None, on_stage: OnStage = None
    ) -> Reply:
        """The same as `reply`, without blocking the event loop."""
        return await asyncio.to_thread(self.reply, message, image=image, on_stage=on_stage)

    def remove(self, chip_key: str, *, on_stage: OnStage = None) -> Reply:
        """The answer without the part of a chip."""
        return self._safely(lambda: self._searched(self._without(chip_key), "", Hooks(on_stage)))

    def choose(self, offer_key: str, *, on_stage: OnStage = None) -> Reply:
        """The answer to what the last reply offered; to a key that it did not offer, as `remove` gives it."""
        return self._safely(lambda: self._searched(self._chosen(offer_key), "", Hooks(on_stage)))

    def similar(self, item_id: str, *, on_stage: OnStage = None) -> Reply:
        """More like an item of the catalogue, within what stands."""
        state = replace(self._scene.state, query="", like=item_id)
        return self._safely(lambda: self._searched(replace(self._scene, state=state), "", Hooks(on_stage)))

    def surprise(self, *, on_stage: OnStage = None) -> Reply:
        """What the person's history alone recommends, or what is popular; what stood is over."""
        return self._safely(lambda: self._searched(Scene(), "surprise", Hooks(on_stage)))

    def why(self, entry: Recommendation, *, on_stage: OnStage = None) -> Reply:
        """Why an item was recommended; of the list shown last, also what its place hangs on."""
        shown_last = entry in self._scene.entries()
        return self._safely(lambda: self._said(self._why(entry, Hooks(on_stage)) if shown_last else explanation(entry)))

    def compare(self, one: Item, other: Item) -> Reply:
        """How two items differ."""
        return self._safely(lambda: self._said(comparison(one, other)))

    def undo(self) -> Reply:
        """What stood and was shown before the last message that changed anything; what it left behind is taken back."""
        return self._safely(self._undone)

    def _safely(self, act: Callable[[], Reply]) -> Reply:
        with self._guard:
            try:
                return act()
            except TastemakerError as error:
                return self._said(f"That did not work: {error}.")

    def _answered(self, words: str, picture: Image | None, hooks: Hooks) -> Reply:
        """One turn: what the message says of itself, of the shown items, or of what is wanted."""
        hooks.stage("understand")
        remark, forgets = remark_of(words) if picture is None else None, self._forgets
        self._forgets = False
        if remark is not None and (reply := self._remarked(remark, words, forgets, hooks)) is not None:
            return reply
        if not words:
            return self._searched(Scene(image=picture), words, hooks)
        update, facets = self._update(words), self._recommender.facets()
        question = question_of(words, facets) if picture is None and not update.items else None
        if question is not None:
            return self._of_catalogue(question, update, words, facets, hooks)
        if picture is None and (reply := self._of_shown(update, words, facets, hooks)) is not None:
            return reply
        if picture is None and tells_a_habit(words) and (habits := stated_in(update, words)):
            return self._habits_stated(habits, hooks)
        return self._searched(self._wished(update, words, picture, facets), words, hooks)

    def _update(self, words: str) -> Update:
        titles = [entry.item.title for entry in self._scene.entries()]
        standing, embed = self._scene.standing(), self._recommender.embed
        return link(words, self._recommender.facets(), standing=standing, shown=titles, embed=embed)

    def _remarked(self, remark: Remark, words: str, forgets: bool, hooks: Hooks) -> Reply | None:
        """The answer to what a message says beside wishes; None where it has nothing to refer to."""
        scene = self._scene
        match remark:
            case Remark.FORGET_ME:
                self._forgets = True
                return self._said(f"{self._person.known()} {_ASK_TO_FORGET}")
            case Remark.YES if forgets:
                return self._forgotten()
            case Remark.NO if forgets:
                return self._said("Nothing is erased.")
            case Remark.YES if scene.offers:
                return self._searched(self._chosen(scene.offers[0].key), "", hooks)
            case Remark.NO if scene.offers:
                self._scene = replace(scene, offers=())
                return self._said("As you like. Tell me what to change instead.")
            case Remark.UNDO:
                return self._undone()
            case Remark.RESTART:
                self._go_on(Scene())
                return self._said(f"A new beginning. {_ASK_FOR_WISH}")
            case Remark.ABOUT_ME:
                return self._said(self._person.known())
            case Remark.MORE if scene.shown is not None:
                state = replace(scene.state, count=count_of(words) or scene.state.count)
                return self._searched(replace(scene, state=state), "", hooks, anew=True)
            case _:
                return None

    def _of_shown(self, update: Update, words: str, facets: Sequence[Facet], hooks: Hooks) -> Reply | None:
        """The answer to what is asked or said of the shown items; None for a wish."""
        entries, embed = self._scene.entries(), self._recommender.embed
        named = [entries[place - 1] for place in update.items if place <= len(entries)]
        if entries and len(named) < 2 and _COMPARES.search(words.lower()):
            return self._said(_WHICH_TWO)
        match update.action:
            case Action.CHAT:
                return self._said(small_talk(words))
            case Action.WHY if not entries:
                return self._said(_NOT_YET)
            case Action.WHY:
                return self._said(self._why((named or entries)[0], hooks))
            case Action.COMPARE if len(named) > 1:
                return self._said(comparison(named[0].item, named[1].item))
            case Action.ASK if named:
                return self._said(" ".join(answer(words, entry.item, facets, embed) for entry in named))
            case Action.LIKE | Action.DISLIKE if named:
                return self._judged(update.action, [entry.item for entry in named])
        return None

    def _why(self, entry: Recommendation, hooks: Hooks) -> str:
        """The item's reason and evidence, and what its place hangs on: each part of the wish and each liked item."""
        hooks.stage("why")
        found = self._person.why(self._scene, entry.item.item_id)
        return f"{explanation(entry)} {hinges(found)}"

    def _wished(self, update: Update, words: str, picture: Image | None, facets: Sequence[Facet]) -> Scene:
        """The scene that the message asks for; what says nothing of the catalogue is searched for as it is."""
        scene = self._scene
        if update.action not in (Action.SEARCH, Action.REFINE, Action.SIMILAR):
            update = Update(Action.SEARCH)
        if update == Update(update.action) and any(token.text not in FILLERS for token in tokens_of(words)):
            update = replace(update, query=words[:QUERY_CHARS])
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

    def _of_catalogue(
        self, question: CatalogQuestion, update: Update, words: str, facets: Sequence[Facet], hooks: Hooks
    ) -> Reply:
        """The answer to a question about the catalogue, from its counts; what was found for it is shown."""
        wanted = {name: values for name, values in update.want.items() if name != question.attribute}
        if question.asks is Asks.VALUES:
            facet = next(facet for facet in facets if facet.name == question.attribute)
            counts = self._person.value_counts(facet, wanted)
            told = listing(facet.name, counts, ", ".join(value for values in wanted.values() for value in values))
            offers = value_offers(facet.name, [value for value, count in counts.items() if count])
            if not wanted:
                self._go_on(replace(self._scene, offers=offers))
                return self._said(told, offers=offers)
            reply = self._searched(Scene(DialogueState(want=wanted), shown=self._scene.shown), words, hooks)
            return replace(reply, text=f"{told} {reply.text}")
        wishes = update.action in (Action.SEARCH, Action.REFINE)
        scene = self._wished(update if wishes else replace(update, action=Action.SEARCH), words, None, facets)
        reply = self._searched(scene, words, hooks)
        if not reply.recommendations:
            return reply
        if not scene.state.constraints():
            return replace(reply, text=f"{self._mentions(scene.state.query, reply)} {reply.text}".strip())
        spoken = ", ".join(clean(chip.label, _CHIP_CHARS) for chip in scene.state.constraints())
        count = counted(question.asks, self._person.fitting(scene), spoken)
        return replace(reply, text=f"{count} {reply.text}")

    def _mentions(self, query: str, reply: Reply) -> str:
        """Which word of a question none of the items has that were found for it."""
        items = [entry.item for entry in reply.recommendations or ()]
        known = " ".join(text for item in items for text in (item.title, *(told for _, told, _ in told_values(item))))
        word = unknown_word(query, known)
        if word is None:
            return ""
        return f"Nothing that I found has “{clean(word, _CHIP_CHARS)}” in its description; this comes nearest."

    def _judged(self, action: Action, items: list[Item]) -> Reply:
        shown = self._scene.shown
        kind = EventType.LIKE if action is Action.LIKE else EventType.DISLIKE
        events = self._person.judge(items, kind, shown)
        self._go_on(self._scene, Step(self._scene, events))
        verb = "like" if action is Action.LIKE else "do not like"
        return self._said(f"Noted: you {verb} {' and '.join(titled(item) for item in items)}.")

    def _habits_stated(self, habits: tuple[Preference, ...], hooks: Hooks) -> Reply:
        """Keep what is always or never wanted, and show anew what is wanted now."""
        before = self._person.habits()
        self._person.keep(habits)
        told = "; ".join(said(habit) for habit in habits)
        kept = f"Noted for {'now and next time' if self._person.named else 'this conversation'}: {told}."
        if self._scene.shown is None:
            self._go_on(self._scene, Step(self._scene, habits=habits))
            return self._said(f"{kept} {_ASK_FOR_WISH}")
        try:
            reply = self._searched(self._scene, "", hooks)
        except TastemakerError:
            self._person.take_back(habits, ())
            stated = {(habit.attribute, habit.value) for habit in habits}
            self._person.keep(tuple(habit for habit in before if (habit.attribute, habit.value) in stated))
            raise
        self._past[-1] = replace(self._past[-1], habits=habits)
        return replace(reply, text=f"{kept} {reply.text}")

    def _forgotten(self) -> Reply:
        told = self._person.forget()
        self._begin()
        return self._said(f"You are forgotten; {told}.")

    def _undone(self) -> Reply:
        if not self._past:
            return self._said("There is nothing to take back.")
        step = self._past.pop()
        self._scene = step.before
        count = self._person.take_back(step.habits, step.events)
        taken = [f"you judged {count} of them"] if count else []
        taken += [said(habit) for habit in step.habits]
        back = ", ".join(chip.label for chip in self._chips())
        text = f"Back to: {back}." if back else "Back to the beginning."
        text += f" Taken back: {'; '.join(taken)}." if taken else ""
        return self._said(text, shown=self._scene.shown, offers=self._scene.offers)

    def _without(self, chip_key: str) -> Scene:
        """The scene without the part of a chip."""
        scene = self._scene
        if chip_key in {habit_key(habit) for habit in self._person.habits()}:
            return replace(scene, ignored=scene.ignored | {chip_key})
        image = None if chip_key == PICTURE.key else scene.image
        return replace(scene, state=scene.state.without(chip_key), image=image)

    def _chosen(self, offer_key: str) -> Scene:
        """The scene after one of its offers is taken."""
        scene = self._scene
        offered = offer_key in {offer.key for offer in scene.offers}
        if offered and offer_key == SOFTEN:
            ignored = frozenset(habit_key(habit) for habit in self._person.habits())
            return replace(scene, state=scene.state.softened(), ignored=ignored)
        if offered and (pick := picked(offer_key)) is not None:
            return replace(scene, state=replace(scene.state, want={**scene.state.want, pick[0]: (pick[1],)}))
        return self._without(offer_key)

    def _searched(self, scene: Scene, words: str, hooks: Hooks, *, anew: bool = False) -> Reply:
        """The reply with what fits the scene; the conversation goes on from there.

        anew: only what was not shown for this wish before; else that comes again where too little else fits.
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
        self._go_on(replace(scene, shown=found, known=known, offers=offers, asks=bool(question)))
        text = f"{_headline(self._chips(), anew)} {question}".strip() if found else _NOTHING_LEFT
        return self._said(text, shown=found, note=_both(note, found.note), offers=offers)

    def _nothing(self, scene: Scene, hidden: Sequence[str]) -> Reply:
        """Nothing fits, or nothing more: which part is to blame, and what there is without it."""
        before = {chip.key for chip in self._scene.state.constraints()}
        habits = self._habit_chips(scene)
        if not self._person.count() or not (scene.state.constraints() or habits):
            self._go_on(scene)
            return self._said(_NOTHING_LEFT)
        offers = relaxations(
            scene.state, before, lambda state: self._person.fitting(replace(scene, state=state), hidden)
        )
        offers += tuple(Chip(chip.key, f"though you said {chip.label}") for chip in habits)
        self._go_on(replace(scene, offers=offers, asks=False))
        first = clean(offers[0].label, _CHIP_CHARS)
        lead = "That is all there is for this." if hidden else "Nothing fits all of that."
        return self._said(f"{lead} Shall I look for {'' if offers[0].key == SOFTEN else 'it '}{first}?", offers=offers)

    def _question(self, scene: Scene, words: str) -> tuple[str, tuple[Chip, ...]]:
        """What to ask where a wish says too little, with values to choose; never twice in a row."""
        wide = not scene.state.words() and scene.image is None and not _SURPRISES.search(words.lower())
        if not wide or scene.asks or scene.known or self._person.habits() or self._person.has_history():
            return "", ()
        facets, count = self._recommender.facets(), self._person.count()
        name, offers = choices(facets, self._recommender.value_counts, count)
        if not offers:
            return "", ()
        values = ", ".join(clean(offer.label, _CHIP_CHARS) for offer in offers)
        return f"Which {clean(name.replace('_', ' '), _CHIP_CHARS)} do you have in mind: {values}, another?", offers

    def _go_on(self, scene: Scene, step: Step | None = None) -> None:
        self._past = [*self._past, step or Step(self._scene)][-_MOST_STEPS:]
        self._scene = scene

    def _said(
        self,
        text: str,
        *,
        shown: Recommendations | None = None,
        note: str | None = None,
        offers: tuple[Chip, ...] = (),
    ) -> Reply:
        return Reply(text, shown, self._scene.state, self._chips(), note, _tidied(offers))

    def _chips(self) -> tuple[Chip, ...]:
        like = self._person.item(self._scene.state.like)
        chips = self._scene.state.chips(like="" if like is None else like.title)
        picture = (PICTURE,) if self._scene.image is not None else ()
        return (*_tidied(chips), *picture, *self._habit_chips(self._scene))

    def _habit_chips(self, scene: Scene) -> tuple[Chip, ...]:
        try:
            habits = self._person.habits()
        except TastemakerError:
            return ()
        return tuple(chip for chip in habit_chips(habits, scene.state) if chip.key not in scene.ignored)


def _tidied(chips: Sequence[Chip]) -> tuple[Chip, ...]:
    return tuple(Chip(chip.key, clean(chip.label, _CHIP_CHARS)) for chip in chips)


def _small(picture: Image | None) -> Image | None:
    """The picture as it is kept, step by step: no encoder looks at more of it."""
    if picture is None:
        return None
    small = picture.copy()
    small.thumbnail((_KEPT_PX, _KEPT_PX))
    return small


def _headline(chips: Sequence[Chip], anew: bool) -> str:
    told = ", ".join(chip.label for chip in chips)
    if anew:
        return f"Here are others for: {told}." if told else "Here are others."
    return f"This is what I found for: {told}." if told else "This may be something for you."


def _both(*notes: str | None) -> str | None:
    return " ".join(note for note in notes if note) or None
