"""Model families, each as a tiny checkpoint with random weights: model, tokenizer, picture processor, chat template.

Layouts are those of the published checkpoints: their special tokens, chat templates, and the picture settings that
decide how many tokens a picture is. Sizes are the smallest that servers take (heads of 32).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POSITIONS = 8192
_TEXT = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": POSITIONS,
    "initializer_range": 0.15,
}
_CLIP = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 56,
    "patch_size": 14,
    "projection_dim": 64,
}
_SIGLIP = {name: value for name, value in _CLIP.items() if name != "projection_dim"}


@dataclass(frozen=True, slots=True)
class Family:
    """preset: of the product, for the layers that are tuned. image_px: side of the thumbnails that it is shown.

    save: writes the checkpoint into a folder.
    """

    name: str
    preset: str
    image_px: int
    save: Callable[[Path], None]


def _tokenizer(
    special: Sequence[str], *, end: str, pad: str, begin: str | None = None, words: Sequence[str] = (), **named: str
) -> Any:
    """Every byte is a token, and so are the words. begin: is put before every text, as Llama's tokenizers do."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(special),
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([], trainer)
    inner.add_tokens([AddedToken(word, normalized=False) for word in words])
    if begin is not None:
        inner.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, inner.token_to_id(begin))]
        )
    known = {end, pad, begin, *named.values()}
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=pad,
        eos_token=end,
        bos_token=begin,
        extra_special_tokens=named,
        additional_special_tokens=[token for token in special if token not in known],
        padding_side="left",
    )


def _ids(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
    }


def _save_model(kind: str, config: Any, tokenizer: Any, folder: Path) -> None:
    """Under the names of the published checkpoints, whose vision towers are one level deeper than they are saved."""
    import torch
    import transformers
    from safetensors.torch import load_file, save_file

    torch.manual_seed(0)
    model = getattr(transformers, kind)(config).eval()
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    weights = folder / "model.safetensors"
    tower, published = "vision_tower.", "vision_tower.vision_model."
    renamed = {name.replace(tower, published): tensor for name, tensor in load_file(weights).items()}
    save_file(renamed, weights, metadata={"format": "pt"})


_VICUNA = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def _llava_tokenizer() -> Any:
    return _tokenizer(["<unk>", "<s>", "</s>", "<image>", "<pad>"], begin="<s>", end="</s>", pad="<pad>")


def _save_llava(folder: Path) -> None:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = _llava_tokenizer()
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_CLIP),
        text_config=LlamaConfig(**_TEXT, **_ids(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=16,
    )
    _save_model("LlavaForConditionalGeneration", config, tokenizer, folder)
    side = {"height": 56, "width": 56}
    LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=side),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_VICUNA,
    ).save_pretrained(folder)


