"""Train the built-in image encoder into MiniLM's space (locked text, Zhai et al. 2022), on one core in minutes.

    python -m finetune.builtin.draw_pack --count 24000 --px 96 --seed 1 --out runs/train.npz
    python -m finetune.builtin.draw_pack --count 2000 --px 96 --seed 2 --out runs/held.npz
    python -m finetune.builtin.train_image_encoder --pack runs/train.npz --held runs/held.npz --run runs/image

Changed from the paper: several pictures may fit one caption (a short one, "a mug", fits every mug), so the target
is spread over all that fit; every other batch holds two categories only, so that pattern and colour must tell pictures
apart; pictures that share more of their looks are kept nearer to each other; and before the text comes, the tower
learns to name what it sees, patterns first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune.builtin.augment import augment
from finetune.builtin.captions import captions
from finetune.builtin.draw_pack import load_pack
from finetune.builtin.drawing.look import CATEGORIES
from finetune.builtin.image_figures import measure
from finetune.builtin.image_pupil import Pupil, Weights, labels_of, weights_at
from finetune.builtin.text_space import embed_texts, minilm_folder
from retrieval.builtin.image_tower import ImageTower, load_image_tower, pixels_of, save_image_tower


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how fast the encoder is trained; which loss counts when is `image_pupil.weights_at`."""

    steps: int = 2000
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    warm_up: int = 60
    captions: int = 3
    seed: int = 0
    save_every: int = 100
    report_every: int = 20


@dataclass(frozen=True, slots=True)
class Lesson:
    """A pack with its captions: pictures (n, px, px, 3), labels (n, 5), and for each caption vectors and what it tells.

    vectors: (n, captions, 384) float16. told: (n, captions, 5) bool.
    """

    pictures: NDArray[np.uint8]
    labels: Tensor
    vectors: Tensor
    told: Tensor


def prepare(pack: Path, folder: Path, settings: Settings, cache: Path) -> Lesson:
    """Read the pack and embed its captions, or take them from the cache of an earlier start."""
    pictures, looks = load_pack(pack)
    rng = random.Random(settings.seed)  # noqa: S311
    written = [captions(look, rng, settings.captions) for look in looks]
    texts = [caption.text for row in written for caption in row]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    vectors = _cached(cache, digest)
    if vectors is None:
        distinct = list(dict.fromkeys(texts))
        row_of = {text: row for row, text in enumerate(distinct)}
        embedded = embed_texts(distinct, folder, half=True, progress=True).astype(np.float16)
        vectors = embedded[[row_of[text] for text in texts]].reshape(len(looks), settings.captions, -1)
        np.savez(cache, digest=np.array(digest), vectors=vectors)
    told = torch.tensor([[caption.told for caption in row] for row in written])
    return Lesson(pictures, labels_of(looks), torch.from_numpy(vectors), told)


def _cached(cache: Path, digest: str) -> NDArray[np.float16] | None:
    if not cache.is_file():
        return None
    with np.load(cache, allow_pickle=False) as file:
        return file["vectors"] if str(file["digest"]) == digest else None


