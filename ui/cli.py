"""The `tastemaker` command. Each command checks its input first, then loads what it needs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from retrieval.errors import InputError, InteractionError, SettingsError, TastemakerError
from retrieval.quiet import forbid_telemetry, without_deprecations
from retrieval.types import ReasonSource
from ui.adapters_command import adapters_app
from ui.bars import index_bar
from ui.evaluate_command import evaluate
from ui.finetuning import finetune_app
from ui.forgetting import forget
from ui.options import (
    AdapterOption,
    EngineOption,
    ModelOption,
    UrlOption,
    WhereOption,
    WorkspaceOption,
    flag,
)
from ui.page_commands import demo, ui
from ui.printing import err, note, out, say, warn
from ui.serve_command import serve
from ui.simulating import simulate
from ui.tuning import learn
from ui.users_command import users_app

if TYPE_CHECKING:
    from agent.recommendations import Recommendations
    from retrieval.indexing import IndexReport
    from retrieval.interactions import ImportReport

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A recommender you can talk to, that looks at pictures and shows why.",
)
app.add_typer(finetune_app, name="finetune")
app.add_typer(adapters_app, name="adapters")
app.add_typer(users_app, name="users")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"tastemaker {version('tastemaker')}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", metavar="", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; an expected error becomes one readable line and exit status 2 or 1."""
    forbid_telemetry()
    without_deprecations()
    try:
        app()
    except TastemakerError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, InputError) else 1)


@app.command()
def index(
    catalog: Annotated[Path, typer.Argument(help="Catalogue: .jsonl, .csv or .parquet with at least id and title.")],
    workspace: WorkspaceOption,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="builtin, multimodal, multilingual, multilingual-multimodal, or any sentence-transformers model."
        ),
    ] = None,
    sync: Annotated[bool, flag("--sync", "Withdraw items that the catalogue no longer has.")] = False,
    rebuild: Annotated[bool, flag("--rebuild", "Embed everything anew, e.g. with another encoder.")] = False,
    train_encoder: Annotated[
        bool, flag("--train-encoder", "First train the workspace's own image encoder on the catalogue's pictures.")
    ] = False,
) -> None:
    """Read a catalogue, keep its pictures, embed what changed."""
    from retrieval.catalog import check_catalog
    from retrieval.encoders import BUILTIN, open_encoder
    from retrieval.indexing import index_catalog
    from retrieval.workspace import Workspace
    from ui.own_encoder import forget_others, own_encoder

    if train_encoder and encoder not in (None, BUILTIN):
        raise SettingsError(f"--train-encoder trains the {BUILTIN} encoder further; leave out --encoder {encoder}")
    check_catalog(catalog)
    with Workspace.open_or_create(workspace) as opened:
        if train_encoder:
            encoder, rebuild = own_encoder(opened, catalog, err), True
        with index_bar() as progress:
            chosen = open_encoder(encoder or opened.settings.encoder, own=opened.encoders_folder)
            report = index_catalog(opened, catalog, encoder=chosen, sync=sync, rebuild=rebuild, progress=progress)
        forget_others(opened)
    _print_index_report(report)


@app.command("log")
def add_to_log(
    file: Annotated[Path, typer.Argument(help="Interactions: .csv, .jsonl or .parquet with user_id and item_id.")],
    workspace: WorkspaceOption,
    create_items: Annotated[
        bool,
        flag("--create-items", "Make id-only items for ids the catalogue lacks, and the workspace if there is none."),
    ] = False,
) -> None:
    """Add what users did; lines that are already in the log add nothing."""
    from retrieval.interaction_files import check_interactions
    from retrieval.workspace import Workspace

    if create_items and not Workspace.exists(workspace):
        check_interactions(file)
        Workspace.open_or_create(workspace).close()
    with Workspace.open(workspace) as opened:
        report = opened.log.import_file(file, create_items=create_items)
    say(f"{report.new:,} new events, {report.known:,} already known, {report.refused:,} refused")
    if report.ignored_columns:
        say(f"columns that mean nothing to the log: {', '.join(report.ignored_columns)}")
    _say_rejects(report.rejects)
    _judge_import(file, report)


