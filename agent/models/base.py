"""What an engine is: two verbs over prompts of text and pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from PIL.Image import Image

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture in a prompt.

    image: RGB, already at the model's input size, so that no engine resizes it again.
    key: names these very pixels; the same key is always the same picture, which is what caches rely on.
    """

    image: Image
    key: str


Part = str | Picture

OnText = Callable[[int, str], object]
"""Is told of answers that grow: the prompt's number, from 0, and what is written of its answer so far."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


Prompt = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What answers must look like, by construction.

    schema: they are JSON text that satisfies it. patterns: instead, a regular expression for each prompt that its
    answer matches, whole, or is the beginning of where max_tokens cut it off.
    """

    schema: JsonSchema | None = None
    patterns: Sequence[str] | None = None


FREE = Form()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What callers must know of a model to build prompts for it.

    image_px: side of the square thumbnails it is shown.
    max_prompt_tokens: longest prompt, pictures included.
    max_images: most pictures in one prompt.
    alpha: how much the retriever's prior weighs beside this model's word on a list, 0 or more.
    guided: whether its reasons are written within a pattern (`agent.reason_pattern`), as small models need.
    orders: in how many orders it reads a list, 1 or 2: what stands last has it harder with a small model.
    understands: whether it reads messages of a conversation better than rules do.
    popularity: whether it has learned from lists that tell how widely each candidate is wanted.
    """

    name: str
    adapter: str | None
    image_px: int
    max_prompt_tokens: int
    max_images: int
    alpha: float = 1.0
    guided: bool = False
    orders: int = 1
    understands: bool = False
    popularity: bool = False


@runtime_checkable
class VisionLanguageModel(Protocol):
    """Scores choices and writes text. Every engine gives the same answers to the same prompt.

    Errors: ModelUnavailableError, ModelAnswerError, PromptTooLongError (retrieval.errors).
    """

    @property
    def info(self) -> ModelInfo: ...

    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt as the model sees it, picture tokens included."""
        ...

    def score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        """Natural-log probability of each choice as the answer's first token, by prompt.

        choices: each one token of the model and another than the others, e.g. letters; else ModelAnswerError.
        Returns (n_prompts, n_choices), over the full vocabulary (so exp of a row sums to at most 1), finite.
        """
        ...

    async def ascore(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]: ...

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        """Greedy continuation of each prompt, as one batch.

        on_text: is called from any one thread at a time; each text that it is told begins with the one before.
        """
        ...

    async def agenerate(self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE) -> list[str]: ...

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """The greedy continuation, piece by piece; the pieces joined are what `generate` returns."""
        ...

    def astream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str]: ...

    def close(self) -> None: ...
