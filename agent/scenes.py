"""Where a conversation stands, and what a message is answered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.dialogue_state import Chip, DialogueState

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.explain import OnWords
    from agent.recommendations import Recommendations
    from retrieval.preferences import Preference
    from retrieval.types import Event, Recommendation

PICTURE = Chip("picture", "your picture")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a message is answered with.

    recommendations: None where nothing was searched or found. chips: what stands, each part with the key that
    `Conversation.remove` takes. note: what did not go as planned; None when all did. offers: what may be done next,
    each with the key that `Conversation.choose` takes; a "yes" takes the first one.
    """

    text: str
    recommendations: Recommendations | None
    state: DialogueState
    chips: tuple[Chip, ...]
    note: str | None = None
    offers: tuple[Chip, ...] = ()


@dataclass(frozen=True, slots=True)
class StageBegun:
    """A stage of the work begins: understand, retrieve, rerank, reasons, log."""

    stage: str


@dataclass(frozen=True, slots=True)
class CardsReady:
    """The items in their order, with plain evidence for reasons; the reply has the reasons that the model wrote."""

    entries: tuple[Recommendation, ...]


@dataclass(frozen=True, slots=True)
class ReasonGrows:
    """The model writes the reason of the item at a place, from 0: its words so far, as far as they could be checked."""

    place: int
    words: str


@dataclass(frozen=True, slots=True)
class Replied:
    """The whole reply; nothing comes after it."""

    reply: Reply


StreamEvent = StageBegun | CardsReady | ReasonGrows | Replied


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told what while a message is being answered."""

    on_stage: Callable[[str], object] | None = None
    on_ranked: Callable[[tuple[Recommendation, ...]], object] | None = None
    on_words: OnWords | None = None

    def stage(self, name: str) -> None:
        """Tell that a stage begins."""
        if self.on_stage is not None:
            self.on_stage(name)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is wanted, and what was shown for it.

    shown: the list shown last. known: ids of all that was shown for this wish, oldest first. ignored: keys of habits
    that do not count for it. offers: what the last reply offered. asks: whether the last reply was a question. empty:
    whether nothing fits it. focus: the place, from 1, of the shown item that was spoken of last.
    """

    state: DialogueState = field(default_factory=DialogueState)
    image: Image | None = None
    shown: Recommendations | None = None
    known: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()
    offers: tuple[Chip, ...] = ()
    asks: bool = False
    empty: bool = False
    focus: int | None = None

    def entries(self) -> tuple[Recommendation, ...]:
        """The items shown last, in order."""
        return () if self.shown is None else self.shown.entries

    def standing(self) -> str | None:
        """What stands, in words; None where nothing does."""
        return self.state.words() or (PICTURE.label if self.image is not None else None)


@dataclass(frozen=True, slots=True)
class Step:
    """What undo goes back to: the scene before a message, and what the message left in the log and beside it.

    habits: that it stated. dropped: habits that it took back.
    """

    before: Scene
    events: tuple[Event, ...] = ()
    habits: tuple[Preference, ...] = ()
    dropped: tuple[Preference, ...] = ()
