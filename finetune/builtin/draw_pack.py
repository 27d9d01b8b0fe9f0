"""Draw many random products into one file, so that machines that train need no renderer.

python -m finetune.builtin.draw_pack --count 20000 --px 96 --seed 1 --out pack.npz
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.drawing.look import Look, held_out_look, random_look

PACK_VERSION = 1


def seeded_looks(count: int, seed: int) -> Iterator[Look]:
    """The looks of a pack; look number n depends on the seed and n alone."""
    for index in range(count):
        yield random_look(random.Random(f"{seed}/{index}"))  # noqa: S311


def draw_pack(count: int, *, px: int, seed: int) -> tuple[NDArray[np.uint8], list[Look]]:
    """Pictures (count, px, px, 3) uint8 RGB and their looks."""
    from finetune.builtin.drawing.scene import draw

    looks = list(seeded_looks(count, seed))
    pictures = np.empty((count, px, px, 3), dtype=np.uint8)
    started = time.monotonic()
    for index, look in enumerate(looks):
        pictures[index] = np.asarray(draw(look, px=px))
        if index % 500 == 499:
            rate = (index + 1) / (time.monotonic() - started)
            print(f"{index + 1}/{count} pictures, {rate:.0f}/s", file=sys.stderr, flush=True)
    return pictures, looks


def save_pack(path: Path, pictures: NDArray[np.uint8], looks: list[Look]) -> None:
    """Write pictures and looks; numpy arrays and JSON text only, nothing pickled."""
    text = json.dumps({"version": PACK_VERSION, "looks": [asdict(look) for look in looks]})
    np.savez_compressed(path, pictures=pictures, looks=np.frombuffer(text.encode(), dtype=np.uint8))


def load_pack(path: Path) -> tuple[NDArray[np.uint8], list[Look]]:
    """Read what `save_pack` wrote. Raises ValueError for a pack of another version."""
    with np.load(path, allow_pickle=False) as file:
        pictures, text = file["pictures"], file["looks"].tobytes().decode()
    data = json.loads(text)
    if data["version"] != PACK_VERSION:
        raise ValueError(
            f"{path} is a pack of version {data['version']}, this code reads {PACK_VERSION}; draw it again"
        )
    return pictures, [Look(**look) for look in data["looks"]]


def load_training_packs(paths: Sequence[Path]) -> tuple[NDArray[np.uint8], list[Look]]:
    """All pictures of some packs, one after the other, without the looks that are held out for measuring."""
    pictures, looks = [], []
    for path in paths:
        drawn, told = load_pack(path)
        rows = [row for row, look in enumerate(told) if not held_out_look(look)]
        pictures.append(drawn[rows])
        looks += [told[row] for row in rows]
    return np.concatenate(pictures), looks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--px", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    pictures, looks = draw_pack(options.count, px=options.px, seed=options.seed)
    save_pack(options.out, pictures, looks)
    print(f"{options.out}: {len(looks)} pictures of {options.px} px, {options.out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