def _save_llava_next(folder: Path) -> None:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig, LlavaNextProcessor
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    tokenizer = _llava_tokenizer()
    tiles = [[56, 112], [112, 56], [112, 112], [168, 56], [56, 168]]
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(**_CLIP),
        text_config=LlamaConfig(**_TEXT, **_ids(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=tiles,
        image_seq_length=16,
    )
    _save_model("LlavaNextForConditionalGeneration", config, tokenizer, folder)
    side = {"height": 56, "width": 56}
    LlavaNextProcessor(
        LlavaNextImageProcessorPil(size={"shortest_edge": 56}, crop_size=side, image_grid_pinpoints=tiles),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_VICUNA,
    ).save_pretrained(folder)


_QWEN_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_QWEN = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_MROPE = {"rope_type": "default", "rope_theta": 1_000_000.0}


def _qwen_tokenizer() -> Any:
    return _tokenizer(_QWEN_SPECIAL, end="<|im_end|>", pad="<|endoftext|>")


def _qwen_ids(tokenizer: Any) -> dict[str, int]:
    marks = ("image", "video")
    found = {f"{mark}_token_id": tokenizer.convert_tokens_to_ids(f"<|{mark}_pad|>") for mark in marks}
    ends = ("start", "end")
    return found | {f"vision_{end}_token_id": tokenizer.convert_tokens_to_ids(f"<|vision_{end}|>") for end in ends}


def _save_qwen_processor(kind: str, folder: Path, tokenizer: Any, pictures: dict[str, Any]) -> None:
    """As files: the processor itself, with its part for videos, is only made where torchvision is.

    pictures: with the mean and the deviation of pixels, which servers look for in the file alone.
    """
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(_QWEN, encoding="utf-8")
    settings = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": kind, **pictures}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    videos = "Qwen3VLVideoProcessor" if kind.startswith("Qwen3") else "Qwen2VLVideoProcessor"
    settings = {"video_processor_type": videos, "processor_class": kind, **pictures}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _save_qwen2_5(folder: Path) -> None:
    from transformers import Qwen2_5_VLConfig
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    tokenizer = _qwen_tokenizer()
    vision = {
        "depth": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_heads": 2,
        "out_hidden_size": 128,
        "fullatt_block_indexes": [1],
    }
    text = _TEXT | _ids(tokenizer) | {"rope_parameters": _MROPE | {"mrope_section": [4, 6, 6]}, "rms_norm_eps": 1e-6}
    config = Qwen2_5_VLConfig(vision_config=vision, text_config=text, **_qwen_ids(tokenizer))
    _save_model("Qwen2_5_VLForConditionalGeneration", config, tokenizer, folder)
    pictures = {"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
    pictures |= {"image_mean": OPENAI_CLIP_MEAN, "image_std": OPENAI_CLIP_STD}
    _save_qwen_processor("Qwen2_5_VLProcessor", folder, tokenizer, pictures)


def _save_qwen3(folder: Path) -> None:
    from transformers import Qwen3VLConfig

    tokenizer = _qwen_tokenizer()
    vision = {
        "depth": 3,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_heads": 2,
        "out_hidden_size": 128,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    }
    rope = _MROPE | {"mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = _TEXT | _ids(tokenizer) | {"head_dim": 32, "rope_parameters": rope}
    config = Qwen3VLConfig(vision_config=vision, text_config=text, **_qwen_ids(tokenizer))
    _save_model("Qwen3VLForConditionalGeneration", config, tokenizer, folder)
    half = [0.5, 0.5, 0.5]
    size = {"shortest_edge": 4096, "longest_edge": 16777216}
    pictures = {"size": size, "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2}
    pictures |= {"image_mean": half, "image_std": half}
    _save_qwen_processor("Qwen3VLProcessor", folder, tokenizer, pictures)


_IDEFICS_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)
_IDEFICS = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def _save_idefics3(folder: Path) -> None:
    from transformers import Idefics3Config, Idefics3Processor, LlamaConfig
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokenizer = _tokenizer(_IDEFICS_SPECIAL, end="<end_of_utterance>", pad="<|im_end|>")
    config = Idefics3Config(
        vision_config=_SIGLIP,
        text_config=LlamaConfig(**_TEXT, **_ids(tokenizer)),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
    )
    _save_model("Idefics3ForConditionalGeneration", config, tokenizer, folder)
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 4 * 56}, max_image_size={"longest_edge": 56})
    Idefics3Processor(pictures, tokenizer, image_seq_len=4, chat_template=_IDEFICS).save_pretrained(folder)


def _save_smolvlm2(folder: Path) -> None:
    """As files: the processor itself is only made where torchvision and num2words are."""
    from transformers import LlamaConfig, SmolVLMConfig

    tokenizer = _tokenizer((*_IDEFICS_SPECIAL, "<video>"), end="<end_of_utterance>", pad="<|im_end|>")
    config = SmolVLMConfig(
        vision_config=_SIGLIP,
        text_config=LlamaConfig(**_TEXT, **_ids(tokenizer)),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
    )
    _save_model("SmolVLMForConditionalGeneration", config, tokenizer, folder)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(_IDEFICS, encoding="utf-8")
    sizes = {"size": {"longest_edge": 4 * 56}, "max_image_size": {"longest_edge": 56}}
    pictures = sizes | {"image_processor_type": "SmolVLMImageProcessor", "do_image_splitting": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(pictures), encoding="utf-8")
    settings = {"processor_class": "SmolVLMProcessor", "image_seq_len": 4}
    (folder / "processor_config.json").write_text(json.dumps(settings), encoding="utf-8")


_GEMMA_SPECIAL = (
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<start_of_image>",
    "<end_of_image>",
    "<image_soft_token>",
)
_GEMMA = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}"
    "{%- if messages[0]['content'] is string -%}{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}"
    "{%- else -%}{%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}"
    "{%- set loop_messages = messages[1:] -%}{%- else -%}"
    "{%- set first_user_prefix = '' -%}{%- set loop_messages = messages -%}{%- endif -%}"
    "{%- for message in loop_messages -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif -%}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}"
    "{{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else '') }}"
    "{%- if message['content'] is string -%}{{ message['content'] | trim }}{%- else -%}"
    "{%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}"
    "{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}{%- endif -%}"
    "{{ '<end_of_turn>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{'<start_of_turn>model\n'}}{%- endif -%}"
)


def _save_gemma3(folder: Path) -> None:
    from transformers import Gemma3Config, Gemma3Processor
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    lines = ["\n" * count for count in range(1, 5)]
    tokenizer = _tokenizer(_GEMMA_SPECIAL, begin="<bos>", end="<eos>", pad="<pad>", words=lines, **named)
    text = _TEXT | _ids(tokenizer) | {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 512}
    text["layer_types"] = ["sliding_attention", "full_attention"]
    index = {f"{name}_index": tokenizer.convert_tokens_to_ids(token) for name, token in named.items()}
    config = Gemma3Config(
        vision_config=_SIGLIP | {"vision_use_head": False}, text_config=text, mm_tokens_per_image=4, **index
    )
    _save_model("Gemma3ForConditionalGeneration", config, tokenizer, folder)
    pictures = Gemma3ImageProcessorPil(size={"height": 56, "width": 56})
    Gemma3Processor(pictures, tokenizer, chat_template=_GEMMA, image_seq_length=4).save_pretrained(folder)


FAMILIES = {
    family.name: family
    for family in (
        Family("LLaVA-1.5", "llava-1.5-7b", 56, _save_llava),
        Family("LLaVA-NeXT", "llava-next-7b", 56, _save_llava_next),
        Family("Qwen2.5-VL", "qwen2.5-vl-3b", 112, _save_qwen2_5),
        Family("Qwen3-VL", "qwen3-vl-4b", 128, _save_qwen3),
        Family("Idefics3", "smolvlm2-2b", 56, _save_idefics3),
        Family("Gemma 3", "gemma-3-4b", 56, _save_gemma3),
    )
}
"""The families that there are presets for, but for SmolVLM 2."""

SMOLVLM2 = Family("SmolVLM 2", "smolvlm2-2b", 56, _save_smolvlm2)
"""Runs where num2words is installed, and in no server that the product makes."""