@app.command()
def recommend(
    workspace: WorkspaceOption,
    user: Annotated[str | None, typer.Option("--user", help="User id in the log; none for a stranger.")] = None,
    query: Annotated[str | None, typer.Option("--query", help="What is wanted, in words.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="A picture of something like it.")] = None,
    where: WhereOption = None,
    k: Annotated[int, typer.Option("-k", help="How many, 1 to 100.")] = 5,
    as_json: Annotated[bool, flag("--json", "Print JSON.")] = False,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    engine: EngineOption = None,
    url: UrlOption = None,
) -> None:
    """Recommend, with reasons."""
    from agent.recommender import Recommender
    from agent.requests import understand
    from ui.nothing import why_nothing

    wish = understand(user_id=user, query=query, image=image, where=where, k=k)
    with Recommender.open(workspace, model=model, adapter=adapter, engine=engine, url=url) as recommender:
        if wish.user_id is not None and not recommender.workspace.log.history(wish.user_id, limit=1):
            note(f"nobody called {wish.user_id} has done anything in the log; answered as for a stranger")
        found = recommender.recommend(
            user_id=wish.user_id, query=wish.query, image=wish.image, where=wish.where, k=k, source="cli"
        )
        if not found:
            note(why_nothing(recommender.workspace, where=wish.where))
    if found.note:
        note(found.note)
    if as_json:
        sys.stdout.write(found.to_json() + "\n")
    else:
        _print_recommendations(found)


app.command()(learn)
app.command()(evaluate)
app.command()(simulate)
app.command()(forget)


@app.command()
def chat(
    workspace: WorkspaceOption,
    user: Annotated[str | None, typer.Option("--user", help="User id in the log; none for a stranger.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many are shown at a time, 1 to 100.")] = 5,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    engine: EngineOption = None,
    url: UrlOption = None,
) -> None:
    """Talk in the terminal: each line is a message; /undo, /new and /quit are commands."""
    from agent.conversation import Conversation
    from agent.recommender import Recommender
    from agent.requests import understand
    from ui.terminal import talk

    wish = understand(user_id=user, query=None, image=None, where=None, k=k)
    with Recommender.open(workspace, model=model, adapter=adapter, engine=engine, url=url) as recommender:
        if sys.stdin.isatty():
            say("Tell me what you are looking for. /undo takes the last step back, /new starts anew, /quit ends.")
        lines = typer.get_text_stream("stdin", encoding="utf-8", errors="replace")
        talk(lambda: Conversation(recommender, wish.user_id, k=k, source="cli"), lines, say)


app.command()(ui)
app.command()(demo)
app.command()(serve)


def _print_index_report(report: IndexReport) -> None:
    say(
        f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.withdrawn:,} withdrawn, {report.rejected:,} refused, {report.pictures_refused:,} pictures refused, "
        f"{report.seconds:.1f} s"
    )
    for warning in report.warnings:
        warn(warning)
    _say_rejects(report.rejects)


def _print_recommendations(found: Recommendations) -> None:
    for number, rec in enumerate(found, start=1):
        out.print(f"[bold]{number}. {escape(rec.item.title)}[/]", highlight=False)
        out.print(f"   {escape(rec.reason)}", highlight=False)
        for fact in rec.evidence:
            out.print(f"   [dim]- {escape(fact.text)}[/]", highlight=False)
    by_model = sum(rec.source == ReasonSource.MODEL for rec in found)
    out.print(
        f"[dim]{found.timings_ms['total']:.0f} ms; order by {'the model' if found.reranked else 'retrieval alone'}; "
        f"{by_model} of {len(found)} reasons by the model[/]",
        highlight=False,
    )


def _judge_import(file: Path, report: ImportReport) -> None:
    """Raise InteractionError when no line could be used; warn when most could not."""
    read = report.new + report.known + report.refused
    if 2 * report.refused <= read:
        return
    unknown = _unknown_items(report.rejects)
    advice = (
        f"{unknown:,} name items that the catalogue lacks: index it first, or add --create-items"
        if unknown
        else "see there why, and mend the file"
    )
    if report.refused == read:
        raise InteractionError(f"no line of {file} could be used, all {read:,} were refused; {advice}")
    warn(f"most lines were refused, {report.refused:,} of {read:,}; {advice}")


def _unknown_items(rejects: Path | None) -> int:
    """How many lines were refused because their item is unknown."""
    if rejects is None:
        return 0
    with rejects.open(encoding="utf-8") as lines:
        return sum(json.loads(line)["reason"].startswith("unknown item") for line in lines)


def _say_rejects(path: Path | None) -> None:
    if path is not None:
        say(f"what was refused, and why: {path}")


if __name__ == "__main__":
    main()
