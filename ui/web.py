"""What the page's server has beside the page: pictures, the MCP server, the login, and what guards them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.transport_security import RequestBodyLimitMiddleware
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Route

from ui.gate import Gate, turned_away
from ui.login import login_routes
from ui.logins import Logins
from ui.mcp_server import PATH, McpEndpoint, host_names
from ui.pictures import picture_routes
from ui.security import SafeHeaders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from retrieval.media import MediaStore
    from ui.accounts import Accounts
    from ui.programs import Programs

MAX_BODY_BYTES = 4 * 2**20
_UPLOAD = "/gradio_api/upload"


def surroundings(
    media: MediaStore,
    programs: Programs,
    *,
    title: str,
    host: str,
    allowed_hosts: Sequence[str] = (),
    accounts: Accounts | None = None,
) -> dict[str, Any]:
    """Routes, middleware and lifespan, as Gradio's `app_kwargs` takes them.

    host: the address that is listened on. allowed_hosts: other names under which /mcp is reached. accounts: who may
    come in; everybody, when None.
    """
    mcp = McpEndpoint(programs, host_names(host, allowed_hosts))
    routes = [*picture_routes(media), Route(PATH, mcp)]
    middleware = [Middleware(SafeHeaders), Middleware(BodyLimit)]
    if accounts is not None:
        gate = Gate(accounts, Logins())
        routes += login_routes(gate, title)
        middleware.insert(1, Middleware(AuthenticationMiddleware, backend=gate, on_error=turned_away))
    return {"routes": routes, "middleware": middleware, "lifespan": lambda _: mcp.manager.run()}


class BodyLimit:
    """ASGI middleware that refuses calls of more than 4 MiB; uploads have Gradio's own limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._limited = RequestBodyLimitMiddleware(app, MAX_BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._app if scope.get("path") == _UPLOAD else self._limited)(scope, receive, send)
