"""`tastemaker finetune`: what a workspace learns from its log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ui.bars import Bar
from ui.printing import say
from ui.tuning import lora

if TYPE_CHECKING:
    from finetune.ranker import FittedRanker
    from finetune.towers import LearnedReport

finetune_app = typer.Typer(
    no_args_is_help=True, help="Learn from the log: vectors, weights, and adapters of the model."
)
finetune_app.command()(lora)
_out = Console()
_err = Console(stderr=True)


WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
]


@finetune_app.command()
def towers(
    workspace: WorkspaceOption,
    fusion: Annotated[
        str | None,
        typer.Option(
            help="How an item's text and picture become one: attention, mean, concat, bilinear, text, image, or none "
            "for ids alone. attention, unless you say."
        ),
    ] = None,
    changed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Another setting, NAME=VALUE, such as width=128 (64 unless you say), times=true or epochs=40; a name "
            "that there is not lists them.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of everything that draws.")] = 0,
) -> None:
    """Learn user and item vectors from the log, weigh the retrievers, and serve both.

    A run that was cut off goes on at its last whole epoch.
    """
    from agent.ranker import RANKER_NAME
    from finetune.tower_options import parse_options
    from finetune.towers import train_towers
    from retrieval.workspace import Workspace

    named = [] if fusion is None else [f"fusion={fusion}"]
    settings, training = parse_options([*(changed or []), *named])
    with Workspace.open(workspace) as opened, Bar() as bar:
        report = train_towers(opened, settings, training, device=device, seed=seed, progress=bar.epoch)
    _print_learned(report)
    if (workspace / RANKER_NAME).exists():
        say(
            "a ranker was fitted to the lists before and does not apply to these; to fit one to them, run tastemaker "
            f"finetune ranker --workspace {workspace}"
        )


@finetune_app.command()
def ranker(
    workspace: WorkspaceOption,
    users: Annotated[
        int, typer.Option(help="At most so many, 40 or more; half of them decide whether it is better.")
    ] = 300,
    model: Annotated[str | None, typer.Option(help="The model that is to rank; as for `recommend`.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that draws.")] = 0,
) -> None:
    """Weigh the model's word and what else is known of the candidates, for people who ask for nothing.

    Asks the model for one list of each user. What comes out is used only if it is better, beyond doubt, on users it has
    not seen.
    """
    from agent.opening import open_chosen_model, settle
    from agent.settings import load_settings
    from finetune.ranker import RankerTraining, fit_ranker
    from finetune.tower_systems import tower_settings
    from finetune.towers import train_towers
    from retrieval.encoders import open_encoder
    from retrieval.store import open_store
    from retrieval.workspace import Workspace

    training = RankerTraining(users=users)
    settings = settle(workspace, load_settings().but(model=model))
    with Workspace.open(workspace) as opened, Bar() as bar:
        shape, how = tower_settings(opened)
        with open_store(opened, serve=True) as store, closing(open_chosen_model(opened.path, settings)) as chosen:

            def prepare(past: Workspace) -> None:
                if store.towers is not None:
                    train_towers(past, shape, how, seed=seed, progress=bar.epoch)

            fitted = fit_ranker(
                opened,
                store,
                open_encoder(opened.settings.encoder, own=opened.encoders_folder),
                chosen,
                training=training,
                settings=settings,
                seed=seed,
                prepare=prepare,
                progress=bar.lists,
            )
    _print_ranker(fitted)


def _print_ranker(fitted: FittedRanker) -> None:
    for row in fitted.rows:
        say(f"{row.name}: NDCG@10 {row.ndcg.mean:.4f} ({row.ndcg.low:.4f} to {row.ndcg.high:.4f})")
    say(fitted.verdict)


def _print_learned(report: LearnedReport) -> None:
    say(
        f"towers {report.version}: {report.items:,} items, {report.users:,} users; best of {report.epochs} epochs, "
        f"NDCG@10 {report.ndcg:.4f} on each user's last event"
    )
    if report.blend is not None:
        weights = ", ".join(f"{name} {weight:.2f}" for name, weight in report.blend.weights.items())
        say(f"the retrievers weigh {weights}")
    if report.note is not None:
        _err.print(f"[yellow]note:[/] the retrievers' weights stay as they were: {escape(report.note)}", soft_wrap=True)