def train(lesson: Lesson, settings: Settings, run: Path, *, device: str) -> ImageTower:
    """Train for `settings.steps`, going on from the run's last checkpoint; loss lines go to run/history.jsonl."""
    torch.manual_seed(settings.seed)
    pupil = Pupil().to(device)
    pupil.tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    optimizer = torch.optim.AdamW(pupil.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    checkpoint = run / "checkpoint.pt"
    done = _resume(checkpoint, pupil, optimizer, settings)
    started, first = time.monotonic(), done
    pupil.train()
    with (run / "history.jsonl").open("a", encoding="utf-8") as history:
        for step in range(done, settings.steps):
            for group in optimizer.param_groups:
                group["lr"] = _learning_rate(step, settings)
            weights = weights_at(step / settings.steps)
            losses = pupil.losses(*_batch(lesson, step, settings, weights, device), weights)
            optimizer.zero_grad(set_to_none=True)
            losses["loss"].backward()  # type: ignore[no-untyped-call]  # as torch declares it
            nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
            optimizer.step()
            if step % settings.report_every == settings.report_every - 1:
                values = {name: round(value.item(), 4) for name, value in losses.items()}
                history.write(json.dumps({"step": step + 1, **values}) + "\n")
                history.flush()
                rate = (step + 1 - first) * settings.batch / (time.monotonic() - started)
                print(f"step {step + 1}/{settings.steps} {values} {rate:.0f} pictures/s", file=sys.stderr, flush=True)
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                _save(checkpoint, pupil, optimizer, step + 1, settings)
    return pupil.cpu().eval().tower


def _batch(
    lesson: Lesson, step: int, settings: Settings, weights: Weights, device: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The batch of this step, the same whether the run was interrupted or not."""
    generator = _seeded(settings.seed, 1_000_000 + step)
    apart = weights.apart and step % 2 == 1
    rows = _two_categories(lesson, settings, generator) if apart else _mixed(lesson, step, settings)
    which = torch.randint(lesson.vectors.shape[1], (len(rows),), generator=generator)
    pixels = augment(pixels_of(lesson.pictures[rows.numpy()]), generator, strength=weights.strength)
    text = lesson.vectors[rows, which].float()
    parts = (pixels.contiguous(memory_format=torch.channels_last), text, lesson.told[rows, which], lesson.labels[rows])
    pixels, text, told, labels = (part.to(device) for part in parts)
    return pixels, text, told, labels


def _mixed(lesson: Lesson, step: int, settings: Settings) -> Tensor:
    """This step's rows of a shuffled pass over the pack."""
    epoch, place = divmod(step, len(lesson.pictures) // settings.batch)
    order = torch.randperm(len(lesson.pictures), generator=_seeded(settings.seed, epoch))
    return order[place * settings.batch : (place + 1) * settings.batch]


def _two_categories(lesson: Lesson, settings: Settings, generator: torch.Generator) -> Tensor:
    """Rows of two categories, or fewer than a batch where the pack has no more."""
    chosen = torch.randperm(len(CATEGORIES), generator=generator)[:2]
    rows = torch.isin(lesson.labels[:, 0], chosen).nonzero().flatten()
    return rows[torch.randperm(len(rows), generator=generator)[: settings.batch]]


def _seeded(seed: int, number: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + number)


def _learning_rate(step: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to nothing."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    share = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def _save(path: Path, pupil: Pupil, optimizer: torch.optim.Optimizer, step: int, settings: Settings) -> None:
    """Write beside and rename, so that a full disk or a kill leaves the last checkpoint whole."""
    draft = path.with_suffix(".draft")
    state = {
        "step": step,
        "settings": asdict(settings),
        "pupil": pupil.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, draft)
    draft.replace(path)


def _resume(path: Path, pupil: Pupil, optimizer: torch.optim.Optimizer, settings: Settings) -> int:
    """The number of steps already done. Raises ValueError when the run was started with other settings."""
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    if state["settings"] != asdict(settings):
        raise ValueError(
            f"{path} was written with {state['settings']}, not {asdict(settings)}; use another --run folder"
        )
    pupil.load_state_dict(state["pupil"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--held", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minilm", type=Path, help="folder of all-MiniLM-L6-v2; by default the installed package's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    options = parser.parse_args()
    settings = Settings(steps=options.steps, seed=options.seed)
    folder = options.minilm or minilm_folder()
    options.run.mkdir(parents=True, exist_ok=True)
    lesson = prepare(options.pack, folder, settings, options.run / "captions.npz")
    started = time.process_time()
    tower = train(lesson, settings, options.run, device=options.device)
    facts = {
        "settings": asdict(settings),
        "processor_minutes": round((time.process_time() - started) / 60, 1),
        "pack_sha256": hashlib.sha256(options.pack.read_bytes()).hexdigest(),
        "pictures": len(lesson.pictures),
    }
    weights = options.run / "image_encoder.safetensors"
    save_image_tower(tower, weights, facts)
    figures = measure(load_image_tower(weights), options.held, options.pack, folder)
    (options.run / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
