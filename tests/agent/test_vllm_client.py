"""The vLLM engine against servers that are down, slow, old, or answer nonsense. The real server: test_vllm.py."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from PIL import Image

from agent.models import vllm_client
from agent.models.base import Form, Message, Picture, Prompt
from agent.models.data_urls import DataUrls
from agent.models.vllm import VllmModel
from retrieval.errors import ModelAnswerError, ModelUnavailableError, PromptTooLongError, SettingsError
from tests.agent.stand_in import (
    TOKEN_IDS,
    Behaviour,
    Request,
    Vllm,
    always,
    completion,
    planted_log_probs,
    refuse,
    send_json,
    stand_in,
)

PROMPT: Prompt = (Message("user", ("Best:",)),)
LETTERS = list("ABCDEFGHIJKLMNOPQRST")
CHAT = "/v1/chat/completions"


def planted(letters: list[str]) -> list[float]:
    return [planted_log_probs()[TOKEN_IDS[letter]] for letter in letters]


def wait_for(event: threading.Event) -> None:
    event.wait()


class TestScores:
    @pytest.mark.parametrize("labels", ["yes", "ignores", "rejects"])
    def test_every_server_gives_the_same_full_vocabulary_scores(self, labels: str) -> None:
        with stand_in(Vllm(labels=labels)) as server:
            model = VllmModel(server.url)
            rows = model.score([PROMPT, PROMPT], LETTERS)
            model.close()
        assert rows[0] == pytest.approx(planted(LETTERS), abs=1e-9)
        assert rows[1] == rows[0]

    def test_a_renormalising_server_with_a_choice_among_its_top_tokens_gives_exact_scores(self) -> None:
        likely = planted_log_probs() | {TOKEN_IDS["C"]: -0.5}
        total = math.log(sum(math.exp(value) for value in likely.values()))
        likely = {token: value - total for token, value in likely.items()}
        with stand_in(Vllm(labels="ignores", processed=True, log_probs=likely)) as server:
            model = VllmModel(server.url)
            row = model.score([PROMPT], LETTERS)[0]
            model.close()
        assert row == pytest.approx([likely[TOKEN_IDS[letter]] for letter in LETTERS], abs=1e-9)

    def test_a_renormalising_server_without_one_gives_exact_differences(self) -> None:
        with stand_in(Vllm(labels="ignores", processed=True)) as server:
            model = VllmModel(server.url)
            row = model.score([PROMPT], LETTERS)[0]
            model.close()
        expected = planted(LETTERS)
        assert [value - row[0] for value in row] == pytest.approx([value - expected[0] for value in expected], abs=1e-9)

    def test_a_renormalising_server_has_no_more_than_twenty_choices(self) -> None:
        with stand_in(Vllm(labels="ignores", processed=True)) as server:
            model = VllmModel(server.url)
            with pytest.raises(ModelAnswerError, match="processed_logprobs"):
                model.score([PROMPT], list(TOKEN_IDS))
            model.close()

    def test_the_fallback_can_be_forced(self) -> None:
        with stand_in() as server:
            model = VllmModel(server.url, label_scores=False)
            row = model.score([PROMPT], LETTERS)[0]
            model.close()
        assert row == pytest.approx(planted(LETTERS), abs=1e-9)
        assert not any("logprob_token_ids" in (request.body or {}) for request in server.requests)

    def test_a_server_that_has_known_labels_before_is_not_thought_old_when_some_are_missing(self) -> None:
        server_model = Vllm()
        with stand_in(server_model) as server:
            model = VllmModel(server.url)
            model.score([PROMPT], ["A"])
            server_model.labels = "ignores"
            with pytest.raises(ModelAnswerError, match="1 of 1 choices"):
                model.score([PROMPT], ["A"])
            model.close()

    def test_a_choice_of_several_tokens_cannot_be_scored(self) -> None:
        with stand_in() as server:
            model = VllmModel(server.url)
            with pytest.raises(ModelAnswerError, match="must be one"):
                model.score([PROMPT], ["AB"])
            model.close()

    def test_the_tokenizer_is_asked_once_for_each_choice(self) -> None:
        with stand_in() as server:
            model = VllmModel(server.url)
            model.score([PROMPT], ["A", "B"])
            model.score([PROMPT], ["B", "C", "A"])
            model.close()
        tokenized = [request.body for request in server.requests if request.path == "/tokenize"]
        asked = [body["prompt"] for body in tokenized if "prompt" in body]
        assert sorted(asked) == ["A", "B", "C"]


class TestRequests:
    def test_a_picture_travels_losslessly_under_its_key(self) -> None:
        image = Image.effect_noise((96, 96), 80).convert("RGB")
        with stand_in() as server:
            model = VllmModel(server.url)
            model.score([(Message("user", ("A ", Picture(image, "cafe"), "lamp")),)], ["A"])
            model.close()
        (body,) = [request.body for request in server.requests if request.path == CHAT]
        before, part, after = body["messages"][0]["content"]
        assert [before["text"], after["text"]] == ["A ", "lamp"]
        assert part["uuid"] == "cafe"
        kind, _, data = part["image_url"]["url"].partition(",")
        assert kind == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).tobytes() == image.tobytes()
        assert body["temperature"] == 0

    def test_special_tokens_in_raw_text_are_spelled_out(self) -> None:
        with stand_in() as server:
            model = VllmModel(server.url)
            model.score([(Message("user", ("<image> <|end|> [INST] </s> 3<4, 5>2 [b]",)),)], ["A"])
            model.close()
        text = server.requests[-1].body["messages"][0]["content"][0]["text"]
        assert text == "< i m a g e > < | e n d | > [ I N S T ] < / s > 3<4, 5>2 [b]"

    def test_the_adapters_name_is_the_model_that_is_asked(self) -> None:
        with stand_in(Vllm(models=("builtin", "autumn"))) as server:
            model = VllmModel(server.url, adapter="autumn")
            model.score([PROMPT], ["A"])
            model.close()
        assert {request.body["model"] for request in server.requests if request.body} == {"autumn"}
        assert model.info.adapter == "autumn"

    @pytest.mark.parametrize(("writes", "writer"), [(True, "autumn"), (False, "builtin")])
    def test_an_adapter_that_learned_to_rank_alone_is_not_asked_for_words(self, writes: bool, writer: str) -> None:
        with stand_in(Vllm(models=("builtin", "autumn"))) as server:
            model = VllmModel(server.url, adapter="autumn", writes=writes)
            model.score([PROMPT], ["A"])
            assert server.requests[-1].body["model"] == "autumn"
            model.generate([PROMPT], max_tokens=4)
            assert server.requests[-1].body["model"] == writer
            model.score([PROMPT], ["A"])
            assert server.requests[-1].body["model"] == "autumn"
            model.close()

    def test_a_server_that_tells_the_adapter_alone_has_it_write(self) -> None:
        with stand_in(Vllm(models=("autumn",))) as server:
            model = VllmModel(server.url, adapter="autumn", writes=False)
            model.generate([PROMPT], max_tokens=4)
            model.close()
        assert server.requests[-1].body["model"] == "autumn"

    def test_a_preset_is_found_under_its_hub_name_too(self) -> None:
        with stand_in(Vllm(models=("Qwen/Qwen2.5-VL-3B-Instruct",))) as server:
            model = VllmModel(server.url, name="qwen2.5-vl-3b")
            model.score([PROMPT], ["A"])
            model.close()
        assert server.requests[-1].body["model"] == "Qwen/Qwen2.5-VL-3B-Instruct"

    def test_the_key_is_sent(self) -> None:
        with stand_in() as server:
            model = VllmModel(server.url, api_key="secret")
            model.score([PROMPT], ["A"])
            model.close()
        assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}

    def test_only_so_many_requests_run_at_a_time(self) -> None:
        running, most, pairs = 0, 0, threading.Barrier(2)
        lock = threading.Lock()

        def count(handler: BaseHTTPRequestHandler, request: Request) -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            pairs.wait(10)  # two at least are here together
            with lock:
                running -= 1
            Vllm()(handler, request)

        with stand_in(Vllm(instead={CHAT: count})) as server:
            model = VllmModel(server.url, concurrency=2, label_scores=True)
            assert len(model.score([PROMPT] * 6, ["A"])) == 6
            model.close()
        assert most == 2

    def test_the_sync_form_works_inside_a_running_loop(self) -> None:
        async def ask(model: VllmModel) -> tuple[list[list[float]], list[list[float]]]:
            return model.score([PROMPT], ["A", "B"]), await model.ascore([PROMPT], ["A", "B"])

        with stand_in() as server:
            model = VllmModel(server.url)
            sync, other = asyncio.run(ask(model))
            again, _ = asyncio.run(ask(model))  # a second loop of the caller's
            model.close()
        assert sync == other == again

    def test_cancelling_the_caller_frees_the_connection(self) -> None:
        arrived, server_model = threading.Event(), Vllm()

        async def give_up(model: VllmModel) -> None:
            task = asyncio.ensure_future(model.ascore([PROMPT], ["A"]))
            await asyncio.to_thread(arrived.wait, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        with stand_in(server_model) as server:

            def hang(_: BaseHTTPRequestHandler, __: Request) -> None:
                arrived.set()
                server.released.wait()

            server_model.instead[CHAT] = hang
            model = VllmModel(server.url, concurrency=1)
            asyncio.run(give_up(model))
            server_model.instead.clear()
            assert model.score([PROMPT], ["A"])[0] == pytest.approx(planted(["A"]))
            model.close()

    def test_closed_is_closed(self) -> None:
        model = VllmModel("http://127.0.0.1:9/v1")
        model.close()
        model.close()
        with pytest.raises(RuntimeError, match="closed"):
            model.score([PROMPT], ["A"])


class TestBadServers:
    def ask(self, behaviour: Behaviour, *, timeout_s: float = 10.0) -> Exception:
        """The error that comes of scoring with that behaviour at the completions."""
        with stand_in(Vllm(instead={CHAT: behaviour})) as server:
            model = VllmModel(server.url, timeout_s=timeout_s)
            with pytest.raises((ModelAnswerError, ModelUnavailableError, PromptTooLongError)) as caught:
                model.score([PROMPT], ["A", "B"])
            model.close()
        assert server.url.removesuffix("/v1") in str(caught.value)  # each error names the server
        return caught.value

    def test_down(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            model = VllmModel(f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
            with pytest.raises(ModelUnavailableError, match="tastemaker serve"):
                model.score([PROMPT], ["A"])
            model.close()

    def test_slow(self) -> None:
        server_model = Vllm()
        with stand_in(server_model) as server:
            server_model.instead[CHAT] = lambda _, __: wait_for(server.released)
            model = VllmModel(server.url, timeout_s=0.2)
            with pytest.raises(ModelUnavailableError, match=r"within 0\.2 s"):
                model.score([PROMPT], ["A"])
            model.close()

    def test_an_answer_that_drips_in_counts_as_slow(self) -> None:
        def drip(handler: BaseHTTPRequestHandler, _: Request) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while True:  # until the client goes away
                handler.wfile.write(b" ")
                handler.wfile.flush()

        assert isinstance(self.ask(drip, timeout_s=0.3), ModelUnavailableError)

    @pytest.mark.parametrize(
        "nonsense",
        [
            "<html><body>Welcome to nginx!</body></html>",
            "",
            "null",
            "[]",
            "[" * 100_000,
            b"\xff\xfe\x00",
            {"choices": []},
            {"choices": [{"message": {"content": "A"}}]},
            completion(logprobs={"content": []}),
            completion(logprobs={"content": [{"token": "A", "logprob": -1.0, "top_logprobs": []}]}),
            completion(logprobs={"content": [{"token": "token_id:10", "logprob": "high", "top_logprobs": []}]}),
            completion(logprobs={"content": [{"token": "token_id:10", "logprob": -1.0, "top_logprobs": []}]}),
            '{"choices":[{"logprobs":{"content":[{"token":"token_id:10","logprob":NaN,"top_logprobs":[]}]}}]}',
            '{"choices":[{"logprobs":{"content":[{"token":"token_id:10","logprob":-Infinity,"top_logprobs":[]}]}}]}',
        ],
    )
    def test_nonsense(self, nonsense: Any) -> None:
        assert isinstance(self.ask(always(nonsense)), ModelAnswerError)

    @pytest.mark.parametrize("tokens", [[], [3, 4], [7]])
    def test_letters_that_are_no_tokens_of_their_own(self, tokens: list[int]) -> None:
        with stand_in(Vllm(instead={"/tokenize": always({"tokens": tokens})})) as server:
            model = VllmModel(server.url)
            with pytest.raises(ModelAnswerError, match=r"it must be one|they must differ") as caught:
                model.score([PROMPT], ["A", "B"])
            model.close()
        assert server.url.removesuffix("/v1") in str(caught.value)

    def test_a_tokenizer_that_comes_to_its_senses_is_believed(self) -> None:
        server_model = Vllm(instead={"/tokenize": always({"tokens": []})})
        with stand_in(server_model) as server:
            model = VllmModel(server.url)
            with pytest.raises(ModelAnswerError):
                model.score([PROMPT], ["A"])
            server_model.instead.clear()
            assert model.score([PROMPT], ["A"])[0] == pytest.approx(planted(["A"]))
            model.close()

    def test_a_redirect_is_not_followed(self) -> None:
        with stand_in() as elsewhere:
            error = self.ask(always("", status=307, Location=elsewhere.url + CHAT))
        assert isinstance(error, ModelAnswerError)
        assert "never followed" in str(error)
        assert elsewhere.requests == []

    def test_an_endless_answer_is_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vllm_client, "MAX_ANSWER_BYTES", 1000)
        assert "more than 1,000 bytes" in str(self.ask(always("x" * 5000)))

    def test_an_answer_that_unpacks_to_more_is_not_asked_for(self) -> None:
        with stand_in() as server:
            model = VllmModel(server.url)
            model.score([PROMPT], ["A"])
            model.close()
        assert {request.headers["Accept-Encoding"] for request in server.requests} == {"identity"}

    @pytest.mark.parametrize(
        ("status", "kind", "words"),
        [
            (401, ModelUnavailableError, "key"),
            (404, ModelAnswerError, "does not exist"),
            (429, ModelUnavailableError, "429"),
            (500, ModelUnavailableError, "log"),
            (503, ModelUnavailableError, "503"),
        ],
    )
    def test_error_statuses(self, status: int, kind: type[Exception], words: str) -> None:
        error = self.ask(lambda handler, _: refuse(handler, "no\nway\x1b[31m", status=status))
        assert type(error) is kind
        assert words in str(error)
        assert "\x1b" not in str(error)  # a server's words do not drive the terminal

    def test_too_long(self) -> None:
        message = "This model's maximum context length is 2048 tokens. However, your prompt contains 3000"
        assert isinstance(self.ask(lambda handler, _: refuse(handler, message)), PromptTooLongError)

    def test_longer_than_the_model_takes_in_process(self) -> None:
        answer = {**completion(), "usage": {"prompt_tokens": 1921}}
        with stand_in(Vllm(instead={CHAT: always(answer)})) as server:
            model = VllmModel(server.url)
            with pytest.raises(PromptTooLongError, match="1921"):
                model.score([PROMPT], ["A"])
            model.close()

    def test_another_refusal_is_told_as_it_is(self) -> None:
        error = self.ask(lambda handler, _: refuse(handler, "At most 1 image(s) may be provided in one prompt."))
        assert isinstance(error, ModelUnavailableError)
        assert "At most 1 image" in str(error)

    def test_another_model(self) -> None:
        with stand_in(Vllm(models=("llama", "qwen"))) as server:
            model = VllmModel(server.url)
            with pytest.raises(ModelAnswerError, match="serves llama, qwen, not builtin"):
                model.score([PROMPT], ["A"])
            model.close()

    def test_a_dropped_connection_is_tried_once_more(self) -> None:
        drops = [True]

        def drop_first(handler: BaseHTTPRequestHandler, request: Request) -> None:
            if drops:
                drops.pop()
                handler.close_connection = True
                return
            Vllm()(handler, request)

        with stand_in(Vllm(instead={CHAT: drop_first})) as server:
            model = VllmModel(server.url)
            assert model.score([PROMPT], ["A"])[0] == pytest.approx(planted(["A"]))
            model.close()
        assert sum(request.path == CHAT for request in server.requests) == 2

    def test_and_only_once(self) -> None:
        def drop(handler: BaseHTTPRequestHandler, _: Request) -> None:
            handler.close_connection = True

        assert isinstance(self.ask(drop), ModelUnavailableError)

    @pytest.mark.parametrize(
        "url", ["", "localhost:8000", "ftp://host/v1", "http://", "http://host/v1?x=1", "http://[::1"]
    )
    def test_no_address(self, url: str) -> None:
        with pytest.raises(SettingsError, match="http://127"):
            VllmModel(url)

    @pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
    def test_the_address_may_end_in_v1_or_not(self, url: str) -> None:
        assert vllm_client.server_root(url) == "http://h:1"


def events(*pieces: Any, end: str = "data: [DONE]\n\n") -> str:
    return "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + end


def piece(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


class TestStream:
    def read(self, text: str) -> list[str]:
        with stand_in(Vllm(instead={CHAT: always(text)})) as server:
            model = VllmModel(server.url)
            try:
                return list(model.stream(PROMPT, max_tokens=5))
            finally:
                model.close()

    def test_pieces_come_in_order_and_empty_ones_are_skipped(self) -> None:
        usage = {"choices": [], "usage": {"prompt_tokens": 3}}
        assert self.read(events(piece("a "), piece(""), piece("löwe"), usage)) == ["a ", "löwe"]

    def test_a_stream_that_breaks_off_is_no_answer(self) -> None:
        with pytest.raises(ModelUnavailableError, match="broke off"):
            self.read(events(piece("a"), end=""))

    def test_an_error_in_the_stream_is_told(self) -> None:
        with pytest.raises(ModelUnavailableError, match="engine died"):
            self.read(events(piece("a"), {"error": {"message": "engine died"}}))

    def test_nonsense_in_the_stream_is_no_answer(self) -> None:
        with pytest.raises(ModelAnswerError, match="Completion"):
            self.read("data: <html>\n\n")

    def test_a_text_about_errors_is_a_text(self) -> None:
        assert self.read(events(piece('"error": none'))) == ['"error": none']

    def test_a_stream_outlives_its_model_quietly(self) -> None:
        with stand_in(Vllm(instead={CHAT: always(events(piece("a"), piece("b")))})) as server:
            model = VllmModel(server.url)
            pieces = model.stream(PROMPT, max_tokens=5)
            assert next(pieces) == "a"
            model.close()
            pieces.close()  # type: ignore[attr-defined]

    def test_json_that_is_cut_off_is_no_answer(self) -> None:
        answer = completion(message={"content": '{"mood": "ca'})
        with stand_in(Vllm(instead={CHAT: always(answer)})) as server:
            model = VllmModel(server.url)
            with pytest.raises(ModelAnswerError, match="cut off"):
                model.generate([PROMPT], max_tokens=5, form=Form(schema={"type": "object"}))
            model.close()

    def test_the_schema_reaches_the_server(self) -> None:
        with stand_in(Vllm(instead={CHAT: always(completion(message={"content": "{}"}))})) as server:
            model = VllmModel(server.url)
            assert model.generate([PROMPT], max_tokens=5, form=Form(schema={"type": "object"})) == ["{}"]
            model.close()
        sent = server.requests[-1].body["response_format"]
        assert sent["json_schema"]["schema"] == {"type": "object"}
        assert sent["type"] == "json_schema"


def test_token_counts_are_the_servers() -> None:
    def count(handler: BaseHTTPRequestHandler, request: Request) -> None:
        send_json(handler, {"tokens": [1] * 40 if "messages" in request.body else [10]})

    with stand_in(Vllm(instead={"/tokenize": count})) as server:
        model = VllmModel(server.url)
        assert model.count_tokens(PROMPT) == 40
        model.close()


@pytest.mark.parametrize(("tokens", "wanted"), [([1, 7, 9], True), ([1, 1, 7, 9], False)])
def test_the_tokenizer_begins_chats_whose_template_does_not(tokens: list[int], wanted: bool) -> None:
    class Begins(Vllm):
        def _tokenize(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
            if "messages" in request.body:
                send_json(handler, {"tokens": tokens})
            else:
                super()._tokenize(handler, request)

    with stand_in(Begins()) as server:
        model = VllmModel(server.url)
        model.score([PROMPT, PROMPT], ["A", "B"])
        model.count_tokens(PROMPT)
        model.close()
        chats = [request.body for request in server.requests if "messages" in (request.body or {})]
    assert [chat["add_special_tokens"] for chat in chats] == [True, wanted, wanted, wanted], "asked about it once"


def test_pictures_are_encoded_once_and_dropped_when_they_fill_their_room() -> None:
    pictures = [Picture(Image.new("RGB", (8, 8), colour), colour) for colour in ("red", "green", "blue")]
    kept = DataUrls()
    first = kept.of(pictures[0])
    assert kept.of(pictures[0]) is first
    small = DataUrls(max_chars=2 * len(first) + 8)
    red, _ = small.of(pictures[0]), small.of(pictures[1])
    assert small.of(pictures[0]) is red  # used again, so green is the oldest now
    small.of(pictures[2])
    assert list(small._kept) == ["red", "blue"]
