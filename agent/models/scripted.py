"""The scripted engine: deterministic answers by rule, without weights; for tests with planted truth."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from agent.models.base import FREE, Form, ModelInfo, OnText, Picture, Prompt
from retrieval.errors import PromptTooLongError

ScoreRule = Callable[[str, Sequence[str]], Sequence[float]]
"""Points for each choice (any scale, higher is better), from the prompt's text."""

TextRule = Callable[[str], str]
"""The answer to a prompt, from its text."""

PICTURE_TOKENS = 16
_WORD = re.compile(r"\w+")


def overlap(text: str, choices: Sequence[str]) -> list[float]:
    """Points by shared words: with the request twice, with the history once."""
    liked, _, rest = text.partition("Request:")
    request, _, candidates = rest.partition("Candidates:")
    lines = _lettered_lines(candidates)
    wanted, known = _words(request), _words(liked)
    points = []
    for choice in choices:
        words = _words(lines.get(choice, ""))
        points.append(float(2 * len(words & wanted) + len(words & known)))
    return points


def table(points: Mapping[str, float], default: float = 0.0) -> ScoreRule:
    """A rule that gives each candidate the points of the first title in its line that the table knows."""

    def rule(text: str, choices: Sequence[str]) -> list[float]:
        lines = _lettered_lines(text.partition("Candidates:")[2])
        return [
            next((value for title, value in points.items() if title in lines.get(choice, "")), default)
            for choice in choices
        ]

    return rule


def tell_evidence(text: str) -> str:
    """A reason out of the first line of evidence in the prompt; for other prompts, their last words."""
    facts = re.findall(r"^- (.+)$", text.partition("Evidence:")[2], flags=re.MULTILINE)
    return f"It {facts[0]}." if facts else " ".join(text.split()[-3:])


class ScriptedModel:
    """A VisionLanguageModel that follows rules instead of weights. A rule may raise a ModelError to play a failure.

    score_rule: points, made log-probabilities by a softmax that leaves 1% for all other tokens.
    text_rule: what `generate` and `stream` answer, cut to max_tokens words.
    """

    def __init__(
        self,
        score_rule: ScoreRule = overlap,
        text_rule: TextRule = tell_evidence,
        *,
        image_px: int = 96,
        max_prompt_tokens: int = 4096,
        max_images: int = 32,
    ) -> None:
        self.info = ModelInfo("scripted", None, image_px, max_prompt_tokens, max_images)
        self._score_rule = score_rule
        self._text_rule = text_rule

    def count_tokens(self, prompt: Prompt) -> int:
        words = len(_text(prompt).split())
        return words + PICTURE_TOKENS * sum(isinstance(part, Picture) for message in prompt for part in message.parts)

    def score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        return [_log_softmax(self._score_rule(self._checked(prompt), choices)) for prompt in prompts]

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        texts = [self._checked(prompt) for prompt in prompts]
        if form.patterns is not None:
            raise ValueError("the scripted engine keeps to no pattern; its reasons are the evidence's own words")
        if form.schema is not None:
            return [json.dumps(_smallest(form.schema)) for _ in texts]
        answers = [self._text_rule(text).split()[:max_tokens] for text in texts]
        if on_text is not None:
            for row, words in enumerate(answers):
                for count in range(1, len(words) + 1):
                    on_text(row, " ".join(words[:count]))
        return [" ".join(words) for words in answers]

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        (text,) = self.generate([prompt], max_tokens=max_tokens)
        yield from re.findall(r"\S+\s*", text)

    async def ascore(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.score, prompts, choices)

    async def agenerate(self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE) -> list[str]:
        return await asyncio.to_thread(partial(self.generate, prompts, max_tokens=max_tokens, form=form))

    async def astream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str]:
        for piece in self.stream(prompt, max_tokens=max_tokens):
            yield piece

    def close(self) -> None:
        """Nothing to free."""

    def _checked(self, prompt: Prompt) -> str:
        tokens = self.count_tokens(prompt)
        if tokens > self.info.max_prompt_tokens:
            raise PromptTooLongError(f"the prompt has {tokens} tokens, scripted takes {self.info.max_prompt_tokens}")
        return _text(prompt)


def _text(prompt: Prompt) -> str:
    parts = [part for message in prompt if message.role != "system" for part in message.parts]
    return "".join(part for part in parts if isinstance(part, str))


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}


def _lettered_lines(text: str) -> dict[str, str]:
    return {line[0]: line[1:] for line in text.splitlines() if re.match(r"[A-Z] ", line)}


def _log_softmax(points: Sequence[float]) -> list[float]:
    highest = max(points, default=0.0)
    total = math.log(sum(math.exp(point - highest) for point in points) or 1.0)
    return [point - highest - total + math.log(0.99) for point in points]


def _smallest(schema: Mapping[str, Any]) -> Any:
    """The plainest value that satisfies a schema of objects, arrays, enums and scalars."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return _smallest(schema[union][0])
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: _smallest(properties.get(name, {})) for name in schema.get("required", properties)}
        case "array":
            return [_smallest(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
        case "string":
            return "a" * schema.get("minLength", 0)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case _:
            return None
