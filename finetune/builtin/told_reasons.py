"""Reasons as the agent gives them to shoppers, together with what the model wrote before it was checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.models.base import FREE, Form
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from retrieval.types import ReasonSource

if TYPE_CHECKING:
    from agent.models.base import ModelInfo, OnText, Prompt, VisionLanguageModel
    from retrieval.candidates import CandidateFinder
    from retrieval.store import VectorStore
    from retrieval.types import Evidence, Item
    from retrieval.workspace import Workspace

PER_ANSWER = 5


@dataclass(frozen=True, slots=True)
class Told:
    """One recommendation. written: the model's own words, empty where it was not asked. reason: what is shown."""

    user_id: str
    item: Item
    evidence: tuple[Evidence, ...]
    written: str
    reason: str
    by_model: bool


class Overheard:
    """A model that remembers what it wrote in the last batch."""

    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model
        self.written: list[str] = []

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def count_tokens(self, prompt: Prompt) -> int:
        return self._model.count_tokens(prompt)

    def score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        return self._model.score(prompts, choices)

    async def ascore(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        return await self._model.ascore(prompts, choices)

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        self.written = self._model.generate(prompts, max_tokens=max_tokens, form=form, on_text=on_text)
        return self.written

    async def agenerate(self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE) -> list[str]:
        return await self._model.agenerate(prompts, max_tokens=max_tokens, form=form)

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        return self._model.stream(prompt, max_tokens=max_tokens)

    def astream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str]:
        return self._model.astream(prompt, max_tokens=max_tokens)

    def close(self) -> None:
        """The model is not ours to close."""


def told_reasons(
    model: VisionLanguageModel,
    workspace: Workspace,
    finder: CandidateFinder,
    store: VectorStore,
    requests: Mapping[str, str | None],
) -> list[Told]:
    """Five recommendations for each user. requests: by user what is asked for in words, None for nothing.

    What was shown is logged in the workspace, as always.
    """
    heard = Overheard(model)
    found: list[Told] = []
    with Recommender(workspace, finder, store, lambda: heard, RecommenderSettings()) as recommender:
        for user_id, request in requests.items():
            heard.written = []
            answer = recommender.recommend(user_id=user_id, query=request, k=PER_ANSWER)
            explained = [entry.item.item_id for entry in answer if entry.evidence]
            written = dict(zip(explained, heard.written, strict=False))
            found += [
                Told(
                    user_id,
                    entry.item,
                    entry.evidence,
                    " ".join(written.get(entry.item.item_id, "").split()),
                    entry.reason,
                    entry.source is ReasonSource.MODEL,
                )
                for entry in answer
            ]
    return found
