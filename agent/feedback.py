"""What was shown, and what people did with it, as events of the interaction log."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from retrieval.errors import InteractionError, RequestError, StoreError, WorkspaceLockedError
from retrieval.types import Event, EventType

if TYPE_CHECKING:
    from agent.models.base import ModelInfo
    from retrieval.interactions import InteractionLog

logger = logging.getLogger(__name__)

ANONYMOUS = "anonymous"
"""Whose impressions those are that were shown to nobody in particular."""

_LATEST = 500
"""How many of a user's impressions are looked through for the one that a deed belongs to."""


def log_impressions(
    log: InteractionLog,
    item_ids: Iterable[str],
    *,
    user_id: str | None,
    request_id: str,
    model: ModelInfo | None,
    source: str,
    session_id: str | None,
) -> str | None:
    """Log the items as shown, in this order; what cannot be logged gives a note that says why.

    model: what ranked them; None when they are in the retriever's order.
    """
    now = datetime.now(UTC)
    shown = [
        Event(
            user_id or ANONYMOUS,
            item_id,
            EventType.IMPRESSION,
            now,
            session_id=session_id,
            request_id=request_id,
            position=position,
            source=source,
            model=None if model is None else model.name,
            adapter=None if model is None else model.adapter,
        )
        for position, item_id in enumerate(item_ids)
    ]
    try:
        log.add(shown)
    except (InteractionError, StoreError, WorkspaceLockedError) as error:
        logger.warning("impressions are not logged: %s", error)
        return f"What was shown could not be logged ({error})."
    return None


def log_deed(log: InteractionLog, event: Event) -> Event:
    """Log what a user did, at the position and with the model and adapter of the impression that it answers to.

    Returns the event as it was logged, which `InteractionLog.take_back` takes.

    Raises RequestError for an event that cannot be stored, StoreError or WorkspaceLockedError when the log cannot be
    written.
    """
    from retrieval.interactions import event_fault

    if (fault := event_fault(event)) is not None:
        raise RequestError(fault)
    shown = _impression(log, event)
    if shown is not None:
        event = replace(event, position=shown.position, model=shown.model, adapter=shown.adapter)
    refused = log.add([event]).refused
    if refused:
        raise RequestError(refused[0].reason)
    return event


def _impression(log: InteractionLog, deed: Event) -> Event | None:
    """What showed the deed's item in the answer that it names: to this user, or before they said who they are."""
    if deed.request_id is None:
        return None
    for user_id in dict.fromkeys((deed.user_id, ANONYMOUS)):
        for shown in reversed(log.history(user_id, limit=_LATEST, types=[EventType.IMPRESSION])):
            if (shown.request_id, shown.item_id) == (deed.request_id, deed.item_id):
                return shown
    return None
