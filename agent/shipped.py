"""The adapters that the package brings, which a workspace of the built-in shop begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.registry import Adapters
from agent.rollout import use_adapter

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

BUILTIN = Path(__file__).parent / "builtin"


def shipped_hashes() -> str:
    """Another text whenever other adapters are shipped."""
    return "".join(f"{card.name} {sorted(card.files.items())}\n" for card in Adapters(BUILTIN).all())


def take_shipped(workspace: Workspace) -> None:
    """Register the shipped adapters that the workspace lacks; the newest is used, unless another one is already.

    What the workspace's log holds now counts as known to them. Raises StoreError, WeightsError, and
    ModelUnavailableError when a vLLM server that runs for the workspace does not take it.
    """
    shipped, adapters = Adapters(BUILTIN), Adapters(workspace.path)
    cards = shipped.all()
    names = {card.name for card in cards}
    for card in cards:
        if card.name not in adapters:
            made = shipped.path(card.name)
            adapters.register(made, replace(card, newest_row=workspace.log.newest_row()))
    used = adapters.current()
    if cards and (used is None or used in names):
        use_adapter(workspace.path, cards[-1].name)
