"""The adapters that the package brings, which a workspace of the built-in shop begins with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.registry import Adapters
from agent.rollout import use_adapter

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

BUILTIN = Path(__file__).parent / "builtin"
_TAKEN = "shipped.json"


def shipped_hashes() -> str:
    """Another text whenever other adapters are shipped."""
    return "".join(f"{card.name} {sorted(card.files.items())}\n" for card in Adapters(BUILTIN).all())


def take_shipped(workspace: Workspace) -> None:
    """Register the shipped adapters that the workspace was never given, and use the newest of them.

    Unless its owner has chosen: one of their own, or none. What is logged by now counts as learned, or as far as the
    workspace's own adapters have. Raises StoreError, WeightsError, and ModelUnavailableError when a vLLM server that
    runs for the workspace does not take it; it is registered then, and not used.
    """
    shipped, adapters = Adapters(BUILTIN), Adapters(workspace.path)
    taken = _taken(adapters.folder / _TAKEN)
    fresh = [card for card in shipped.all() if card.name not in taken and card.name not in adapters]
    if not fresh:
        return
    follows = not adapters.pointer.exists() or adapters.current() in taken
    learned = max((card.newest_row for card in adapters.all()), default=workspace.log.newest_row())
    for card in fresh:
        adapters.register(shipped.path(card.name), replace(card, newest_row=learned))
    (adapters.folder / _TAKEN).write_text(json.dumps([*taken, *(card.name for card in fresh)]), encoding="utf-8")
    if follows:
        use_adapter(workspace.path, fresh[-1].name)
    else:
        for card in fresh:
            adapters.set_aside(card.name)


def _taken(path: Path) -> list[str]:
    """Names of the shipped adapters that the workspace was given, whatever became of them."""
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
