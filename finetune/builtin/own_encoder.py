"""A workspace's own image encoder: the built-in one, trained further on the pictures and texts of its catalogue."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.catalog_lesson import catalog_lesson, held_out
from finetune.builtin.image_figures import recall, vectors_of
from finetune.builtin.text_space import embed_texts, minilm_folder
from finetune.builtin.train_image_encoder import Settings, train
from retrieval.builtin.image_tower import load_image_tower, save_image_tower, squared
from retrieval.catalog import CatalogRow, read_catalog
from retrieval.encoders import OWN
from retrieval.errors import CatalogError, MediaError, StoreError

if TYPE_CHECKING:
    from finetune.builtin.image_lesson import Embed
    from retrieval.builtin.image_tower import ImageTower
    from retrieval.types import Item
    from retrieval.workspace import Workspace

LEAST_PICTURES = 200
"""Items with a picture that training takes; of fewer it would learn each by heart."""

_EPOCHS, _LEAST_STEPS, _MOST_STEPS = 8, 150, 4_000
_HELD, _MOST_HELD = 0.1, 500

Tell = Callable[[str, int, int], None]
"""Called with what is counted ("pictures read", "pictures trained on"), how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Illustrated:
    """Items with a picture each: (n, px, px, 3) uint8 RGB."""

    items: Sequence[Item]
    pictures: NDArray[np.uint8]

    def some(self, which: NDArray[np.bool_]) -> Illustrated:
        """Those where `which` (n,) is true."""
        items = [item for item, taken in zip(self.items, which.tolist(), strict=True) if taken]
        return Illustrated(items, self.pictures[which])


@dataclass(frozen=True, slots=True)
class OwnEncoder:
    """What training gave. name: for `open_encoder`.

    pictures: how many it was trained on. before, after: title-to-picture Recall@10 among the `held` items that were
    kept back, of the built-in encoder and of this one.
    """

    name: str
    pictures: int
    held: int
    before: float
    after: float

    @property
    def better(self) -> bool:
        return self.after > self.before


def train_own_encoder(
    workspace: Workspace,
    catalog: str | Path,
    *,
    settings: Settings | None = None,
    seed: int = 0,
    device: str = "cpu",
    tell: Tell | None = None,
) -> OwnEncoder:
    """Train on the catalogue and keep the weights in the workspace, by their hash; nothing uses them yet.

    Killed and started again with the same catalogue, it goes on from its last checkpoint. Raises CatalogError when
    the catalogue has no pictures or fewer than LEAST_PICTURES, StoreError when the disk is full.
    """
    tell = tell or _silent
    start = load_image_tower()
    read = read_pictures(workspace, catalog, start.image_px, tell)
    check_enough(len(read.items), catalog)
    chosen = settings or settings_for(len(read.items), seed=seed)
    embed = partial(embed_texts, folder=minilm_folder(), device=device)
    kept = held_out(len(read.items), _HELD, _MOST_HELD, seed=chosen.seed).numpy()
    known, held = read.some(~kept), read.some(kept)
    folder = workspace.encoders_folder
    run = folder / f"training-{_digest(read, chosen)}"
    try:
        _only(run)
        tower = train_on(known, chosen, run, embed, device=device, tell=tell)
        before, after = (recall_of(one, held, embed) for one in (start, tower))
        facts = {
            "settings": asdict(chosen),
            "pictures": len(known.items),
            "held": len(held.items),
            "recall_10_before": before,
            "recall_10": after,
        }
        draft = run / "weights.safetensors"
        name = f"{OWN}{save_image_tower(tower, draft, facts)[:12]}"
        for suffix in (".json", ".safetensors"):
            draft.with_suffix(suffix).replace(folder / f"{name}{suffix}")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written ({error}); the index before stays in force") from error
    shutil.rmtree(run, ignore_errors=True)
    return OwnEncoder(name, len(known.items), len(held.items), before, after)


def check_enough(pictures: int, catalog: str | Path) -> None:
    """Raise CatalogError when there are too few to learn from."""
    needed = f"expected at least {LEAST_PICTURES} items with a picture to train an encoder on"
    if not pictures:
        raise CatalogError(f"{catalog} has no pictures that can be read; {needed}")
    if pictures < LEAST_PICTURES:
        raise CatalogError(f"{catalog} has {pictures} items with a picture, {needed}; index without --train-encoder")


def settings_for(items: int, *, seed: int = 0) -> Settings:
    """Some passes over the catalogue, at half the rates of a first training."""
    steps = min(_MOST_STEPS, max(_LEAST_STEPS, _EPOCHS * items // Settings().batch))
    return Settings(steps=steps, muon_rate=0.01, adam_rate=1e-3, first_lesson=False, last_steps=0, seed=seed)


def read_pictures(workspace: Workspace, catalog: str | Path, px: int, tell: Tell) -> Illustrated:
    """The catalogue's items with the first picture of each, kept in the workspace's media as indexing does."""
    rows = [row for row in read_catalog(catalog, currency=workspace.settings.currency) if isinstance(row, CatalogRow)]
    rows = [row for row in rows if row.pictures]
    media, root = workspace.media, Path(catalog).parent

    def read(row: CatalogRow) -> NDArray[np.uint8] | None:
        try:
            return squared(media.original(media.add_file(row.pictures[0], root=root)), px)
        except MediaError:  # told when the catalogue is indexed
            return None

    items, pictures = [], []
    with ThreadPoolExecutor(2, thread_name_prefix="pictures") as pool:
        for done, (row, picture) in enumerate(zip(rows, pool.map(read, rows), strict=True), start=1):
            if picture is not None:
                items.append(row.item)
                pictures.append(picture)
            tell("pictures read", done, len(rows))
    return Illustrated(items, np.stack(pictures) if pictures else np.zeros((0, px, px, 3), dtype=np.uint8))


def train_on(known: Illustrated, settings: Settings, run: Path, embed: Embed, *, device: str, tell: Tell) -> ImageTower:
    """The built-in encoder, trained on these items. Raises StoreError when the disk is full."""
    lesson = catalog_lesson(known.items, known.pictures, embed, seed=settings.seed)

    def report(done: int, total: int, losses: dict[str, float]) -> None:
        del losses
        tell("pictures trained on", done * settings.batch, total * settings.batch)

    return train(lesson, settings, run, device=device, start=load_image_tower(), report=report)


def recall_of(tower: ImageTower, held: Illustrated, embed: Embed) -> float:
    """Title-to-picture Recall@10 among the items."""
    text = embed([item.title for item in held.items])
    return recall(text, vectors_of(tower, held.pictures), len(held.items))["text_to_picture_recall_10"]


def _only(run: Path) -> None:
    """Make the folder of this training, and remove those of others that did not finish."""
    run.mkdir(parents=True, exist_ok=True)
    for other in run.parent.glob("training-*"):
        if other != run:
            shutil.rmtree(other, ignore_errors=True)


def _digest(read: Illustrated, settings: Settings) -> str:
    """Names a training by all that it depends on."""
    digest = hashlib.sha256(f"{settings}".encode())
    for item in read.items:
        digest.update(f"{item.item_id}\0{item.title}\0{dict(item.attributes)}\0".encode())
    digest.update(read.pictures.tobytes())
    return digest.hexdigest()[:12]


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total
