"""What the workspace knows about a person, as the page shows it, and taking pieces of it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.habits import said
from retrieval.types import EventType
from ui.cards import plain
from ui.opinions import opinions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrieval.types import Item
    from retrieval.workspace import Workspace

_MOST = 60
"""So many of each kind are shown, the latest ones."""


def profile_of(workspace: Workspace, user_id: str) -> dict[str, Any]:
    """What the person likes, does not like, said of themselves, and wanted by what they did; the latest first."""
    judged = opinions(workspace, user_id)
    wanted = [event.item_id for event in workspace.log.positives(user_id) if event.item_id not in judged]

    def by(kind: EventType) -> list[str]:
        return [item_id for item_id, event in judged.items() if event.type is kind]

    return {
        "user_id": plain(user_id, 80),
        "likes": _items(workspace, by(EventType.LIKE)),
        "dislikes": _items(workspace, by(EventType.DISLIKE)),
        "wanted": _items(workspace, wanted),
        "said": [
            {"attribute": told.attribute, "value": told.value, "text": plain(said(told), 120)}
            for told in reversed(workspace.preferences.of(user_id))
        ],
    }


def unsay(workspace: Workspace, user_id: str, attribute: str, value: str) -> bool:
    """Forget what the person said of a value; whether there was anything."""
    return workspace.preferences.remove(user_id, attribute, value)


def _items(workspace: Workspace, item_ids: list[str]) -> list[dict[str, Any]]:
    latest = item_ids[::-1][:_MOST]
    found = workspace.items.get_many(latest)
    return [_told(item) for item in _in_order(found.values(), latest)]


def _in_order(items: Iterable[Item], item_ids: list[str]) -> list[Item]:
    place = {item_id: place for place, item_id in enumerate(item_ids)}
    return sorted(items, key=lambda item: place[item.item_id])


def _told(item: Item) -> dict[str, Any]:
    title = plain(item.title, 160) or item.item_id
    return {"item_id": item.item_id, "title": title, "picture": item.images[0] if item.images else None}
