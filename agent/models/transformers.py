"""The in-process engine: any image-text-to-text checkpoint that transformers loads, on the CPU or a GPU."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PIL import Image, ImageOps

from agent.adapters import adapter_name
from agent.models.answers import single_tokens, whole_json
from agent.models.base import FREE, Form, JsonSchema, Message, ModelInfo, OnText, Picture, Prompt
from agent.models.features import PictureFeatures
from agent.models.grammar import Grammars
from agent.models.loading import load_adapter, load_checkpoint
from agent.models.presets import PRESETS, preset_of
from retrieval.errors import ModelAnswerError, ModelUnavailableError, PromptTooLongError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
T = TypeVar("T")
Job = TypeVar("Job")

MAX_IMAGE_PX = 512  # larger vision towers are shown less, or a list of pictures does not fit
MAX_PROMPT_TOKENS = 8192
ANSWER_TOKENS = 256
_AGREEMENT = 0.05  # largest difference of probabilities that half precision explains


class TransformersModel:
    """A vision-language model in this process. One request at a time: a lock serialises the model.

    batch_size: most prompts in one forward pass. writes: whether the model's peft adapter writes too; False leaves it
    out of what is written.
    """

    def __init__(
        self, model: Any, processor: Any, info: ModelInfo, *, batch_size: int = 8, writes: bool = True
    ) -> None:
        self.info = info
        self._writes = writes
        self._model = model
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._stops = _stop_tokens(model, processor)
        self._special = _special_tokens(self._tokenizer)
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._features: PictureFeatures | None = PictureFeatures(base, processor.image_processor)
        self._features_checked = False
        self._grammars: Grammars | None = None

    @classmethod
    def open(
        cls,
        name: str = "builtin",
        *,
        adapter: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        four_bit: bool = False,
        writes: bool = True,
    ) -> TransformersModel:
        """The model of a preset, a folder or a hub name, with an adapter's weights where one is given.

        device, dtype, four_bit: as `agent.models.loading.load_checkpoint` has them. writes: whether words are the
        adapter's too, or those of the model without it. Raises SettingsError for a name that says nothing, WeightsError
        for weights that cannot be used.
        """
        preset = preset_of(name)
        model, processor = load_checkpoint(preset.model_id, device=device, dtype=dtype, four_bit=four_bit)
        if adapter is not None:
            model = load_adapter(model, adapter, merge=writes)
        served_as = None if adapter is None else adapter_name(adapter)
        info = preset.info(name, served_as)
        opened = cls(model, processor, info, writes=writes or adapter is None)
        if name not in PRESETS:
            opened.info = opened._measured()
        return opened

    def _measured(self) -> ModelInfo:
        """What a checkpoint without a preset takes: its own picture size and context, half of it for pictures."""
        info, config = self.info, self._model.config
        side = getattr(getattr(config, "vision_config", None), "image_size", None)
        image_px = side if isinstance(side, int) and 0 < side <= MAX_IMAGE_PX else info.image_px
        context = getattr(config.get_text_config(), "max_position_embeddings", info.max_prompt_tokens)
        longest = max(1, min(context - ANSWER_TOKENS, MAX_PROMPT_TOKENS))
        blank = Picture(Image.new("RGB", (image_px, image_px), "white"), key=f"blank-{image_px}")
        picture_tokens = max(1, self.count_tokens((Message("user", (blank, "?")),)))
        return ModelInfo(info.name, info.adapter, image_px, longest, min(32, longest // 2 // picture_tokens))

    def count_tokens(self, prompt: Prompt) -> int:
        with self._lock:
            return int(self._encode([prompt])["input_ids"].shape[1])

    @property
    def network(self) -> Any:
        """The model itself, for whoever trains it; layers that are put into it answer from then on."""
        return self._model

    @property
    def processor(self) -> Any:
        """The checkpoint's tokenizer and picture processor."""
        return self._processor

    def inputs(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """What the model's forward pass takes for these prompts, padded on the left: training sees what serving sees.

        Kept picture features stand in place of pixels where the model can do that. Raises PromptTooLongError.
        """
        with self._lock:
            inputs = self._encode(prompts)
            self._refuse_long(inputs)
            return dict(self._with_features(inputs, prompts))

    def token_ids(self, choices: Sequence[str]) -> list[int]:
        """The one token of each choice. Raises ModelAnswerError for a choice that is more than one."""
        tokens = [self._tokenizer.encode(choice, add_special_tokens=False) for choice in choices]
        return single_tokens(self.info.name, choices, tokens)

    def answer_ids(self, text: str) -> list[int]:
        """The tokens of an answer, to learn from: its text and the one that ends it."""
        return [*self._tokenizer.encode(self._defused(text), add_special_tokens=False), self._stops[-1]]

    def score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        ids = self.token_ids(choices)
        return self._in_batches(prompts, lambda batch: self._score(batch, ids))

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        patterns: Sequence[str | None] = form.patterns or [None] * len(prompts)
        rows = zip(range(len(prompts)), prompts, patterns, strict=True)
        jobs = [(row, prompt, self._grammar(form.schema, pattern)) for row, prompt, pattern in rows]
        answers = self._in_batches(jobs, lambda batch: self._write(batch, max_tokens, on_text))
        return answers if form.schema is None else [whole_json(answer) for answer in answers]

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        from transformers import TextIteratorStreamer

        streamer: Any = TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)
        abandoned = threading.Event()

        def write() -> None:
            try:
                with self._lock, self._writer():
                    self._generate(
                        [prompt],
                        max_new_tokens=max_tokens,
                        streamer=streamer,
                        stopping_criteria=[lambda ids, _scores, **_: _all_done(ids, abandoned.is_set())],
                    )
            finally:
                streamer.end()

        with ThreadPoolExecutor(1, thread_name_prefix="tastemaker-stream") as threads:
            writing = threads.submit(write)
            try:
                yield from (piece for piece in streamer if piece)
                writing.result()
            finally:
                abandoned.set()  # the reader may have gone away in the middle

    async def ascore(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.score, prompts, choices)

    async def agenerate(self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE) -> list[str]:
        return await asyncio.to_thread(partial(self.generate, prompts, max_tokens=max_tokens, form=form))

    async def astream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str]:
        pieces = self.stream(prompt, max_tokens=max_tokens)
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            await asyncio.to_thread(pieces.close)  # type: ignore[attr-defined]

    def close(self) -> None:
        """Frees nothing by itself: the weights go with the object."""

    def _in_batches(self, jobs: Sequence[Job], answer: Callable[[Sequence[Job]], list[T]]) -> list[T]:
        answers: list[T] = []
        for start in range(0, len(jobs), self._batch_size):
            with self._lock:
                answers += answer(jobs[start : start + self._batch_size])
        return answers

    def _score(self, prompts: Sequence[Prompt], ids: list[int]) -> list[list[float]]:
        rows: list[list[float]] = self._log_probs(prompts)[:, ids].tolist()
        return rows

    def _log_probs(self, prompts: Sequence[Prompt], *, plain: bool = False) -> torch.Tensor:
        """(n_prompts, vocabulary) float32. One prefill by `generate`, which knows each model's positions and masks."""
        import torch

        output = self._generate(
            prompts, plain=plain, max_new_tokens=1, output_logits=True, return_dict_in_generate=True
        )
        log_probs = torch.log_softmax(output.logits[0].float(), dim=-1)
        if not bool(torch.isfinite(log_probs).any(dim=-1).all()) or bool(torch.isnan(log_probs).any()):
            raise ModelAnswerError(f"{self.info.name} gave scores that are not numbers; its weights may be damaged")
        return log_probs

    def _write(
        self, jobs: Sequence[tuple[int, Prompt, str | None]], max_tokens: int, on_text: OnText | None
    ) -> list[str]:
        """jobs: each prompt with its number, and the grammar of its answer or None; one kind of answer for all."""
        prompts, grammars = [prompt for _, prompt, _ in jobs], [grammar for *_, grammar in jobs if grammar is not None]
        constraint = [self._grammars.constraint(grammars)] if self._grammars is not None and grammars else []
        follower = [] if on_text is None else [_Follower([row for row, *_ in jobs], self._decoded, on_text)]
        with self._writer():
            encoded = self._generate(
                prompts, max_new_tokens=max_tokens, logits_processor=constraint, stopping_criteria=follower
            )
        return self._decoded(encoded)

    def _writer(self) -> AbstractContextManager[object]:
        """The model as it writes."""
        without: AbstractContextManager[object] = nullcontext() if self._writes else self._model.disable_adapter()
        return without

    def _decoded(self, ids: Any) -> list[str]:
        texts: list[str] = self._tokenizer.batch_decode(ids, skip_special_tokens=True)
        return texts

    def _generate(self, prompts: Sequence[Prompt], *, plain: bool = False, **options: Any) -> Any:
        """Greedy generation; returns only the new tokens, or with return_dict_in_generate the whole output."""
        import torch
        from transformers import GenerationConfig

        inputs = self._encode(prompts)
        prompt_tokens = inputs["input_ids"].shape[1]
        self._refuse_long(inputs)
        if not plain:
            inputs = self._with_features(inputs, prompts)
        greedy = {name: options.pop(name) for name in _GENERATION_OPTIONS if name in options}
        make_config: Any = GenerationConfig
        config = make_config(do_sample=False, eos_token_id=self._stops, pad_token_id=self._pad, **greedy)
        try:
            with torch.inference_mode():
                output = self._model.generate(**inputs, generation_config=config, **options)
        except torch.OutOfMemoryError as error:
            raise ModelUnavailableError(f"{self.info.name} does not fit the GPU's memory beside this prompt") from error
        return output if greedy.get("return_dict_in_generate") else output[:, prompt_tokens:]

    @property
    def _pad(self) -> int:
        pad = self._tokenizer.pad_token_id
        return self._stops[0] if pad is None else int(pad)

    def _encode(self, prompts: Sequence[Prompt]) -> Any:
        """What the model takes: token ids (left padding), mask, pixels."""
        texts = [
            self._processor.apply_chat_template(self._messages(prompt), tokenize=False, add_generation_prompt=True)
            for prompt in prompts
        ]
        images = [[picture.image for picture in _pictures(prompt)] for prompt in prompts]
        bos = self._tokenizer.bos_token
        encoded = self._processor(
            text=texts,
            images=images if any(images) else None,
            padding=True,
            add_special_tokens=not (bos and texts[0].startswith(bos)),
            return_tensors="pt",
        )
        return encoded.to(self._model.device, self._model.dtype)

    def _messages(self, prompt: Prompt) -> list[dict[str, Any]]:
        return [
            {
                "role": message.role,
                "content": [
                    {"type": "image"} if isinstance(part, Picture) else {"type": "text", "text": self._defused(part)}
                    for part in message.parts
                ],
            }
            for message in prompt
        ]

    def _defused(self, text: str) -> str:
        """Text in which no special token can be read: « <image> » in a title must not become a picture."""
        return self._special.sub(lambda match: " ".join(match.group()), text)

    def _refuse_long(self, inputs: Any) -> None:
        longest = int(inputs["attention_mask"].sum(dim=1).max())
        if longest > self.info.max_prompt_tokens:
            raise PromptTooLongError(
                f"the prompt has {longest} tokens, {self.info.name} takes {self.info.max_prompt_tokens}; shorten it"
            )

    def _with_features(self, inputs: Any, prompts: Sequence[Prompt]) -> Any:
        """The same inputs with kept picture features in place of pixels, where the model can do that."""
        pictures = [picture for prompt in prompts for picture in _pictures(prompt)]
        if not pictures or self._features is None or not self._features_work(pictures[0]):
            return inputs
        features = self._features.of(pictures)
        if features is None:
            return inputs
        kept = {name: value for name, value in inputs.items() if not name.startswith("pixel_")}
        return kept | {"mm_encoder_outputs": {"image": features}}

    def _features_work(self, picture: Picture) -> bool:
        """Checked once per model on a real picture: kept features must give the answers that the pixels give."""
        if not self._features_checked:
            self._features_checked = True
            if self._features is not None and not self._agrees(self._features, picture):
                logger.info("%s runs its vision tower for every prompt: its features cannot be kept", self.info.name)
                self._features = None
        return self._features is not None

    def _agrees(self, features: PictureFeatures, picture: Picture) -> bool:
        other = Picture(ImageOps.invert(picture.image.convert("RGB")), f"{picture.key}-inverted")
        probe = [(Message("user", (picture, "A", other, "B")),)]
        try:
            if features.of([picture, other]) is None:
                return False
            difference = self._log_probs(probe).exp() - self._log_probs(probe, plain=True).exp()
        except (TypeError, ValueError, KeyError, AttributeError, RuntimeError):
            return False  # a model whose forward pass has another shape: its plain path still works
        return float(difference.abs().max()) < _AGREEMENT

    def _grammar(self, schema: JsonSchema | None, pattern: str | None) -> str | None:
        if schema is None and pattern is None:
            return None
        with self._lock:
            if self._grammars is None:
                n_vocab = self._model.config.get_text_config().vocab_size
                self._grammars = Grammars(self._tokenizer, n_vocab=n_vocab, stops=self._stops)
        return self._grammars.json(schema) if schema is not None else self._grammars.regex(str(pattern))


