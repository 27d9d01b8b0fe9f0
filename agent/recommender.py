"""The recommender: from a wish to items with reasons, and from what people do with them to the log."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from agent.current_model import CurrentModel
from agent.explain import OnWords, plain_reasons
from agent.feedback import ANONYMOUS, log_deed, log_impressions
from agent.forgetting import Forgotten, forget_person
from agent.latencies import Latencies
from agent.limits import Limits, at_end, limits_of
from agent.models.base import VisionLanguageModel
from agent.opening import adapter_version, open_chosen_model, settle
from agent.ranker import LastStage
from agent.recommendations import Recommendations
from agent.requests import Stopwatch, Wish, understand
from agent.rerank import rerank
from agent.settings import RecommenderSettings, load_settings
from agent.showing import Showcase
from agent.similar import Similar, alike, known_item
from agent.stages import Stages, recommended
from agent.status import Status, status_of
from agent.understanding import understanding_model, understood
from agent.why import Part, Why, why
from retrieval.errors import RequestError
from retrieval.picture_values import Glance
from retrieval.types import Candidate, Event, EventType, Recommendation

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue import Facet, Update
    from agent.dialogue_state import DialogueState
    from agent.facets import Range
    from agent.mentions import Embed
    from retrieval.candidates import CandidateFinder
    from retrieval.retrievers import Query
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

__all__ = ["ANONYMOUS", "Recommender"]

logger = logging.getLogger(__name__)

_THREADS = 32
_NOT_SEEN = (
    "This workspace's encoder takes no pictures, so the picture was left out; index the catalogue again with "
    "--rebuild and --encoder builtin or multimodal."
)


class Recommender:
    """Recommends from a workspace. Safe to call from many threads; the first call, or `warm`, loads the model.

    Make one with `Recommender.open`.
    """

    def __init__(
        self,
        workspace: Workspace,
        finder: CandidateFinder,
        store: VectorStore,
        make_model: Callable[[], VisionLanguageModel],
        settings: RecommenderSettings,
        *,
        sees: bool = True,
        version: Callable[[], object] = lambda: None,
        resources: ExitStack | None = None,
    ) -> None:
        """sees: whether the workspace's encoder takes pictures; where it does not, answers to a picture say so.

        version: the model is made anew whenever it says another value.
        """
        self.workspace = workspace
        self.latencies = Latencies()
        self._sees = sees
        self._finder = finder
        self._store = store
        self._models = CurrentModel(make_model, version)
        self._settings = settings
        self._resources = resources or ExitStack()
        self._showcase = Showcase(workspace, store)
        self._glance = Glance(workspace, store)
        last_stage = LastStage(workspace.path, lambda: store.towers_version)
        self._stages = Stages(finder, store, self._showcase, last_stage, settings)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="tastemaker")

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        model: str | None = None,
        engine: str | None = None,
        url: str | None = None,
        adapter: str | Path | None = None,
        shared: bool = False,
        settings: RecommenderSettings | None = None,
    ) -> Recommender:
        """A recommender for the workspace in a folder.

        model: a preset, a folder or a hub name. engine: transformers, vllm (with its url), scripted, or auto: what
        `tastemaker serve` runs for this workspace, unless another model or adapter is named, else in process. adapter:
        a folder, the name of one of the workspace's adapters, or none; unless given, the one that is used there now,
        and the next one as soon as another is used. shared: for a process that stays, so that others can use the
        workspace at the same time. What is not given comes from the settings.
        Raises SettingsError, WorkspaceError.
        """
        from retrieval.candidates import CandidateFinder
        from retrieval.encoders import open_encoder, record_of
        from retrieval.store import open_store
        from retrieval.workspace import Workspace

        settings = (settings or load_settings()).but(model=model, engine=engine, url=url, adapter=adapter)
        settings = settle(Path(path), settings)
        with ExitStack() as opening:
            workspace = opening.enter_context(Workspace.open(path))
            encoder = open_encoder(workspace.settings.encoder, own=workspace.encoders_folder)
            store = opening.enter_context(open_store(workspace, serve=shared))
            store.check_encoder(record_of(encoder))
            finder = CandidateFinder(workspace, store, encoder)
            make_model = partial(open_chosen_model, workspace.path, settings)
            return cls(
                workspace,
                finder,
                store,
                make_model,
                settings,
                sees=encoder.sees,
                version=partial(adapter_version, workspace.path, settings),
                resources=opening.pop_all(),
            )

    def recommend(
        self,
        *,
        user_id: str | None = None,
        query: str | None = None,
        image: Image | bytes | Path | None = None,
        where: str | None = None,
        k: int = 5,
        exclude: Collection[str] = (),
        shown: Sequence[str] = (),
        extremes: Mapping[str, str] | None = None,
        source: str = "api",
        session_id: str | None = None,
        on_stage: Callable[[str], object] | None = None,
        on_ranked: Callable[[tuple[Recommendation, ...]], object] | None = None,
        on_words: OnWords | None = None,
    ) -> Recommendations:
        """The k best items for this wish, each with a reason that was checked; fewer when there are fewer.

        exclude: ids of items that are not to be recommended. shown: of those that were shown before, oldest first: they
        come again only where too few others fit. extremes: "lowest" or "highest" by numeric attribute: the k items at
        that end, in that order, the first attribute counting most. Nothing wished and nobody known gives what is
        popular. on_stage is told each stage as it begins: retrieve, rerank, reasons, log; on_ranked the items in their
        order, with plain evidence for reasons, before the model writes any; on_words, while it does, the place from 0
        of a reason and its words so far, as far as they could be checked. When the language model cannot answer, the
        items are in the retriever's order, `reranked` is False and `note` says why; it also says when the encoder
        cannot see the picture.
        Raises RequestError, FilterError, MediaError for what the caller can repair.
        """
        request_id = str(uuid.uuid4())
        watch = Stopwatch(on_stage)
        wish = understand(user_id=user_id, query=query, image=image, where=where, k=k)
        with watch.stage("retrieve"):
            if extremes:
                fitting = self._showcase.items(self._open_to(wish.user_id, wish.where, exclude))
                wish = replace(wish, where=at_end(fitting, extremes, wish.k))
            model = self.model  # to the end of this answer, whatever is used in the meantime
            retrieved = self._stages.retrieve(wish, model, exclude, shown)
        with watch.stage("rerank"):
            ranking = self._stages.rank(retrieved, model, extremes or {})
        with watch.stage("reasons"):
            to_explain = self._stages.with_evidence(wish, retrieved, ranking)
            if on_ranked is not None:
                on_ranked(recommended(ranking, to_explain, plain_reasons(to_explain)))
            reasons, unexplained = self._stages.reasons(wish, to_explain, ranking, model, on_words)
            entries = recommended(ranking, to_explain, reasons)
        with watch.stage("log"):
            unlogged = log_impressions(
                self.workspace.log,
                (entry.item.item_id for entry in entries),
                user_id=wish.user_id,
                request_id=request_id,
                model=model.info if ranking.reranked else None,
                source=source,
                session_id=session_id,
            )
        unseen = _NOT_SEEN if wish.image is not None and not self._sees else None
        notes = " ".join(note for note in (unseen, ranking.note, unexplained, unlogged) if note)
        timings_ms = watch.timings_ms()
        self.latencies.add(timings_ms)
        return Recommendations(entries, request_id, ranking.reranked, notes or None, timings_ms)

    def candidates(
        self, *, user_id: str | None = None, query: str | None = None, where: str | None = None, k: int = 5
    ) -> list[Candidate]:
        """What the retrievers find for this wish, best first: no model looks at it, and nothing is logged.

        Raises RequestError, FilterError.
        """
        wish = understand(user_id=user_id, query=query, image=None, where=where, k=k)
        return self._finder.find(text=wish.query, user_id=wish.user_id, where=wish.where, k=wish.k)

    def why(
        self,
        item_id: str,
        *,
        user_id: str | None = None,
        query: str | None = None,
        image: Image | bytes | Path | None = None,
        where: str | None = None,
        without: Mapping[str, tuple[str | None, str | None]] | None = None,
        exclude: Collection[str] = (),
        most: int = 6,
    ) -> Why:
        """Which liked items and which parts of the request, taken away, change the item's place in the list.

        The list is found and put in order anew, by the retrievers and the model, without each part in turn: at most
        `most` of them, the request's first, then the latest liked items. without: for each part of the request, by its
        label, the query and the filter that are left when it is taken away; else the query as a whole is one part.
        Raises RequestError, FilterError, MediaError.
        """
        wish = understand(user_id=user_id, query=query, image=image, where=where, k=1)
        asked = self._finder.query(text=wish.query, image=wish.image, user_id=wish.user_id, where=wish.where)
        asked = replace(asked, exclude=(asked.exclude | frozenset(exclude)) - {item_id})
        left = {wish.query: (None, wish.where)} if without is None and wish.query else without or {}
        parts = [Part(label, self._less(asked, user_id, *rest)) for label, rest in left.items()]
        parts += [
            Part(item.title, _unliked(asked, item.item_id), item.item_id)
            for item in reversed(self._showcase.items(event.item_id for event in asked.history))
        ]
        return why(item_id, asked, parts[:most], partial(self._stages.order, model=self.model))

    async def arecommend(self, **request: Any) -> Recommendations:
        """The same as `recommend`, without blocking the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(self.recommend, **request))

    def similar(
        self,
        item_id: str,
        *,
        user_id: str | None = None,
        where: str | None = None,
        k: int = 5,
        source: str = "api",
        session_id: str | None = None,
    ) -> Similar:
        """The k items most like this one in text and picture, with what they have in common; no model takes part.

        user_id: whose known items are left out. Raises RequestError, FilterError for what the caller can repair.
        """
        request_id = str(uuid.uuid4())
        wish = understand(user_id=user_id, query=None, image=None, where=where, k=k)
        items = self.workspace.items
        item = known_item(items, item_id)
        entries = alike(self._finder, self._store, items, item, wish)
        log_impressions(
            self.workspace.log,
            (entry.item.item_id for entry in entries),
            user_id=wish.user_id,
            request_id=request_id,
            model=None,
            source=source,
            session_id=session_id,
        )
        return Similar(item, entries, request_id)

    def feedback(
        self,
        user_id: str,
        item_id: str,
        type: EventType | str,  # noqa: A002  the name that the log has for it
        request_id: str | None = None,
        *,
        value: float | None = None,
        source: str = "api",
        session_id: str | None = None,
    ) -> Event:
        """Log what a user did with an item: like, dislike, click, buy, rate (with its value) and so on.

        request_id: of the answer that showed the item; where it stood there and what ranked it is logged with it.
        Returns the event, which `take_back` takes.
        Raises RequestError for what the caller can repair, StoreError or WorkspaceLockedError when the log cannot be
        written.
        """
        kinds = [kind.value for kind in EventType]
        if type not in kinds:
            raise RequestError(f"the type is {type!r}; expected one of {', '.join(kinds)}")
        event = Event(
            user_id,
            item_id,
            EventType(type),
            datetime.now(UTC),
            value=value,
            session_id=session_id,
            request_id=request_id,
            source=source,
        )
        return log_deed(self.workspace.log, event)

    async def afeedback(self, *event: Any, **options: Any) -> Event:
        """The same as `feedback`, without blocking the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(self.feedback, *event, **options))

    def take_back(self, *events: Event) -> int:
        """Take what `feedback` logged out of the log, as if it had not been; how many events that were."""
        return self.workspace.log.take_back(events)

    def forget(self, user_id: str) -> Forgotten:
        """Erase what the workspace holds of a person, and mark what was trained on it for retraining.

        Raises StoreError when the disk refuses.
        """
        return forget_person(self.workspace, user_id)

    def count(self, *, user_id: str | None = None, where: str | None = None, exclude: Collection[str] = ()) -> int:
        """How many items pass the filter, without the excluded and those that the user has done something with.

        Raises RequestError, FilterError.
        """
        return len(self._open_to(user_id, where, exclude))

    def _open_to(self, user_id: str | None, where: str | None, exclude: Collection[str]) -> frozenset[str]:
        wish = understand(user_id=user_id, query=None, image=None, where=where, k=1)
        query = self._finder.query(user_id=wish.user_id, where=wish.where)
        return self._finder.open_to(replace(query, exclude=query.exclude | frozenset(exclude)))

    def facets(self) -> tuple[Facet, ...]:
        """The attributes that messages speak of, with their values, in the catalogue as it is now."""
        return self._showcase.facets()

    def value_counts(self, attribute: str) -> Mapping[str, int]:
        """How many items have each value of an attribute, the most common first."""
        return self._showcase.value_counts(attribute)

    def ranges(self) -> Mapping[str, Range]:
        """From where to where the numbers or dates of each attribute go that has any, in the catalogue's order."""
        return self._showcase.ranges()

    def limits(self, state: DialogueState) -> Limits:
        """What a search for the state's constraints may find. Raises FilterError, StoreError."""
        return limits_of(state, self.facets(), self._glance, self._finder.matching)

    @property
    def embed(self) -> Embed:
        """Texts into the workspace's space, by its encoder."""
        return self._finder.encoder.embed_text

    def update_of(
        self, message: str, *, standing: str | None = None, shown: Sequence[str] = (), focus: int | None = None
    ) -> Update:
        """What a message of a conversation changes: by rules, and by the model where it is good at it.

        standing: what holds so far, in words. shown: titles of the list shown last. focus: the place, from 1, of
        the one that was spoken of last.
        """
        model = understanding_model(self._settings.understanding, lambda: self.model)
        about: dict[str, Any] = {"standing": standing, "shown": shown, "focus": focus}
        return understood(message, self.facets(), model, **about, embed=self.embed)

    def users(self) -> list[str]:
        """The users that the log knows."""
        return self.workspace.log.users()

    def status(self) -> Status:
        """What this stands on now; loads the model first. Raises what loading it raises, StoreError,
        EncoderMismatchError when the vectors cannot be used.
        """
        return status_of(self.workspace, self._store, self.model.info)

    def warm_soon(self) -> Future[None]:
        """Begin with `warm` in another thread, for which `close` waits."""
        return self._threads.submit(self.warm)

    def warm(self) -> None:
        """Load what the first request would load. Raises ModelError, WeightsError."""
        self._showcase.facts()
        self.update_of("something cosy")
        model = self.model
        wish = Wish(None, "anything", None, None, 1)
        retrieved = self._stages.retrieve(wish, model)
        rerank(model, [], "anything", retrieved.contenders[:2], settings=self._settings.rerank)
        ranking = self._stages.rank(retrieved, model)
        self._stages.reasons(wish, self._stages.with_evidence(wish, retrieved, ranking), ranking, model)

    @property
    def model(self) -> VisionLanguageModel:
        """The language model of now, loaded when it is first asked for."""
        return self._models.get()

    def close(self) -> None:
        """Let go of the model, the store and the workspace."""
        self._threads.shutdown(wait=True)
        self._models.close()
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _less(self, asked: Query, user_id: str | None, text: str | None, where: str | None) -> Query:
        """The query with other words and another filter."""
        return replace(
            self._finder.query(text=text, image=asked.image, user_id=user_id, where=where), exclude=asked.exclude
        )


def _unliked(query: Query, item_id: str) -> Query:
    """The query of somebody who never liked the item."""
    return replace(query, history=tuple(event for event in query.history if event.item_id != item_id))
