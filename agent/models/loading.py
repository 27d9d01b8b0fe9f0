"""Reads a checkpoint and its adapter from disk: safetensors only, no code from the checkpoint, nothing half loaded."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.models.memory import is_out_of_memory
from retrieval.errors import ModelUnavailableError, SettingsError, WeightsError
from retrieval.quiet import forbid_telemetry, without_progress_bars

forbid_telemetry()  # when this is imported: before any library that we load here can be

CHECKSUMS = "checksums.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"


def load_checkpoint(
    model_id: str, *, device: str | None = None, dtype: str | None = None, four_bit: bool = False
) -> tuple[Any, Any]:
    """The model in inference mode and its processor.

    model_id: a folder or a hub name. device: default the GPU where there is one. dtype: default float32 on the CPU
    and bfloat16 on a GPU. four_bit: the language model's weights in 4 bits (NF4), on a GPU, to tune a model that is
    large for it. Raises WeightsError when files are missing, damaged, not safetensors, or fill only a part of the
    model, ModelUnavailableError when memory does not suffice, SettingsError for four bits where there is no GPU or no
    bitsandbytes.
    """
    check_folder(model_id)
    import transformers
    from safetensors import SafetensorError

    auto_model: Any = transformers.AutoModelForImageTextToText
    device = device or best_device()
    dtype = dtype or ("bfloat16" if device.startswith("cuda") else "float32")
    packed = _four_bits(device) if four_bit else {}
    try:
        with without_progress_bars():
            processor = _processor(model_id)
            model, report = auto_model.from_pretrained(
                model_id, trust_remote_code=False, use_safetensors=True, dtype=dtype, output_loading_info=True, **packed
            )
            model = model if four_bit else model.to(device)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise ModelUnavailableError(
                f"the memory of {device} does not suffice to load {model_id}; take a smaller base, or four_bit=true to "
                "tune it on a GPU"
            ) from error
        raise WeightsError(f"the model {model_id} cannot be loaded: {_first_line(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing or report["mismatched_keys"]:
        raise WeightsError(
            f"the weights of {model_id} do not fit its config.json: {len(missing)} tensors missing "
            f"(first: {missing[:1]}), {len(report['mismatched_keys'])} of another shape; get the checkpoint again"
        )
    return model.eval(), _without_tiles(processor)


def _processor(model_id: str) -> Any:
    """The checkpoint's tokenizer and picture processor.

    Where there is no torchvision, without the part for videos, which some checkpoints have and nothing here uses.
    """
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    automatic: Any = transformers.AutoProcessor
    try:
        return automatic.from_pretrained(model_id, trust_remote_code=False, padding_side="left")
    except ImportError:
        config = transformers.AutoConfig.from_pretrained(model_id, trust_remote_code=False)
        kinds: Any = PROCESSOR_MAPPING
        kind = kinds[type(config)]
        if "video_processor" not in kind.get_attributes():
            raise
    return _for_pictures(kind).from_pretrained(model_id, trust_remote_code=False, padding_side="left")


def _for_pictures(kind: Any) -> Any:
    """The same kind of processor with nothing in the place of its video part."""
    from transformers import ProcessorMixin

    class ForPictures(kind):  # type: ignore[misc]
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [part for part in super().get_attributes() if part != "video_processor"]

        @classmethod
        def _get_arguments_from_pretrained(cls, *args: Any, **options: Any) -> list[Any]:
            image_processor, tokenizer = super()._get_arguments_from_pretrained(*args, **options)
            return [image_processor, tokenizer, None]

        def apply_chat_template(self, *args: Any, **options: Any) -> Any:
            return ProcessorMixin.apply_chat_template(self, *args, **options)  # SmolVLM's own asks the video part

    return ForPictures


def check_four_bit(device: str) -> None:
    """Raises SettingsError where a model cannot be loaded in 4 bits."""
    there = find_spec("bitsandbytes") is not None
    if not device.startswith("cuda") or not there:
        raise SettingsError(
            f"four_bit needs a GPU and bitsandbytes; the device is {device}, and bitsandbytes is "
            f"{'there' if there else 'not installed'}; say four_bit=false, or pip install bitsandbytes"
        )


def best_device() -> str:
    """The GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _four_bits(device: str) -> dict[str, Any]:
    """Options of `from_pretrained`. Raises SettingsError."""
    import torch
    import transformers

    check_four_bit(device)
    make: Any = transformers.BitsAndBytesConfig
    config = make(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
        llm_int8_skip_modules=["vision_tower", "vision_model", "visual", "multi_modal_projector", "lm_head"],
    )
    return {"quantization_config": config, "device_map": {"": device}}


def load_adapter(model: Any, folder: str | Path, *, merge: bool) -> Any:
    """The model with a peft adapter's weights in it.

    merge: in float32 they are merged, which makes generation as fast as without an adapter; in half precision merging
    would round, so they stay beside. Raises WeightsError unless every tensor of the adapter finds its place.
    """
    folder = Path(folder)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise WeightsError(f"the adapter {folder.name} has no {ADAPTER_WEIGHTS}; only safetensors adapters are loaded")
    import torch
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / ADAPTER_WEIGHTS, "pt") as file:
            given = set(file.keys())
        tuned = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
        raise WeightsError(f"the adapter {folder.name} cannot be loaded: {_first_line(error)}") from error
    placed = set(get_peft_model_state_dict(tuned, save_embedding_layers=False))  # "auto" asks the hub
    if given != placed:
        raise WeightsError(
            f"the adapter {folder.name} does not fit this model: {len(given - placed)} of its tensors have no place "
            f"and {len(placed - given)} places no tensor; it was trained on another model"
        )
    return tuned.merge_and_unload().eval() if merge and model.dtype == torch.float32 else tuned.eval()


def check_folder(model_id: str) -> None:
    """Raises WeightsError when a local folder holds no model, or its checksums do not match its files."""
    folder = Path(model_id)
    if not folder.is_dir():
        if folder.is_absolute():
            raise WeightsError(f"there is no model in {folder}")
        return
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{folder} holds no model: config.json is missing")
    if not (folder / CHECKSUMS).is_file():
        return
    try:
        checksums = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{folder / CHECKSUMS} is not JSON: {error}") from error
    for name, expected in checksums.items():
        path = folder / name
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        if found != expected:
            raise WeightsError(f"{path} is damaged: its SHA-256 is {found}, expected {expected}; install it again")


def _without_tiles(processor: Any) -> Any:
    """Thumbnails are small: cutting an enlarged one into tiles costs thousands of tokens and shows nothing more."""
    pictures = processor.image_processor
    if getattr(pictures, "do_image_splitting", False):
        pictures.do_image_splitting = False
        pictures.size = pictures.max_image_size  # nor is it enlarged first, to be made small again
    return processor


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
