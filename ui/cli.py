"""The `tastemaker` command. Each command checks its input first, then loads what it needs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from retrieval.errors import InputError, TastemakerError
from retrieval.quiet import forbid_telemetry
from retrieval.types import ReasonSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from retrieval.indexing import IndexReport, Progress

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A recommender you can talk to, that looks at pictures and shows why.",
)
_out = Console()
_err = Console(stderr=True)

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
]
EngineOption = Annotated[
    str | None, typer.Option(help="auto (a running `tastemaker serve`, else in process), transformers, vllm.")
]
UrlOption = Annotated[str | None, typer.Option(help="Address of a vLLM server, such as http://127.0.0.1:8000/v1.")]
ModelOption = Annotated[
    str | None, typer.Option(help="builtin, a preset, a Hugging Face id or a folder; what is served, unless you say.")
]
AdapterOption = Annotated[Path | None, typer.Option(help="Folder of a peft LoRA adapter.")]
HostOption = Annotated[str, typer.Option(help="Address to listen on; loopback unless you say otherwise.")]
PortOption = Annotated[int | None, typer.Option(help="Port; a free one unless you say otherwise.")]


def main() -> None:
    """Run the command line; an expected error becomes one readable line and exit status 2 or 1."""
    forbid_telemetry()
    try:
        app()
    except TastemakerError as error:
        _err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, InputError) else 1)


@app.command()
def index(
    catalog: Annotated[Path, typer.Argument(help="Catalogue: .jsonl, .csv or .parquet with at least id and title.")],
    workspace: WorkspaceOption,
    encoder: Annotated[str | None, typer.Option(help="builtin, a preset, or any sentence-transformers model.")] = None,
    sync: Annotated[bool, typer.Option("--sync", help="Withdraw items that the catalogue no longer has.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Embed everything anew, e.g. with another encoder.")
    ] = False,
) -> None:
    """Read a catalogue, keep its pictures, embed what changed."""
    from retrieval.catalog import check_catalog
    from retrieval.encoders import open_encoder
    from retrieval.indexing import index_catalog
    from retrieval.workspace import Workspace

    check_catalog(catalog)
    with Workspace.open_or_create(workspace) as opened, _progress() as progress:
        name = encoder or opened.settings.encoder
        report = index_catalog(
            opened, catalog, encoder=open_encoder(name), sync=sync, rebuild=rebuild, progress=progress
        )
    _print_index_report(report)


@app.command("log")
def add_to_log(
    file: Annotated[Path, typer.Argument(help="Interactions: .csv, .jsonl or .parquet with user_id and item_id.")],
    workspace: WorkspaceOption,
    create_items: Annotated[
        bool, typer.Option("--create-items", help="Make id-only items for ids the catalogue lacks.")
    ] = False,
) -> None:
    """Add what users did; lines that are already in the log add nothing."""
    from retrieval.workspace import Workspace

    with Workspace.open(workspace) as opened:
        report = opened.log.import_file(file, create_items=create_items)
    _say(f"{report.new:,} new events, {report.known:,} already known, {report.refused:,} refused")
    _say_rejects(report.rejects)


@app.command()
def recommend(
    workspace: WorkspaceOption,
    user: Annotated[str | None, typer.Option("--user", help="User id in the log; none for a stranger.")] = None,
    query: Annotated[str | None, typer.Option("--query", help="What is wanted, in words.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="A picture of something like it.")] = None,
    where: Annotated[str | None, typer.Option("--where", help="Filter: \"price<50 and genres='Drama'\".")] = None,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    engine: EngineOption = None,
    url: UrlOption = None,
) -> None:
    """Recommend, with reasons."""
    from agent.recommender import Recommender

    with Recommender.open(workspace, model=model, adapter=adapter, engine=engine, url=url) as recommender:
        found = recommender.recommend(user_id=user, query=query, image=image, where=where, k=k, source="cli")
    if as_json:
        sys.stdout.write(found.to_json() + "\n")
    else:
        _print_recommendations(found)


@app.command()
def ui(
    workspace: WorkspaceOption,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    engine: EngineOption = None,
    url: UrlOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
) -> None:
    """Open the chat page on a workspace."""
    from agent.recommender import Recommender
    from ui.ports import check_port

    check_port(port)
    with Recommender.open(workspace, model=model, adapter=adapter, engine=engine, url=url, shared=True) as recommender:
        _serve_page(recommender, host, port)


@app.command()
def demo(
    workspace: Annotated[Path | None, typer.Option("--workspace", "-w", help="Where to keep the demo's data.")] = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
) -> None:
    """Open the chat page on the built-in shop: no GPU, no account, no model download."""
    from agent.recommender import Recommender
    from ui.demo import WISHES, prepare_demo
    from ui.ports import check_port

    check_port(port)
    folder = workspace or Path(typer.get_app_dir("tastemaker")) / "demo"
    with _progress() as progress:
        prepare_demo(folder, progress)
    with Recommender.open(folder, model="builtin", engine="auto", shared=True) as recommender:
        _serve_page(recommender, host, port, examples=WISHES)


def _serve_page(
    recommender: Recommender, host: str, port: int | None, *, examples: Sequence[str] | None = None
) -> None:
    from ui.app import launch

    launch(
        recommender,
        host=host,
        port=port,
        examples=examples,
        on_ready=lambda address: _out.print(f"The page is at {address} (Ctrl+C ends it)", highlight=False),
    )


@app.command()
def serve(
    workspace: WorkspaceOption,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    python: Annotated[Path | None, typer.Option("--python", help="Python of the environment that has vLLM.")] = None,
    port: PortOption = None,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the command and its environment; start nothing.")
    ] = False,
) -> None:
    """Serve the workspace's model with vLLM; the other commands find it by themselves."""
    from agent.serving import plan_server
    from agent.serving import serve as serve_plan
    from agent.settings import load_settings
    from retrieval.workspace import Workspace

    settings = load_settings().but(model=model, adapter=adapter)
    plan = plan_server(settings.chosen_model, adapter=settings.adapter, python=python, port=port)
    if print_only:
        sys.stdout.write(plan.shell() + "\n")
        return
    with Workspace.open(workspace) as opened:
        _say(f"starting vLLM with {plan.model}; this takes a minute")
        serve_plan(plan, opened, ready=lambda url: _say(f"serving at {url}; Ctrl-C stops it"))


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar with items/s, drawn on standard error once there is something to count."""
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, Task, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f} items/s")

    bar = Bar(SpinnerColumn(), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn(), console=_err)
    task = bar.add_task("index", total=None)

    def advance(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if bar.live.is_started:  # else stopping it prints an empty line
            bar.stop()


def _print_index_report(report: IndexReport) -> None:
    _say(
        f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.withdrawn:,} withdrawn, {report.rejected:,} refused, {report.pictures_refused:,} pictures refused, "
        f"{report.seconds:.1f} s"
    )
    for warning in report.warnings:
        _err.print(f"[bold yellow]warning:[/] {escape(warning)}", highlight=False, soft_wrap=True)
    _say_rejects(report.rejects)


def _print_recommendations(found: Recommendations) -> None:
    if found.note:
        _err.print(f"[yellow]note:[/] {escape(found.note)}", highlight=False, soft_wrap=True)
    for number, rec in enumerate(found, start=1):
        _out.print(f"[bold]{number}. {escape(rec.item.title)}[/]  [dim]{rec.score:.2f}[/]", highlight=False)
        _out.print(f"   {escape(rec.reason)}", highlight=False)
        for fact in rec.evidence:
            _out.print(f"   [dim]- {escape(fact.text)}[/]", highlight=False)
    by_model = sum(rec.source == ReasonSource.MODEL for rec in found)
    _out.print(
        f"[dim]{found.timings_ms['total']:.0f} ms; order by {'the model' if found.reranked else 'retrieval alone'}; "
        f"{by_model} of {len(found)} reasons by the model[/]",
        highlight=False,
    )


def _say(text: str) -> None:
    _out.print(escape(text), highlight=False, soft_wrap=True)


def _say_rejects(path: Path | None) -> None:
    if path is not None:
        _say(f"what was refused, and why: {path}")


if __name__ == "__main__":
    main()
