"""Train the built-in vision-language model.

python -m finetune.builtin.train_vlm --start agent/builtin --eyes runs/eyes --pack pack.npz --run runs/vlm --seed 0

Resumable: run the same command again and it goes on from the last checkpoint; with fewer `--tokens` it comes to its end
sooner. Packs of drawn pictures come from `python -m finetune.builtin.draw_pack`, the eyes from
`python -m finetune.builtin.train_eyes`; without packs it learns from text alone, without `--start` from random weights.
When it has finished, the model's folder is in RUN/export, and the figures of its steps are in RUN/curve.jsonl and
RUN/curve.png.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from transformers import AttentionInterface

from agent.prompts import LETTERS
from finetune.builtin.batches import IGNORED, LESSONS, Batch, Encoder, Material, Mixture, draw_batch
from finetune.builtin.drafts import Drafts
from finetune.builtin.draw_pack import load_training_packs, seeded_looks
from finetune.builtin.export import export, file_sha256, load_exported
from finetune.builtin.eyes import load_eyes, words_of
from finetune.builtin.files import add_line, save_whole
from finetune.builtin.forward import Probes, precise_attention, read
from finetune.builtin.gallery import Gallery
from finetune.builtin.model import Size, build_model
from finetune.builtin.optimizer import make_optimizers, set_rate
from finetune.builtin.plot_losses import plot_losses
from finetune.builtin.taste_lists import Shelves
from finetune.builtin.tokenizer import add_quoted_words, train_tokenizer
from finetune.devices import device_option
from finetune.precision import mixed_precision
from retrieval.builtin.image_tower import load_image_tower
from retrieval.encoders import open_encoder

CHECKPOINT = "checkpoint.pt"
_SURE = frozenset({"request", "text", "both"})
"""Lists whose answer can be read without fail, by what decides it: they tell when a lesson is learned."""
_TEXT_ONLY_LOOKS = 20_000

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer
    from transformers import LlavaForConditionalGeneration


@dataclass(frozen=True, slots=True)
class Settings:
    """One run. tokens: of the prompts, padding included, over the whole run; step_tokens: in one step.

    rate: of the model's learning rates; one that goes on from another forgets at the full one. probe_lr: of the heads
    that are not exported: they begin anew in every run, and must not mislead what is known.
    first_lesson: where a run begins that goes on from another. level_up: accuracy at which the next lesson begins;
    latest: share of the run after which it begins anyway.
    relevance_weight: of the auxiliary targets at candidates, attributes and pictures.
    reading_weight, reading_share: of predicting the prompt itself, at that share of its places; it fades out.
    """

    seed: int = 0
    tokens: int = 16_000_000
    step_tokens: int = 6_000
    rate: float = 1.0
    muon_lr: float = 0.006
    adam_lr: float = 8e-4
    probe_lr: float = 4e-3
    warmup_steps: int = 100
    cool_down: float = 0.8
    relevance_weight: float = 1.0
    first_lesson: int = 1
    level_up: float = 0.8
    latest: tuple[float, ...] = (0.1, 0.25, 0.6, 0.75)
    reading_weight: float = 0.5
    reading_share: float = 0.2
    checkpoint_s: float = 120.0
    size: Size = field(default_factory=Size)
    mixture: Mixture = field(default_factory=Mixture)


@dataclass(slots=True)
class Progress:
    """Where a run stands; saved with every checkpoint."""

    step: int = 0
    tokens: int = 0
    level: int = 0
    accuracy: float = 0.0
    by_kind: dict[str, float] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a run reads and writes. start: another run, or an exported model. eyes: a run of `train_eyes`."""

    run: Path
    packs: tuple[Path, ...] = ()
    start: Path | None = None
    eyes: Path | None = None


