"""Why an answer has no items, in a sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

NO_ITEMS = "There is nothing to choose from yet. Add a catalogue with tastemaker index."
FILTERED = "Nothing fits: the filter lets no item through that this user has not had yet. Loosen it, or leave it out."
ALL_HAD = "Nothing new is left: this user has done something with every item. Add items, or ask as somebody else."


def why_nothing(workspace: Workspace, *, where: str | None) -> str:
    """Why a request with this filter found nothing; without one, everything is found that the user has not had."""
    if workspace.items.count() == 0:
        return NO_ITEMS
    return FILTERED if where else ALL_HAD
