"""Who a request acts for: the login where there is one, else whom it says to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.errors import AccessError

if TYPE_CHECKING:
    import gradio as gr

_NOBODY = "local"


def acting_user(request: gr.Request | None, claimed: str | None) -> str | None:
    """The user that a request acts for; None for nobody in particular.

    claimed: whom the request says to act for; empty is whoever is logged in. Raises AccessError when somebody who is
    logged in claims to be another.
    """
    login = login_of(request)
    if login is None:
        return claimed or None
    if claimed and claimed != login:
        raise AccessError(f"you are logged in as {login} and cannot act as {claimed!r:.80}; leave the user out")
    return login


def login_of(request: gr.Request | None) -> str | None:
    """Who is logged in; None where the page asks nobody to log in, and where a call comes from this process."""
    login = None if request is None else request.username
    return login if isinstance(login, str) else None


def session_of(request: gr.Request) -> str:
    """Names a page session of this person: another who learns the session's own name does not get into it."""
    session, login = str(request.session_hash), login_of(request)
    return session if login is None else f"{login}/{session}"


def caller_of(request: gr.Request | None) -> str:
    """Whose calls count together for the rate limit: a login, else an address."""
    if (login := login_of(request)) is not None:
        return f"user {login}"
    client = None if request is None else getattr(request, "client", None)
    return _NOBODY if client is None else f"address {client.host}"
