"""The catalogue's pictures by content hash, and nothing else by that address."""

import io
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from retrieval.media import MediaStore
from ui.pictures import data_url, picture_routes, webp


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    return MediaStore(tmp_path / "media")


@pytest.fixture
def client(store: MediaStore) -> TestClient:
    return TestClient(Starlette(routes=picture_routes(store)))


def _png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_comes_in_two_sizes(store: MediaStore, client: TestClient) -> None:
    sha = store.add_bytes(_png(2000, 1000))
    sizes = {}
    for size in ("card", "large"):
        answer = client.get(f"/picture/{size}/{sha}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
        sizes[size] = Image.open(io.BytesIO(answer.content)).size
    assert sizes == {"card": (480, 240), "large": (1024, 512)}


@pytest.mark.parametrize(
    "path",
    [
        "/picture/card/" + "0" * 64,
        "/picture/card/..%2f..%2fsecret.txt",
        "/picture/card/" + "A" * 64,
        "/picture/card/" + "0" * 63,
        "/picture/original/" + "0" * 64,
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_persons_own_picture_is_encoded_anew_and_small() -> None:
    assert data_url(Image.new("RGBA", (900, 300))).startswith("data:image/webp;base64,")
    assert Image.open(io.BytesIO(webp(Image.new("RGB", (900, 300)), 192))).size == (192, 64)
