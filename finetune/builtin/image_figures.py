"""How good the image encoder is, on pictures that it has not seen.

python -m finetune.builtin.image_figures --held held.npz --known known.npz

Prints JSON. Both packs come from `draw_pack`, with seeds that training did not use.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from finetune.builtin.captions import TOLD, full_caption
from finetune.builtin.draw_pack import load_pack
from finetune.builtin.image_lesson import labels_of
from finetune.builtin.text_space import embed_texts, minilm_folder
from retrieval.builtin import IMAGE_ENCODER
from retrieval.builtin.image_tower import ImageTower, load_image_tower, pixels_of

_KNOWN = 8_000


def measure(tower: ImageTower, held: Path, known: Path, folder: Path, *, gallery: int = 500) -> dict[str, float]:
    """Figures on a held-out pack: text-to-picture recall among `gallery`, attributes of nearest neighbours, cosines.

    Nearest neighbours are sought among 8,000 pictures of the pack `known`, and once more among the held-out ones.
    """
    pictures, looks = load_pack(held)
    rng = random.Random(0)  # noqa: S311
    text = embed_texts([full_caption(look, rng).text for look in looks], folder)
    image = vectors_of(tower, pictures)
    known_pictures, known_looks = load_pack(known)
    labels, known_labels = labels_of(looks).numpy(), labels_of(known_looks[:_KNOWN]).numpy()
    nearest = neighbours(image, labels, vectors_of(tower, known_pictures[:_KNOWN]), known_labels)
    among_held = {f"{name}_among_held": value for name, value in neighbours(image, labels).items()}
    return {**recall(text, image, gallery), **nearest, **among_held, **_cosines(text, image)}


def vectors_of(tower: ImageTower, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, dimensions) unit vectors of pictures (n, px, px, 3) uint8 RGB of the tower's size."""
    with torch.inference_mode():
        batches = (pixels_of(pictures[start : start + 64]) for start in range(0, len(pictures), 64))
        return torch.cat([tower(batch) for batch in batches]).numpy()


def recall(text: NDArray[np.float32], image: NDArray[np.float32], gallery: int) -> dict[str, float]:
    """Mean over the pack's galleries of `gallery` pictures."""
    hits: dict[int, list[NDArray[np.bool_]]] = {1: [], 10: []}
    for start in range(0, len(image) - gallery + 1, gallery):
        scores = text[start : start + gallery] @ image[start : start + gallery].T
        rank = (scores > np.diag(scores)[:, None]).sum(axis=1)
        for k, found in hits.items():
            found.append(rank < k)
    return {f"text_to_picture_recall_{k}": round(float(np.mean(found)), 4) for k, found in hits.items()}


def neighbours(
    image: NDArray[np.float32],
    labels: NDArray[np.int64],
    known: NDArray[np.float32] | None = None,
    known_labels: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Share of the pictures whose nearest known picture has the same value, by attribute.

    Without known ones, the nearest of the others.
    """
    if known is None or known_labels is None:
        cosines = image @ image.T
        np.fill_diagonal(cosines, -np.inf)
        known_labels = labels
    else:
        cosines = image @ known.T
    same = known_labels[cosines.argmax(axis=1)] == labels
    return {f"neighbour_{name}": round(float(same[:, i].mean()), 4) for i, name in enumerate(TOLD)}


def _cosines(text: NDArray[np.float32], image: NDArray[np.float32]) -> dict[str, float]:
    """Typical cosines: the modality gap in figures."""
    other = np.roll(np.arange(len(image)), 1)
    pairs = {
        "cosine_text_picture_same": (text * image).sum(axis=1),
        "cosine_text_picture_other": (text * image[other]).sum(axis=1),
        "cosine_text_text_other": (text * text[other]).sum(axis=1),
        "cosine_picture_picture_other": (image * image[other]).sum(axis=1),
    }
    return {name: round(float(values.mean()), 3) for name, values in pairs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=IMAGE_ENCODER.with_suffix(".safetensors"))
    parser.add_argument("--held", type=Path, required=True)
    parser.add_argument("--known", type=Path, required=True)
    options = parser.parse_args()
    print(
        json.dumps(measure(load_image_tower(options.weights), options.held, options.known, minilm_folder()), indent=2)
    )


if __name__ == "__main__":
    main()
