"""Teach the vision tower to write what it sees in the decoder's own words.

python -m finetune.builtin.train_eyes --pack pack.npz --held held.npz --run runs/eyes --device cpu --seed 0

The words are those of the model in `--words`, which stays as it is; the eyes of `finetune/builtin/weights` are a
`--start` that saves an hour. Resumable: run the same command again and it goes
on after the last whole epoch. Packs come from `python -m finetune.builtin.draw_pack`; `--pack` may be given more than
once. Looks that are held out for measuring are left out; on them, in `--held`, the figures at the end are measured.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from agent.models.presets import PRESETS
from finetune.builtin.draw_pack import load_pack, load_training_packs
from finetune.builtin.drawing.look import Look, held_out_look
from finetune.builtin.export import file_sha256, load_exported
from finetune.builtin.eyes import TOLD, EyeSettings, EyeTrainer, Lines, load_eyes, save_eyes, words_of
from finetune.builtin.files import add_line
from finetune.builtin.model import Size, build_model
from finetune.devices import device_option

if TYPE_CHECKING:
    from transformers import LlavaForConditionalGeneration


_QUOTED = re.compile('"([^"]*)"')


@torch.no_grad()
def measure_eyes(
    model: LlavaForConditionalGeneration, lines: Lines, pictures: NDArray[np.uint8], looks: list[Look], device: str
) -> dict[str, float]:
    """Share of the pictures whose tokens are nearest to the right word, quoted or not, by each thing told of a look."""
    seen = words_of(model, pictures, device).float()
    words = model.model.language_model.embed_tokens.weight.float()
    told = torch.cat([torch.cdist(part.flatten(0, 1), words).argmin(-1) for part in torch.split(seen, 256)])
    read = [_QUOTED.sub(r" \1", f"{text};") for text in lines.read(told.view(len(pictures), -1).cpu())]
    return {name: round(float(np.mean(_right(name, read, looks))), 4) for name in TOLD}


def _right(name: str, read: Sequence[str], looks: Sequence[Look]) -> list[bool]:
    return [f"; {name} {getattr(look, name)};" in text for text, look in zip(read, looks, strict=True)]


def main() -> None:
    usual = EyeSettings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, action="append", required=True, help="may be given more than once")
    parser.add_argument("--held", type=Path, help="pack of another seed, for the figures")
    parser.add_argument("--run", type=Path, required=True)
    words = Path(PRESETS["builtin"].model_id)
    parser.add_argument("--words", type=Path, default=words, help="folder of the model whose words are used")
    parser.add_argument("--start", type=Path, help="run whose eyes to begin with")
    parser.add_argument("--device", type=device_option, choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    options = parser.parse_args()
    settings = EyeSettings(epochs=options.epochs, seed=options.seed)
    options.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    size, tokenizer = Size(), Tokenizer.from_file(str(options.words / "tokenizer.json"))
    model = build_model(size, tokenizer)
    load_exported(model, options.words, decoder_only=True)
    if options.start is not None:
        load_eyes(model, options.start)
    model.to(options.device)
    lines = Lines(tokenizer, size.picture_tokens)
    trainer = EyeTrainer(model, lines, settings, options.run, options.device)
    if trainer.resume():
        print(f"goes on after epoch {trainer.epoch}", file=sys.stderr)
    pictures, looks = load_training_packs(options.pack)

    def report(line: dict[str, float]) -> None:
        rounded = {name: round(value, 4) for name, value in line.items()}
        print(json.dumps(rounded), file=sys.stderr, flush=True)
        add_line(rounded, options.run / "curve.jsonl")

    trainer.train(pictures, looks, report)
    save_eyes(model, options.run)
    record = {
        "settings": asdict(settings),
        "size": asdict(size),
        "pack_sha256": [file_sha256(pack) for pack in options.pack],
        "pictures": len(pictures),
    }
    if options.held is not None:
        held_pictures, held_looks = load_pack(options.held)
        rows = [row for row, look in enumerate(held_looks) if held_out_look(look)]
        record["held_out_looks"] = measure_eyes(
            model, lines, held_pictures[rows], [held_looks[row] for row in rows], options.device
        )
    (options.run / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
