"""The built-in vision-language model as an untrained thing: sizes, LLaVA from scratch, processor, chat template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune.builtin.tokenizer import END, IMAGE, PAD, token_id

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.llama.modeling_llama import LlamaAttention

HEAD = 32
"""Width of an attention head: the smallest that vLLM's CPU kernels take."""

ROPE_THETA = 100_000.0

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

    width, layers, feed_forward: of the language model. vocabulary: tokens of the tokenizer before quoted words are
    added. eye_width, eye_layers: of the vision tower.
    """

    width: int = 128
    layers: int = 6
    feed_forward: int = 384
    vocabulary: int = 5888
    eye_width: int = 288
    eye_layers: int = 4
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
        vocab_size=-(-tokenizer.get_vocab_size() // 64) * 64,
        hidden_size=size.width,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // 32,
        num_key_value_heads=size.width // 32,
        max_position_embeddings=size.positions,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
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
    _start_knowing_words(model)
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


def _start_knowing_words(model: LlavaForConditionalGeneration) -> None:
    """Words can be found and repeated from the first step on; what to make of that is learned.

    Three things that a random start takes longest to find are laid out in the weights (after Trockman and Kolter 2023,
    mimetic initialisation, and the induction heads of Olsson et al. 2022):

    - half of the heads look for the same word elsewhere (keys equal to queries);
    - in the first layer one head looks at the word before and notes it beside the word at hand; in the second, the
      other half looks for places whose noted word is the one at hand, so that they find what came after it last time;
    - from the second layer on, that half hands the words that it looks at to the output, which knows every word.

    The width is divided for that: half tells the word, a quarter the word before, one place is the same for all words.
    """
    import torch

    decoder = model.model.language_model
    embedding, width = decoder.embed_tokens.weight, decoder.embed_tokens.weight.shape[1]
    told, same = width // 2, 3 * width // 4
    words = torch.randn(len(embedding), told)
    turned = torch.linalg.qr(torch.randn(told, told))[0]
    note = torch.linalg.qr(torch.randn(told, HEAD))[0].T
    with torch.no_grad():
        embedding.zero_()
        embedding[:, :told] = words * (_TOLD / words.norm(dim=1, keepdim=True))
        embedding[:, same] = _SAME
        model.lm_head.weight.normal_(std=0.02)
        model.lm_head.weight[:, told:] = _LOUD * embedding[:, :told] @ turned
        torch.nn.init.normal_(model.model.multi_modal_projector.linear_2.weight, std=0.3)
        for depth, layer in enumerate(decoder.layers):
            _look_for_same_words(layer.self_attn, told)
            if depth == 0:
                _look_at_the_word_before(layer.self_attn, note, same)
            else:
                _hand_on_words(layer.self_attn, turned)
            if depth == 1:
                _look_after_the_same_word(layer.self_attn, note)


_TOLD, _SAME, _LOUD = 9.8, 5.66, 0.15
"""Norm of a word in its half of the width; the place that is the same for all; how loud the output says a word."""

_SLOW = [*range(HEAD // 4, HEAD // 2), *range(3 * HEAD // 4, HEAD)]
"""The slowly turning half of the rotary dimensions: there the same word weighs the same at any distance."""


def _heads(attention: LlamaAttention) -> list[slice]:
    return [slice(start, start + HEAD) for start in range(0, attention.q_proj.weight.shape[0], HEAD)]


def _look_for_same_words(attention: LlamaAttention, told: int) -> None:
    """The first half of the heads: keys equal to queries, large enough for a sharp look."""
    import torch

    heads = _heads(attention)
    for head in heads[: len(heads) // 2]:
        start = torch.zeros(HEAD, attention.q_proj.weight.shape[1])
        start[_SLOW, :told] = 0.2 * torch.randn(len(_SLOW), told)
        attention.q_proj.weight[head] = start
        attention.k_proj.weight[head] = start


def _look_at_the_word_before(attention: LlamaAttention, note: torch.Tensor, same: int) -> None:
    """The last head: queries and keys are the same for all words, but a place apart; its values note the word."""
    import torch

    head, fast, told = _heads(attention)[-1], HEAD // 4, note.shape[1]
    turn = ROPE_THETA ** (-torch.arange(fast) * 2 / HEAD)
    query, key = torch.zeros(HEAD), torch.zeros(HEAD)
    query[:fast], query[HEAD // 2 : HEAD // 2 + fast] = torch.cos(turn), -torch.sin(turn)
    key[:fast] = 1.0
    for weight, row in ((attention.q_proj.weight, query), (attention.k_proj.weight, key)):
        weight[head] = 0.0
        weight[head, same] = 1.2 * row
    attention.v_proj.weight[head] = 0.0
    attention.v_proj.weight[head, :told] = note
    attention.o_proj.weight[:, head] = 0.0
    attention.o_proj.weight[told : told + HEAD, head] = torch.eye(HEAD)


def _look_after_the_same_word(attention: LlamaAttention, note: torch.Tensor) -> None:
    """The second half of the heads: the word at hand, as words are noted, against what is noted elsewhere."""
    import torch

    heads, told = _heads(attention), note.shape[1]
    for head in heads[len(heads) // 2 :]:
        mix = torch.zeros(HEAD, HEAD)
        mix[_SLOW] = 3.0 * torch.linalg.qr(torch.randn(HEAD, len(_SLOW)))[0].T
        attention.q_proj.weight[head] = 0.0
        attention.q_proj.weight[head, :told] = mix @ note
        attention.k_proj.weight[head] = 0.0
        attention.k_proj.weight[head, told : told + HEAD] = mix


def _hand_on_words(attention: LlamaAttention, turned: torch.Tensor) -> None:
    """The second half of the heads: values are a part of the word, and go where the output reads words."""
    import torch

    heads, told = _heads(attention), len(turned)
    for place, head in enumerate(heads[len(heads) // 2 :]):
        start = place * HEAD % told
        attention.v_proj.weight[head] = 0.0
        attention.v_proj.weight[head, start : start + HEAD] = torch.eye(HEAD)
        attention.o_proj.weight[:, head] = 0.0
        attention.o_proj.weight[told:, head] = turned.T[:, start : start + HEAD]


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
