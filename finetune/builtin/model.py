"""The built-in vision-language model as an untrained thing: sizes, LLaVA from scratch, processor, chat template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune.builtin.tokenizer import END, IMAGE, PAD, token_id

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import LlavaForConditionalGeneration, LlavaProcessor

HEAD = 32
"""Width of an attention head: the smallest that vLLM's CPU kernels take."""

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
"""Of the pixels, by channel, after scaling them to 0 .. 1."""

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% else %}{{ '<image>' }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Size:
    """The dials. Heads are 32 wide, which is the smallest that vLLM's CPU kernels take.

    width, layers, feed_forward: of the language model. eye_width, eye_layers: of the vision tower.
    """

    width: int = 128
    layers: int = 4
    feed_forward: int = 384
    vocabulary: int = 5888
    eye_width: int = 192
    eye_layers: int = 3
    image_px: int = 96
    patch_px: int = 24
    positions: int = 2048

    @property
    def picture_tokens(self) -> int:
        return (self.image_px // self.patch_px) ** 2


def build_model(size: Size, tokenizer: Tokenizer) -> LlavaForConditionalGeneration:
    """LLaVA with random weights: CLIP tower, two-layer projector, Llama decoder; float32."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    eye = CLIPVisionConfig(
        hidden_size=size.eye_width,
        intermediate_size=4 * size.eye_width,
        num_hidden_layers=size.eye_layers,
        num_attention_heads=size.eye_width // 32,
        image_size=size.image_px,
        patch_size=size.patch_px,
        projection_dim=size.eye_width,
        hidden_act="gelu",
    )
    decoder = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // 32,
        num_key_value_heads=size.width // 32,
        max_position_embeddings=size.positions,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        pad_token_id=token_id(tokenizer, PAD),
        bos_token_id=None,
        eos_token_id=token_id(tokenizer, END),
    )
    config = LlavaConfig(
        vision_config=eye,
        text_config=decoder,
        image_token_index=token_id(tokenizer, IMAGE),
        image_seq_length=size.picture_tokens,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    _start_with_waves(model)
    _start_loud(model)
    _look_for_same_words(model)
    return model


def _start_with_waves(model: LlavaForConditionalGeneration) -> None:
    """Patches are first read as waves: the coarse part of a cosine transform of brightness and two colour contrasts.

    A random start sees colours and outlines, and takes ten times as long to tell stripes from zigzags. The waves are
    mixed by a random rotation, which keeps their span and spreads them over the layer's channels.
    """
    import numpy as np
    import torch

    weight = model.model.vision_tower.embeddings.patch_embedding.weight
    width, _, side, _ = weight.shape
    pixel, wave = np.arange(side), np.arange(side)[:, None]
    cosines = np.cos(np.pi * (pixel + 0.5) * wave / side)
    cosines /= np.linalg.norm(cosines, axis=1, keepdims=True)
    found = []
    for colour, coarser in (((1, 1, 1), 1.0), ((1, -1, 0), 2.2), ((1, 1, -2), 2.2)):
        contrast = np.array(colour) / np.linalg.norm(colour)
        found += [(coarser * np.hypot(u, v), contrast, u, v) for u in range(side) for v in range(side)]
    found.sort(key=lambda one: one[0])
    waves = np.stack([np.einsum("c,i,j->cij", contrast, cosines[u], cosines[v]) for _, contrast, u, v in found[:width]])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]
    with torch.no_grad():
        weight.copy_(torch.from_numpy(rotation @ waves.reshape(width, -1)).view_as(weight))


def _start_loud(model: LlavaForConditionalGeneration) -> None:
    """Embeddings of size 1: beside layers that Muon moves fast, the usual .02 would drown and no word be known."""
    import torch

    torch.nn.init.normal_(model.model.language_model.embed_tokens.weight, std=1.0)
    torch.nn.init.normal_(model.model.multi_modal_projector.linear_2.weight, std=0.3)


def _look_for_same_words(model: LlavaForConditionalGeneration) -> None:
    """Start half of the heads with keys equal to queries, so that a word first looks at the same word elsewhere.

    After Trockman and Kolter 2023 (mimetic initialisation). Comparing words is what all lists need, and what a
    random start takes longest to find. Only the slowly turning half of the rotary dimensions is used: there the same
    word weighs the same at any distance, so that a word does not see itself alone. std: large enough for a sharp look.
    """
    import torch

    std = 0.15
    slow = [*range(HEAD // 4, HEAD // 2), *range(3 * HEAD // 4, HEAD)]
    for layer in model.model.language_model.layers:
        attention = layer.self_attn
        heads, width = attention.q_proj.weight.shape[0] // HEAD, attention.q_proj.weight.shape[1]
        for head in range(heads // 2):
            start = torch.zeros(HEAD, width)
            start[slow] = torch.randn(len(slow), width) * std
            with torch.no_grad():
                attention.q_proj.weight[head * HEAD : (head + 1) * HEAD] = start
                attention.k_proj.weight[head * HEAD : (head + 1) * HEAD] = start


def build_processor(size: Size, tokenizer: Tokenizer) -> LlavaProcessor:
    """Tokenizer, chat template and pictures: scaled and normalised, never resized or cropped."""
    from transformers import LlavaProcessor, PreTrainedTokenizerFast
    from transformers.models.clip import CLIPImageProcessorPil

    side: dict[str, Any] = {"height": size.image_px, "width": size.image_px}
    pictures = CLIPImageProcessorPil(
        do_resize=False,
        do_center_crop=False,
        do_convert_rgb=True,
        do_rescale=True,
        do_normalize=True,
        image_mean=list(MEAN),
        image_std=list(STD),
        size=side,
        crop_size=side,
    )
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        extra_special_tokens={"image_token": IMAGE},
        padding_side="left",
        model_max_length=size.positions,
        clean_up_tokenization_spaces=False,
    )
    return LlavaProcessor(  # type: ignore[no-untyped-call]
        image_processor=pictures,
        tokenizer=fast,
        patch_size=size.patch_px,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=CHAT_TEMPLATE,
    )
