"""Pictures on their way to and from the page: the catalogue's by content hash, a person's own in the chat."""

from __future__ import annotations

import base64
import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from retrieval.errors import MediaError

if TYPE_CHECKING:
    from PIL.Image import Image
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from retrieval.media import MediaStore

SIZES_PX = {"card": 480, "large": 1024}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def picture_routes(media: MediaStore) -> list[BaseRoute]:
    """GET /picture/card/SHA and /picture/large/SHA: a catalogue picture as WebP, at most 480 or 1,024 px.

    Only a content hash is accepted, never a path; the picture is encoded anew from decoded pixels.
    """
    from starlette.responses import Response
    from starlette.routing import Route

    @lru_cache(maxsize=1024)
    def encoded(size: str, sha: str) -> bytes:
        return webp(media.original(sha), SIZES_PX[size])

    def serve(request: Request) -> Response:
        size, sha = request.path_params["size"], request.path_params["sha"]
        if size not in SIZES_PX or not _SHA256.fullmatch(sha):
            return Response("no such picture", status_code=404)
        try:
            return Response(encoded(size, sha), media_type="image/webp", headers=_HEADERS)
        except MediaError:
            return Response("no such picture", status_code=404)

    return [Route("/picture/{size}/{sha}", serve)]


def webp(picture: Image, max_px: int) -> bytes:
    """The picture as WebP, shrunk to at most max_px a side."""
    small = picture.convert("RGB")
    small.thumbnail((max_px, max_px))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=86)
    return buffer.getvalue()


def data_url(picture: Image) -> str:
    """A small copy of a person's own picture, to show beside their words."""
    return "data:image/webp;base64," + base64.b64encode(webp(picture, 192)).decode("ascii")
