"""The vLLM engine: a server of ours or anyone's, asked over its OpenAI-compatible HTTP API."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from agent.models.answers import single_tokens, whole_json
from agent.models.background import BackgroundLoop
from agent.models.base import FREE, Form, OnText, Picture, Prompt
from agent.models.data_urls import DataUrls
from agent.models.presets import preset_of
from agent.models.vllm_client import Choice, Completion, RejectedRequestError, ServedModels, Tokens, VllmClient
from retrieval.errors import ModelAnswerError, PromptTooLongError

logger = logging.getLogger(__name__)
T = TypeVar("T")
Chat = list[dict[str, Any]]

COMPLETIONS = "/v1/chat/completions"
_TOP = 20  # most log-probabilities that a server gives per token unless it is told otherwise
_SUM_IS_ONE = 1e-6
_SPECIAL_TOKEN_LIKE = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{1,20}\]")


class VllmModel:
    """A vision-language model behind a vLLM server. Nothing is asked of the server before the first call.

    url: the server's address, with or without `/v1`. name: preset, folder or hub name, under which (or under whose
    hub name) the server has the model. adapter: what the adapter is called. served_as: the names under which the server
    may have it, the first that it has is asked; that one name unless given. writes: whether the adapter writes too, or
    the model without it.
    timeout_s: longest wait for one answer. concurrency: most requests at a time.
    label_scores: False uses `allowed_token_ids` alone, as with servers that do not know `logprob_token_ids`; None
    finds out. cache_salt: only what was asked with the same one is answered out of the server's cache.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "builtin",
        adapter: str | None = None,
        served_as: Sequence[str] = (),
        writes: bool = True,
        timeout_s: float = 30.0,
        concurrency: int = 16,
        api_key: str | None = None,
        label_scores: bool | None = None,
        cache_salt: str | None = None,
    ) -> None:
        preset = preset_of(name)
        self.info = preset.info(name, adapter)
        alone = (name, preset.model_id)
        self._known_as = alone if adapter is None else (*served_as,) or (adapter,)
        self._writes_as = (
            self._known_as if writes else (*alone, *self._known_as)
        )  # a server may not tell the model's name
        self._salt = {} if cache_salt is None else {"cache_salt": cache_salt}
        self._client = VllmClient(url, timeout_s=timeout_s, concurrency=concurrency, api_key=api_key)
        self._loop = BackgroundLoop("tastemaker-vllm")
        self._pictures = DataUrls()
        self._label_scores = label_scores
        self._renormalises: bool | None = None
        self._begins: bool | None = None
        self._served: dict[tuple[str, ...], str] = {}
        self._tokens: dict[str, list[int]] = {}

    def count_tokens(self, prompt: Prompt) -> int:
        return self._loop.run(self._count_tokens(prompt))

    def score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        """As the Protocol says. Where a server renormalises over the allowed tokens (`--logprobs-mode
        processed_logprobs`), lacks `logprob_token_ids`, and no choice is among the 20 likeliest tokens, the
        differences within a row are exact and its level is not.
        """
        return self._loop.run(self._score(prompts, choices))

    async def ascore(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        return await self._loop.wait(self._score(prompts, choices))

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        return self._loop.run(self._generate(prompts, max_tokens, form, on_text))

    async def agenerate(self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE) -> list[str]:
        return await self._loop.wait(self._generate(prompts, max_tokens, form))

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        return self._loop.iterate(self._stream(prompt, {"max_tokens": max_tokens}))

    def astream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str]:
        return self._loop.aiterate(self._stream(prompt, {"max_tokens": max_tokens}))

    def close(self) -> None:
        """Close the connections; the server goes on."""
        if not self._loop.closed:
            self._loop.run(self._client.close())
        self._loop.close()

    async def _count_tokens(self, prompt: Prompt) -> int:
        return len(await self._chat_tokens(self._chat(prompt), begin=await self._wants_begin()))

    async def _score(self, prompts: Sequence[Prompt], choices: Sequence[str]) -> list[list[float]]:
        await self._wants_begin()
        ids = await self._ids(choices)

        async def row(prompt: Prompt) -> list[float]:
            found = await self._log_probs(self._chat(prompt), ids)
            return [found[token] for token in ids]

        return await _all([row(prompt) for prompt in prompts])

    async def _generate(
        self, prompts: Sequence[Prompt], max_tokens: int, form: Form, on_text: OnText | None = None
    ) -> list[str]:
        wanted: dict[str, Any] = {"max_tokens": max_tokens, "model": await self._model(self._writes_as)}
        if form.schema is not None:
            answer = {"name": "answer", "schema": form.schema, "strict": True}
            wanted["response_format"] = {"type": "json_schema", "json_schema": answer}

        async def text(row: int, prompt: Prompt, pattern: str | None) -> str:
            asked = wanted | ({} if pattern is None else {"structured_outputs": {"regex": pattern}})
            if on_text is None:
                written = (await self._complete(self._chat(prompt), asked)).message.content or ""
            else:
                written = ""
                async for piece in self._stream(prompt, asked):
                    written += piece
                    on_text(row, written)
            return written if form.schema is None else whole_json(written)

        patterns: Sequence[str | None] = form.patterns or [None] * len(prompts)
        rows = zip(range(len(prompts)), prompts, patterns, strict=True)
        return await _all([text(*row) for row in rows])

    async def _stream(self, prompt: Prompt, wanted: dict[str, Any]) -> AsyncIterator[str]:
        body = await self._body(self._chat(prompt)) | {"model": await self._model(self._writes_as)} | wanted
        body |= {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}
        async for event in self._client.events(COMPLETIONS, body):
            self._refuse_long(event)
            for choice in event.choices:
                if choice.delta.content:
                    yield choice.delta.content

    async def _log_probs(self, chat: Chat, ids: Sequence[int]) -> dict[int, float]:
        """Log-probability over the full vocabulary of each of the tokens as the next one."""
        if self._label_scores is not False:
            try:
                found = await self._first_token(chat, {"logprob_token_ids": list(ids)})
            except RejectedRequestError as error:
                if self._label_scores or "logprob_token_ids" not in str(error):
                    raise
                found = {}
            if all(token in found for token in ids):
                self._label_scores = True
                return found
            if self._label_scores:
                raise self._missing(found, ids)
            logger.info("%s does not know logprob_token_ids: asking with allowed_token_ids", self._client.root)
        found = await self._log_probs_by_constraint(chat, ids)
        if not all(token in found for token in ids):
            raise self._missing(found, ids)
        self._label_scores = False
        return found

    async def _log_probs_by_constraint(self, chat: Chat, ids: Sequence[int]) -> dict[int, float]:
        """The same from a server that gives the 20 likeliest tokens, and the chosen one, alone.

        Constrained to one token, the server chooses it whatever it thinks of it, and tells its probability.
        """
        found = await self._first_token(chat, {"allowed_token_ids": list(ids), "top_logprobs": _TOP})
        if await self._is_renormalising(chat, ids):
            return _shifted(found, await self._first_token(chat, {"top_logprobs": _TOP}))
        missing = [token for token in dict.fromkeys(ids) if token not in found]
        for single in await _all([self._first_token(chat, {"allowed_token_ids": [token]}) for token in missing]):
            found = single | found
        return found

    async def _is_renormalising(self, chat: Chat, ids: Sequence[int]) -> bool:
        """Whether the server tells probabilities after the constraint: then each token alone has all of it."""
        if self._renormalises is None:
            probes = list(dict.fromkeys(ids))[:2]
            alone = await _all([self._first_token(chat, {"allowed_token_ids": [token]}) for token in probes])
            total = sum(-found.get(token, 0.0) for token, found in zip(probes, alone, strict=True))
            self._renormalises = total < _SUM_IS_ONE
        return self._renormalises

    async def _first_token(self, chat: Chat, wanted: dict[str, Any]) -> dict[int, float]:
        """Log-probabilities of the first answer token, by token id."""
        body = {"max_tokens": 1, "logprobs": True, "return_tokens_as_token_ids": True, **wanted}
        choice = await self._complete(chat, body)
        if choice.logprobs is None:
            raise ModelAnswerError(f"{self._client.root} gave no log-probabilities though it was asked for them")
        return choice.logprobs.content[0].table()

    async def _complete(self, chat: Chat, wanted: dict[str, Any]) -> Choice:
        completion = await self._client.post(COMPLETIONS, await self._body(chat) | wanted, Completion)
        self._refuse_long(completion)
        if not completion.choices:
            raise ModelAnswerError(f"{self._client.root} answered without a choice; check that it is a vLLM server")
        return completion.choices[0]

    async def _body(self, chat: Chat) -> dict[str, Any]:
        begin = await self._wants_begin()
        told = {
            "model": await self._model(self._known_as),
            "messages": chat,
            "temperature": 0,
            "add_special_tokens": begin,
        }
        return told | self._salt

    async def _wants_begin(self) -> bool:
        """Whether the tokenizer is to put its first token before a chat: unless the chat template does; asked once.

        Servers leave it out of chats unless they are told, and templates of LLaVA count on it.
        """
        if self._begins is None:
            tokens = await self._chat_tokens([{"role": "user", "content": [{"type": "text", "text": "?"}]}], begin=True)
            self._begins = tokens[:1] != tokens[1:2]
        return self._begins

    async def _chat_tokens(self, chat: Chat, *, begin: bool) -> list[int]:
        body = {"model": await self._model(self._known_as), "messages": chat, "add_special_tokens": begin}
        return (await self._client.post("/tokenize", body, Tokens)).tokens

    def _refuse_long(self, completion: Completion) -> None:
        """The same limit as in process, wherever the server's own lies."""
        if completion.usage is not None and completion.usage.prompt_tokens > self.info.max_prompt_tokens:
            raise PromptTooLongError(
                f"the prompt has {completion.usage.prompt_tokens} tokens, {self.info.name} takes "
                f"{self.info.max_prompt_tokens}; shorten it"
            )

    async def _model(self, known_as: tuple[str, ...]) -> str:
        """The first of these names under which the server has the model or the adapter; asked once."""
        if known_as not in self._served:
            names = [model.id for model in (await self._client.get("/v1/models", ServedModels)).data]
            served = next((name for name in known_as if name in names), None)
            if served is None:
                raise ModelAnswerError(
                    f"{self._client.root} serves {', '.join(names) or 'nothing'}, not {known_as[0]}; "
                    "give the name of one of those, or serve the other"
                )
            self._served[known_as] = served
        return self._served[known_as]

    async def _ids(self, choices: Sequence[str]) -> list[int]:
        """The choices' token ids by the server's tokenizer, which is asked for each choice once."""
        asked = [choice for choice in dict.fromkeys(choices) if choice not in self._tokens]
        told = dict(zip(asked, await _all([self._tokenize(choice) for choice in asked]), strict=True))
        known = self._tokens | told
        ids = single_tokens(f"{self.info.name} at {self._client.root}", choices, [known[choice] for choice in choices])
        self._tokens |= told  # what could not be used is asked for again: another server may stand there by then
        return ids

    async def _tokenize(self, choice: str) -> list[int]:
        body = {"model": await self._model(self._known_as), "prompt": choice, "add_special_tokens": False}
        return (await self._client.post("/tokenize", body, Tokens)).tokens

    def _chat(self, prompt: Prompt) -> Chat:
        """The prompt as messages of parts. A picture's key names it for the server's caches."""
        return [{"role": message.role, "content": [self._part(part) for part in message.parts]} for message in prompt]

    def _part(self, part: str | Picture) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": _defused(part)}
        return {"type": "image_url", "image_url": {"url": self._pictures.of(part)}, "uuid": part.key}

    def _missing(self, found: dict[int, float], ids: Sequence[int]) -> ModelAnswerError:
        missing = [token for token in ids if token not in found]
        return ModelAnswerError(
            f"{self._client.root} gave no log-probability for {len(missing)} of {len(ids)} choices (token ids "
            f"{missing[:5]}); is it vLLM 0.24 or newer, and without --logprobs-mode processed_logprobs?"
        )


async def _all(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Results in order; the first failure cancels the rest."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _shifted(found: dict[int, float], unconstrained: dict[int, float]) -> dict[int, float]:
    """Renormalised log-probabilities at their true level, read off a token that both tables have."""
    shared = [token for token in found if token in unconstrained]
    if not shared:
        return found
    likeliest = max(shared, key=found.__getitem__)
    return {token: value + unconstrained[likeliest] - found[likeliest] for token, value in found.items()}


def _defused(text: str) -> str:
    """Text in which no special token can be read: « <image> » in a title must not become a picture."""
    return _SPECIAL_TOKEN_LIKE.sub(lambda match: " ".join(match.group()), text)
