"""The `tastemaker` command. Each command checks its input first, then loads what it needs."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from retrieval.errors import InputError, InteractionError, SettingsError, TastemakerError
from retrieval.quiet import forbid_telemetry
from retrieval.types import ReasonSource
from ui.adapters_command import adapters_app
from ui.evaluate_command import evaluate
from ui.finetuning import finetune_app
from ui.forgetting import forget
from ui.simulating import simulate
from ui.tuning import learn
from ui.users_command import users_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from agent.serving import VllmInstall
    from retrieval.indexing import IndexReport, Progress
    from retrieval.interactions import ImportReport

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A recommender you can talk to, that looks at pictures and shows why.",
)
app.add_typer(finetune_app, name="finetune")
app.add_typer(adapters_app, name="adapters")
app.add_typer(users_app, name="users")
_out = Console()
_err = Console(stderr=True)


def _flag(name: str, help_text: str) -> Any:
    """An option that is there or not; the help shows no type, for it takes no value."""
    return typer.Option(name, help=help_text, metavar="")


WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder that holds everything of one catalogue.")
]
EngineOption = Annotated[
    str | None, typer.Option(help="auto (a running `tastemaker serve`, else in process), transformers, vllm.")
]
UrlOption = Annotated[str | None, typer.Option(help="Address of a vLLM server, such as http://127.0.0.1:8000/v1.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="builtin, llava-1.5-7b, llava-next-7b, qwen2.5-vl-3b, qwen2.5-vl-7b, qwen3-vl-4b, qwen3-vl-8b, "
        "smolvlm2-2b, gemma-3-4b, a Hugging Face id or a folder; what is served, unless you say."
    ),
]
AdapterOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of a peft LoRA adapter, the name of one of the workspace's, or none; what is used there, unless "
        "you say."
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        help="Filter by attributes: = != < <= > >= contains, in, not in, is missing; and, or, not; text in quotes. "
        "Such as \"price<50 and genres='Drama'\" or \"colour in ('red', 'blue') and not title contains 'mug'\".",
    ),
]
HostOption = Annotated[str, typer.Option(help="Address to listen on; loopback unless you say otherwise.")]
PortOption = Annotated[int | None, typer.Option(help="Port; a free one unless you say otherwise.")]
AuthOption = Annotated[
    Path | None, typer.Option("--auth", help="File of users who must log in; see `tastemaker users`. None: no login.")
]
RateOption = Annotated[float, typer.Option(help="How much may be asked or pressed on one page, a minute.", min=1)]
AllowedHostOption = Annotated[
    list[str] | None,
    typer.Option("--allowed-host", help="Another name of this machine under which programs reach /mcp; repeatable."),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        _say(f"tastemaker {version('tastemaker')}")
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
    try:
        app()
    except TastemakerError as error:
        _err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
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
    sync: Annotated[bool, _flag("--sync", "Withdraw items that the catalogue no longer has.")] = False,
    rebuild: Annotated[bool, _flag("--rebuild", "Embed everything anew, e.g. with another encoder.")] = False,
    train_encoder: Annotated[
        bool, _flag("--train-encoder", "First train the workspace's own image encoder on the catalogue's pictures.")
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
            encoder, rebuild = own_encoder(opened, catalog, _err), True
        with _progress() as progress:
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
        _flag("--create-items", "Make id-only items for ids the catalogue lacks, and the workspace if there is none."),
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
    _say(f"{report.new:,} new events, {report.known:,} already known, {report.refused:,} refused")
    if report.ignored_columns:
        _say(f"columns that mean nothing to the log: {', '.join(report.ignored_columns)}")
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
    as_json: Annotated[bool, _flag("--json", "Print JSON.")] = False,
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
            _note(f"nobody called {wish.user_id} has done anything in the log; answered as for a stranger")
        found = recommender.recommend(
            user_id=wish.user_id, query=wish.query, image=wish.image, where=wish.where, k=k, source="cli"
        )
        if not found:
            _note(why_nothing(recommender.workspace, where=wish.where))
    if found.note:
        _note(found.note)
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
            _say("Tell me what you are looking for. /undo takes the last step back, /new starts anew, /quit ends.")
        lines = typer.get_text_stream("stdin", encoding="utf-8", errors="replace")
        talk(lambda: Conversation(recommender, wish.user_id, k=k, source="cli"), lines, _say)


@app.command()
def ui(
    workspace: WorkspaceOption,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    engine: EngineOption = None,
    url: UrlOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    auth: AuthOption = None,
    rate: RateOption = 60,
    allowed_host: AllowedHostOption = None,
) -> None:
    """Open the chat page on a workspace."""
    from agent.recommender import Recommender
    from ui.ports import check_port

    check_port(port)
    _check_users(auth)
    with Recommender.open(workspace, model=model, adapter=adapter, engine=engine, url=url, shared=True) as recommender:
        _serve_page(recommender, _Address(host, port, auth, rate, tuple(allowed_host or ())))


@app.command()
def demo(
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="Where to keep the demo's data; unless you say, ~/.local/share/tastemaker/demo on Linux, elsewhere "
            "the system's folder for such data.",
        ),
    ] = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    auth: AuthOption = None,
    rate: RateOption = 60,
    allowed_host: AllowedHostOption = None,
) -> None:
    """Open the chat page on the built-in shop: no GPU, no account, no model download."""
    from agent.recommender import Recommender
    from ui.demo import WISHES, demo_folder, prepare_demo
    from ui.ports import check_port

    check_port(port)
    _check_users(auth)
    folder = workspace or demo_folder()
    with _progress() as progress:
        prepare_demo(folder, progress)
    _note(f"the demo's data is in {folder}")
    with Recommender.open(folder, model="builtin", engine="auto", shared=True) as recommender:
        _serve_page(recommender, _Address(host, port, auth, rate, tuple(allowed_host or ())), examples=WISHES)


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a page is served, and for whom."""

    host: str
    port: int | None
    auth: Path | None
    per_minute: float
    allowed_hosts: tuple[str, ...]


