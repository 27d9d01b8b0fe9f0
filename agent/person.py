"""Somebody whom a recommender serves: what they mean, what fits it, and what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from agent.dialogue_state import DialogueState
from agent.feedback import ANONYMOUS
from agent.habits import habit_key, said, with_habits
from agent.replies import known_of, titled
from agent.scenes import Hooks, Scene
from retrieval.types import Event, EventType, Item

if TYPE_CHECKING:
    from agent.dialogue import Facet, Values
    from agent.limits import Limits
    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from agent.why import Why
    from retrieval.preferences import Preference

_LATEST, _MOST_COUNTED = 5, 100


class Person:
    """A user of the recommender, or nobody in particular, whose habits last as long as this object."""

    def __init__(
        self, recommender: Recommender, user_id: str | None, *, k: int, source: str, session_id: str | None
    ) -> None:
        self._recommender = recommender
        self._user_id = user_id
        self._k = k
        self._source = source
        self._session_id = session_id
        self._unnamed_habits: tuple[Preference, ...] = ()

    @property
    def named(self) -> bool:
        """Whether it is known who they are, so that what is kept of them lasts."""
        return self._user_id is not None

    def habits(self) -> tuple[Preference, ...]:
        """What they said that they always or never want, oldest first."""
        if self._user_id is None:
            return self._unnamed_habits
        return self._recommender.workspace.preferences.of(self._user_id)

    def keep(self, habits: tuple[Preference, ...]) -> None:
        """Keep what they said for good."""
        if self._user_id is None:
            said_anew = {(habit.attribute, habit.value) for habit in habits}
            kept = (old for old in self._unnamed_habits if (old.attribute, old.value) not in said_anew)
            self._unnamed_habits = (*kept, *habits)
        else:
            self._recommender.workspace.preferences.keep(self._user_id, habits)

    def take_back(self, habits: Sequence[Preference], events: Sequence[Event]) -> int:
        """Forget these habits and events; how many events there were."""
        self._unnamed_habits = tuple(habit for habit in self._unnamed_habits if habit not in habits)
        for habit in habits if self._user_id is not None else ():
            self._recommender.workspace.preferences.remove(self._user_id or "", habit.attribute, habit.value)
        return self._recommender.take_back(*events)

    def judge(self, items: Sequence[Item], kind: EventType, shown: Recommendations | None) -> tuple[Event, ...]:
        """Log what they think of items that were shown."""
        request_id = None if shown is None else shown.request_id
        log = partial(self._recommender.feedback, source=self._source, session_id=self._session_id)
        return tuple(log(self._user_id or ANONYMOUS, item.item_id, kind, request_id) for item in items)

    def known(self) -> str:
        """What is kept of them, in words."""
        log, items = self._recommender.workspace.log, self._recommender.workspace.items
        liked = [] if self._user_id is None else [event.item_id for event in log.positives(self._user_id)]
        titles = [titled(item) for item in items.get_many(liked[::-1][:_LATEST]).values()]
        return known_of(len(liked), titles, [said(habit) for habit in self.habits()])

    def has_history(self) -> bool:
        """Whether they want anything that the log knows of."""
        return self._user_id is not None and bool(self._recommender.workspace.log.positives(self._user_id, limit=1))

    def forget(self) -> str:
        """Erase what is kept of them; what that was, in words."""
        self._unnamed_habits = ()
        return "nothing of yours was kept" if self._user_id is None else str(self._recommender.forget(self._user_id))

    def meant(self, scene: Scene) -> tuple[DialogueState, Limits]:
        """The scene's state with their habits, and what that lets through. Raises FilterError, StoreError."""
        habits = [habit for habit in self.habits() if habit_key(habit) not in scene.ignored]
        state = with_habits(scene.state, habits, lambda some: self.count(self._recommender.limits(some)))
        return state, self._recommender.limits(state)

    def fitting(self, scene: Scene, hidden: Sequence[str] = ()) -> int:
        """How many items the scene lets through."""
        return self.count(self.meant(scene)[1], hidden)

    def count(self, limits: Limits | None = None, hidden: Sequence[str] = ()) -> int:
        """How many items the limits let through that they have not done anything with, without the hidden ones."""
        where, exclude = (None, frozenset[str]()) if limits is None else (limits.where, limits.exclude)
        return self._recommender.count(user_id=self._user_id, where=where, exclude=exclude | frozenset(hidden))

    def recommend(
        self, state: DialogueState, limits: Limits | None, scene: Scene, hidden: Sequence[str], hooks: Hooks
    ) -> Recommendations:
        """What fits the state, within the limits; what the scene has shown comes again where too little else fits."""
        where, exclude = (None, frozenset[str]()) if limits is None else (limits.where, limits.exclude)
        exclude, k = exclude | frozenset(hidden), state.count or self._k
        return self._recommender.recommend(
            user_id=self._user_id,
            query=state.text(self.item(state.like)),
            image=scene.image,
            where=where,
            exclude=exclude,
            shown=scene.known,
            extremes=state.extremes,
            k=k,
            source=self._source,
            session_id=self._session_id,
            on_stage=hooks.on_stage,
            on_ranked=hooks.on_ranked,
            on_words=hooks.on_words,
        )

    def why(self, scene: Scene, item_id: str) -> Why:
        """What the item's place hangs on: each part of the wish, and each liked item."""
        state, limits = self.meant(scene)
        without = {}
        for chip in scene.state.chips():
            left, rest = self.meant(replace(scene, state=scene.state.without(chip.key)))
            without[chip.label] = left.text(self.item(left.like)), rest.where
        return self._recommender.why(
            item_id,
            user_id=self._user_id,
            query=state.text(self.item(state.like)),
            image=scene.image,
            where=limits.where,
            without=without,
            exclude=limits.exclude,
        )

    def value_counts(self, facet: Facet, wanted: Values) -> Mapping[str, int]:
        """How many items have each of the attribute's values, among those that have the wanted ones."""
        if not wanted or len(facet.values) > _MOST_COUNTED:
            return self._recommender.value_counts(facet.name)
        states = {value: DialogueState(want={**wanted, facet.name: (value,)}) for value in facet.values}
        counts = {value: self.fitting(Scene(state)) for value, state in states.items()}
        return dict(sorted(counts.items(), key=lambda pair: -pair[1]))

    def item(self, item_id: str | None) -> Item | None:
        """The item of the id, if there is one."""
        return None if item_id is None else self._recommender.workspace.items.get_many([item_id]).get(item_id)
