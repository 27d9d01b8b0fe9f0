"""HTTP to a vLLM server: bounded in time and size, no redirects, and errors that say what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, FiniteFloat, ValidationError

from retrieval.errors import ModelAnswerError, ModelUnavailableError, PromptTooLongError, SettingsError

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES = 16 * 2**20
_QUOTED_CHARS = 300
_TOO_LONG = ("maximum context length", "maximum model length", "longer than the maximum")


class RejectedRequestError(ModelUnavailableError):
    """The server refused this very request (HTTP 400): it may know an older protocol."""


def _token_id(token: object) -> object:
    """vLLM writes a token as `token_id:123` where it is asked to, so that no two tokens look alike."""
    return token.removeprefix("token_id:") if isinstance(token, str) else token


class TokenLogprob(BaseModel):
    token: Annotated[int, BeforeValidator(_token_id)]
    logprob: FiniteFloat


class Position(TokenLogprob):
    """What the server says of one generated token: the token itself, and the others it was asked about."""

    top_logprobs: list[TokenLogprob] = []

    def table(self) -> dict[int, float]:
        """Natural-log probability by token id."""
        return {entry.token: entry.logprob for entry in [self, *self.top_logprobs]}


class Logprobs(BaseModel):
    content: list[Position] = Field(min_length=1)


class Text(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    message: Text = Text()
    delta: Text = Text()
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Usage(BaseModel):
    prompt_tokens: int


class Completion(BaseModel):
    choices: list[Choice]
    usage: Usage | None = None


class Tokens(BaseModel):
    tokens: list[int]


class ServedModel(BaseModel):
    """One name under which the server answers; `parent` is the base model's name where this is an adapter."""

    id: str
    parent: str | None = None


class ServedModels(BaseModel):
    data: list[ServedModel]


Answer = TypeVar("Answer", bound=BaseModel)


