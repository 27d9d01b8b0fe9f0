"""The image encoder's recipe on real product photos, beside colour histograms and raw pixels.

    python -m finetune.builtin.photo_figures --data DIR --run runs/photos

DIR: items.jsonl with id, title, article_type, colour and image, and the photos it names. 1,000 products are kept back;
the built-in encoder is trained on the others as `tastemaker index --train-encoder` does it. Prints JSON: of the kept
products, how often the nearest of the others has the same article type and colour, and how often a text finds its
photo among the first ten of the 1,000.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.catalog_lesson import held_out
from finetune.builtin.image_figures import recall, vectors_of
from finetune.builtin.own_encoder import Illustrated, settings_for, train_on
from finetune.builtin.text_space import embed_texts, minilm_folder
from finetune.devices import device_option
from retrieval.builtin.image_tower import load_image_tower, squared
from retrieval.catalog import CatalogRow, read_catalog
from retrieval.media import decode_picture
from retrieval.passages import passage

HELD = 1_000
ALIKE = ("article_type", "colour")
_BINS, _RAW_PX = 8, 24


def read_photos(folder: Path, px: int) -> Illustrated:
    """The products of items.jsonl with a photo each."""
    rows = [row for row in read_catalog(folder / "items.jsonl") if isinstance(row, CatalogRow) and row.pictures]
    pictures = [squared(decode_picture((folder / row.pictures[0]).read_bytes(), max_px=2 * px), px) for row in rows]
    return Illustrated([row.item for row in rows], np.stack(pictures))


def histograms(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 512) unit vectors: square roots of the shares of 8 x 8 x 8 colours, so that a cosine compares shares."""
    bins = (pictures // (256 // _BINS)).astype(np.int64)
    codes = (bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]
    counts = np.stack([np.bincount(code.ravel(), minlength=_BINS**3) for code in codes])
    return _units(np.sqrt(counts))


def raw_pixels(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 1728) unit vectors: the photo at 24 x 24, less the mean of all photos."""
    count, px = pictures.shape[:2]
    side = px // _RAW_PX
    small = pictures.reshape(count, _RAW_PX, side, _RAW_PX, side, 3).mean(axis=(2, 4)).reshape(count, -1)
    return _units(small - small.mean(axis=0))


def _units(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    units: NDArray[np.float32] = (rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))).astype(
        np.float32
    )
    return units


def alike(vectors: NDArray[np.float32], read: Illustrated, kept: NDArray[np.bool_]) -> dict[str, float]:
    """How often the nearest of the known products has the kept one's article type, and its colour."""
    nearest = (vectors[kept] @ vectors[~kept].T).argmax(axis=1)
    held, known = read.some(kept).items, read.some(~kept).items
    pairs = [(item.attributes, known[at].attributes) for item, at in zip(held, nearest.tolist(), strict=True)]
    return {
        f"neighbour_{name}": round(float(np.mean([one.get(name) == other.get(name) for one, other in pairs])), 4)
        for name in ALIKE
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints; the weights stay there")
    parser.add_argument("--device", type=device_option, choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, help="of 32 photos each; eight passes unless you say")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    builtin = load_image_tower()
    read = read_photos(options.data, builtin.image_px)
    kept = held_out(len(read.items), 1.0, HELD, seed=options.seed).numpy()
    known, held = read.some(~kept), read.some(kept)
    embed = partial(embed_texts, folder=minilm_folder(), device=options.device)
    texts = {"title": embed([item.title for item in held.items]), "passage": embed([passage(i) for i in held.items])}
    options.run.mkdir(parents=True, exist_ok=True)
    settings, started = settings_for(len(known.items), seed=options.seed), time.process_time()
    settings = replace(settings, steps=options.steps or settings.steps)
    trained = train_on(known, settings, options.run, embed, device=options.device, tell=_tell)
    figures: dict[str, object] = {
        "products": len(known.items),
        "held": len(held.items),
        "steps": settings.steps,
        "processor_minutes": round((time.process_time() - started) / 60, 1),
        "colour histogram": alike(histograms(read.pictures), read, kept),
        "raw pixels": alike(raw_pixels(read.pictures), read, kept),
    }
    for name, tower in (("built-in encoder", builtin), ("trained on photos", trained)):
        vectors = vectors_of(tower, read.pictures)
        found = {
            f"{of}_to_picture_recall_10": recall(text, vectors[kept], len(held.items))["text_to_picture_recall_10"]
            for of, text in texts.items()
        }
        figures[name] = alike(vectors, read, kept) | found
    (options.run / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


def _tell(what: str, done: int, total: int) -> None:
    print(f"{what}: {done}/{total}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
