"""The options of `tastemaker evaluate`: of a workspace, or of the built-in shop and models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retrieval.errors import SettingsError


def evaluate(
    workspace: Annotated[
        Path | None, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="leave-one-out, rolling (the last events of each user) or global-time.")
    ] = "leave-one-out",
    last: Annotated[int, typer.Option(help="Events of each user that rolling asks for.")] = 10,
    hide_items: Annotated[float, typer.Option(help="Share of the items that training does not see, such as 0.1.")] = 0,
    systems: Annotated[
        str,
        typer.Option(
            help="Which, by name or group (usual, baselines, fusion), with commas between; usual unless you say."
        ),
    ] = "",
    rating_scale: Annotated[
        str | None,
        typer.Option(help="Lowest and highest rating, such as 1:5; others are left out of their prediction."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that draws.")] = 0,
    device: Annotated[str, typer.Option(help="Where towers are trained: cpu or cuda.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", metavar="")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for what is made; WORKSPACE/evaluation unless you say.")
    ] = None,
    builtin: Annotated[
        bool, typer.Option("--builtin", help="Measure the built-in shop and models instead.", metavar="")
    ] = False,
    only: Annotated[
        str, typer.Option(help="With --builtin: which rows, with commas between; all unless you say.")
    ] = "",
    users: Annotated[int | None, typer.Option(help="With --builtin: at most so many test shoppers.")] = None,
    lists: Annotated[int, typer.Option(help="With --builtin: lists, pictures or prompts of each measure.")] = 200,
    model: Annotated[str, typer.Option(help="With --builtin: a folder of another such model.")] = "builtin",
    alpha: Annotated[
        float | None, typer.Option(help="With --builtin: weight of the prior instead of the served.")
    ] = None,
    fit_alpha: Annotated[
        int, typer.Option(help="With --builtin: shoppers, none of them a test shopper, to fit that weight on.")
    ] = 0,
    held: Annotated[Path | None, typer.Option(help="With --builtin: a pack of pictures that no training had.")] = None,
    movielens: Annotated[
        Path | None, typer.Option(help="With --builtin: MovieLens with posters and plots, for its row.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="With --builtin: folder that keeps the model's scores for the next run.")
    ] = None,
) -> None:
    """Measure what is served, and baselines, on events that are held back from the log."""
    if builtin:
        from ui.evaluating_builtin import evaluate_shop

        evaluate_shop(
            only=only,
            users=users,
            lists=lists,
            model=model,
            alpha=alpha,
            fit_alpha=fit_alpha,
            held=held,
            movielens=movielens,
            seed=seed,
            as_json=as_json,
            out=out,
            keep=keep,
        )
        return
    if workspace is None:
        raise SettingsError("name the workspace with --workspace, or the built-in shop and models with --builtin")
    from ui.evaluating import evaluate_workspace

    evaluate_workspace(
        workspace,
        protocol=protocol,
        last=last,
        hide_items=hide_items,
        systems=systems,
        rating_scale=rating_scale,
        seed=seed,
        device=device,
        as_json=as_json,
        out=out,
    )
