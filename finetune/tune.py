"""From the log to an adapter: lists, training, proof on lists that nothing has seen, and its place among the others."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.base_hash import base_hash
from agent.forgetting import forget_person
from agent.models.presets import preset_of
from agent.models.transformers import TransformersModel
from agent.registry import Adapters, Card
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.event_table import read_events
from finetune.examples import Example, ListSettings
from finetune.list_prompts import ListPrompts
from finetune.lora_job import ADAPTER, LoraJob, do_job, launch_job
from finetune.lora_settings import LoraTraining
from finetune.teacher import taught
from finetune.tuned_figures import Comparison, Contestant, Scores, compare_tuned, labels_lead
from finetune.tuning_checks import check_tuning
from finetune.tuning_lists import Source, TuningLists, tuning_lists
from retrieval.errors import SettingsError, WeightsError
from retrieval.locks import alone

if TYPE_CHECKING:
    from finetune.bootstrap import Difference
    from finetune.list_trainer import Step
    from finetune.ranker_lists import Prepare
    from retrieval.encoders import Encoder
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

LOCK = "lora"
FOLDER = "tuning"
LOGS = "tuning_logs"


@dataclass(frozen=True, slots=True)
class Told:
    """Whom to tell how it goes. lists: stages, and how many of how many lists are done; training: each step."""

    lists: Callable[[str, int, int], object] = lambda _stage, _done, _total: None
    training: Callable[[Step], object] = lambda _step: None


@dataclass(frozen=True, slots=True)
class Tuned:
    """An adapter that was trained and registered, and what was measured.

    labels: by how much the trees that labelled the lists to learn from order them better than the retrievers do; None
    where the labels are not theirs alone.
    """

    card: Card
    comparison: Comparison
    labels: Difference | None


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is tuned, and how.

    base: a preset, a folder or a hub name. training, lists: how it is trained, and on what. rerank: as the recommender
    that is to use it. name: the adapter's; the next free one when empty. users: only these are learned from; everybody
    when None; measured is on all. start: the adapter to go on from. device: a GPU where there is one, when None.
    accelerate: a configuration file of accelerate, to train in several processes.
    """

    base: str = "builtin"
    training: LoraTraining = field(default_factory=LoraTraining)
    lists: ListSettings = field(default_factory=ListSettings)
    rerank: RerankSettings = field(default_factory=RerankSettings)
    name: str = ""
    users: frozenset[str] | None = None
    start: str | None = None
    device: str | None = None
    accelerate: Path | None = None
    seed: int = 0


def tune(
    workspace: Workspace,
    store: VectorStore,
    encoder: Encoder,
    tuning: Tuning = Tuning(),
    *,
    prepare: Prepare | None = None,
    told: Told = Told(),
) -> Tuned:
    """Train an adapter of the base model on the workspace's log and register it; nothing uses it yet.

    prepare: teaches the past workspaces what this one has learned (towers); needed where it has towers. A run that was
    cut off goes on where it was. Raises InteractionError when the log is too small, SettingsError, ModelError,
    WeightsError, WorkspaceLockedError when another run is at it.
    """
    if store.towers is not None and prepare is None:
        raise ValueError("the workspace has towers, so its lists differ from those of a past workspace without any")
    adapters, hashed = Adapters(workspace.path), base_hash(tuning.base)
    check_tuning(tuning, adapters)
    rate = tuning.training.learning_rate or preset_of(tuning.base).lora_rate
    tuning = replace(tuning, training=replace(tuning.training, learning_rate=rate))  # so that card and run tell it
    with alone(workspace.path, doing="is tuning a model for", lock_name=LOCK):
        table = read_events(workspace)
        folder = _run_folder(workspace.path, table.data_hash, tuning, hashed)
        showcase = Showcase(workspace, store)
        made = tuning_lists(
            Source(workspace, store, encoder, table, prepare),
            tuning.training,
            tuning.lists,
            users=tuning.users,
            folder=folder,
            teach=partial(_taught, tuning, showcase),
            seed=tuning.seed,
            tell=told.lists,
        )
        contest = _Contest(tuning, made, showcase, told)
        base = contest.scores("base", None)
        used = _in_use(adapters, hashed)
        now, now_alpha = base, preset_of(tuning.base).alpha
        if used is not None:
            now = contest.scores("in use", adapters.path(used.name), popularity=used.popularity)
            now_alpha = used.alpha
        _train(tuning, folder, workspace, store, adapters, told)
        comparison = contest.compared(base, now, now_alpha, folder / ADAPTER)
        card = _card(tuning, made, comparison, hashed, adapters, table.newest_row)
        card = adapters.register(folder / ADAPTER, card)
        for user_id in {*card.users}.difference(workspace.log.users()):
            forget_person(workspace, user_id)  # they were while this ran, when there was nothing to mark yet
        card = adapters.card(card.name)
        _keep_logs(folder, workspace.path / LOGS / card.name)
        shutil.rmtree(folder.parent, ignore_errors=True)
    return Tuned(card, comparison, _labels(made, tuning))


