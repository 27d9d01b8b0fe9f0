"""Train the built-in vision-language model from scratch.

python -m finetune.builtin.train_vlm --device cpu --seed 0 --pack pack.npz --run runs/vlm

Resumable: run the same command again and it goes on from the last checkpoint. The pack of drawn pictures comes from
`python -m finetune.builtin.draw_pack`. When it has finished, the model's folder is in RUN/export; `plot_losses` draws
RUN/curve.jsonl.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from transformers import AttentionInterface

from agent.prompts import LETTERS
from finetune.builtin.batches import IGNORED, LESSONS, Batch, Encoder, Mixture, draw_batch
from finetune.builtin.corpus import Gallery, held_out_look
from finetune.builtin.draw_pack import load_pack
from finetune.builtin.export import export, file_sha256
from finetune.builtin.eyes import features_of, train_eyes
from finetune.builtin.model import Size, build_model
from finetune.builtin.optimizer import make_optimizers, set_rate
from finetune.builtin.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import LlavaForConditionalGeneration

_EYES = ("model.vision_tower.", "model.multi_modal_projector.")


@dataclass(frozen=True, slots=True)
class Settings:
    """One run. tokens: of the prompts, padding included, over the whole run; step_tokens: in one step.

    first_lesson: where a run begins that goes on from another. level_up: accuracy at which the next lesson begins;
    latest: share of the run after which it begins anyway.
    relevance_weight: of the auxiliary targets at candidates, attributes and pictures.
    reading_weight, reading_share: of predicting the prompt itself, at that share of its places; it fades out.
    """

    seed: int = 0
    tokens: int = 16_000_000
    step_tokens: int = 8_000
    eye_epochs: int = 10
    muon_lr: float = 0.012
    adam_lr: float = 1.5e-3
    warmup_steps: int = 30
    cool_down: float = 0.3
    relevance_weight: float = 1.0
    first_lesson: int = 1
    level_up: float = 0.8
    latest: tuple[float, ...] = (0.4, 0.55, 0.65, 0.75)
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


class Trainer:
    """Model, data and optimisers of one run, and the loop over them."""

    def __init__(self, settings: Settings, pack: Path, run: Path, device: str, *, start: Path | None = None) -> None:
        self.settings, self.run, self.device, self.start = settings, run, device, start
        self.pack_sha256 = file_sha256(pack)
        run.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(settings.seed)
        self.tokenizer = _tokenizer(run, settings)
        self.model = build_model(settings.size, self.tokenizer)
        self.model.to(torch.device(device))  # type: ignore[arg-type]
        AttentionInterface.register("precise", precise_attention)
        self.model.model.language_model.set_attn_implementation("precise")
        self.probes = Probes(settings.size).to(device)
        self.encoder = Encoder(self.tokenizer, settings.size.picture_tokens)
        pictures, looks = load_pack(pack)
        rows = [row for row, look in enumerate(looks) if not held_out_look(look)]
        self.pictures, self.looks = pictures[rows], [looks[row] for row in rows]
        self.gallery = Gallery.of(self.looks)
        self.progress = Progress()

    def go(self) -> None:
        """The whole run: eyes, then the mixture, then the export."""
        self.open_eyes()
        self.features = features_of(self.model, self.pictures, self.device)
        self.model.model.vision_tower.requires_grad_(requires_grad=False)
        decoder = self.model.model.language_model
        self.optimizers = make_optimizers(
            (decoder, self.model.lm_head, self.model.model.multi_modal_projector, self.probes),
            [decoder.layers],
            muon_lr=self.settings.muon_lr,
            adam_lr=self.settings.adam_lr,
        )
        set_rate(self.optimizers, 1.0)
        self._resume()
        self._loop()
        self._save_settings()
        export(self.model, self.tokenizer, self.settings.size, self.run / "export")
        _say(f"exported to {self.run / 'export'}")

    def open_eyes(self, *, again: bool = False) -> None:
        """Train the vision tower, or take it from an earlier start of this run; a run without pictures needs none.

        again: train it further, from where it stands.
        """
        if not self.settings.mixture.pictures:
            return
        path = self.run / "eyes.pt"
        parts = nn.ModuleList([self.model.model.vision_tower, self.model.model.multi_modal_projector])
        if path.exists():
            parts.load_state_dict(torch.load(path, weights_only=True, map_location=self.device))
            if not again:
                return
        train_eyes(
            self.model,
            self.pictures,
            self.looks,
            epochs=self.settings.eye_epochs,
            seed=self.settings.seed,
            device=self.device,
            report=_say,
        )
        _save(parts.state_dict(), path)

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
        self._checkpoint()

    def _batch(self, step: int) -> Batch:
        """The batch of a step depends on the seed, the step and the level alone, so that a resumed run goes on."""
        rng = random.Random(f"{self.settings.seed}/{step}")  # noqa: S311
        level, tokens = self.progress.level, self.settings.step_tokens
        return draw_batch(rng, self.encoder, self.gallery, self.settings.mixture, level=level, tokens=tokens)

    def _step(self, batch: Batch) -> None:
        progress, settings = self.progress, self.settings
        share = progress.tokens / settings.tokens
        rate = min(1.0, (progress.step + 1) / settings.warmup_steps, (1 - share) / settings.cool_down)
        set_rate(self.optimizers, max(rate, 0.02))
        with torch.autocast(self.device, dtype=torch.bfloat16):
            states = read(self.model, batch, self.features, self.device)
            hidden = states[-1]
            targets = batch.targets.to(self.device)
            logits = self.model.lm_head(hidden[targets != IGNORED]).float()
            wanted = targets[targets != IGNORED]
            loss = functional.cross_entropy(logits, wanted)
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
            hits = [float(hit) for kind, hit in zip(batch.kinds, right.tolist(), strict=True) if kind != "look"]
            progress.accuracy += (sum(hits) / max(1, len(hits)) - progress.accuracy) * 0.04
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
        with (self.run / "curve.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
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
            "pictures": self.settings.mixture.pictures,
        }
        _save(state, self.run / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.run / "checkpoint.pt"
        if not path.exists():
            if self.start is not None:
                self._grow(self.start / "checkpoint.pt")
            return
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        weights = state["model"]
        if self.settings.mixture.pictures and not state["pictures"]:  # the run begins to see: keep the trained eyes
            weights = {name: held for name, held in weights.items() if not name.startswith(_EYES)}
        self.model.load_state_dict(weights, strict=len(weights) == len(state["model"]))
        self.probes.load_state_dict(state["probes"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            groups = optimizer.state_dict()["param_groups"]  # the rates are this start's, not the last one's
            optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})
        self.progress = Progress(**state["progress"])
        _say(f"resumed at step {self.progress.step}")

    def _grow(self, path: Path) -> None:
        """Begin with what another run has learnt, perhaps with fewer layers: further ones begin as doing nothing."""
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        known = {name: held for name, held in state["model"].items() if not name.startswith(_EYES)}
        self.model.load_state_dict(known, strict=False)
        self.probes.load_state_dict(state["probes"])
        for depth, layer in enumerate(self.model.model.language_model.layers):
            if not any(f".language_model.layers.{depth}." in name for name in known):
                nn.init.zeros_(layer.self_attn.o_proj.weight)
                nn.init.zeros_(layer.mlp.down_proj.weight)
        self.progress.level = self.settings.first_lesson
        _say(f"goes on from {path}")

    def _save_settings(self) -> None:
        """What was run, on which data, for how long: beside the weights."""
        record = {
            "settings": asdict(self.settings),
            "pack_sha256": self.pack_sha256,
            "progress": asdict(self.progress),
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
        }
        (self.run / "training.json").write_text(json.dumps(record, indent=2) + "\n")


def precise_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention in float32 under autocast: on a CPU, narrow heads are 1.1 to 3 times as fast as in bfloat16."""
    del module, attention_mask
    with torch.autocast(query.device.type, enabled=False):
        out = functional.scaled_dot_product_attention(query.float(), key.float(), value.float(), is_causal=True)
    return out.transpose(1, 2).to(query.dtype), None


