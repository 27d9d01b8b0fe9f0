"""What every test stands on: no network, and a tiny shop whose right answers are planted."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

# Before any test imports a library that reads them.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import pytest
from PIL import Image, ImageDraw

from retrieval.catalog import CatalogRow, read_catalog
from retrieval.workspace import Workspace, WorkspaceSettings
from tests.datasets import DATA

ROOT = Path(__file__).resolve().parents[1]


class NetworkRefusedError(OSError):
    """A test wanted to reach beyond this machine."""


def _is_near(host: object) -> bool:
    """Whether the host is this machine. A name that would have to be looked up is not."""
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        address = ip_address(host.decode() if isinstance(host, bytes) else str(host).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def pytest_configure(config: pytest.Config) -> None:
    """Let sockets connect, and names be looked up, on this machine only."""
    del config
    for name in ("connect", "connect_ex"):
        _guard_socket(name)
    look_up = socket.getaddrinfo

    def guarded(host: Any, *args: Any, **options: Any) -> Any:
        _check(host)
        return look_up(host, *args, **options)

    socket.getaddrinfo = guarded


def _guard_socket(name: str) -> None:
    original = getattr(socket.socket, name)

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(address[0])
        return original(self, address)

    setattr(socket.socket, name, guarded)


def _check(host: object) -> None:
    if not _is_near(host):
        raise NetworkRefusedError(f"a test wanted to reach {host!r}; tests stay on this machine")


@pytest.fixture(scope="session")
def movielens() -> Path:
    return real_data("movielens")


@pytest.fixture(scope="session")
def amazon_beauty() -> Path:
    return real_data("amazon-beauty")


def real_data(name: str) -> Path:
    """The folder of a real data set; skips the test where it is not there."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"needs the data set {name} in {DATA}; name another folder with TASTEMAKER_DATA")
    return folder


@dataclass(frozen=True)
class TinyShop:
    """Twelve products: mug, lamp, scarf and clock, each in red, green and blue, with a picture of just that.

    Planted: red things cost under 20, green 20 to 40, blue over 40 (EUR). Mugs and clocks are of the kitchen. Ann, Ben
    and Cleo want the red mug and the red lamp, Dan the blue scarf, and Eve took back that she likes the green
    clock; so who wants the red mug may want the red lamp, and the two are the most popular.
    """

    folder: Path

    @property
    def catalog(self) -> Path:
        return self.folder / "items.jsonl"

    @property
    def interactions(self) -> Path:
        return self.folder / "interactions.csv"


SHAPES = ("mug", "lamp", "scarf", "clock")
COLOURS = {"red": "#c81e1e", "green": "#1e963c", "blue": "#1e3cc8"}
_PRICES = {"red": 12.5, "green": 30.0, "blue": 55.0}
_DAYS = {"mug": "2026-01-05", "lamp": "2026-02-05", "scarf": "2026-03-05", "clock": "2026-04-05"}
_INTERACTIONS = """\
user_id,item_id,type,timestamp
ann,red-mug,like,2026-05-01T10:00:00Z
ann,red-lamp,buy,2026-05-01T11:00:00Z
ben,red-lamp,like,2026-05-02T10:00:00Z
ben,red-mug,like,2026-05-02T11:00:00Z
ben,blue-clock,view,2026-05-02T12:00:00Z
cleo,red-mug,click,2026-05-03T10:00:00Z
cleo,red-lamp,share,2026-05-03T11:00:00Z
dan,blue-scarf,like,2026-05-04T10:00:00Z
eve,green-clock,like,2026-05-05T10:00:00Z
eve,green-clock,dislike,2026-05-05T11:00:00Z
"""


def shop_rows() -> list[dict[str, Any]]:
    """The tiny shop's catalogue, twelve rows."""
    return [
        {
            "id": f"{colour}-{shape}",
            "title": f"{colour.title()} {shape}",
            "description": f"A plain {shape}, all {colour}.",
            "kind": shape,
            "colour": colour,
            "rooms": ["kitchen", "office"] if shape in ("mug", "clock") else ["bedroom"],
            "price": _PRICES[colour],
            "currency": "EUR",
            "added": _DAYS[shape],
            "image": f"images/{colour}-{shape}.png",
        }
        for shape in SHAPES
        for colour in COLOURS
    ]


def draw_product(shape: str, colour: str, px: int = 128) -> Image.Image:
    """The product on white: only its shape and its colour tell it from the others."""
    image = Image.new("RGB", (px, px), "white")
    draw = ImageDraw.Draw(image)
    paint = COLOURS[colour]
    match shape:
        case "mug":
            draw.rectangle((px * 0.25, px * 0.3, px * 0.65, px * 0.8), fill=paint)
            draw.arc((px * 0.55, px * 0.4, px * 0.85, px * 0.7), -90, 90, fill=paint, width=px // 16)
        case "lamp":
            draw.polygon(
                [(px * 0.35, px * 0.2), (px * 0.65, px * 0.2), (px * 0.8, px * 0.5), (px * 0.2, px * 0.5)], paint
            )
            draw.rectangle((px * 0.47, px * 0.5, px * 0.53, px * 0.85), fill=paint)
        case "scarf":
            draw.rectangle((px * 0.1, px * 0.42, px * 0.9, px * 0.58), fill=paint)
        case _:
            draw.ellipse((px * 0.15, px * 0.15, px * 0.85, px * 0.85), outline=paint, width=px // 12)
    return image


@pytest.fixture(scope="session")
def tiny_shop(tmp_path_factory: pytest.TempPathFactory) -> TinyShop:
    """The tiny shop's files, made once; read them, don't write to them."""
    shop = TinyShop(tmp_path_factory.mktemp("tiny-shop"))
    (shop.folder / "images").mkdir()
    rows = shop_rows()
    for row in rows:
        draw_product(row["kind"], row["colour"]).save(shop.folder / row["image"])
    shop.catalog.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    shop.interactions.write_text(_INTERACTIONS, encoding="utf-8")
    return shop


@pytest.fixture(scope="session")
def adapter_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A peft adapter of the built-in model with random weights, small enough to leave it a model that ranks."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    from agent.models.presets import PRESETS

    preset = PRESETS["builtin"]
    config = LoraConfig(r=8, lora_alpha=16, target_modules=preset.lora_targets)
    tuned = get_peft_model(AutoModelForImageTextToText.from_pretrained(preset.model_id), config)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, weights in tuned.named_parameters():
            if "lora_" in name:
                weights.copy_(0.05 * torch.randn(weights.shape, generator=generator))
    folder = tmp_path_factory.mktemp("adapters") / "autumn"
    tuned.save_pretrained(folder)
    return folder


@pytest.fixture
def empty_workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "workspace", WorkspaceSettings(currency="EUR")) as workspace:
        yield workspace


@pytest.fixture
def shop_workspace(empty_workspace: Workspace, tiny_shop: TinyShop) -> Workspace:
    """The tiny shop's items, pictures and log in a workspace of the test's own; nothing is embedded."""
    fill(empty_workspace, tiny_shop)
    return empty_workspace


def fill(workspace: Workspace, shop: TinyShop) -> None:
    """Put the shop's items, pictures and log into the workspace."""
    rows = [row for row in read_catalog(shop.catalog) if isinstance(row, CatalogRow)]
    workspace.items.upsert(
        replace(row.item, images=tuple(workspace.media.add_file(name, root=shop.folder) for name in row.pictures))
        for row in rows
    )
    workspace.log.import_file(shop.interactions)
