"""What stands before everything that the page's server has: nobody comes in without credentials."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from retrieval.errors import BusyError, SettingsError
from ui.throttle import Rate, Throttle

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response

    from ui.accounts import Account, Accounts
    from ui.logins import Logins

logger = logging.getLogger(__name__)

LOGIN_PATH = "/login"
OWNER_PATH = "/owner"
_OPEN = frozenset({LOGIN_PATH, "/gradio_api/startup-events"})  # the latter is Gradio's call to itself: it says nothing
_GUESSES = Rate(per_minute=10, burst=10)


class NotAllowedError(AuthenticationError):
    """Whoever is logged in may not see this."""


class TooManyGuessesError(AuthenticationError):
    """Too many passwords were tried from one address."""


class NobodyKnownError(AuthenticationError):
    """The file of users cannot be read, so that nobody can be let in."""

    def __init__(self) -> None:
        super().__init__("nobody can be let in, for the file of users cannot be read; the log of this page tells why")


class Gate(AuthenticationBackend):
    """Lets in who has a browser's login, a user's name and password (HTTP Basic), or a user's token (Bearer).

    The owner's page opens for owners only. For starlette's AuthenticationMiddleware, with `turned_away`.
    """

    def __init__(self, accounts: Accounts, logins: Logins, guesses: Throttle | None = None) -> None:
        """guesses: how many passwords an address may try; ten a minute, unless given."""
        self.accounts = accounts
        self.logins = logins
        self._guesses = guesses or Throttle(_GUESSES)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        path = conn.scope["path"]
        if path in _OPEN:
            return None
        with self._known():
            account = await self._account(conn)
        if account is None:
            raise AuthenticationError("log in first: with a name and password (HTTP Basic), or a token (Bearer)")
        if path.startswith(OWNER_PATH) and not account.owner:
            raise NotAllowedError("this page is for owners; ask one to make you one")
        return AuthCredentials(["owner"] if account.owner else []), SimpleUser(account.name)

    async def by_password(self, conn: HTTPConnection, name: str, password: str) -> Account | None:
        """The user, where the password is right.

        Raises TooManyGuessesError after too many tries, NobodyKnownError when the file of users cannot be read.
        """
        with self._known():
            if (known := self.accounts.known_password(name, password)) is not None:
                return known
            try:
                self._guesses.check("nobody" if conn.client is None else conn.client.host)
            except BusyError as error:
                raise TooManyGuessesError(str(error)) from error
            return await anyio.to_thread.run_sync(self.accounts.by_password, name, password)

    @contextmanager
    def _known(self) -> Iterator[None]:
        """What is wrong with the file of users is for the log; those outside are told that something is."""
        try:
            yield
        except SettingsError as error:
            logger.error("nobody can log in: %s", error)
            raise NobodyKnownError from error

    async def _account(self, conn: HTTPConnection) -> Account | None:
        kind, _, value = conn.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.accounts.by_token(value.strip())
        if kind.lower() == "basic":
            name, password = _basic(value)
            return await self.by_password(conn, name, password)
        secret = conn.cookies.get(cookie_name(conn))
        return None if secret is None else self.logins.account_of(secret, self.accounts)


def who(request: Request) -> str | None:
    """The name of whoever the gate let in, as Gradio's `auth_dependency` wants it."""
    user = request.scope.get("user")
    return str(user.display_name) if user is not None and user.is_authenticated else None


def cookie_name(conn: HTTPConnection) -> str:
    """The login's cookie. Browsers share cookies among the ports of one host, so that the port is in its name."""
    return f"tastemaker-{conn.url.port or conn.url.scheme}"


def turned_away(conn: HTTPConnection, error: Exception) -> Response:
    """What those get who are not let in: a browser the login page, a program a sentence."""
    if isinstance(error, NotAllowedError):
        return PlainTextResponse(str(error), status_code=403)
    if isinstance(error, TooManyGuessesError):
        return JSONResponse({"detail": str(error)}, status_code=429)
    if isinstance(error, NobodyKnownError):
        return PlainTextResponse(str(error), status_code=503)
    if conn.scope.get("method") == "GET" and "text/html" in conn.headers.get("accept", ""):
        return RedirectResponse(LOGIN_PATH, status_code=303)
    # A browser that is offered Basic asks for a password in a window of its own, over the page.
    offered = "Bearer" if "sec-fetch-mode" in conn.headers else 'Basic realm="Tastemaker", Bearer'
    return JSONResponse({"detail": str(error)}, status_code=401, headers={"WWW-Authenticate": offered})


def same_site(request: Request) -> bool:
    """Whether a form was sent from a page of this server, or from no page."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _basic(value: str) -> tuple[str, str]:
    """Name and password, both empty where they cannot be read: nobody has that name."""
    try:
        name, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password