def read(
    model: LlavaForConditionalGeneration, batch: Batch, features: torch.Tensor, device: str
) -> Sequence[torch.Tensor]:
    """The decoder's states, (n, length, width) each, from before the first layer to after the last.

    Pictures are put in from their stored tower features.

    Rows are padded on the right, so the causal mask alone keeps padding out of everything that is learned.
    """
    ids = batch.ids.to(device)
    inputs = model.model.language_model.embed_tokens(ids)
    if len(batch.pictures):
        projected = model.model.multi_modal_projector(features[batch.pictures.to(device)])
        here = ids == model.config.image_token_id
        inputs = inputs.masked_scatter(here.unsqueeze(-1), projected.to(inputs.dtype))
    output = model.model.language_model(inputs_embeds=inputs, use_cache=False, output_hidden_states=True)
    states: Sequence[torch.Tensor] = output.hidden_states
    return states


class Probes(nn.Module):
    """What the layers are to know on the way to the answer, read off by linear heads that are not exported.

    After the first layer: in which section of the prompt a word stands. Half-way: which letter a candidate has.
    Half-way and at the end: whether an attribute is wanted. At two thirds and at the end: how much of what is wanted
    a candidate has.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.sections = nn.Linear(size.width, 3)
        self.names = nn.Linear(size.width, len(LETTERS))
        self.match = nn.ModuleList([nn.Linear(size.width, 1) for _ in range(2)])
        self.relevance = nn.ModuleList([nn.Linear(size.width, 1) for _ in range(2)])
        self.norm = nn.RMSNorm(size.width, elementwise_affine=False)
        self.depths = (size.layers // 2, size.layers), (size.layers - size.layers // 3, size.layers)

    def forward(self, states: Sequence[torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
        """The losses by name; 0 for what a batch has no labels of."""
        where = batch.sections.to(states[0].device)
        zero = states[-1].sum() * 0.0
        losses = {
            "section": zero,
            "letter": zero,
            "early match": zero,
            "match": zero,
            "early relevance": zero,
            "relevance": zero,
        }
        if not bool((where != IGNORED).any()):
            return losses
        guess = self.sections(self.norm(states[1])).float()
        losses["section"] = functional.cross_entropy(guess.flatten(0, 1), where.flatten(), ignore_index=IGNORED)
        named = batch.names.to(where.device)
        here = named != IGNORED
        guess = self.names(self.norm(states[self.depths[0][0]][here])).float()
        losses["letter"] = functional.cross_entropy(guess, named[here])
        for name, labels, heads, depths in (
            ("match", batch.match, self.match, self.depths[0]),
            ("relevance", batch.relevance, self.relevance, self.depths[1]),
        ):
            labels = labels.to(where.device)
            places = labels >= 0
            if places.any():
                for prefix, head, depth in zip(("early ", ""), heads, depths, strict=True):
                    said = head(self.norm(states[depth][places])).float().squeeze(-1)
                    losses[prefix + name] = functional.binary_cross_entropy_with_logits(said, labels[places])
        return losses


def _tokenizer(run: Path, settings: Settings) -> Tokenizer:
    from tokenizers import Tokenizer

    path = run / "tokenizer.json"
    if path.exists():
        return Tokenizer.from_file(str(path))
    tokenizer = train_tokenizer(settings.size.vocabulary, settings.seed)
    tokenizer.save(str(path))
    return tokenizer


def _blend(means: dict[str, float], name: str, value: float, keep: float = 0.97) -> None:
    means[name] = value if name not in means else means[name] * keep + value * (1 - keep)


def _save(state: object, path: Path) -> None:
    """Write whole or not at all: a full disk or a kill leaves the last good file."""
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    fresh.replace(path)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    usual = Settings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=usual.tokens)
    parser.add_argument("--eyes-only", action="store_true", help="train the vision tower alone, beside another run")
    parser.add_argument("--step-tokens", type=int, default=usual.step_tokens)
    parser.add_argument("--eye-epochs", type=int, default=usual.eye_epochs)
    parser.add_argument("--layers", type=int, default=usual.size.layers)
    parser.add_argument("--start", type=Path, help="run folder whose weights to begin with; it may have fewer layers")
    parser.add_argument("--first-lesson", type=int, default=usual.first_lesson, help="of a run that has a --start")
    parser.add_argument("--rank", type=float, default=usual.mixture.rank, help="share of steps that rank")
    parser.add_argument("--reason", type=float, default=usual.mixture.reason, help="share of steps that write reasons")
    options = parser.parse_args()
    settings = Settings(
        seed=options.seed,
        tokens=options.tokens,
        step_tokens=options.step_tokens,
        eye_epochs=options.eye_epochs,
        size=Size(layers=options.layers),
        first_lesson=options.first_lesson,
        mixture=Mixture(rank=options.rank, reason=options.reason, pictures=options.eye_epochs > 0),
    )
    trainer = Trainer(settings, options.pack, options.run, options.device, start=options.start)
    if options.eyes_only:
        trainer.open_eyes(again=True)
    else:
        trainer.go()


if __name__ == "__main__":
    main()