class Trainer:
    """Model, data and optimisers of one run, and the loop over them."""

    def __init__(self, settings: Settings, paths: Paths, device: str) -> None:
        self.settings, self.paths, self.run, self.device = settings, paths, paths.run, device
        self.run.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(settings.seed)
        self.tokenizer = _tokenizer(paths, settings)
        self.model = build_model(settings.size, self.tokenizer)
        if paths.start is not None and not _is_run(paths.start):
            load_exported(self.model, paths.start, decoder_only=paths.eyes is not None or not paths.packs)
            start_quoted_words(self.model, self.tokenizer, new_from=_words_of(paths.start))
        if paths.eyes is not None:
            load_eyes(self.model, paths.eyes)
        self.model.to(torch.device(device))  # type: ignore[arg-type]
        AttentionInterface.register("precise", precise_attention)
        self.model.model.language_model.set_attn_implementation("precise")
        self.probes = Probes(settings.size).to(device)
        self.encoder = Encoder(self.tokenizer, settings.size.picture_tokens)
        self.progress = Progress()

    def go(self) -> None:
        """The whole run: pictures through the eyes once, then the mixture, then the export."""
        decoder = self.model.model.language_model
        settings = self.settings
        self.optimizers = [
            *make_optimizers(
                (decoder, self.model.lm_head),
                [decoder.layers],
                muon_lr=settings.rate * settings.muon_lr,
                adam_lr=settings.rate * settings.adam_lr,
            ),
            torch.optim.AdamW(self.probes.parameters(), lr=settings.probe_lr, betas=(0.9, 0.98)),
        ]
        set_rate(self.optimizers, 1.0)
        self._resume()
        self._look_at_packs()
        self._loop()
        self._save_settings()
        export(self.model, self.tokenizer, self.settings.size, self.run / "export")
        plot_losses(self.run / "curve.jsonl", self.run / "curve.png")
        _say(f"exported to {self.run / 'export'}")

    def _look_at_packs(self) -> None:
        """What the eyes, which learn no more, say of every picture, and articles that look like that."""
        looks, self.features = list(seeded_looks(_TEXT_ONLY_LOOKS, self.settings.seed)), torch.empty(0)
        encode = None
        if self.paths.packs:
            pictures, looks = load_training_packs(self.paths.packs)
            self.features = words_of(self.model, pictures, self.device)
            encode = partial(_encoded, pictures)
        shelves = Shelves.of(looks, seed=self.settings.seed, vectors_of=encode)
        self.material = Material(Gallery.of(looks), shelves, Drafts(open_encoder().embed_text))

    def _loop(self) -> None:
        settings, progress = self.settings, self.progress
        saved = started = time.monotonic()
        before = progress.seconds
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._batch, progress.step)
            while progress.tokens < settings.tokens:
                batch = coming.result()
                coming = pool.submit(self._batch, progress.step + 1)
                self._step(batch)
                progress.seconds = before + time.monotonic() - started
                if progress.step % 50 == 0:
                    self._report()
                if time.monotonic() - saved > settings.checkpoint_s:
                    self._checkpoint()
                    saved = time.monotonic()
            coming.cancel()
        self._report()
        self._checkpoint()

    def _batch(self, step: int) -> Batch:
        """The batch of a step depends on the seed, the step and the level alone, so that a resumed run goes on."""
        rng = random.Random(f"{self.settings.seed}/{step}")  # noqa: S311
        level, tokens = self.progress.level, self.settings.step_tokens
        return draw_batch(rng, self.encoder, self.material, self.settings.mixture, level=level, tokens=tokens)

    def _step(self, batch: Batch) -> None:
        progress, settings = self.progress, self.settings
        share = progress.tokens / settings.tokens
        rate = min(1.0, (progress.step + 1) / settings.warmup_steps, (1 - share) / settings.cool_down)
        set_rate(self.optimizers, max(rate, 0.02))
        with mixed_precision(self.device):
            states = read(self.model, batch, self.features, self.device)
            hidden = states[-1]
            targets = batch.targets.to(self.device)
            logits = self.model.lm_head(hidden[targets != IGNORED]).float()
            wanted = targets[targets != IGNORED]
            loss = self._loss(logits, wanted, batch.chances.to(self.device))
            sides = self.probes(states, batch)
            total = loss + settings.relevance_weight * torch.stack(list(sides.values())).sum()
            fading = settings.reading_weight * max(0.1, 1 - 2 * share)
            total = total + fading * self._reading(hidden, batch)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self._note(batch, logits.argmax(-1) == wanted, loss.item(), {k: v.item() for k, v in sides.items()})

    def _loss(self, logits: torch.Tensor, wanted: torch.Tensor, chances: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of what is to be said next; of letters with how likely each of them is the answer.

        logits: (places, vocabulary), one place for each example of a list. wanted: (places,). chances: (n, letters).
        """
        if not bool(chances.any()):
            return functional.cross_entropy(logits, wanted)
        letters = torch.tensor([self.encoder.letters[letter] for letter in LETTERS], device=logits.device)
        return -(chances * functional.log_softmax(logits, -1)[:, letters]).sum(-1).mean()

    def _reading(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Predict some of the prompt's own next tokens: repeated words teach the heads to look for them."""
        coming = batch.ids[:, 1:]
        some = torch.rand(coming.shape, generator=torch.Generator().manual_seed(self.progress.step))
        places = (some < self.settings.reading_share) & (coming != 0) & (coming != self.encoder.image)
        here = hidden[:, :-1][places.to(self.device)]
        return functional.cross_entropy(self.model.lm_head(here).float(), coming[places].to(self.device))

    def _note(self, batch: Batch, right: torch.Tensor, loss: float, sides: dict[str, float]) -> None:
        """Keep running means, and let the lists grow when they are mastered, or when it is high time."""
        progress, settings = self.progress, self.settings
        progress.step += 1
        progress.tokens += batch.tokens
        ranks = bool((batch.relevance >= 0).any())
        name = "rank" if ranks else batch.kinds[0]
        _blend(progress.losses, name, loss)
        if ranks:
            for side, value in sides.items():
                _blend(progress.losses, side, value)
            for kind, hit in zip(batch.kinds, right.tolist(), strict=True):
                _blend(progress.by_kind, kind, float(hit), keep=0.995)
            sure = [float(hit) for kind, hit in zip(batch.kinds, right.tolist(), strict=True) if kind in _SURE]
            if sure:
                progress.accuracy += (sum(sure) / len(sure) - progress.accuracy) * 0.04
        share = progress.tokens / settings.tokens
        late = progress.level < len(settings.latest) and share > settings.latest[progress.level]
        if progress.level < len(LESSONS) - 1 and (progress.accuracy > settings.level_up or late):
            progress.level += 1
            progress.accuracy = 0.0
            _say(f"lesson {progress.level} from step {progress.step}")

    def _report(self) -> None:
        progress = self.progress
        accuracy = {f"accuracy: {kind}": share for kind, share in progress.by_kind.items()}
        line = {"step": progress.step, "tokens": progress.tokens, **progress.losses, **accuracy}
        add_line(line, self.run / "curve.jsonl")
        parts = [f"{k} {v:.3f}" for k, v in sorted(progress.losses.items())]
        kinds = [f"{k} {v:.2f}" for k, v in sorted(progress.by_kind.items())]
        done = progress.tokens / self.settings.tokens
        speed = progress.tokens / max(progress.seconds, 1e-9)
        head = f"{done:5.1%} step {progress.step} lesson {progress.level} | {' '.join(parts)}"
        _say(f"{head} | {' '.join(kinds)} | {speed:.0f} tokens/s")

    def _checkpoint(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "probes": self.probes.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        save_whole(lambda path: torch.save(state, path), self.run / CHECKPOINT)

    def _resume(self) -> None:
        path = self.run / CHECKPOINT
        if not path.exists():
            self.progress.level = self.settings.first_lesson if self.paths.start is not None else 0
            if self.paths.start is not None and _is_run(self.paths.start):
                self._load(torch.load(self.paths.start / CHECKPOINT, weights_only=True, map_location=self.device))
            return
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        self._load(state)
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            groups = optimizer.state_dict()["param_groups"]  # the rates are this start's, not the last one's
            optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})
        self.progress = Progress(**state["progress"])
        _say(f"resumed at step {self.progress.step}")

    def _load(self, state: dict[str, Any]) -> None:
        """Weights of a checkpoint; eyes that are given, and may have learnt more since, stay as they are."""
        eyes = ("model.vision_tower.", "model.multi_modal_projector.") if self.paths.eyes is not None else ()
        known = {name: held for name, held in state["model"].items() if not name.startswith(eyes)}
        self.model.load_state_dict(known, strict=not eyes)
        self.probes.load_state_dict(state["probes"])

    def _save_settings(self) -> None:
        """What was run, on which data, for how long: beside the weights."""
        record = {
            "settings": asdict(self.settings),
            "pack_sha256": [file_sha256(pack) for pack in self.paths.packs],
            "progress": asdict(self.progress),
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
        }
        (self.run / "training.json").write_text(json.dumps(record, indent=2) + "\n")


