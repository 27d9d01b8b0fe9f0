"""`tastemaker serve`: the workspace's model behind vLLM."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrieval.errors import SettingsError
from ui.options import AdapterOption, ModelOption, PortOption, WorkspaceOption, flag
from ui.printing import note, say

if TYPE_CHECKING:
    from agent.serving import VllmInstall


def serve(
    workspace: WorkspaceOption,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    python: Annotated[Path | None, typer.Option("--python", help="Python of the environment that has vLLM.")] = None,
    port: PortOption = None,
    print_only: Annotated[bool, flag("--print", "Print the command and its environment; start nothing.")] = False,
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
        say(f"starting vLLM with {plan.model}; this takes a minute")
        serve_plan(plan, opened, ready=lambda url: say(f"serving at {url}; Ctrl-C stops it"))


def _install_to_print(python: Path | None) -> VllmInstall:
    """The vLLM that `serve` would use, or the one that is to be made, with a note that it is not there."""
    from agent.serving import find_vllm, planned_vllm

    try:
        return find_vllm(python)
    except SettingsError as error:
        note(f"the command will not run yet: {error}")
        return planned_vllm(python)