def server_root(url: str) -> str:
    """The server's address without the API's `/v1`. Raises SettingsError for what is no HTTP address."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise SettingsError(f"the vLLM server's address is {url!r} ({error}); write it like {_EXAMPLE}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise SettingsError(f"the vLLM server's address is {url!r}; write it like {_EXAMPLE}")
    return str(parsed).rstrip("/").removesuffix("/v1").rstrip("/")


_EXAMPLE = "http://127.0.0.1:8000/v1"
_KEY = "TASTEMAKER_VLLM__API_KEY"


def is_loopback(url: str) -> bool:
    """Whether the address is on this very machine."""
    import httpx

    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class VllmClient:
    """Asks one server, a few requests at a time. Every method runs on one and the same event loop.

    timeout_s: longest wait for one answer, from connecting to its last byte. Requests have no side effects, so one
    that meets a dropped connection (a kept-alive one that the server has just closed) is sent once more.
    """

    def __init__(self, url: str, *, timeout_s: float, concurrency: int, api_key: str | None) -> None:
        self.root = server_root(url)
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(concurrency)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise SettingsError(f"the API key of {self.root} has characters that no header can carry; correct {_KEY}")
        self._api_key = api_key
        self._http: httpx.AsyncClient | None = None

    async def get(self, path: str, answer: type[Answer]) -> Answer:
        return self._parsed(path, await self._request("GET", path, None), answer)

    async def post(self, path: str, body: Mapping[str, Any], answer: type[Answer]) -> Answer:
        """The server's answer to the JSON body, checked to be of that form."""
        return self._parsed(path, await self._request("POST", path, body), answer)

    async def events(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[Completion]:
        """The server-sent events of a streamed completion, until its end mark."""
        async with self._slots, self._errors_named(), AsyncExitStack() as stack:
            await stack.enter_async_context(asyncio.timeout(self._timeout_s))
            response = await self._opened(stack, path, {**body, "stream": True})
            async for data in _event_data(self._lines(response)):
                if data == "[DONE]":
                    return
                if '"error"' in data and (message := _error_message(data.encode())) is not None:
                    raise ModelUnavailableError(f"{self.root} broke off its answer: {message}")
                yield self._parsed(path, data.encode(), Completion)
        raise ModelUnavailableError(f"{self.root} broke off its answer; look at the server's log")

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _opened(self, stack: AsyncExitStack, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """A response that begins."""
        import httpx

        try:
            return await stack.enter_async_context(self._response("POST", path, body))
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return await stack.enter_async_context(self._response("POST", path, body))

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        import httpx

        async with self._slots, self._errors_named():
            try:
                return await self._once(method, path, body)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                return await self._once(method, path, body)

    async def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        async with asyncio.timeout(self._timeout_s), self._response(method, path, body) as response:
            return b"".join([chunk async for chunk in self._chunks(response)])

    @asynccontextmanager
    async def _response(self, method: str, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[httpx.Response]:
        """A response whose status says that an answer follows."""
        async with self._client().stream(method, self.root + path, json=body) as response:
            if response.status_code != 200:
                chunks = [chunk async for chunk in self._chunks(response)]
                raise self._status_error(response, path, b"".join(chunks))
            yield response

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise ModelAnswerError(
                    f"{self.root} sent more than {MAX_ANSWER_BYTES:,} bytes for one answer; {self._is_it_vllm()}"
                )
            yield chunk

    async def _lines(self, response: httpx.Response) -> AsyncIterator[str]:
        rest = b""
        async for chunk in self._chunks(response):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace").strip()

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import httpx

            headers = {"Accept-Encoding": "identity"}
            if self._api_key:
                headers["Authorization"] = f"Bearer {self._api_key}"
            self._http = httpx.AsyncClient(
                timeout=self._timeout_s,
                follow_redirects=False,
                trust_env=not is_loopback(self.root),  # a proxy does not reach this machine's loopback
                headers=headers,
            )
        return self._http

    @asynccontextmanager
    async def _errors_named(self) -> AsyncIterator[None]:
        """Turns what goes wrong on the way into errors of ours that name the server."""
        import httpx

        try:
            yield
        except (TimeoutError, httpx.TimeoutException) as error:
            raise self._too_slow() from error
        except httpx.TransportError as error:
            raise ModelUnavailableError(
                f"no vLLM server answers at {self.root} ({type(error).__name__}: {_quote(str(error))}); "
                "start one with `tastemaker serve`, or correct the address"
            ) from error
        except httpx.RequestError as error:
            raise ModelAnswerError(f"{self.root} sent an unreadable answer ({error}); {self._is_it_vllm()}") from error

    def _too_slow(self) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"{self.root} gave no answer within {self._timeout_s:g} s; it is overloaded or still starting: "
            "try again, or allow more with TASTEMAKER_VLLM__TIMEOUT_S"
        )

    def _status_error(self, response: httpx.Response, path: str, body: bytes) -> Exception:
        status, said = response.status_code, _error_message(body) or _quote(body.decode("utf-8", "replace"))
        if 300 <= status < 400:
            target = _quote(response.headers.get("location", "nowhere"))
            return ModelAnswerError(
                f"{self.root} redirects to {target}, and redirects are never followed; give the server's own address"
            )
        if status in (401, 403):
            return ModelUnavailableError(
                f"{self.root} refused the API key ({status}: {said}); set {_KEY} to the server's"
            )
        if status == 404:
            return ModelAnswerError(f"{self.root}{path} does not exist there ({said}); {self._is_it_vllm()}")
        if status == 400 and any(words in said for words in _TOO_LONG):
            return PromptTooLongError(f"{self.root} takes no prompt that long ({said}); shorten it")
        if status in (400, 422):
            return RejectedRequestError(f"{self.root} refused the request: {said}")
        return ModelUnavailableError(f"{self.root} failed with status {status}: {said}; look at the server's log")

    def _parsed(self, path: str, body: bytes, answer: type[Answer]) -> Answer:
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the answer"
            raise ModelAnswerError(
                f"{self.root}{path} answered {_quote(body.decode('utf-8', 'replace'))} where {answer.__name__} was "
                f"expected ({where}: {first['msg']}); {self._is_it_vllm()}"
            ) from error

    def _is_it_vllm(self) -> str:
        return "check that the address is a vLLM server's"


async def _event_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()


def _error_message(body: bytes) -> str | None:
    """The message of an OpenAI-style error, or None if the text is no such thing."""
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return _quote(str(message))


def _quote(text: str) -> str:
    """A server's words, shortened and harmless to print."""
    short = text if len(text) <= _QUOTED_CHARS else text[:_QUOTED_CHARS] + "…"
    return repr(short)
