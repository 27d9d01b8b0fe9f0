"""What a person likes and dislikes, as the log has it, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.types import Event, EventType

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

_KINDS = (EventType.LIKE, EventType.DISLIKE)


def opinions(workspace: Workspace, user_id: str) -> dict[str, Event]:
    """The latest like or dislike of each item that the person judged, by item id; the oldest first."""
    latest: dict[str, Event] = {}
    for event in workspace.log.history(user_id, types=_KINDS):
        latest.pop(event.item_id, None)
        latest[event.item_id] = event
    return latest


def take_back(workspace: Workspace, user_id: str, item_id: str) -> int:
    """Take the person's likes and dislikes of an item out of the log; how many that were."""
    mine = [event for event in workspace.log.history(user_id, types=_KINDS) if event.item_id == item_id]
    return workspace.log.take_back(mine)
