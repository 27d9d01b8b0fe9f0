"""Models by name: what it takes to use a known checkpoint, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.models.base import ModelInfo
from retrieval.errors import SettingsError

_PROJECTIONS = r"\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
LANGUAGE_MODEL = r".*language_model.*" + _PROJECTIONS
_BUILTIN = str(Path(__file__).parent.parent / "builtin")
TEXT_MODEL = r".*text_model.*" + _PROJECTIONS


@dataclass(frozen=True, slots=True)
class Preset:
    """A checkpoint and how it is used.

    model_id: a folder, absolute, or a name on the model hub: equal ones are the same checkpoint.
    lora_targets: regex of the modules that an adapter tunes: the language model only, never the vision tower.
    lora_rate: learning rate for such an adapter, lower for large models.
    image_px: side of the square thumbnails it is shown; chosen for few picture tokens.
    max_prompt_tokens, max_images: what one prompt may hold, pictures included.
    alpha: weight of the retriever's prior where no adapter brings its own. The built-in model's is so great that the
    retrievers' order nearly stays: on catalogues that it was never tuned on a small one does harm (docs/tuning.md).
    guided: whether its reasons are written within a pattern (`agent.reason_pattern`).
    orders: in how many orders it reads a list, 1 or 2.
    understands: whether it reads messages of a conversation: for models tuned to follow instructions; the built-in one
    was measured to be worse than rules.
    tiles: whether its picture processor enlarges pictures and cuts them into tiles unless it is told not to.
    """

    model_id: str
    lora_targets: str
    image_px: int
    max_prompt_tokens: int
    max_images: int = 32
    alpha: float = 1.0
    guided: bool = False
    orders: int = 1
    understands: bool = False
    tiles: bool = False
    lora_rate: float = 2e-4

    def info(self, name: str, adapter: str | None) -> ModelInfo:
        """What callers must know of the model that is called so, with the adapter that it is served with."""
        limits = (self.image_px, self.max_prompt_tokens, self.max_images)
        alpha = self.alpha if adapter is None else 1.0
        return ModelInfo(name, adapter, *limits, alpha, self.guided, self.orders, self.understands)


PRESETS: dict[str, Preset] = {
    "builtin": Preset(_BUILTIN, LANGUAGE_MODEL, 96, 1920, alpha=64.0, guided=True, orders=2, lora_rate=2e-3),
    "llava-1.5-7b": Preset("llava-hf/llava-1.5-7b-hf", LANGUAGE_MODEL, 336, 3800, 4, understands=True),
    "llava-next-7b": Preset("llava-hf/llava-v1.6-vicuna-7b-hf", LANGUAGE_MODEL, 336, 3800, 2, understands=True),
    "qwen2.5-vl-3b": Preset("Qwen/Qwen2.5-VL-3B-Instruct", LANGUAGE_MODEL, 112, 8192, understands=True),
    "qwen2.5-vl-7b": Preset("Qwen/Qwen2.5-VL-7B-Instruct", LANGUAGE_MODEL, 112, 8192, understands=True),
    "qwen3-vl-4b": Preset("Qwen/Qwen3-VL-4B-Instruct", LANGUAGE_MODEL, 256, 8192, understands=True),
    "qwen3-vl-8b": Preset("Qwen/Qwen3-VL-8B-Instruct", LANGUAGE_MODEL, 256, 8192, understands=True),
    "smolvlm2-2b": Preset("HuggingFaceTB/SmolVLM2-2.2B-Instruct", TEXT_MODEL, 384, 8192, understands=True, tiles=True),
    "gemma-3-4b": Preset("google/gemma-3-4b-it", LANGUAGE_MODEL, 896, 16384, understands=True),
}

_UNKNOWN_CHECKPOINT = Preset("", LANGUAGE_MODEL, 336, 4096, 8)


def preset_of(name: str) -> Preset:
    """The preset of that name, or a cautious one for a folder or a hub name that has none.

    Raises SettingsError for a bare word that is neither a preset nor a folder.
    """
    if name in PRESETS:
        return PRESETS[name]
    if "/" not in name and not Path(name).is_dir():
        raise SettingsError(
            f"no model is called {name!r}; give one of {', '.join(PRESETS)}, a folder, or a hub name like owner/model"
        )
    unknown = _UNKNOWN_CHECKPOINT
    model_id = str(Path(name).resolve()) if Path(name).is_dir() else name
    return Preset(model_id, unknown.lora_targets, unknown.image_px, unknown.max_prompt_tokens, unknown.max_images)
