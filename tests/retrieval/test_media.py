"""Pictures and videos: good ones kept once, upright and small; bad ones refused with a reason."""

import contextlib
import hashlib
import io
import os
import random
import shutil
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from retrieval.errors import MediaError, StoreError
from retrieval.media import MediaStore, decode_picture
from tests.conftest import draw_product

RED, BLUE = (200, 30, 30), (30, 60, 200)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(np.subtract(pixel, colour)).max() <= 12)  # type: ignore[arg-type]


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims the size and whose pixels are missing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_format_is_read(form: str) -> None:
    image = decode_picture(encoded(Image.new("RGB", (40, 30), RED), form))
    assert (image.mode, image.size) == ("RGB", (40, 30))
    assert near(image.getpixel((20, 15)), RED)


@pytest.mark.parametrize("form", ["BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(form: str) -> None:
    with pytest.raises(MediaError, match="expected a JPEG, PNG, WebP or GIF"):
        decode_picture(encoded(Image.new("RGB", (40, 30), RED), form))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg onload=alert(1)>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError):
        decode_picture(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_is_cut_off_is_refused(form: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, form)
    with pytest.raises(MediaError, match="broken or cut off"):
        decode_picture(data[: len(data) // 2])


@pytest.mark.parametrize("size", [(10_000, 10_000), (7_100, 7_100), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
@pytest.mark.filterwarnings("error")
def test_pixels_are_counted_before_they_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(MediaError, match="pixels"):
        decode_picture(png_of_size(*size))


def test_random_damage_never_escapes_as_another_error() -> None:
    rng = random.Random(7)
    sources = [encoded(draw_product("mug", "red", 48), form) for form in ("JPEG", "PNG", "WEBP", "GIF")]
    for _ in range(1500):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(MediaError):
            assert decode_picture(bytes(data)).mode == "RGB"


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (39, 19)), (6, (19, 0)), (8, (0, 39))])
def test_pictures_stand_upright(orientation: int, corner: tuple[int, int]) -> None:
    image = Image.new("RGB", (40, 20), BLUE)
    image.paste(RED, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = decode_picture(encoded(image, "PNG", exif=exif))
    assert near(turned.getpixel(corner), RED)
    assert turned.getexif() == {}


def test_a_broken_exif_block_does_not_cost_the_picture() -> None:
    data = encoded(Image.new("RGB", (40, 20), RED), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffgarbage")
    assert decode_picture(data).size == (40, 20)


def test_what_is_transparent_is_white() -> None:
    for mode in ("RGBA", "LA"):
        assert decode_picture(encoded(Image.new(mode, (8, 8)), "PNG")).getpixel((4, 4)) == (255, 255, 255)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([10, 20, 30] * 256)
    assert decode_picture(encoded(palette, "GIF", transparency=0)).getpixel((4, 4)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    grey = Image.fromarray(np.full((8, 8), 0x8080, dtype=np.uint16))
    assert decode_picture(encoded(grey, "PNG")).getpixel((4, 4)) == (128, 128, 128)


def test_cmyk_and_grey_become_rgb() -> None:
    assert decode_picture(encoded(Image.new("CMYK", (8, 8)), "JPEG")).getpixel((4, 4)) == (255, 255, 255)
    assert decode_picture(encoded(Image.new("L", (8, 8), 77), "PNG")).getpixel((4, 4)) == (77, 77, 77)


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    for form in ("GIF", "WEBP"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        assert near(decode_picture(data).getpixel((8, 8)), RED)


def test_one_content_is_kept_once(store: MediaStore, root: Path) -> None:
    data = encoded(draw_product("mug", "red"), "PNG")
    (root / "a.png").write_bytes(data)
    (root / "b.jpg").write_bytes(data)  # the content says what it is, not the name
    shas = {store.add_file("a.png", root=root), store.add_file(root / "b.jpg", root=root), store.add_bytes(data)}
    assert shas == {hashlib.sha256(data).hexdigest()}
    originals = [path for path in store.original_path(shas.pop()).parents[1].rglob("*") if path.is_file()]
    assert len(originals) == 1


def test_originals_are_small_and_carry_nothing_but_pixels(store: MediaStore) -> None:
    exif = Image.Exif()
    exif[0x010E] = "the photographer's address"
    photo = Image.new("RGB", (3000, 1500), RED)
    sha = store.add_bytes(encoded(photo, "JPEG", exif=exif))
    assert store.original(sha).size == (1024, 512)
    assert store.original_path(sha).suffix == ".jpg"
    assert b"photographer" not in store.original_path(sha).read_bytes()


def test_thumbnails_are_square_on_white_and_always_the_same(store: MediaStore, tmp_path: Path) -> None:
    data = encoded(Image.new("RGB", (200, 100), RED), "PNG")
    sha = store.add_bytes(data)
    first = store.thumbnail(sha, 96)
    assert (first.mode, first.size) == ("RGB", (96, 96))
    assert near(first.getpixel((48, 48)), RED)
    assert first.getpixel((48, 4)) == first.getpixel((48, 91)) == (255, 255, 255)
    again = store.thumbnail(sha, 96)
    elsewhere = MediaStore(tmp_path / "elsewhere")
    elsewhere.add_bytes(data)
    assert first.tobytes() == again.tobytes() == elsewhere.thumbnail(sha, 96).tobytes()


@pytest.mark.parametrize("size", [(40_000, 1), (1, 40_000), (3, 2000), (1, 1)])
def test_a_picture_that_is_hardly_more_than_a_line_is_shown(store: MediaStore, size: tuple[int, int]) -> None:
    sha = store.add_bytes(encoded(Image.new("RGB", size, RED), "PNG"))
    thumbnail = store.thumbnail(sha, 96)
    assert thumbnail.size == (96, 96)
    assert near(thumbnail.getpixel((48, 48)), RED)


def test_a_damaged_thumbnail_is_made_again(store: MediaStore, tmp_path: Path) -> None:
    sha = store.add_bytes(encoded(draw_product("lamp", "green"), "PNG"))
    good = store.thumbnail(sha, 96).tobytes()
    (cached,) = (tmp_path / "media" / "thumbnails").rglob("*.png")
    cached.write_bytes(b"")
    assert store.thumbnail(sha, 96).tobytes() == good


def test_an_original_that_is_lost_or_empty_is_written_again(store: MediaStore) -> None:
    data = encoded(draw_product("lamp", "green"), "PNG")
    sha = store.add_bytes(data)
    store.original_path(sha).write_bytes(b"")
    with pytest.raises(MediaError, match="index the catalogue again"):
        store.original(sha)
    assert store.add_bytes(data) == sha
    assert store.original(sha).size == (128, 128)


@pytest.mark.parametrize("sha", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65])
def test_only_a_hash_names_a_picture(store: MediaStore, sha: str) -> None:
    for read in (store.original, store.original_path, lambda name: store.thumbnail(name, 96)):
        with pytest.raises(MediaError, match="expected a SHA-256"):
            read(sha)


def test_a_picture_that_nobody_added(store: MediaStore) -> None:
    with pytest.raises(MediaError, match="no picture"):
        store.thumbnail("0" * 64, 96)


@pytest.mark.parametrize("px", [0, 7, 1025, -1])
def test_thumbnails_have_a_sensible_size(store: MediaStore, px: int) -> None:
    with pytest.raises(MediaError, match="expected 8 to 1024"):
        store.thumbnail("0" * 64, px)


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "a/../../secret.png", "link.png", "folder/secret.png", "missing.png", "", ".", "nul\0.png",
     "x" * 5000, "http://example.com/a.png", "loop.png", "pipe.png"],
)  # fmt: skip
def test_paths_that_are_no_file_of_the_catalogue_are_refused(store: MediaStore, root: Path, name: str) -> None:
    secret = root.parent / "secret.png"
    draw_product("mug", "red").save(secret)
    (root / "a").mkdir()
    (root / "link.png").symlink_to(secret)
    (root / "folder").symlink_to(root.parent)
    (root / "loop.png").symlink_to("loop.png")
    os.mkfifo(root / "pipe.png")
    with pytest.raises(MediaError):
        store.add_file(name, root=root)
    with pytest.raises(MediaError, match="leads out"):
        store.add_file(secret, root=root)


def test_a_folder_that_is_a_link_to_elsewhere_is_named_as_one(store: MediaStore, root: Path) -> None:
    draw_product("mug", "red").save(root.parent / "mug.png")
    (root / "images").symlink_to(root.parent)
    with pytest.raises(MediaError, match="leads out of the catalogue's folder through a link"):
        store.add_file("images/mug.png", root=root)


def test_a_link_within_the_catalogue_is_followed(store: MediaStore, root: Path) -> None:
    draw_product("mug", "red").save(root / "real.png")
    (root / "link.png").symlink_to("real.png")
    assert store.add_file("link.png", root=root) == store.add_file("real.png", root=root)


def test_a_disk_that_refuses_is_not_the_pictures_fault(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot be written"):
        MediaStore(tmp_path / "media").add_bytes(encoded(draw_product("mug", "red"), "PNG"))


COLOURS = [(220, 20, 20), (20, 200, 20), (20, 20, 220), (220, 220, 20)]


def write_video(path: Path, container: str | None = None) -> None:
    """Four seconds, one for each colour."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in COLOURS:
            for _ in range(10):
                frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), colour))
                output.mux(stream.encode(frame))
        output.mux(stream.encode())


@pytest.mark.parametrize(("name", "container"), [("clip.mp4", None), ("clip.avi", None), ("raw.m4v", "m4v")])
def test_frames_are_spread_over_the_video(store: MediaStore, root: Path, name: str, container: str | None) -> None:
    write_video(root / name, container)
    video, frames = store.sample_video(name, root=root, frames=4)
    assert video == hashlib.sha256((root / name).read_bytes()).hexdigest()
    pixels = [store.original(sha).getpixel((32, 24)) for sha in frames]
    assert len(pixels) == 4
    assert all(np.abs(np.subtract(pixel, colour)).max() < 40 for pixel, colour in zip(pixels, COLOURS, strict=True))  # type: ignore[arg-type]
    assert store.sample_video(name, root=root, frames=4) == (video, frames)


def test_frames_that_are_equal_are_kept_once(store: MediaStore, root: Path) -> None:
    still = Image.new("RGB", (64, 48), RED)
    still.save(root / "still.gif")
    _, frames = store.sample_video("still.gif", root=root)
    assert len(frames) == 1


@pytest.mark.parametrize(
    "content", [b"", b"not a video at all" * 100, b"#EXTM3U\n#EXTINF:1,\nhttp://example.com/a.ts\n"]
)
def test_what_is_no_video_is_refused(store: MediaStore, root: Path, content: bytes) -> None:
    (root / "clip.mp4").write_bytes(content)
    with pytest.raises(MediaError):
        store.sample_video("clip.mp4", root=root)


def test_a_playlist_does_not_reach_other_files(store: MediaStore, root: Path) -> None:
    write_video(root.parent / "secret.ts")
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
    (root / "list.m3u8").write_text(f"{head}{root.parent / 'secret.ts'}\n#EXT-X-ENDLIST\n")
    shutil.copy(root.parent / "secret.ts", root / "own.ts")
    (root / "list.txt").write_text("ffconcat version 1.0\nfile own.ts\n")
    assert store.sample_video("own.ts", root=root)
    for name in ("list.m3u8", "list.txt"):
        with pytest.raises(MediaError):
            store.sample_video(name, root=root)


def test_a_video_path_that_leads_out_is_refused(store: MediaStore, root: Path) -> None:
    write_video(root.parent / "secret.mp4")
    with pytest.raises(MediaError, match="leads out"):
        store.sample_video("../secret.mp4", root=root)
