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

from agent.catalog_talk import (
    Asks,
    CatalogQuestion,
    counted,
    listing,
    names_a_thing,
    none_of,
    question_of,
    unknown_word,
)
from agent.dialogue import Action, Update
from agent.dialogue_state import DialogueState
from agent.facts import told_values
from agent.habits import replaced, said, stated_in, taken_back
from agent.mentions import lexical_mentions, stem, tokens_of
from agent.offers import picked, value_offers
from agent.person import Person
from agent.places import count_of
from agent.prompts import clean
from agent.remarks import Remark, asks_which_end, asks_which_have, habit_and_rest, of_things, remark_of, tells_a_habit
from agent.replies import answer, comparison, ends_of, explanation, hinges, small_talk, those_with, titled
from agent.requests import understand
from agent.scenes import CardsReady, Hooks, ReasonGrows, Replied, Reply, Scene, StageBegun, StreamEvent
from agent.standing import CHIP_CHARS, Standing, both
from agent.wishes import chosen, wished, without
from retrieval.errors import InputError, TastemakerError
from retrieval.types import EventType, Item

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue import Facet
    from agent.recommender import Recommender
    from retrieval.preferences import Preference
    from retrieval.types import Recommendation

__all__ = [
    "MAX_MESSAGE_CHARS",
    "CardsReady",
    "Conversation",
    "ReasonGrows",
    "Replied",
    "Reply",
    "StageBegun",
    "StreamEvent",
]

MAX_MESSAGE_CHARS = 1000
"""So much of a message is read."""

