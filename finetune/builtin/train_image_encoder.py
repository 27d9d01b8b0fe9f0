"""Train the built-in image encoder into MiniLM's space (locked text, Zhai et al. 2022), on one core.

    python -m finetune.builtin.draw_pack --count 12000 --px 96 --seed 5 --out runs/a.npz
    python -m finetune.builtin.draw_pack --count 12000 --px 96 --seed 6 --out runs/b.npz
    python -m finetune.builtin.train_image_encoder --pack runs/a.npz --pack runs/b.npz --run runs/image

Changed from the paper: several pictures may fit one caption (a short one, "a mug", fits every mug), so the target
is spread over all that fit; every other batch holds few categories only, so that pattern and colour must tell pictures
apart; pictures that share more of their looks are kept nearer to each other; before the text comes, the tower learns
to name what it sees, which goes into the vector, and after it the projection learns alone, in large batches. Started
again with the same --run, it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from finetune.builtin.augment import augment
from finetune.builtin.files import add_line, read_log, save_whole
from finetune.builtin.image_lesson import Lesson, drawn_lesson
from finetune.builtin.image_pupil import Pupil, Weights, weights_at
from finetune.builtin.optimizer import make_optimizers, set_rate
from finetune.builtin.plot_losses import plot_losses
from finetune.builtin.text_space import embed_texts, minilm_folder
from finetune.devices import device_option
from retrieval.builtin.image_tower import ImageTower, pixels_of, save_image_tower
from retrieval.errors import StoreError
from retrieval.hashing import file_sha256

HISTORY = "history.jsonl"
SPENT = "processor_s"
"""The losses over the steps, and what of a line is no loss: processor seconds since the start."""

Report = Callable[[int, int, dict[str, float]], None]
"""Called with steps done, steps in all, and the losses of the last one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how fast the encoder is trained; which loss counts when is `image_pupil.weights_at`.

    first_lesson: whether it begins by naming what it sees; not for a tower that can see already.
    last_steps, last_batch: of the projection alone, at the end.
    """

    steps: int = 6000
    batch: int = 32
    muon_rate: float = 0.02
    adam_rate: float = 2e-3
    warm_up: int = 40
    captions: int = 2
    last_steps: int = 200
    last_batch: int = 1024
    first_lesson: bool = True
    seed: int = 0
    save_every: int = 100
    report_every: int = 10


def train(
    lesson: Lesson,
    settings: Settings,
    run: Path,
    *,
    device: str = "cpu",
    start: ImageTower | None = None,
    report: Report | None = None,
) -> ImageTower:
    """Train for `settings.steps`, going on from the run's last checkpoint; loss lines go to run/HISTORY.

    start: what to go on from instead of a tower that knows nothing. Raises StoreError when the disk is full, with the
    last checkpoint kept, and ValueError when the run was started with other settings.
    """
    torch.manual_seed(settings.seed)
    pupil = Pupil(lesson.attributes, start).to(device)
    tower = pupil.tower
    optimizers = make_optimizers(
        [pupil], [tower.fine, tower.coarse], muon_lr=settings.muon_rate, adam_lr=settings.adam_rate
    )
    checkpoint = run / "checkpoint.pt"
    done = _resume(checkpoint, pupil, optimizers, settings)
    begun = time.process_time() - _spent(run / HISTORY, done)
    pupil.train()
    for step in range(done, settings.steps):
        set_rate(optimizers, _rate(step, settings))
        weights = weights_at(step / settings.steps) if settings.first_lesson else Weights()
        losses = pupil.losses(*_batch(lesson, step, settings, weights.strength, device), weights)
        losses["loss"].backward()  # type: ignore[no-untyped-call]  # as torch declares it
        nn.utils.clip_grad_norm_(pupil.parameters(), 5.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if (step + 1) % settings.report_every == 0:
            values = {name: round(value.item(), 4) for name, value in losses.items()}
            spent = {SPENT: round(time.process_time() - begun, 1)}
            add_line({"step": step + 1, **values, **spent}, run / HISTORY)
            if report is not None:
                report(step + 1, settings.steps, values)
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            _save(checkpoint, pupil, optimizers, step + 1, settings)
    pupil.eval()
    if settings.last_steps:
        _last_lesson(pupil, lesson, settings, device)
    return pupil.cpu().tower


def _last_lesson(pupil: Pupil, lesson: Lesson, settings: Settings, device: str) -> None:
    """The projection alone, from what the tower saw of each picture: so cheap that batches can be large, and only in a
    large one are there pictures that share nearly everything.
    """
    pooled = _seen(pupil.tower, lesson, device)
    optimizer = torch.optim.AdamW(pupil.tower.projection.parameters(), lr=settings.adam_rate / 2, weight_decay=0.01)
    large = replace(settings, batch=settings.last_batch, warm_up=20, steps=settings.last_steps)
    for step in range(large.steps):
        set_rate([optimizer], _rate(step, large))
        generator = _seeded(settings.seed, 2_000_000 + step)
        rows = _rows(lesson, step, large, generator)
        which = torch.randint(lesson.vectors.shape[1], (len(rows),), generator=generator)
        parts = (pooled[rows], lesson.vectors[rows, which].float(), lesson.told[rows, which], lesson.labels[rows])
        seen, text, told, labels = (part.to(device) for part in parts)
        optimizer.zero_grad(set_to_none=True)
        pupil.joining(seen, text, told, labels, Weights())["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def _seen(tower: ImageTower, lesson: Lesson, device: str) -> Tensor:
    """(n, seen) float32: what the tower saw of each picture."""
    parts = [
        tower.pooled(pixels_of(lesson.pictures[start : start + 64]).to(device)).cpu()
        for start in range(0, len(lesson), 64)
    ]
    return torch.cat(parts)


def _batch(
    lesson: Lesson, step: int, settings: Settings, strength: float, device: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The batch of this step, the same whether the run was interrupted or not."""
    generator = _seeded(settings.seed, 1_000_000 + step)
    rows = _rows(lesson, step, settings, generator)
    which = torch.randint(lesson.vectors.shape[1], (len(rows),), generator=generator)
    pixels = augment(pixels_of(lesson.pictures[rows.numpy()]), generator, strength=strength)
    parts = (pixels, lesson.vectors[rows, which].float(), lesson.told[rows, which], lesson.labels[rows])
    pixels, text, told, labels = (part.to(device) for part in parts)
    return pixels, text, told, labels


