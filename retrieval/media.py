"""Pictures and video frames of a workspace: checked, made upright, kept once per content."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from retrieval.errors import MediaError, StoreError
from retrieval.hashing import file_sha256

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_PIXELS = 50_000_000
MAX_PICTURE_BYTES = 64 * 1024 * 1024
MAX_VIDEO_BYTES = 1024 * 1024 * 1024
ORIGINAL_PX = 1024
"""Longest side of a kept original."""

# Containers that hold their own frames. A playlist would make FFmpeg open whatever files it names.
_VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,m4v,ogg,flv,asf"
_VIDEO_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _VIDEO_FORMATS}

_MAX_FRAMES_WALKED = 2000
"""A video that cannot be seeked is decoded from its start, this far."""

_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow's decoders raise on broken or hostile files."""


def decode_picture(data: bytes, *, max_px: int | None = None) -> Image.Image:
    """The picture in these bytes: RGB, upright (EXIF), transparency on white, first frame of an animation.

    max_px: longest side of the result; None keeps the size. Pixels are counted before anything is decoded.
    Raises MediaError: not JPEG, PNG, WebP or GIF, more than 50 megapixels, truncated, broken.
    """
    try:
        opened = _opened(data)
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise MediaError(
                f"the picture has {width}x{height} pixels, at most {MAX_PIXELS // 1_000_000} million are read"
            )
        if max_px is not None:
            opened.draft("RGB", (max_px, max_px))  # a JPEG decoder can halve while it decodes
        opened.load()
        image = _upright(_flat(opened))
    except _DECODE_ERRORS as error:
        raise MediaError(f"the picture is broken or cut off ({error}); expected a whole {_FORMAT_NAMES}") from error
    if max_px is not None:
        image.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    return image


_FORMAT_NAMES = "JPEG, PNG, WebP or GIF"


def _opened(data: bytes) -> Image.Image:
    if len(data) > MAX_PICTURE_BYTES:
        raise MediaError(f"the picture has {len(data):,} bytes, at most {MAX_PICTURE_BYTES:,} are read")
    Image.init()
    for form in FORMATS:
        # Not Image.open: it warns of large pictures, which are refused here by their size anyway.
        make, accepts = Image.OPEN[form]
        if accepts is None or accepts(data[:16]) is True:
            return make(io.BytesIO(data), "")
    raise MediaError(f"found {data[:16]!r}..., expected a {_FORMAT_NAMES}")


