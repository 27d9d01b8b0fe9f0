"""`tastemaker adapters`: what was tuned for a workspace, and which of it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ui.printing import say

if TYPE_CHECKING:
    from agent.registry import Card

adapters_app = typer.Typer(no_args_is_help=True, help="What was tuned for a workspace, and which of it is used.")
_out = Console()

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
]
NameArgument = Annotated[str, typer.Argument(help="Of the adapter, as `tastemaker adapters list` tells it.")]


@adapters_app.command("list")
def list_adapters(workspace: WorkspaceOption) -> None:
    """The adapters, oldest first; the one that is used has a star.

    Those that learned from somebody who is forgotten since say so.
    """
    from agent.forgetting import Learned, to_retrain
    from agent.registry import Adapters
    from retrieval.workspace import Workspace

    with Workspace.open(workspace):
        adapters = Adapters(workspace)
        current, cards, waiting = adapters.current(), adapters.all(), to_retrain(workspace)
        damaged = adapters.damaged()
    if not cards and not damaged:
        say(f"no adapters yet; train one with: tastemaker finetune lora --workspace {workspace}")
    for card in cards:
        late = (
            "; to be trained again: learned from a forgotten person" if Learned("adapter", card.name) in waiting else ""
        )
        say(f"{'*' if card.name == current else ' '} {card.name}: {_told(card)}{late}")
    for name in damaged:
        say(f"  {name}: its card is damaged; remove it: tastemaker adapters delete {name} --workspace {workspace}")


@adapters_app.command()
def use(workspace: WorkspaceOption, name: NameArgument) -> None:
    """Use an adapter from now on, in every process that serves the workspace."""
    from agent.rollout import use_adapter
    from retrieval.workspace import Workspace

    with Workspace.open(workspace):
        card = use_adapter(workspace, name)
    say(f"{card.name} is used from now on")


@adapters_app.command()
def rollback(workspace: WorkspaceOption) -> None:
    """Use again what was used before."""
    from agent.rollout import roll_back
    from retrieval.workspace import Workspace

    with Workspace.open(workspace):
        name = roll_back(workspace)
    say(f"{name or 'the model without an adapter'} is used from now on")


@adapters_app.command()
def delete(workspace: WorkspaceOption, name: NameArgument) -> None:
    """Remove an adapter that is not used."""
    from agent.registry import Adapters
    from retrieval.workspace import Workspace

    with Workspace.open(workspace):
        Adapters(workspace).delete(name)
    say(f"{name} is deleted")


def _told(card: Card) -> str:
    figures = {figure.name: figure for figure in card.figures}
    tuned, base = figures.get("NDCG@10 tuned"), figures.get("NDCG@10 base")
    ndcg = "" if tuned is None or base is None else f"NDCG@10 {tuned.mean:.4f} (base {base.mean:.4f}), "
    verdict = "better than what was used before" if card.better else "not better than what was used before"
    return f"{card.base}, {card.created}, {ndcg}{verdict}, learned from {len(card.users):,} users"
