"""Pictures as text: the form in which they travel in a JSON request."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.models.base import Picture


class DataUrls:
    """`data:` URLs of pictures as PNG (so that the pixels arrive as they are), kept by Picture.key up to max_chars."""

    def __init__(self, *, max_chars: int = 64 * 2**20) -> None:
        self._max_chars = max_chars
        self._chars = 0
        self._kept: OrderedDict[str, str] = OrderedDict()

    def of(self, picture: Picture) -> str:
        """The picture's URL; the same key gives the same text."""
        if picture.key in self._kept:
            self._kept.move_to_end(picture.key)
            return self._kept[picture.key]
        url = _data_url(picture)
        self._kept[picture.key] = url
        self._chars += len(url)
        while self._chars > self._max_chars:
            _, dropped = self._kept.popitem(last=False)
            self._chars -= len(dropped)
        return url


def _data_url(picture: Picture) -> str:
    buffer = io.BytesIO()
    picture.image.convert("RGB").save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