def _flat(image: Image.Image) -> Image.Image:
    """RGB; what was transparent is white; 16 bits a channel are scaled, not clipped."""
    if image.mode.startswith("I"):
        wide = np.asarray(image, dtype=np.int64)
        return Image.fromarray((wide.clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        white.alpha_composite(over)
        flat = white.convert("RGB")
        flat.info["exif"] = image.info.get("exif", b"")
        return flat
    return image.convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    try:
        turned = ImageOps.exif_transpose(image)
    except _DECODE_ERRORS:
        turned = image  # the picture is fine, only its EXIF block is broken
    clean = turned.copy()
    clean.info.clear()
    return clean


def letterbox(image: Image.Image, px: int) -> Image.Image:
    """The whole picture as large as it fits, in the middle of a white square of px."""
    square = Image.new("RGB", (px, px), "white")
    fitted = fit(image, px)
    square.paste(fitted, (round((px - fitted.width) / 2), round((px - fitted.height) / 2)))
    return square


def fit(image: Image.Image, px: int) -> Image.Image:
    """The whole picture, its longest side px; a line is still a pixel wide."""
    longest = max(image.size)
    width, height = (max(1, round(side / longest * px)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


class MediaStore:
    """Originals by the SHA-256 of their source bytes, and square thumbnails that derive from them.

    Files appear whole or not at all, so a run that is killed leaves nothing half-written. Raises MediaError for
    what is wrong with a picture, StoreError when the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add_file(self, path: str | Path, *, root: Path) -> str:
        """Keep the picture in a file of the folder `root` and return its SHA-256.

        path: relative to root. Raises MediaError for a path that leads out of root, symlinks followed.
        """
        file = _checked_file(path, root, MAX_PICTURE_BYTES)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise MediaError(f"{file.name} cannot be read ({error.strerror})") from error
        return self.add_bytes(data)

    def add_bytes(self, data: bytes) -> str:
        """Keep the picture in these bytes and return their SHA-256. Known bytes are not decoded again."""
        sha = hashlib.sha256(data).hexdigest()
        if self._find(sha) is None:
            image = decode_picture(data, max_px=ORIGINAL_PX)
            # A photograph stays JPEG; what came without loss is kept without loss.
            self._keep(sha, image, "jpg" if data.startswith(b"\xff\xd8") else "png")
        return sha

    def original(self, sha: str) -> Image.Image:
        """The kept picture, RGB, longest side at most 1,024 px."""
        return decode_picture(self.original_path(sha).read_bytes())

    def original_path(self, sha: str) -> Path:
        """The file of the kept picture (.jpg or .png). Raises MediaError when there is none of that SHA-256."""
        path = self._find(sha)
        if path is None:
            raise MediaError(f"no picture {sha!r:.80} in {self._folder}; index the catalogue again")
        return path

    def thumbnail(self, sha: str, px: int) -> Image.Image:
        """The picture within a white square of px: the same pixels every time, from the cache or not."""
        if not 8 <= px <= ORIGINAL_PX:
            raise MediaError(f"found a thumbnail of {px} px, expected 8 to {ORIGINAL_PX}")
        cached = self._folder / "thumbnails" / str(px) / _checked_sha(sha)[:2] / f"{sha}.png"
        try:
            return decode_picture(cached.read_bytes())
        except (FileNotFoundError, MediaError):  # not made yet, or damaged: both are repaired by making it
            square = letterbox(self.original(sha), px)
            _write_whole(cached, lambda file: square.save(file, "PNG"), durable=False)
            return square

    def sample_video(self, path: str | Path, *, root: Path, frames: int = 4) -> tuple[str, tuple[str, ...]]:
        """Keep `frames` pictures spread evenly over a video; returns the video's SHA-256 and theirs, in time order.

        Frames that are equal are kept once. Raises MediaError as add_file does, and for what is no video.
        """
        file = _checked_file(path, root, MAX_VIDEO_BYTES)
        try:
            video_sha = file_sha256(file)
        except OSError as error:
            raise MediaError(f"{file.name} cannot be read ({error.strerror})") from error
        return video_sha, tuple(dict.fromkeys(self._add_frame(frame) for frame in _frames(file, frames)))

    def _add_frame(self, frame: Image.Image) -> str:
        # Named by its pixels: encoded bytes could differ from one build of the codec to the next.
        sha = hashlib.sha256(f"{frame.width}x{frame.height}:".encode() + frame.tobytes()).hexdigest()
        if self._find(sha) is None:
            frame.thumbnail((ORIGINAL_PX, ORIGINAL_PX), Image.Resampling.LANCZOS)
            self._keep(sha, frame, "png")
        return sha

    def _find(self, sha: str) -> Path | None:
        stem = self._folder / "originals" / _checked_sha(sha)[:2] / sha
        return next((path for end in (".jpg", ".png") if _has_bytes(path := stem.with_suffix(end))), None)

    def _keep(self, sha: str, image: Image.Image, end: str) -> None:
        path = self._folder / "originals" / sha[:2] / f"{sha}.{end}"
        if end == "jpg":
            _write_whole(path, lambda file: image.save(file, "JPEG", quality=95, subsampling=0), durable=True)
        else:
            _write_whole(path, lambda file: image.save(file, "PNG"), durable=True)


def _checked_sha(sha: str) -> str:
    if len(sha) != 64 or not set(sha) <= set("0123456789abcdef"):
        raise MediaError(f"found {sha!r:.80}, expected a SHA-256 in 64 hexadecimal digits")
    return sha


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def _checked_file(path: str | Path, root: Path, max_bytes: int) -> Path:
    """The regular file that the path names within root, links resolved."""
    name = f"{str(path)!r:.200}"
    try:
        base = root.resolve(strict=True)
        file = (base / path).resolve(strict=True)
        if not file.is_relative_to(base):
            raise MediaError(f"{name} leads out of the catalogue's folder{_through_link(base, path)}")
        if not file.is_file():
            raise MediaError(f"{name} is no file")
        size = file.stat().st_size
    except (OSError, ValueError, RuntimeError) as error:  # missing, too long, a NUL byte, a loop of links
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise MediaError(f"{name} cannot be read ({reason}); expected a file relative to the catalogue") from error
    if size > max_bytes:
        raise MediaError(f"{name} has {size:,} bytes, at most {max_bytes:,} are read")
    return file


def _through_link(base: Path, path: str | Path) -> str:
    """What to do about a path that leads out: without the link in it, if it is one that does it."""
    if not Path(os.path.normpath(base / path)).is_relative_to(base):
        return "; files must lie within it"
    return " through a link; put the files themselves into the folder, or the catalogue beside them"


def _write_whole(path: Path, write: Callable[[io.BufferedWriter], object], *, durable: bool) -> None:
    """Write beside the place and rename, so that readers see the old file or the whole new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(path) as (file, temporary):
            write(file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); nothing kept is lost: free space, run again") from error


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[io.BufferedWriter, Path]]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, temporary
    finally:
        temporary.unlink(missing_ok=True)


def _frames(file: Path, count: int) -> list[Image.Image]:
    """Pictures from the middle of each of `count` equal stretches of the video."""
    import av

    try:
        with av.open(str(file), options=_VIDEO_OPTIONS) as container:
            if not container.streams.video:
                raise MediaError(f"{file.name} has no video in it")
            stream = container.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise MediaError(f"{file.name} has {stream.width}x{stream.height} pixels a frame, too many")
            times = _seek_times(stream.start_time, stream.duration, count)
            frames = [_frame_at(container, stream, when) for when in times] or _spread(container, stream, count)
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise MediaError(f"{file.name} is no video that can be read ({error})") from error
    found = [frame for frame in frames if frame is not None]
    if not found:
        raise MediaError(f"{file.name} has no frame that can be decoded")
    return found


def _seek_times(start: int | None, duration: int | None, count: int) -> list[int]:
    """Times in the stream's unit; none when the file does not say how long it is."""
    if duration is None or duration <= 0:
        return []
    return [(start or 0) + duration * (2 * i + 1) // (2 * count) for i in range(count)]


def _frame_at(container: InputContainer, stream: VideoStream, when: int) -> Image.Image | None:
    """The first frame at or after the time; the last one before it when the video ends sooner."""
    container.seek(when, stream=stream)
    last = None
    for frame in islice(container.decode(stream), _MAX_FRAMES_WALKED):
        last = frame
        if frame.pts is not None and frame.pts >= when:
            break
    return None if last is None else _picture(last)


def _spread(container: InputContainer, stream: VideoStream, count: int) -> list[Image.Image]:
    """For a file that does not say how long it is: decoded from the start, evenly spread frames kept."""
    total = sum(1 for _ in islice(container.decode(stream), _MAX_FRAMES_WALKED))
    wanted = {total * (2 * i + 1) // (2 * count) for i in range(count)}
    container.seek(0)
    decoded = islice(container.decode(stream), total)
    return [_picture(frame) for i, frame in enumerate(decoded) if i in wanted]


def _picture(frame: VideoFrame) -> Image.Image:
    image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return image.convert("RGB")