_KEPT_PX = 384
_NOT_YET = "Nothing has been shown yet. Tell me what you are looking for."
_COMPARES = re.compile(r"\b(?:compare|differ|difference)\b")
_WHICH_ONE = "Which one do you mean? Say its number, or a word of its title."
_ONLY_ONE = "Only one is shown; ask for more, and I compare them."
_WHICH_TWO = "Tell me which two to compare, such as the first and the third."
_ASK_TO_FORGET = "Shall I erase all of it? It cannot be undone. Say yes or no."
_ONLY_THE_CATALOGUE = (
    "I only know the catalogue: what things are, look like and cost. Of delivery, returns and paying it says nothing."
)
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
        self._standing = Standing(recommender, self._person)
        self._guard = threading.Lock()
        self._forgets = False
        self._offers = False

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
            return self._standing.said(_ASK_FOR_WISH, note=note)
        reply = self._safely(lambda: self._answered(words, picture, hooks), says=True)
        return replace(reply, note=both(note, reply.note))

    def reply_stream(self, message: str, *, image: Image | bytes | Path | None = None) -> Iterator[StreamEvent]:
        """What happens while the message is answered: stages as they begin, the cards, their reasons, the whole reply.

        The work goes on in a thread of its own: who stops listening stops nothing, and the conversation has moved on.
        """
        events: queue.SimpleQueue[StreamEvent | BaseException] = queue.SimpleQueue()
        hooks = Hooks(
            lambda stage: events.put(StageBegun(stage)),
            lambda entries: events.put(CardsReady(entries)),
            lambda place, words: events.put(ReasonGrows(place, words)),
        )

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
        return self._safely(
            lambda: self._standing.searched(
                without(self._standing.scene, chip_key, self._person.habits()), "", Hooks(on_stage)
            )
        )

    def choose(self, offer_key: str, *, on_stage: OnStage = None) -> Reply:
        """The answer to what the last reply offered; to a key that it did not offer, as `remove` gives it."""
        return self._safely(
            lambda: self._standing.searched(
                chosen(self._standing.scene, offer_key, self._person.habits()), "", Hooks(on_stage)
            )
        )

    def similar(self, item_id: str, *, on_stage: OnStage = None) -> Reply:
        """More like an item of the catalogue, within what stands."""
        state = replace(self._standing.scene.state, query="", like=item_id)
        return self._safely(
            lambda: self._standing.searched(replace(self._standing.scene, state=state), "", Hooks(on_stage))
        )

    def surprise(self, *, on_stage: OnStage = None) -> Reply:
        """What the person's history alone recommends, or what is popular; what stood is over."""
        return self._safely(lambda: self._standing.searched(Scene(), "surprise", Hooks(on_stage)))

    def why(self, entry: Recommendation, *, on_stage: OnStage = None) -> Reply:
        """Why an item was recommended; of the list shown last, also what its place hangs on."""
        shown_last = entry in self._standing.scene.entries()
        return self._safely(
            lambda: self._standing.said(self._why(entry, Hooks(on_stage)) if shown_last else explanation(entry))
        )

    def compare(self, one: Item, other: Item) -> Reply:
        """How two items differ."""
        return self._safely(lambda: self._standing.said(comparison(one, other)))

    def undo(self) -> Reply:
        """What stood and was shown before the last message that changed anything; what it left behind is taken back."""
        return self._safely(self._standing.undone)

    def _safely(self, act: Callable[[], Reply], *, says: bool = False) -> Reply:
        """The reply, or what went wrong. says: a message is answered; whatever else is done answers no question."""
        with self._guard:
            self._forgets = self._forgets and says
            try:
                reply = act()
            except TastemakerError as error:
                reply = self._standing.said(f"That did not work: {error}.")
            self._offers = any(picked(offer.key) is None for offer in reply.offers)
            return reply

    def _answered(self, words: str, picture: Image | None, hooks: Hooks) -> Reply:
        """One turn: what the message says of itself, of the shown items, or of what is wanted."""
        hooks.stage("understand")
        remark, forgets = remark_of(words) if picture is None else None, self._forgets
        self._forgets = False
        if remark is not None and (reply := self._remarked(remark, words, forgets, hooks)) is not None:
            return reply
        if not words:
            return self._standing.searched(Scene(image=picture), words, hooks)
        words = of_things(words) if remark is Remark.SERVICE else words
        if picture is None and (parts := habit_and_rest(words)) is not None:
            return self._stated_and(*parts, hooks)
        update, facets = self._update(words), self._recommender.facets()
        if picture is None and (back := taken_back(words, self._person.habits(), facets)):
            return self._habits_dropped(back, hooks)
        question = question_of(words, facets) if picture is None and not update.items else None
        if question is not None:
            return self._of_catalogue(question, update, words, facets, hooks)
        if picture is None and (reply := self._of_shown(update, words, facets, hooks)) is not None:
            return reply
        if picture is None and tells_a_habit(words) and (habits := stated_in(update, words)):
            return self._habits_stated(habits, hooks)
        reply = self._wish(update, words, picture, facets, hooks)
        return reply if remark is not Remark.SERVICE else replace(reply, note=both(_ONLY_THE_CATALOGUE, reply.note))

    def _stated_and(self, habit: str, rest: str, hooks: Hooks) -> Reply:
        """Keep what a message says for good, and answer what else it says."""
        habits = stated_in(self._update(habit), habit)
        before = replaced(habits, self._person.habits())
        self._person.keep(habits)
        last = self._standing.last
        try:
            reply = self._answered(rest, None, hooks)
        except TastemakerError:
            self._person.take_back(habits, ())
            self._person.keep(before)
            raise
        if self._standing.last is last:  # the rest changed nothing that could be undone; this can
            self._standing.go_on(self._standing.scene)
        self._standing.leaves(habits=habits, dropped=before)
        told = "; ".join(said(each) for each in habits)
        return replace(reply, text=f"Noted: {told}. {reply.text}") if habits else reply

    def _wish(self, update: Update, words: str, picture: Image | None, facets: Sequence[Facet], hooks: Hooks) -> Reply:
        """What fits the message and what stands; where nothing fitted that, without what stood, if this alone fits."""
        now, left = self._standing.scene, ""
        scene = wished(now, update, words, picture, facets)
        if now.empty:
            loose = (without(now, chip.key, ()) for chip in reversed(now.state.constraints()))
            befores = (*loose, self._standing.last_fitting(), Scene(shown=now.shown))
            others = [wished(before, update, words, picture, facets) for before in befores]
            scene, left = self._standing.eased(scene, others)
        reply = self._standing.searched(scene, words, hooks)
        if left:
            return replace(reply, text=f"Left out, since nothing fits all of it: {left}. {reply.text}")
        missing = self._not_mentioned(update.query, reply) if names_a_thing(words, update.query) else ""
        if not missing or not reply.recommendations:
            return reply
        return replace(reply, text=f"{missing} {reply.text}" if reply.state.constraints() else missing)

    def _update(self, words: str) -> Update:
        titles = [entry.item.title for entry in self._standing.scene.entries()]
        scene = self._standing.scene
        return self._recommender.update_of(words, standing=scene.standing(), shown=titles, focus=scene.focus)

    def _remarked(self, remark: Remark, words: str, forgets: bool, hooks: Hooks) -> Reply | None:
        """The answer to what a message says beside wishes; None where it has nothing to refer to."""
        scene = self._standing.scene
        match remark:
            case Remark.FORGET_ME:
                self._forgets = True
                return self._standing.said(f"{self._person.known()} {_ASK_TO_FORGET}")
            case Remark.YES if forgets:
                return self._forgotten()
            case Remark.NO if forgets:
                return self._standing.said("Nothing is erased.")
            case Remark.YES if scene.offers and self._offers:
                return self._standing.searched(chosen(scene, scene.offers[0].key, self._person.habits()), "", hooks)
            case Remark.NO:
                self._standing.scene = replace(scene, offers=())
                return self._standing.said("As you like. Tell me what to change instead.")
            case Remark.UNDO:
                return self._standing.undone()
            case Remark.RESTART:
                self._standing.go_on(Scene())
                return self._standing.said(f"A new beginning. {_ASK_FOR_WISH}")
            case Remark.SERVICE if not self._tells_of_things(words):
                return self._standing.said(_ONLY_THE_CATALOGUE)
            case Remark.ABOUT_ME:
                return self._standing.said(self._person.known())
            case Remark.MORE if scene.shown is not None:
                state = replace(scene.state, count=count_of(words) or scene.state.count)
                return self._standing.searched(replace(scene, state=state), "", hooks, anew=True)
            case _:
                return None

    def _of_shown(self, update: Update, words: str, facets: Sequence[Facet], hooks: Hooks) -> Reply | None:
        """The answer to what is asked or said of the shown items; None for a wish."""
        entries, embed = self._standing.scene.entries(), self._recommender.embed
        named = [entries[place - 1] for place in update.items if place <= len(entries)]
        items = [entry.item for entry in entries]
        if len(named) == 1:
            self._standing.speaks_of(entries.index(named[0]) + 1)
        if len(entries) > 1 and update.step and asks_which_end(words):
            return self._standing.said(ends_of([entry.item for entry in named if len(named) > 1] or items, update.step))
        if entries and not named and asks_which_have(words) and (told := those_with(items, update)):
            return self._standing.said(told)
        if entries and len(named) < 2 and _COMPARES.search(words.lower()):
            return self._standing.said(_WHICH_TWO if len(entries) > 1 else _ONLY_ONE)
        match update.action:
            case Action.CHAT:
                return self._standing.said(small_talk(words))
            case Action.WHY if not entries:
                return self._standing.said(_NOT_YET)
            case Action.WHY:
                spoken_of = entries[(self._standing.scene.focus or 1) - 1]
                return self._standing.said(self._why((named or [spoken_of])[0], hooks))
            case Action.COMPARE if len(named) > 1:
                return self._standing.said(comparison(named[0].item, named[1].item))
            case Action.ASK if named:
                return self._standing.said(" ".join(answer(words, entry.item, facets, embed) for entry in named))
            case Action.LIKE | Action.DISLIKE if named:
                return self._judged(update.action, [entry.item for entry in named])
            case Action.ASK | Action.LIKE | Action.DISLIKE if len(entries) > 1 and not named:
                return self._standing.said(_WHICH_ONE)
        return None

    def _why(self, entry: Recommendation, hooks: Hooks) -> str:
        """The item's reason and evidence, and what its place hangs on: each part of the wish and each liked item."""
        hooks.stage("why")
        if ends := self._standing.scene.state.extremes:
            order = " and ".join(f"the {end} {name.replace('_', ' ')}" for name, end in ends.items())
            return f"{explanation(entry)} Its place on the list is that of {clean(order, CHIP_CHARS)} first."
        found = self._person.why(self._standing.scene, entry.item.item_id)
        return f"{explanation(entry)} {hinges(found)}"

    def _of_catalogue(
        self, question: CatalogQuestion, update: Update, words: str, facets: Sequence[Facet], hooks: Hooks
    ) -> Reply:
        """The answer to a question about the catalogue, from its counts; what was found for it is shown."""
        standing = self._standing.scene.state.want
        wanted, held = (
            {name: values for name, values in of.items() if name != question.attribute}
            for of in (update.want, standing)
        )
        if question.asks is Asks.VALUES:
            facet = next(facet for facet in facets if facet.name == question.attribute)
            among = wanted or held
            counts = self._person.value_counts(facet, among)
            told = listing(facet.name, counts, ", ".join(value for values in among.values() for value in values))
            offers = value_offers(facet.name, [value for value, count in counts.items() if count])
            if not wanted:
                self._standing.go_on(replace(self._standing.scene, offers=offers))
                return self._standing.said(told, offers=offers)
            reply = self._standing.searched(
                Scene(DialogueState(want=wanted), shown=self._standing.scene.shown), words, hooks
            )
            return replace(reply, text=f"{told} {reply.text}")
        wishes = update.action in (Action.SEARCH, Action.REFINE)
        now = self._standing.scene
        now = replace(now, state=replace(now.state, query=""))  # what is asked about is not what was looked for
        scene = wished(now, update if wishes else replace(update, action=Action.SEARCH), words, None, facets)
        chips = scene.state.constraints()
        if self._standing.scene.shown is not None and chips and not self._person.fitting(scene):
            stood = {chip.key for chip in self._standing.scene.state.constraints()}
            asked = [chip for chip in chips if chip.key not in stood] or chips
            alone = {chip.label: self._person.fitting(Scene(scene.state.only(chip.key))) for chip in asked}
            return self._standing.said(none_of(alone, whole=len(chips) == len(asked)))
        reply = self._standing.searched(scene, words, hooks)
        if not reply.recommendations:
            return reply
        missing = self._not_mentioned(scene.state.query, reply)
        if not chips:
            return replace(reply, text=f"{missing} {reply.text}".strip())
        spoken = ", ".join(clean(chip.label, CHIP_CHARS) for chip in chips)
        count = counted(Asks.HOW_MANY if missing else question.asks, self._person.fitting(scene), spoken)
        return replace(reply, text=f"{count} {missing} {reply.text}".replace("  ", " "))

    def _not_mentioned(self, query: str, reply: Reply) -> str:
        """Which word that was asked for none of the items has that were found for it, in a sentence."""
        items = [entry.item for entry in reply.recommendations or ()]
        known = " ".join(text for item in items for text in (item.title, *(told for _, told, _ in told_values(item))))
        word = unknown_word(query, known)
        if word is None:
            return ""
        return f"Nothing that I found has “{clean(word, CHIP_CHARS)}” in its description; this comes nearest."

    def _judged(self, action: Action, items: list[Item]) -> Reply:
        shown = self._standing.scene.shown
        kind = EventType.LIKE if action is Action.LIKE else EventType.DISLIKE
        events = self._person.judge(items, kind, shown)
        self._standing.go_on(self._standing.scene, events=events)
        verb = "like" if action is Action.LIKE else "do not like"
        return self._standing.said(f"Noted: you {verb} {' and '.join(titled(item) for item in items)}.")

    def _habits_stated(self, habits: tuple[Preference, ...], hooks: Hooks) -> Reply:
        """Keep what is always or never wanted, and show anew what is wanted now."""
        before = replaced(habits, self._person.habits())
        self._person.keep(habits)
        told = "; ".join(said(habit) for habit in habits)
        kept = f"Noted for {'now and next time' if self._person.named else 'this conversation'}: {told}."
        if self._standing.scene.shown is None:
            self._standing.go_on(self._standing.scene, habits=habits, dropped=before)
            return self._standing.said(f"{kept} {_ASK_FOR_WISH}")
        try:
            reply = self._standing.searched(self._standing.scene, "", hooks)
        except TastemakerError:
            self._person.take_back(habits, ())
            self._person.keep(before)
            raise
        self._standing.leaves(habits=habits, dropped=before)
        return replace(reply, text=f"{kept} {reply.text}")

    def _habits_dropped(self, habits: tuple[Preference, ...], hooks: Hooks) -> Reply:
        """Take back what was said for good, and show anew what is wanted now."""
        self._person.take_back(habits, ())
        told = f"Taken back: {'; '.join(said(habit) for habit in habits)}."
        if self._standing.scene.shown is None:
            self._standing.go_on(self._standing.scene, dropped=habits)
            return self._standing.said(f"{told} {_ASK_FOR_WISH}")
        try:
            reply = self._standing.searched(self._standing.scene, "", hooks)
        except TastemakerError:
            self._person.keep(habits)
            raise
        self._standing.leaves(dropped=habits)
        return replace(reply, text=f"{told} {reply.text}")

    def _tells_of_things(self, words: str) -> bool:
        """Whether the message has a value of the catalogue, or a word of an attribute's name."""
        tokens, facets = tokens_of(words), self._recommender.facets()
        names = {stem(part) for facet in facets for part in facet.name.lower().split("_")}
        return bool(lexical_mentions(tokens, facets)) or any(token.stem in names for token in tokens)

    def _forgotten(self) -> Reply:
        told = self._person.forget()
        self._standing.begin()
        return self._standing.said(f"You are forgotten; {told}.")


def _small(picture: Image | None) -> Image | None:
    """The picture as it is kept, step by step: no encoder looks at more of it."""
    if picture is None:
        return None
    small = picture.copy()
    small.thumbnail((_KEPT_PX, _KEPT_PX))
    return small