def _tokenizer(paths: Paths, settings: Settings) -> Tokenizer:
    """The run's own, or that of the run or model that it starts from, or a new one."""
    from tokenizers import Tokenizer

    path = paths.run / "tokenizer.json"
    if path.exists():
        return Tokenizer.from_file(str(path))
    if paths.start is not None:
        tokenizer = Tokenizer.from_file(str(paths.start / "tokenizer.json"))
        add_quoted_words(tokenizer)
    else:
        tokenizer = train_tokenizer(settings.size.vocabulary, settings.seed)
    tokenizer.save(str(path))
    return tokenizer


def _encoded(pictures: NDArray[np.uint8], rows: Sequence[int]) -> NDArray[np.float32]:
    """(len(rows), d): what the built-in image encoder says of these pictures, as the product compares looks."""
    return load_image_tower().embed([Image.fromarray(pictures[row]) for row in rows])


def _words_of(folder: Path) -> int:
    """How many tokens the model in the folder knows."""
    from tokenizers import Tokenizer

    return int(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size())


def _is_run(folder: Path) -> bool:
    return (folder / CHECKPOINT).exists()


@torch.no_grad()
def start_quoted_words(model: LlavaForConditionalGeneration, tokenizer: Tokenizer, *, new_from: int = 0) -> None:
    """Words in quotation marks begin as the plain words, so that they are found and repeated at once.

    new_from: number of the first token that the model does not know yet.
    """
    for weight in (model.model.language_model.embed_tokens.weight, model.lm_head.weight):
        for token, place in tokenizer.get_vocab(with_added_tokens=True).items():
            if place >= new_from and len(token) > 2 and token[0] == token[-1] == '"':
                pieces = tokenizer.encode(f"a {token[1:-1]}").ids[1:]
                weight[place] = weight[pieces].mean(0)


def _blend(means: dict[str, float], name: str, value: float, keep: float = 0.97) -> None:
    means[name] = value if name not in means else means[name] * keep + value * (1 - keep)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    usual = Settings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=device_option, choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--pack", type=Path, action="append", default=[], help="may be given more than once")
    parser.add_argument("--eyes", type=Path, help="run of train_eyes")
    parser.add_argument("--start", type=Path, help="run folder or exported model whose decoder to begin with")
    parser.add_argument("--first-lesson", type=int, default=usual.first_lesson, help="of a run that has a --start")
    parser.add_argument("--rate", type=float, default=usual.rate, help="of the learning rates; less for a --start")
    parser.add_argument("--tokens", type=int, default=usual.tokens)
    parser.add_argument("--step-tokens", type=int, default=usual.step_tokens)
    options = parser.parse_args()
    settings = Settings(
        seed=options.seed,
        tokens=options.tokens,
        step_tokens=options.step_tokens,
        rate=options.rate,
        first_lesson=options.first_lesson,
        mixture=Mixture(pictures=bool(options.pack)),
    )
    Trainer(settings, Paths(options.run, tuple(options.pack), options.start, options.eyes), options.device).go()


if __name__ == "__main__":
    main()
