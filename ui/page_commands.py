"""`tastemaker ui` and `tastemaker demo`: the chat page on a workspace, or on the built-in shop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.bars import index_bar
from ui.options import (
    AdapterOption,
    AllowedHostOption,
    AuthOption,
    EngineOption,
    HostOption,
    ModelOption,
    PortOption,
    RateOption,
    UrlOption,
    WorkspaceOption,
)
from ui.printing import note, out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.recommender import Recommender


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
    with index_bar() as progress:
        prepare_demo(folder, progress)
    note(f"the demo's data is in {folder}")
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
        note("whoever reaches this address may use the page as anybody; to ask for a login, add --auth FILE")
    launch(
        recommender,
        host=address.host,
        port=address.port,
        examples=examples,
        auth=address.auth,
        rate=Rate(per_minute=address.per_minute),
        allowed_hosts=address.allowed_hosts,
        on_ready=lambda address: out.print(f"The page is at {address} (Ctrl+C ends it)", highlight=False),
    )