def _rows(lesson: Lesson, step: int, settings: Settings, generator: torch.Generator) -> Tensor:
    """Lookalikes in every other batch."""
    return _lookalikes(lesson, settings, generator) if step % 2 else _mixed(lesson, step, settings)


def _mixed(lesson: Lesson, step: int, settings: Settings) -> Tensor:
    """This step's rows of a shuffled pass over the lesson."""
    size = min(settings.batch, len(lesson))
    epoch, place = divmod(step // 2, len(lesson) // size)
    order = torch.randperm(len(lesson), generator=_seeded(settings.seed, epoch))
    return order[place * size : (place + 1) * size]


def _lookalikes(lesson: Lesson, settings: Settings, generator: torch.Generator) -> Tensor:
    """Rows that share their first attribute with many of the batch: of two values, or as many as fill it."""
    first = lesson.labels[:, 0]
    values = torch.randperm(lesson.attributes[0].values, generator=generator)
    rows = torch.zeros(0, dtype=torch.int64)
    for taken, value in enumerate(values.tolist()):
        if taken >= 2 and len(rows) >= settings.batch:
            break
        rows = torch.cat([rows, (first == value).nonzero().flatten()])
    return rows[torch.randperm(len(rows), generator=generator)[: settings.batch]]


def _seeded(seed: int, number: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + number)


def _rate(step: int, settings: Settings) -> float:
    """Share of the learning rates: a linear warm-up, then half a cosine down to nothing."""
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    share = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    return 0.5 * (1 + math.cos(math.pi * share))


def _save(path: Path, pupil: Pupil, optimizers: list[torch.optim.Optimizer], step: int, settings: Settings) -> None:
    """Write beside and rename, so that a full disk or a kill leaves the last checkpoint whole."""
    draft = path.with_suffix(".draft")
    state = {
        "step": step,
        "settings": asdict(settings),
        "pupil": pupil.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }
    try:
        torch.save(state, draft)
        draft.replace(path)
    except (OSError, RuntimeError) as error:  # torch's writer raises either when the disk is full
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StoreError(
            f"no checkpoint of step {step} could be written to {path} ({error}); the one before is kept: "
            "make room and start again"
        ) from error


def _resume(path: Path, pupil: Pupil, optimizers: list[torch.optim.Optimizer], settings: Settings) -> int:
    """The number of steps already done. Raises ValueError when the run was started with other settings."""
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    if state["settings"] != asdict(settings):
        raise ValueError(
            f"{path} was written with {state['settings']}, not {asdict(settings)}; use another --run folder"
        )
    pupil.load_state_dict(state["pupil"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return int(state["step"])


def _spent(history: Path, done: int) -> float:
    """Processor seconds of the steps that are done; lines of later ones, lost with their checkpoint, are removed."""
    if not history.is_file():
        return 0.0
    kept = [line for line in read_log(history) if line["step"] <= done]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    save_whole(lambda draft: draft.write_text(text, encoding="utf-8"), history)
    return float(kept[-1].get(SPENT, 0.0)) if kept else 0.0


def _teller(batch: int) -> Report:
    """Tells losses, pictures per second and minutes left on standard error."""
    begun: list[tuple[float, int]] = []

    def tell(done: int, total: int, losses: dict[str, float]) -> None:
        begun.append((time.monotonic(), done))
        (since, first), now = begun[0], time.monotonic()
        rate = (done - first) / max(1e-6, now - since)
        left = (total - done) / rate / 60 if rate else math.nan
        said = " ".join(f"{name} {value:.2f}" for name, value in losses.items())
        print(
            f"step {done}/{total} {said}, {rate * batch:.0f} pictures/s, {left:.0f} min left",
            file=sys.stderr,
            flush=True,
        )

    return tell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, action="append", required=True, help="may be given more than once")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minilm", type=Path, help="folder of all-MiniLM-L6-v2; by default the installed package's")
    parser.add_argument("--device", type=device_option, choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--steps", type=int, default=Settings().steps)
    parser.add_argument("--seed", type=int, default=Settings().seed)
    options = parser.parse_args()
    settings = Settings(steps=options.steps, seed=options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    embed = partial(embed_texts, folder=options.minilm or minilm_folder(), device=options.device, progress=True)
    cache = options.run / "captions.npz"
    lesson = drawn_lesson(options.pack, embed, count=settings.captions, seed=settings.seed, cache=cache)
    before, started = _spent(options.run / HISTORY, settings.steps), time.process_time()
    tower = train(lesson, settings, options.run, device=options.device, report=_teller(settings.batch))
    facts = {
        "settings": asdict(settings),
        "device": options.device,
        "processor_minutes": round((before + time.process_time() - started) / 60, 1),
        "packs_sha256": [file_sha256(pack) for pack in options.pack],
        "pictures": len(lesson),
    }
    save_image_tower(tower, options.run / "image_encoder.safetensors", facts)
    plot_losses(options.run / HISTORY, options.run / "losses.png")


if __name__ == "__main__":
    main()
