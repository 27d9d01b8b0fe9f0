"""A request, checked before anything is loaded for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.settings import MAX_K
from retrieval.errors import MediaError, RequestError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_QUERY_CHARS = 2000
MAX_KEY_CHARS = 256
MAX_IMAGE_PX = 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants: words, a picture (RGB, at most 1,024 px), whose history counts, a filter, how many."""

    user_id: str | None
    query: str | None
    image: Image | None
    where: str | None
    k: int


def understand(
    *, user_id: str | None, query: str | None, image: Image | bytes | Path | None, where: str | None, k: int
) -> Wish:
    """The request in its normal form: blank texts are None, a long query is cut, the picture is decoded.

    Raises RequestError for what is out of range or of another type, FilterError for a filter that cannot be parsed,
    MediaError for a broken picture.
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise RequestError(f"k is {k!r}; expected a whole number from 1 to {MAX_K}")
    user_id = _text("user_id", user_id)
    if user_id is not None and len(user_id) > MAX_KEY_CHARS:
        raise RequestError(f"user_id has {len(user_id)} characters; expected at most {MAX_KEY_CHARS}")
    query = _text("query", query)
    where = _filter(where)
    return Wish(user_id, query[:MAX_QUERY_CHARS] if query else None, _picture(image), where, k)


def _text(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(f"{name} is {value!r:.80} ({type(value).__name__}); expected text")
    kept = value.replace("\x00", " ").encode("utf-8", "replace").decode("utf-8").strip()
    return kept or None


def _filter(where: str | None) -> str | None:
    """The filter's text, which can be parsed; whether the catalogue has its attributes is seen later."""
    where = _text("where", where)
    if where is not None:
        from retrieval.filters import parse_filter

        parse_filter(where)
    return where


def _picture(image: Image | bytes | Path | None) -> Image | None:
    if image is None:
        return None
    import PIL.Image

    from retrieval.media import MAX_PICTURE_BYTES, MAX_PIXELS, decode_picture

    if isinstance(image, PIL.Image.Image):
        if image.width * image.height > MAX_PIXELS:
            raise MediaError(f"the picture has {image.width}x{image.height} pixels, at most {MAX_PIXELS:,} are read")
        small = image.convert("RGB")
        small.thumbnail((MAX_IMAGE_PX, MAX_IMAGE_PX))
        return small
    if isinstance(image, Path):
        return decode_picture(_read(image, MAX_PICTURE_BYTES), max_px=MAX_IMAGE_PX)
    if isinstance(image, bytes):
        return decode_picture(image, max_px=MAX_IMAGE_PX)
    raise RequestError(
        f"image is {type(image).__name__}; expected a PIL image, bytes or a pathlib.Path (a string is never opened)"
    )


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise MediaError(f"the picture {path} cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise MediaError(f"the picture {path.name} has more than {max_bytes:,} bytes")
    return data


class Stopwatch:
    """Milliseconds by stage, told as each stage begins."""

    def __init__(self, on_stage: Callable[[str], object] | None = None) -> None:
        self._on_stage = on_stage
        self._start = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if self._on_stage is not None:
            self._on_stage(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self._stages[name] = _ms(start)

    def timings_ms(self) -> dict[str, float]:
        return self._stages | {"total": _ms(self._start)}


def _ms(start: float) -> float:
    return round(1000 * (time.perf_counter() - start), 1)