class _Follower:
    """A stopping criterion of transformers that stops nothing: it tells how far each answer of a batch is."""

    def __init__(self, rows: Sequence[int], decode: Callable[[Any], list[str]], on_text: OnText) -> None:
        """rows: by which number on_text knows each answer of the batch."""
        self._told = dict.fromkeys(rows, "")
        self._decode = decode
        self._on_text = on_text
        self._prompt_tokens: int | None = None

    def __call__(self, ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
        """ids: (n, prompt + answers so far)."""
        if self._prompt_tokens is None:
            self._prompt_tokens = ids.shape[1] - 1
        for row, text in zip(self._told, self._decode(ids[:, self._prompt_tokens :]), strict=True):
            if len(text) > len(self._told[row]) and not text.endswith(_HALF_CHARACTER):
                self._told[row] = text
                self._on_text(row, text)
        return _all_done(ids, False)


_HALF_CHARACTER = "\ufffd"
_GENERATION_OPTIONS = ("max_new_tokens", "output_logits", "return_dict_in_generate")


def _pictures(prompt: Prompt) -> list[Picture]:
    return [part for message in prompt for part in message.parts if isinstance(part, Picture)]


def _special_tokens(tokenizer: Any) -> re.Pattern[str]:
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    longest_first = sorted(special, key=len, reverse=True)
    return re.compile("|".join(re.escape(token) for token in longest_first) or r"(?!)")


def _stop_tokens(model: Any, processor: Any) -> list[int]:
    """Token ids that end an answer: the checkpoint's own, and the one that its chat template closes a turn with."""
    own = model.generation_config.eos_token_id
    stops = own if isinstance(own, list) else [] if own is None else [own]
    mark = "ANSWER"
    turn = [{"role": "user", "content": [{"type": "text", "text": "Q"}]}]
    turn.append({"role": "assistant", "content": [{"type": "text", "text": mark}]})
    rest = processor.apply_chat_template(turn, tokenize=False).rpartition(mark)[2]
    after = processor.tokenizer.encode(rest, add_special_tokens=False)
    special = set(processor.tokenizer.all_special_ids) | set(processor.tokenizer.get_added_vocab().values())
    closing = next((token for token in after if token in special), processor.tokenizer.eos_token_id)
    return sorted({*stops, *([] if closing is None else [closing])})


def _all_done(ids: torch.Tensor, done: bool) -> torch.Tensor:
    import torch

    return torch.full((ids.shape[0],), done, device=ids.device)
