"""The command `tastemaker simulate`: shoppers who talk, and what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from finetune.bootstrap import Difference, Estimate
    from finetune.simulate import Simulation, Talk


def simulate(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
    ],
    users: Annotated[int, typer.Option(help="How many shoppers talk.")] = 100,
    k: Annotated[int, typer.Option("-k", help="Items in a list.")] = 5,
    turns: Annotated[int, typer.Option(help="Messages until a shopper gives up.")] = 5,
    seed: Annotated[int, typer.Option(help="Which shoppers, what they look for, and how they put it.")] = 0,
    retriever_only: Annotated[
        bool, typer.Option("--retriever-only", help="Without a language model.", metavar="")
    ] = False,
    develop: Annotated[
        bool, typer.Option("--develop", help="Shoppers to develop on: those that results are not told of.", metavar="")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, every conversation included.", metavar="")
    ] = False,
    show: Annotated[int, typer.Option(help="Print so many of the conversations, failed ones first.")] = 0,
    model: Annotated[str | None, typer.Option(help="As `tastemaker chat` takes it.")] = None,
    engine: Annotated[str | None, typer.Option(help="As `tastemaker chat` takes it.")] = None,
    url: Annotated[str | None, typer.Option(help="As `tastemaker chat` takes it.")] = None,
) -> None:
    """Let simulated shoppers talk: how often they find what they have in mind, against a single search."""
    from agent.settings import load_settings
    from finetune.simulate import SimulationSettings
    from finetune.simulate import simulate as run
    from retrieval.workspace import Workspace

    settings = SimulationSettings(users, k, turns, seed, develop)
    recommending = load_settings().but(model=model, engine=engine, url=url)
    with Workspace.open(workspace) as opened, _telling() as tell:
        found = run(opened, settings, recommending=recommending, retriever_only=retriever_only, tell=tell)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found), ensure_ascii=False, allow_nan=False) + "\n")
        return
    _print(found, show)


def _print(found: Simulation, show: int) -> None:
    console = Console()
    for talk in sorted(found.talks, key=lambda talk: talk.found or 0)[:show]:
        _print_talk(console, talk)
    settings = found.settings
    table = Table("measure", "value", "95% interval")
    for name, estimate in _rows(found):
        table.add_row(name, f"{estimate.mean:.3f}", f"{estimate.low:.3f} to {estimate.high:.3f}")
    console.print(table)
    console.print(
        escape(
            f"{len(found.talks):,} shoppers ({'to develop on' if settings.develop else 'for results'}), seed "
            f"{settings.seed}; each looks for one of {found.source}; they see lists of {settings.k}, and give up after "
            f"{settings.turns} messages. Ranked by: {found.model}. One search: the first message alone, by the same "
            "retriever. Intervals: bootstrap over shoppers."
        ),
        highlight=False,
    )


def _print_talk(console: Console, talk: Talk) -> None:
    console.print(escape(f"{talk.case.user_id} looks for {talk.case.target.item_id}"), highlight=False, style="bold")
    for exchange in talk.exchanges:
        console.print(escape(f"  > {exchange.said}"), highlight=False)
        told = f"{', '.join(exchange.shown)}" or "nothing"
        marks = "" if exchange.obeyed is not False else " (not obeyed)"
        console.print(escape(f"    {exchange.answer} [{told}]{marks}"), highlight=False, style="dim")


def _rows(found: Simulation) -> list[tuple[str, Estimate | Difference]]:
    k, turns = found.settings.k, found.settings.turns
    return [
        (f"found within {turns} messages", found.success),
        ("messages until then", found.turns),
        ("critiques obeyed", found.obeyed),
        ("shown items against something said", found.broken),
        ("shown items against a constraint that stands", found.violating),
        (f"one search, {k} items", found.one_shot),
        (f"one search, {k * turns} items", found.one_shot_long),
        (f"found beyond one search of {k}", found.gain),
    ]


def _as_json(found: Simulation) -> dict[str, Any]:
    measures = {name: _plain(asdict(estimate)) for name, estimate in _rows(found)}
    talks = [
        {
            "user_id": talk.case.user_id,
            "target": talk.case.target.item_id,
            "found": talk.found,
            "one_shot": talk.one_shot,
            "exchanges": [asdict(exchange) for exchange in talk.exchanges],
        }
        for talk in found.talks
    ]
    told = {"settings": asdict(found.settings), "source": found.source, "model": found.model}
    return {"schema_version": 1, **told, "measures": measures, "talks": talks}


def _plain(told: dict[str, float]) -> dict[str, float | None]:
    """NaN, which JSON lacks, as null."""
    return {name: None if value != value else value for name, value in told.items()}


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    with console.status("making a copy of the workspace") as status:
        yield lambda text: status.update(escape(text))
