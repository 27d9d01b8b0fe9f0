"""What the commands print: results on standard output, remarks on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

out = Console()
err = Console(stderr=True)


def say(text: str) -> None:
    """Print a line of the result."""
    out.print(escape(text), highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Remark on something that one may want to know."""
    err.print(f"[yellow]note:[/] {escape(text)}", highlight=False, soft_wrap=True)


def warn(text: str) -> None:
    """Remark on something that is probably not as it was meant."""
    err.print(f"[bold yellow]warning:[/] {escape(text)}", highlight=False, soft_wrap=True)
