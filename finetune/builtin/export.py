"""Write the trained model as the folder that the engines load: names as vLLM expects them, bfloat16, checksums."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.builtin.model import CHAT_TEMPLATE, Size, build_processor

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import LlavaForConditionalGeneration

MAX_SHARD_BYTES = 15 * 1024 * 1024
_RENAMES = (
    ("model.vision_tower.vision_model.", "vision_tower.vision_model."),
    ("model.vision_tower.", "vision_tower.vision_model."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("model.language_model.", "language_model.model."),
    ("lm_head.", "language_model.lm_head."),
)


def export(model: LlavaForConditionalGeneration, tokenizer: Tokenizer, size: Size, folder: Path) -> None:
    """Write config, weights, tokenizer, processor and checksums into `folder`; files of the model there are replaced.

    Everything is written beside the folder first, so that an export cut short leaves the old one whole.
    """
    import torch

    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    state = {vllm_name(name): tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    _save_shards(state, fresh)
    config = model.config.to_dict() | {"architectures": ["LlavaForConditionalGeneration"], "dtype": "bfloat16"}
    (fresh / "config.json").write_text(json.dumps(config, indent=2, default=str) + "\n")
    build_processor(size, tokenizer).save_pretrained(fresh)
    _settle_processor(fresh)
    write_checksums(fresh)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("model*.safetensors*"):
        old.unlink()
    for path in sorted(fresh.iterdir()):
        path.chmod(0o644)
        path.replace(folder / path.name)
    fresh.rmdir()


def vllm_name(name: str) -> str:
    """A weight's name in LLaVA's original files, which is what vLLM reads, from transformers' own."""
    for ours, theirs in _RENAMES:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise ValueError(f"weight {name!r} has no place in a LLaVA file; expected one of {[o for o, _ in _RENAMES]}")


def own_name(name: str) -> str:
    """The other way round: a weight's name in transformers from its name in LLaVA's original files."""
    for ours, theirs in _RENAMES[1:]:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    raise ValueError(f"weight {name!r} is none of LLaVA's; expected one of {[t for _, t in _RENAMES]}")


def load_exported(model: LlavaForConditionalGeneration, folder: Path, *, decoder_only: bool = False) -> None:
    """Put the weights of an exported model into a new one, whose vocabulary may have grown at its end.

    decoder_only: leave the vision tower and the projector as they are. Raises RuntimeError where sizes differ.
    """
    import torch
    from safetensors.torch import load_file

    held: dict[str, torch.Tensor] = {}
    for shard in sorted(folder.glob("model*.safetensors")):
        held |= {own_name(name): tensor.float() for name, tensor in load_file(shard).items()}
    if decoder_only:
        held = {name: tensor for name, tensor in held.items() if "language_model." in name or "lm_head." in name}
    own = model.state_dict()
    for name in ("model.language_model.embed_tokens.weight", "lm_head.weight"):
        held[name] = torch.cat([held[name], own[name][len(held[name]) :]])
    missing = set(own) - set(held)
    if not decoder_only and missing:
        raise RuntimeError(f"{folder} lacks {len(missing)} weights, such as {min(missing)}; it is another model")
    model.load_state_dict(held, strict=False)


def write_checksums(folder: Path) -> None:
    """SHA-256 of every file of the model, by name, in checksums.json."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix in (".json", ".jinja", ".safetensors"))
    sums = {name: file_sha256(folder / name) for name in names if name != "checksums.json"}
    (folder / "checksums.json").write_text(json.dumps(sums, indent=2) + "\n")


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _save_shards(state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """One file when it is small enough, else shards and their index."""
    from safetensors.torch import save_file

    shards: list[dict[str, torch.Tensor]] = [{}]
    room = MAX_SHARD_BYTES
    for name, tensor in state.items():
        bytes_needed = tensor.numel() * tensor.element_size()
        if bytes_needed > room and shards[-1]:
            shards.append({})
            room = MAX_SHARD_BYTES
        shards[-1][name] = tensor
        room -= bytes_needed
    names = ["model.safetensors"]
    if len(shards) > 1:
        names = [f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors" for i in range(len(shards))]
        total = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
        places = {name: file for file, shard in zip(names, shards, strict=True) for name in shard}
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    for file, shard in zip(names, shards, strict=True):
        save_file(shard, folder / file, metadata={"format": "pt"})


def _settle_processor(folder: Path) -> None:
    """Files that older readers look for: the picture processor's own, and the template inside the tokenizer's."""
    processor = json.loads((folder / "processor_config.json").read_text())
    pictures = processor["image_processor"] | {"image_processor_type": "CLIPImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures, indent=2) + "\n")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHAT_TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
