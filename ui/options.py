"""Options that several commands of the command line have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def flag(name: str, help_text: str) -> Any:
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
