"""Who a request acts for: the login where there is one, else whom it says to be."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from agent.feedback import ANONYMOUS
from retrieval.errors import AccessError, RequestError
from retrieval.tables import text_fault
from retrieval.types import MAX_KEY_CHARS

if TYPE_CHECKING:
    import gradio as gr

GUEST = "guest-"
"""What the names of guests begin with."""
_NOBODY = "local"


def acting_user(request: gr.Request | None, claimed: object) -> str | None:
    """The user that a request acts for; None for nobody in particular.

    claimed: whom the request says to act for; empty is whoever is logged in. Raises AccessError when somebody who is
    logged in claims to be another, RequestError for what cannot be a user id.
    """
    login, user_id = login_of(request), checked_user_id(claimed)
    if login is None:
        return user_id or None
    if user_id and user_id != login:
        raise AccessError(f"you are logged in as {login} and cannot act as {user_id!r:.80}; leave the user out")
    return login


def checked_user_id(given: object) -> str:
    """The user id that was given, empty for None. Raises RequestError for what cannot be one."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise RequestError(f"the user id is {given!r:.80} ({type(given).__name__}); expected text")
    user_id = given.strip()
    if len(user_id) > MAX_KEY_CHARS:
        raise RequestError(f"the user id has {len(user_id):,} characters; expected at most {MAX_KEY_CHARS}")
    if user_id == ANONYMOUS:
        raise RequestError(
            f"the name {ANONYMOUS} stands in the log for those who did not say who they are; choose another"
        )
    if fault := text_fault("user_id", user_id):
        raise RequestError(fault)
    return user_id


def login_of(request: gr.Request | None) -> str | None:
    """Who is logged in; None where the page asks nobody to log in, and where a call comes from this process."""
    login = None if request is None else request.username
    return login if isinstance(login, str) else None


def session_of(request: gr.Request) -> str:
    """Names a page session of this person: another who learns the session's own name does not get into it."""
    session, login = str(request.session_hash), login_of(request)
    return session if login is None else f"{login}/{session}"


def guest_of(request: gr.Request) -> str:
    """Who one is unless one says otherwise: a name of this page's own, so that two browsers do not share a taste."""
    return f"{GUEST}{hashlib.sha256(str(request.session_hash).encode()).hexdigest()[:6]}"


def caller_of(request: gr.Request | None) -> str:
    """Whose calls count together for the rate limit: a login, else an address."""
    if (login := login_of(request)) is not None:
        return f"user {login}"
    client = None if request is None else getattr(request, "client", None)
    return _NOBODY if client is None else f"address {client.host}"