def _check_users(auth: Path | None) -> None:
    """Raise SettingsError for a file of users that cannot be used, before anything is loaded."""
    if auth is not None:
        from ui.accounts import Accounts

        Accounts(auth)


def _serve_page(recommender: Recommender, address: _Address, *, examples: Sequence[str] | None = None) -> None:
    from ui.app import launch
    from ui.throttle import Rate

    if address.auth is None and address.host not in ("127.0.0.1", "localhost", "::1"):
        _note("whoever reaches this address may use the page as anybody; to ask for a login, add --auth FILE")
    launch(
        recommender,
        host=address.host,
        port=address.port,
        examples=examples,
        auth=address.auth,
        rate=Rate(per_minute=address.per_minute),
        allowed_hosts=address.allowed_hosts,
        on_ready=lambda address: _out.print(f"The page is at {address} (Ctrl+C ends it)", highlight=False),
    )


@app.command()
def serve(
    workspace: WorkspaceOption,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    python: Annotated[Path | None, typer.Option("--python", help="Python of the environment that has vLLM.")] = None,
    port: PortOption = None,
    print_only: Annotated[bool, _flag("--print", "Print the command and its environment; start nothing.")] = False,
) -> None:
    """Serve the workspace's model with vLLM; the other commands find it by themselves."""
    from agent.opening import adapter_to_serve
    from agent.serving import plan_server
    from agent.serving import serve as serve_plan
    from agent.settings import load_settings
    from retrieval.workspace import Workspace

    settings = load_settings().but(model=model, adapter=adapter)
    install = _install_to_print(python) if print_only else None
    served, folder = adapter_to_serve(workspace, settings)
    plan = plan_server(served, adapter=folder, python=python, port=port, install=install)
    if print_only:
        sys.stdout.write(plan.shell() + "\n")
        return
    with Workspace.open(workspace) as opened:
        _say(f"starting vLLM with {plan.model}; this takes a minute")
        serve_plan(plan, opened, ready=lambda url: _say(f"serving at {url}; Ctrl-C stops it"))


def _install_to_print(python: Path | None) -> VllmInstall:
    """The vLLM that `serve` would use, or the one that is to be made, with a note that it is not there."""
    from agent.serving import find_vllm, planned_vllm

    try:
        return find_vllm(python)
    except SettingsError as error:
        _note(f"the command will not run yet: {error}")
        return planned_vllm(python)


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
        _warn(warning)
    _say_rejects(report.rejects)


def _print_recommendations(found: Recommendations) -> None:
    for number, rec in enumerate(found, start=1):
        _out.print(f"[bold]{number}. {escape(rec.item.title)}[/]", highlight=False)
        _out.print(f"   {escape(rec.reason)}", highlight=False)
        for fact in rec.evidence:
            _out.print(f"   [dim]- {escape(fact.text)}[/]", highlight=False)
    by_model = sum(rec.source == ReasonSource.MODEL for rec in found)
    _out.print(
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
    _warn(f"most lines were refused, {report.refused:,} of {read:,}; {advice}")


def _unknown_items(rejects: Path | None) -> int:
    """How many lines were refused because their item is unknown."""
    if rejects is None:
        return 0
    with rejects.open(encoding="utf-8") as lines:
        return sum(json.loads(line)["reason"].startswith("unknown item") for line in lines)


def _note(text: str) -> None:
    _err.print(f"[yellow]note:[/] {escape(text)}", highlight=False, soft_wrap=True)


def _warn(text: str) -> None:
    _err.print(f"[bold yellow]warning:[/] {escape(text)}", highlight=False, soft_wrap=True)


def _say(text: str) -> None:
    _out.print(escape(text), highlight=False, soft_wrap=True)


def _say_rejects(path: Path | None) -> None:
    if path is not None:
        _say(f"what was refused, and why: {path}")


if __name__ == "__main__":
    main()
