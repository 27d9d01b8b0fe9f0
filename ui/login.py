"""Logging in and out with a browser; gradio_client's `auth=(name, password)` comes in by the same door."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from starlette.authentication import AuthenticationError
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.routing import Route

from ui.cards import sentence
from ui.gate import LOGIN_PATH, NobodyKnownError, TooManyGuessesError, cookie_name, same_site
from ui.logins import HOURS
from ui.theme import asset

if TYPE_CHECKING:
    from jinja2 import Template
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from ui.gate import Gate

LOGOUT_PATH = "/logout"
_WRONG = "This name and password do not fit together."
_MOST_BYTES = 4096


def login_routes(gate: Gate, title: str) -> list[BaseRoute]:
    """GET and POST /login, and /logout. title: what the login page says on top."""

    async def ask(_: Request) -> Response:
        return _page(title)

    async def check(request: Request) -> Response:
        if not same_site(request) or int(request.headers.get("content-length") or _MOST_BYTES + 1) > _MOST_BYTES:
            return _refused(request, title, "Log in on this page.", 403)
        async with request.form(max_files=0, max_fields=8) as form:
            name, password = str(form.get("username", "")).strip(), str(form.get("password", ""))
        try:
            account = await gate.by_password(request, name, password)
        except TooManyGuessesError as error:
            return _refused(request, title, str(error), 429)
        except NobodyKnownError as error:
            return _refused(request, title, sentence(str(error)), 503)
        except AuthenticationError:
            account = None
        if account is None:
            return _refused(request, title, _WRONG, 401)
        answer = RedirectResponse("./", 303) if _is_browser(request) else JSONResponse({"success": True})
        answer.set_cookie(
            cookie_name(request),
            gate.logins.begin(account),
            max_age=HOURS * 3600,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    async def leave(request: Request) -> Response:
        gate.logins.end(request.cookies.get(cookie_name(request), ""))
        answer = RedirectResponse(LOGIN_PATH, 303)
        answer.delete_cookie(cookie_name(request))
        return answer

    return [
        Route(LOGIN_PATH, ask, methods=["GET"]),
        Route(LOGIN_PATH, check, methods=["POST"]),
        Route(LOGOUT_PATH, leave, methods=["GET", "POST"]),
    ]


def _refused(request: Request, title: str, problem: str, status: int) -> Response:
    if _is_browser(request):
        return _page(title, problem, status)
    return JSONResponse({"detail": problem}, status_code=status)


def _page(title: str, problem: str | None = None, status: int = 200) -> Response:
    # With the other pages' policy, no-referrer, browsers would not say that the form comes from this site.
    headers = {"Referrer-Policy": "same-origin"}
    return HTMLResponse(_template().render(title=title, problem=problem), status_code=status, headers=headers)


@cache
def _template() -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(asset("login.html.jinja"))


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
