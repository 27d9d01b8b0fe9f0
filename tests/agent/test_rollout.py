"""An adapter put to work while a server runs: loaded, looked at, and refused where it would do harm."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from agent.adapters import ADAPTER_WEIGHTS, served_name
from agent.models.base import Message
from agent.opening import open_chosen_model, settle
from agent.prompts import LETTERS, RANK_SYSTEM
from agent.registry import Adapters
from agent.rollout import roll_back, use_adapter
from agent.server_record import find_server_record, recorded
from agent.settings import RecommenderSettings
from retrieval.errors import ModelUnavailableError, WeightsError
from tests.agent.stand_in import Request, StandIn, Vllm, planted_log_probs, refuse, send, stand_in
from tests.agent.test_registry import card

PROMPT = [(Message("user", ("Best:",)),)]


class Loads(Vllm):
    """A server that loads adapters while it runs. moves: by how much an adapter raises the first letter's score.

    weights: what it has loaded, by the name that it was given.
    """

    moves: float = 1.0
    takes: bool = True

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[str, bytes] = {}

    def __call__(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        match request.path:
            case "/v1/load_lora_adapter" if request.body["lora_name"] in self.models:
                refuse(handler, f"The lora adapter '{request.body['lora_name']}' has already been loaded.")
            case "/v1/load_lora_adapter" if self.takes:
                self.models = (*self.models, request.body["lora_name"])
                self.weights[self.models[-1]] = Path(request.body["lora_path"], ADAPTER_WEIGHTS).read_bytes()
                send(handler, "Success")
            case "/v1/unload_lora_adapter":
                self.models = tuple(name for name in self.models if name != request.body["lora_name"])
                send(handler, "Success")
            case "/v1/chat/completions":
                tuned = request.body["model"] != "builtin"
                self.log_probs = planted_log_probs()
                self.log_probs[10] += self.moves if tuned else 0.0
                super().__call__(handler, request)
            case _:
                super().__call__(handler, request)


@pytest.fixture
def adapters(tmp_path: Path, adapter_folder: Path) -> Adapters:
    found = Adapters(tmp_path)
    for _ in range(2):
        found.register(adapter_folder, card())
    return found


@contextmanager
def served(folder: Path, behaviour: Loads) -> Iterator[StandIn]:
    with stand_in(behaviour) as server, recorded(folder, url=server.url, model="builtin", adapter=None):
        yield server


def answering(folder: Path) -> str | None:
    """The adapter that a command started now would be answered with."""
    settings = RecommenderSettings()
    model = open_chosen_model(folder, settle(folder, settings))
    model.close()
    return model.info.adapter


def test_without_a_server_the_pointer_is_all(adapters: Adapters, tmp_path: Path) -> None:
    use_adapter(tmp_path, "lora-1")
    assert (adapters.current(), answering(tmp_path)) == ("lora-1", "lora-1")
    assert roll_back(tmp_path) is None
    assert (adapters.current(), answering(tmp_path)) == (None, None)


def test_a_server_loads_it_and_answers_with_it_and_with_the_one_before_again(
    adapters: Adapters, tmp_path: Path
) -> None:
    with served(tmp_path, Loads()) as server:
        for name in ("lora-1", "lora-2"):
            use_adapter(tmp_path, name)
            assert (adapters.current(), answering(tmp_path)) == (name, name)
        loaded = [request.body for request in server.requests if request.path == "/v1/load_lora_adapter"]
        assert [body["lora_path"] for body in loaded] == [str(adapters.path(f"lora-{n}").resolve()) for n in (1, 2)]
        assert roll_back(tmp_path) == "lora-1"
        assert answering(tmp_path) == "lora-1"
    assert find_server_record(tmp_path) is None, "its record goes with the server, whatever it answered with"


def asked(server: StandIn, name: str) -> list[Request]:
    """The lists that were asked of what the server calls so."""
    return [each for each in server.requests if each.path == "/v1/chat/completions" and each.body["model"] == name]


@pytest.mark.parametrize("name", ["", "mine"])
def test_an_adapter_that_gets_the_name_of_a_deleted_one_answers_with_its_own_weights(
    adapters: Adapters, tmp_path: Path, adapter_folder: Path, name: str
) -> None:
    other = shutil.copytree(adapter_folder, tmp_path / "other")
    (other / ADAPTER_WEIGHTS).write_bytes(b"other weights")
    behaviour = Loads()
    with served(tmp_path, behaviour) as server:
        use_adapter(tmp_path, "lora-1")
        old = adapters.register(adapter_folder, card(name)).name
        use_adapter(tmp_path, old)
        roll_back(tmp_path)
        adapters.delete(old)
        assert adapters.register(other, card(name)).name == old
        use_adapter(tmp_path, old)
        record = find_server_record(tmp_path)
        assert record is not None
        assert (record.adapter, behaviour.weights[record.answers_as]) == (old, b"other weights")
        assert asked(server, record.answers_as), "it was looked at"
        open_chosen_model(tmp_path, RecommenderSettings()).score(PROMPT, LETTERS)
        assert server.requests[-1].body["model"] == record.answers_as


def test_one_that_the_server_has_is_looked_at_again(adapters: Adapters, tmp_path: Path) -> None:
    behaviour = Loads()
    with served(tmp_path, behaviour) as server:
        use_adapter(tmp_path, "lora-1")
        before = len(asked(server, served_name(adapters.path("lora-1"))))
        behaviour.moves = 0.0
        with pytest.raises(WeightsError, match="lora-1 changes no answer of builtin"):
            use_adapter(tmp_path, "lora-1")
        assert len(asked(server, served_name(adapters.path("lora-1")))) == 2 * before > 0
        assert answering(tmp_path) == "lora-1", "the server keeps what it answers with"


def test_it_is_asked_for_a_list_with_pictures_as_the_product_asks(adapters: Adapters, tmp_path: Path) -> None:
    with served(tmp_path, Loads()) as server:
        use_adapter(tmp_path, "lora-1")
        lists = [asked(server, name)[-1].body for name in ("builtin", served_name(adapters.path("lora-1")))]
    for told in lists:
        system, user = told["messages"]
        assert system["content"][0]["text"] == RANK_SYSTEM
        texts = "".join(part.get("text", "◻") for part in user["content"])
        assert re.search(r"Candidates:\nA ◻\S*.*\nB ◻.*\nH ◻.*\nBest:$", texts, re.DOTALL)
    assert lists[0]["messages"] == lists[1]["messages"]
    assert lists[0]["cache_salt"] == lists[1]["cache_salt"]


@pytest.mark.parametrize(
    ("moves", "says"),
    [
        (0.0, "changes no answer of builtin"),
        (-math.inf, "lora-2 cannot rank a list"),
        (math.nan, "lora-2 cannot rank a list"),
    ],
)
def test_an_adapter_that_does_nothing_or_harm_is_refused_and_unloaded(
    adapters: Adapters, tmp_path: Path, moves: float, says: str
) -> None:
    use_adapter(tmp_path, "lora-1")
    behaviour = Loads()
    behaviour.moves = moves
    with served(tmp_path, behaviour):
        with pytest.raises(WeightsError, match=says):
            use_adapter(tmp_path, "lora-2")
        assert behaviour.models == ("builtin",)
        assert adapters.current() == "lora-1"
        assert adapters.waiting() is None, "nothing takes it up by itself"


def test_a_server_that_takes_none_is_told(adapters: Adapters, tmp_path: Path) -> None:
    behaviour = Loads()
    behaviour.takes = False
    with served(tmp_path, behaviour):
        with pytest.raises(ModelUnavailableError, match="takes no adapters while it runs; stop it, and start it"):
            use_adapter(tmp_path, "lora-1")
        behaviour.instead["/v1/load_lora_adapter"] = lambda handler, _: refuse(handler, "rank 512 is too high")
        with pytest.raises(ModelUnavailableError, match=r"refused the adapter: .*rank 512"):
            use_adapter(tmp_path, "lora-1")
    assert adapters.current() is None


def test_a_server_of_another_model_is_told(adapters: Adapters, tmp_path: Path) -> None:
    with (
        stand_in(Vllm(models=("qwen2.5-vl-3b",))) as server,
        recorded(tmp_path, url=server.url, model="qwen2.5-vl-3b", adapter=None),
        pytest.raises(WeightsError, match=r"has qwen2\.5-vl-3b, the adapter lora-1 belongs to builtin"),
    ):
        use_adapter(tmp_path, "lora-1")


def test_a_damaged_adapter_is_not_used_and_one_in_use_is_left_out(
    adapters: Adapters, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    use_adapter(tmp_path, "lora-1")
    for name in ("lora-1", "lora-2"):
        (adapters.path(name) / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="is damaged"):
        use_adapter(tmp_path, "lora-2")
    assert answering(tmp_path) is None
    assert "builtin answers without an adapter" in caplog.text
