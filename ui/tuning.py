"""`tastemaker finetune lora` and `tastemaker learn`: the log becomes a better model, which is used if it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ui.bars import Bar
from ui.printing import say

if TYPE_CHECKING:
    from agent.registry import Card
    from finetune.bootstrap import Difference
    from finetune.examples import ListSettings
    from finetune.lora_settings import LoraTraining
    from finetune.ranker_lists import Prepare
    from finetune.tune import Tuned
    from finetune.tuned_figures import Comparison
    from retrieval.workspace import Workspace

_out = Console()

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
]
BaseOption = Annotated[
    str | None,
    typer.Option(help="The model to tune: a preset, a hub name or a folder; what the workspace uses, unless you say."),
]
ChangedOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another setting, NAME=VALUE, such as rank=8, epochs=3 or report_to=none; a name that there is not lists "
        "them.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Use the adapter even if it is no better.", metavar="")]
DeviceOption = Annotated[str | None, typer.Option(help="cpu or cuda; a GPU where there is one, unless you say.")]
AccelerateOption = Annotated[
    Path | None,
    typer.Option(help="Configuration file of accelerate (`accelerate config`), to train in several processes."),
]
SeedOption = Annotated[int, typer.Option(help="Of everything that draws.")]


def lora(
    workspace: WorkspaceOption,
    base: BaseOption = None,
    name: Annotated[str, typer.Option(help="Of the adapter; the next free one unless you say.")] = "",
    changed: ChangedOption = None,
    force: ForceOption = False,
    device: DeviceOption = None,
    accelerate: AccelerateOption = None,
    seed: SeedOption = 0,
) -> None:
    """Tune the language model on the log, and use the result if it ranks better.

    Lists of what users were about to want are learned from; what they wanted last is kept to measure on. A run that was
    cut off goes on where it was.
    """
    training, lists = _settings(changed)
    _tune(
        workspace,
        training,
        lists,
        base=base,
        name=name,
        force=force,
        device=device,
        accelerate=accelerate,
        seed=seed,
    )


def learn(
    workspace: WorkspaceOption,
    base: BaseOption = None,
    changed: ChangedOption = None,
    device: DeviceOption = None,
    seed: SeedOption = 0,
) -> None:
    """Learn from what was logged since the last time: tune, measure, and use the result if it is better.

    Goes on from the adapter that is used; one that is better and never was, as its run was cut off, is used first. For
    a timer; the pages that are open meanwhile change over by themselves.
    """
    from agent.forgetting import Learned, to_retrain
    from agent.registry import Adapters
    from retrieval.errors import InteractionError, SettingsError, WeightsError
    from retrieval.workspace import Workspace

    training, lists = _settings(changed)
    adapters = Adapters(workspace)
    since = max((card.newest_row for card in adapters.all()), default=0)
    with Workspace.open(workspace) as opened:
        _take_up(workspace)
        activity = opened.log.activity(since)
    if not activity.users:
        say("nothing was logged since the last time")
        return
    start = adapters.current()
    try:
        if start is not None:
            adapters.check(start, base=base)
    except (SettingsError, WeightsError) as error:
        say(f"{start} cannot be gone on from: {error}")
        start = None
    if Learned("adapter", start or "") in to_retrain(workspace):
        say(f"{start} learned from somebody who is forgotten since: it is left behind, and all is learned anew")
        start = None
    if start is None:
        say("no adapter is gone on from: all of the log is learned from")
    users = None if start is None else frozenset(activity.users)
    say(f"{activity.events:,} events of {len(activity.users):,} users since the last time")
    try:
        _tune(workspace, training, lists, base=base, device=device, seed=seed, start=start, users=users)
    except InteractionError as error:
        say(f"nothing is learned yet: {error}")


def _take_up(workspace: Path) -> None:
    """Use the adapter that an earlier run made, and was cut off before it could use it."""
    from agent.forgetting import Learned, to_retrain
    from agent.registry import Adapters
    from agent.rollout import use_adapter
    from retrieval.errors import WeightsError

    card = Adapters(workspace).waiting()
    if card is None or Learned("adapter", card.name) in to_retrain(workspace):
        return
    try:
        use_adapter(workspace, card.name)
    except WeightsError as error:
        say(f"{card.name} is better than what was used, and cannot be used: {error}")
    else:
        say(f"{card.name} is used from now on: it is better, and the run that made it was cut off")


def _settings(changed: list[str] | None) -> tuple[LoraTraining, ListSettings]:
    """What is asked for, before anything slow is begun. Raises SettingsError."""
    from finetune.examples import ListSettings
    from finetune.lora_settings import LoraTraining
    from finetune.options import parse_settings

    return parse_settings(changed or [], LoraTraining, ListSettings)


def _tune(
    workspace: Path,
    training: LoraTraining,
    lists: ListSettings,
    *,
    base: str | None,
    device: str | None,
    seed: int,
    name: str = "",
    force: bool = False,
    accelerate: Path | None = None,
    start: str | None = None,
    users: frozenset[str] | None = None,
) -> None:
    from agent.rollout import use_adapter
    from agent.settings import load_settings
    from finetune.tune import Told, Tuning, tune
    from retrieval.encoders import open_encoder
    from retrieval.store import open_store
    from retrieval.workspace import Workspace

    settings = load_settings()
    tuning = Tuning(
        base=base or _base_in_use(workspace) or settings.chosen_model,
        training=training,
        lists=lists,
        rerank=settings.rerank,
        name=name,
        users=users,
        start=start,
        device=device,
        accelerate=accelerate,
        seed=seed,
    )
    with Workspace.open(workspace) as opened, Bar() as bar, open_store(opened, serve=True) as store:
        tuned = tune(
            opened,
            store,
            open_encoder(opened.settings.encoder, own=opened.encoders_folder),
            tuning,
            prepare=None if store.towers is None else _teacher(opened, bar, seed),
            told=Told(bar.stage, bar.step),
        )
    _print_tuned(tuned)
    if tuned.card.better or force:
        use_adapter(workspace, tuned.card.name)
    say(_verdict(tuned.card, tuned.comparison, workspace, forced=force))


def _base_in_use(workspace: Path) -> str | None:
    from agent.registry import Adapters

    adapters = Adapters(workspace)
    current = adapters.current()
    card = None if current is None else adapters.known(current)
    return None if card is None else card.base


def _teacher(workspace: Workspace, bar: Bar, seed: int) -> Prepare:
    """Trains towers in past workspaces as those of this one were."""
    from finetune.tower_systems import tower_settings
    from finetune.towers import train_towers

    shape, how = tower_settings(workspace)

    def teach(past: Workspace) -> None:
        train_towers(past, shape, how, seed=seed, progress=bar.epoch)

    return teach


def _gain(of: Difference) -> str:
    return f"{of.relative:+.1%}, {of.mean:+.4f} ({of.low:+.4f} to {of.high:+.4f})"


def _print_tuned(tuned: Tuned) -> None:
    from finetune.teacher import LEAST_TAUGHT

    compared, labels = tuned.comparison, tuned.labels
    say(f"{tuned.card.name}: learned from {len(tuned.card.users):,} users")
    say(
        f"NDCG@10 on {compared.lists:,} lists of {compared.users:,} users, what they wanted last; {compared.telling:,} "
        "of the lists hold it, the others count 0:"
    )
    for name, row in compared.rows:
        say(f"  {name}: {row.mean:.4f} ({row.low:.4f} to {row.high:.4f})")
    say("  (in use: as it is served, the base where no adapter is used; others: with the surest weight of the prior)")
    for name, gain in (
        ("base", compared.over_base),
        ("retriever", compared.over_retriever),
        ("itself without pictures", compared.of_pictures),
    ):
        say(f"  tuned over {name}: {_gain(gain)}")
    if labels is not None:
        say(f"  trees that made the labels over retriever, on the lists learned from: {_gain(labels)}")
    elif tuned.card.settings.get("taught") == 1:
        say(f"  the labels are what was wanted: trees that make better ones need {LEAST_TAUGHT} lists to learn from")
    say(f"the retrievers' prior weighs {compared.alpha:g}; of the lists that hold it {compared.changed:.0%} change")


def _verdict(card: Card, compared: Comparison, workspace: Path, *, forced: bool) -> str:
    gain = compared.validation
    figures = f"NDCG@10 {gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) over what was used, on validation lists"
    if card.better:
        return f"{card.name} is used from now on: {figures}"
    if forced:
        return f"{card.name} is used from now on, as you said, though it is no better beyond doubt: {figures}"
    return (
        f"{card.name} is kept and not used: {figures}, and only an interval above 0 would do; to use it all the same: "
        f"tastemaker adapters use {card.name} --workspace {workspace}"
    )
