"""The demo's workspace: the built-in shop, indexed once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.builtin import IMAGE_ENCODER, SHOP_FOLDER
from ui.examples import SURPRISE

if TYPE_CHECKING:
    from retrieval.indexing import Progress


WISHES = (
    "a green lamp for a cosy corner",
    "something striped to wear in summer",
    "a present for someone who likes blue",
    "a patterned cushion in warm colours",
    SURPRISE,
)
"""What the demo's empty page offers to try."""


def prepare_demo(folder: Path, progress: Progress | None = None) -> None:
    """Make the demo's workspace in `folder`, or bring it up to date with the shop and encoder that this version ships.

    A demo that is up to date is left alone, so that the second start is quick.
    """
    from retrieval.encoders import open_encoder
    from retrieval.indexing import index_catalog
    from retrieval.workspace import Workspace

    marker = folder / "shipped.txt"
    shipped = (SHOP_FOLDER / "SHA256SUMS").read_text(encoding="utf-8") + IMAGE_ENCODER.read_text(encoding="utf-8")
    if marker.is_file() and marker.read_text(encoding="utf-8") == shipped:
        return
    with Workspace.open_or_create(folder) as workspace:
        catalog = SHOP_FOLDER / "items.jsonl"
        index_catalog(workspace, catalog, encoder=open_encoder(), sync=True, rebuild=True, progress=progress)
        workspace.log.import_file(SHOP_FOLDER / "interactions.csv")
    marker.write_text(shipped, encoding="utf-8")
