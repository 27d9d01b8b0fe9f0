"""The demo's workspace: the built-in shop, indexed once, with the adapter that was tuned on its log."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from retrieval.builtin import IMAGE_ENCODER, SHOP_FOLDER
from retrieval.errors import ModelUnavailableError, WeightsError
from ui.examples import SURPRISE

if TYPE_CHECKING:
    from retrieval.indexing import Progress

WISHES = (
    "a blue vase for fresh flowers",
    "a floral T-shirt for the summer",
    "a mug with a check pattern",
    "a striped umbrella",
    "a bright yellow clock",
    SURPRISE,
)
"""What the demo's empty page offers to try; the shop has at least three things for each."""

logger = logging.getLogger(__name__)

_MARKER = "shipped.txt"
_IN_THE_MAKING = "in the making\n"


def demo_folder() -> Path:
    """Where the demo's data lies unless somebody says otherwise: the platform's folder for an application's data."""
    if not sys.platform.startswith("linux"):
        return Path(typer.get_app_dir("tastemaker")) / "demo"
    home = Path(os.environ.get("XDG_DATA_HOME", ""))
    data = home if home.is_absolute() else Path.home() / ".local" / "share"  # a relative one is to be ignored
    return data / "tastemaker" / "demo"


def prepare_demo(folder: Path, progress: Progress | None = None) -> None:
    """Make the demo's workspace in `folder`, or bring it up to date with the shop, encoder and adapter of this version.

    A demo that is up to date is left alone, so that the second start is quick; one that was killed half-way is
    finished. Raises WorkspaceError when the folder holds anything but a demo, and leaves that as it is.
    """
    from agent.shipped import shipped_hashes, take_shipped
    from retrieval.encoders import open_encoder
    from retrieval.indexing import index_catalog
    from retrieval.workspace import Workspace

    marker = folder / _MARKER
    shop, encoder = (path.read_text(encoding="utf-8") for path in (SHOP_FOLDER / "SHA256SUMS", IMAGE_ENCODER))
    shipped = shop + encoder + shipped_hashes()
    made = marker.read_text(encoding="utf-8") if marker.is_file() else None
    if made == shipped:
        return
    if made is None:
        _refuse_others(folder)
    with Workspace.open_or_create(folder) as workspace:
        # Before the first item, so that a run which is killed later on is known for a demo by the next one.
        marker.write_text(_IN_THE_MAKING, encoding="utf-8")
        catalog = SHOP_FOLDER / "items.jsonl"
        index_catalog(workspace, catalog, encoder=open_encoder(), sync=True, rebuild=True, progress=progress)
        workspace.log.import_file(SHOP_FOLDER / "interactions.csv")
        marker.write_text(shipped, encoding="utf-8")
        try:
            take_shipped(workspace)
        except (WeightsError, ModelUnavailableError) as error:
            logger.warning("the demo answers without the shop's adapter: %s", error)


def _refuse_others(folder: Path) -> None:
    """Raise WorkspaceError when the folder holds what the demo, which withdraws every item but its own, would undo."""
    from retrieval.errors import WorkspaceError
    from retrieval.workspace import SETTINGS_NAME, Workspace

    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / SETTINGS_NAME).exists():
        raise WorkspaceError(f"{folder} is not empty and holds no demo; choose a new folder for the demo")
    with Workspace.open(folder) as workspace:
        items, events = workspace.items.count(withdrawn=True), workspace.log.count()
    if items or events:  # else nothing is lost: a demo may have been killed before its marker was written
        raise WorkspaceError(
            f"{folder} is a workspace of yours ({items:,} items, {events:,} events), not a demo, which would replace "
            f"its items; choose a new folder, or open this one with: tastemaker ui --workspace {folder}"
        )
