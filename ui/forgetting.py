"""The command `tastemaker forget`: a person's traces go, and what learned from them is named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieval.errors import RequestError


def forget(
    user: Annotated[str, typer.Argument(help="User id in the log.")],
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first; it cannot be undone.", metavar="")] = False,
) -> None:
    """Erase what the workspace holds of a person, and mark what was trained on it for retraining."""
    from agent.forgetting import forget_person, to_retrain
    from retrieval.workspace import Workspace

    if not user.strip():
        raise RequestError("the user id is empty; give the id that the log has")
    with Workspace.open(workspace) as opened:
        if not yes:
            typer.confirm(f"Erase everything of {user!r} in {workspace}? It cannot be undone", abort=True)
        typer.echo(str(forget_person(opened, user)))
        waiting = to_retrain(opened.path)
    if waiting:
        names = ", ".join(f"{learned.kind} {learned.name}" for learned in waiting)
        typer.echo(f"to be trained again (tastemaker finetune): {names}")