def _labels(made: TuningLists, tuning: Tuning) -> Difference | None:
    by_trees = tuning.lists.taught == 1 and all(min(example.relevance) > 0 for example in made.training)
    return labels_lead(made.training, seed=tuning.seed) if by_trees else None


def _taught(tuning: Tuning, showcase: Showcase, examples: list[Example]) -> list[Example]:
    """Lists to learn from with a label for each candidate, from what the prompts tell."""
    info = replace(preset_of(tuning.base).info(tuning.base, None), popularity=tuning.lists.popularity)
    return taught(examples, ListPrompts(showcase, info, tuning.rerank), share=tuning.lists.taught, seed=tuning.seed)


def _in_use(adapters: Adapters, hashed: str) -> Card | None:
    """The adapter that is used now, where it is one of this base model and fit for use."""
    try:
        used = adapters.current()
        card = None if used is None else adapters.check(used)
    except (WeightsError, SettingsError):
        return None
    return card if card is not None and card.base_hash == hashed else None


def _train(
    tuning: Tuning, folder: Path, workspace: Workspace, store: VectorStore, adapters: Adapters, told: Told
) -> None:
    """Leave an adapter in the folder that holds the lists."""
    start = None if tuning.start is None else str(adapters.path(tuning.start))
    popularity = tuning.lists.popularity
    job = LoraJob(tuning.base, tuning.training, tuning.rerank, popularity, start, tuning.device, tuning.seed)
    if tuning.accelerate is None:
        do_job(job, folder, workspace, store, told.training)
    else:
        launch_job(job, folder, workspace.path, tuning.accelerate, told.training)


@dataclass(frozen=True, slots=True)
class _Contest:
    """Asks the base model, with adapters and without, about the same lists, as it would serve them."""

    tuning: Tuning
    made: TuningLists
    showcase: Showcase
    told: Told

    def scores(self, name: str, adapter: Path | None, *, popularity: bool = False, pictures: bool = True) -> Scores:
        tuning = self.tuning
        model = TransformersModel.open(
            tuning.base, adapter=adapter, device=tuning.device, four_bit=tuning.training.four_bit
        )
        model.info = replace(model.info, popularity=popularity)
        prompts = ListPrompts(self.showcase, model.info, tuning.rerank, pictures=pictures)
        made = self.made
        return Contestant(model, prompts, tuning.rerank, made.validation, made.test, self.told.lists).scores(name)

    def compared(self, base: Scores, now: Scores, now_alpha: float, adapter: Path) -> Comparison:
        popularity = self.tuning.lists.popularity
        return compare_tuned(
            self.made.validation,
            self.made.test,
            base=base,
            now=now,
            now_alpha=now_alpha,
            tuned=self.scores("tuned", adapter, popularity=popularity),
            text_only=self.scores("without pictures", adapter, popularity=popularity, pictures=False),
            seed=self.tuning.seed,
        )


def _card(
    tuning: Tuning, made: TuningLists, comparison: Comparison, hashed: str, adapters: Adapters, newest_row: int
) -> Card:
    earlier = () if tuning.start is None else adapters.card(tuning.start).users
    return Card(
        name=tuning.name,
        base=tuning.base,
        base_hash=hashed,
        data_hash=made.data_hash,
        settings={
            **asdict(tuning.training),
            **asdict(tuning.lists),
            "start": tuning.start,
            "seed": tuning.seed,
        },
        alpha=comparison.alpha,
        figures=comparison.figures(),
        better=comparison.better,
        users=tuple(sorted({*earlier, *made.users})),
        newest_row=newest_row,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        files={},
    )


def _keep_logs(folder: Path, kept: Path) -> None:
    """TensorBoard's, by stage: the run's own folder goes when the run ends."""
    for made in folder.glob("*/runs"):
        kept.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept / made.parent.name, ignore_errors=True)  # of an adapter of that name that was deleted
        made.rename(kept / made.parent.name)


def _run_folder(workspace: Path, data_hash: str, tuning: Tuning, hashed: str) -> Path:
    """Where a run keeps what it makes until it ends; what others left, with other data or settings, is removed."""
    told = {**asdict(tuning.training), **asdict(tuning.lists), "rerank": tuning.rerank.model_dump()}
    key = [data_hash, hashed, told, sorted(tuning.users or ()), tuning.start, tuning.seed]
    folder = workspace / FOLDER / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    for other in folder.parent.glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder
