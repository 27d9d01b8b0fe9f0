"""A stand-in for a model server: real sockets, and whatever behaviour a test plants."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VOCABULARY = 64
TOKEN_IDS = {letter: 10 + row for row, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWX")}


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any


Behaviour = Callable[[BaseHTTPRequestHandler, Request], None]


@dataclass
class StandIn:
    """A running server. requests: all that it was asked, in order. released: set at the end, for those who wait."""

    url: str
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def stand_in(behaviour: Behaviour | None = None) -> Iterator[StandIn]:
    """Serves with that behaviour on a free port of the loopback."""
    state = StandIn("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

        def do_GET(self) -> None:
            self._handle(None)

        def do_POST(self) -> None:
            self._handle(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _handle(self, body: Any) -> None:
            request = Request(self.path, dict(self.headers.items()), body)
            state.requests.append(request)
            (behaviour or Vllm())(self, request)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            """A client that gave up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, text: str | bytes, *, status: int = 200, **headers: str) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def always(answer: Any, *, status: int = 200, **headers: str) -> Behaviour:
    """The same to everyone: text as it is, anything else as JSON."""
    text = answer if isinstance(answer, str | bytes) else json.dumps(answer)
    return lambda handler, _: send(handler, text, status=status, **headers)


def send_json(handler: BaseHTTPRequestHandler, answer: Any, *, status: int = 200) -> None:
    send(handler, json.dumps(answer), status=status)


def refuse(handler: BaseHTTPRequestHandler, message: str, *, status: int = 400) -> None:
    send_json(handler, {"error": {"message": message, "type": "BadRequestError", "code": status}}, status=status)


def planted_log_probs() -> dict[int, float]:
    """Log-probability by token id over a vocabulary of 64: later letters are likelier, other tokens likelier still."""
    points = {token: 0.3 * token if token in TOKEN_IDS.values() else 9.0 for token in range(VOCABULARY)}
    total = math.log(sum(math.exp(value) for value in points.values()))
    return {token: value - total for token, value in points.items()}


@dataclass
class Vllm:
    """What a vLLM server answers, with planted probabilities. instead: other behaviour, by path.

    labels: whether it knows `logprob_token_ids`: "yes", "ignores" it or "rejects" it.
    processed: whether its log-probabilities are renormalised over `allowed_token_ids`.
    """

    models: tuple[str, ...] = ("builtin",)
    labels: str = "yes"
    processed: bool = False
    log_probs: dict[int, float] = field(default_factory=planted_log_probs)
    instead: dict[str, Behaviour] = field(default_factory=dict)

    def __call__(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        known: dict[str, Behaviour] = {
            "/v1/models": self._models,
            "/tokenize": self._tokenize,
            "/v1/chat/completions": self._complete,
        }
        (self.instead.get(request.path) or known.get(request.path) or self._nothing)(handler, request)

    def _models(self, handler: BaseHTTPRequestHandler, _: Request) -> None:
        send_json(handler, {"object": "list", "data": [{"id": name, "parent": None} for name in self.models]})

    def _nothing(self, handler: BaseHTTPRequestHandler, _: Request) -> None:
        refuse(handler, "Not Found", status=404)

    def _tokenize(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        text = request.body.get("prompt", "")
        tokens = [TOKEN_IDS.get(letter, 0) for letter in text]
        send_json(handler, {"tokens": tokens, "count": len(tokens), "max_model_len": 2048})

    def _complete(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        body = request.body
        if "logprob_token_ids" in body and self.labels == "rejects":
            refuse(handler, "1 validation error: logprob_token_ids: Extra inputs are not permitted")
            return
        send_json(handler, completion(logprobs={"content": [self._first_token(body)]}))

    def _first_token(self, body: dict[str, Any]) -> dict[str, Any]:
        allowed = body.get("allowed_token_ids") or list(self.log_probs)
        shown = self.log_probs
        if self.processed:
            total = math.log(sum(math.exp(self.log_probs[token]) for token in allowed))
            shown = {token: self.log_probs[token] - total for token in allowed}
        chosen = max(allowed, key=self.log_probs.__getitem__)
        likeliest = sorted(shown, key=lambda token: -shown[token])[: body.get("top_logprobs", 0)]
        if self.labels == "yes" and "logprob_token_ids" in body:
            likeliest = body["logprob_token_ids"]
        return {**_entry(chosen, shown), "top_logprobs": [_entry(token, shown) for token in likeliest]}


def completion(**choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "length", **choice}]}


def _entry(token: int, log_probs: dict[int, float]) -> dict[str, Any]:
    return {"token": f"token_id:{token}", "logprob": log_probs[token]}
