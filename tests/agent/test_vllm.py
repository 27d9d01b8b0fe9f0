"""The vLLM engine on real servers: the built-in model and a peft adapter, against the in-process engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image, ImageOps

from agent.adapters import served_name
from agent.models.base import Form, Message, Picture, Prompt, VisionLanguageModel
from agent.models.transformers import TransformersModel
from agent.models.vllm import VllmModel
from agent.prompts import LETTERS, Detail, Shown, reason_prompt
from agent.reason_pattern import reason_pattern
from agent.recommender import Recommender
from agent.server_record import recorded
from agent.serving import find_server, find_server_record
from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.types import EventType, Evidence, EvidenceKind, Item
from retrieval.workspace import Workspace, WorkspaceSettings
from tests.agent import test_models as contract
from tests.agent.conftest import Served, ServedWorkspace
from tests.agent.rankings import rankings
from tests.agent.stand_in import stand_in
from tests.conftest import TinyShop

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1200)]  # two starts take long on a busy machine

LISTS = 4
MANY_LISTS = 12
HALF_PRECISION = 0.1
"""Log-probabilities in bfloat16 differ by less than half of this from those in float32, on lists of 20 (measured)."""
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["colour", "count"],
    "additionalProperties": False,
}

Open = Callable[..., VllmModel]
Rows = list[list[float]]


def largest_difference(one: Rows, other: Rows) -> float:
    return max(abs(a - b) for row, others in zip(one, other, strict=True) for a, b in zip(row, others, strict=True))


def first_places(rows: Rows) -> list[str]:
    return [LETTERS[row.index(max(row))] for row in rows]


def lead(scores: Sequence[float]) -> float:
    """How far the first place is ahead of the second."""
    first, second = sorted(scores)[:-3:-1]
    return first - second


@pytest.fixture
def opened(vllm_server: Served) -> Iterator[Open]:
    """Opens engines on the session's server and closes them after the test."""
    models: list[VllmModel] = []

    def open_one(**options: object) -> VllmModel:
        models.append(VllmModel(vllm_server.url, **({"timeout_s": 300.0} | options)))  # type: ignore[arg-type]
        return models[-1]

    yield open_one
    for model in models:
        model.close()


@pytest.fixture(scope="module")
def in_process() -> TransformersModel:
    return TransformersModel.open("builtin", dtype="float32")


@pytest.fixture(scope="module")
def in_process_adapted(adapter_folder: Path) -> TransformersModel:
    return TransformersModel.open("builtin", adapter=adapter_folder, dtype="float32")


@pytest.fixture(scope="module")
def prompts() -> Sequence[Prompt]:
    return rankings(LISTS)


class TestContract(contract.TestContract):
    @pytest.fixture
    def model(self, opened: Open) -> VisionLanguageModel:
        return opened()


class TestSameAnswersAsInProcess:
    def test_base(self, opened: Open, in_process: TransformersModel, prompts: Sequence[Prompt]) -> None:
        ours, theirs = in_process.score(prompts, LETTERS), opened().score(prompts, LETTERS)
        assert largest_difference(ours, theirs) < 0.01
        assert first_places(ours) == first_places(theirs)

    def test_adapter(
        self, opened: Open, vllm_server: Served, in_process_adapted: TransformersModel, prompts: Sequence[Prompt]
    ) -> None:
        adapter = served_name(vllm_server.adapter)
        ours, theirs = in_process_adapted.score(prompts, LETTERS), opened(adapter=adapter).score(prompts, LETTERS)
        assert largest_difference(ours, theirs) < 0.01
        assert first_places(ours) == first_places(theirs)

    def test_the_adapter_moves_scores_far_beyond_what_engines_differ_by(
        self, opened: Open, vllm_server: Served, prompts: Sequence[Prompt]
    ) -> None:
        base, adapted = opened(), opened(adapter=served_name(vllm_server.adapter))
        assert largest_difference(base.score(prompts, LETTERS), adapted.score(prompts, LETTERS)) > 0.1
        assert largest_difference(base.score(prompts, LETTERS), base.score(prompts, LETTERS)) < 1e-4

    def test_short_lists_and_items_without_pictures(self, opened: Open, in_process: TransformersModel) -> None:
        (with_pictures,) = rankings(1, candidates=3, liked=0)
        words_only: Prompt = tuple(
            Message(message.role, tuple(part for part in message.parts if isinstance(part, str)))
            for message in with_pictures
        )
        both = [with_pictures, words_only]
        assert largest_difference(in_process.score(both, LETTERS), opened().score(both, LETTERS)) < 0.01

    def test_a_server_that_only_knows_allowed_tokens(self, opened: Open, prompts: Sequence[Prompt]) -> None:
        exact = opened().score(prompts, LETTERS)
        assert largest_difference(opened(label_scores=False).score(prompts, LETTERS), exact) < 1e-4

    def test_token_counts(self, opened: Open, in_process: TransformersModel, prompts: Sequence[Prompt]) -> None:
        for prompt in [*prompts, *rankings(1, candidates=2, liked=1)]:
            assert opened().count_tokens(prompt) == in_process.count_tokens(prompt)

    def test_written_reasons(self, opened: Open, in_process: TransformersModel) -> None:
        asked = [contract.reason(), contract.reason(look=False)]
        assert opened().generate(asked, max_tokens=30) == in_process.generate(asked, max_tokens=30)

    def test_reasons_within_a_pattern(self, opened: Open, in_process: TransformersModel) -> None:
        title = "Quinn: chair (2005) in A+B"
        said = "shares material ash wood with"
        evidence = [
            Evidence(EvidenceKind.REQUEST, "matches the request: blue (colour)", "colour", "blue"),
            Evidence(EvidenceKind.HISTORY, f"{said} {title}", "material", "ash wood", "1", title),
        ]
        pattern = reason_pattern(Item("x", "Chair", {"colour": "blue", "material": "ash wood"}), evidence)
        prompt = reason_prompt(Shown(Item("x", "Chair", {"colour": "blue"})), "blue", evidence, Detail())
        (ours,), (theirs,) = (
            model.generate([prompt], max_tokens=60, form=Form(patterns=[pattern])) for model in (in_process, opened())
        )
        assert re.fullmatch(pattern, theirs)
        assert ours == theirs
        told: list[str] = []
        form = Form(patterns=[pattern, pattern])
        answers = opened().generate(
            [prompt, prompt], max_tokens=60, form=form, on_text=lambda row, text: told.append(text) if row else None
        )
        assert answers == [ours, ours]
        assert told[-1] == ours
        assert all(longer.startswith(text) for text, longer in pairwise(told))

    def test_json(self, opened: Open, prompts: Sequence[Prompt]) -> None:
        for text in opened().generate(prompts, max_tokens=40, form=Form(schema=SCHEMA)):
            answer = json.loads(text)
            assert answer["colour"] in ("red", "blue")
            assert answer["count"] in range(10)


class TestPictures:
    def pair(self) -> tuple[Prompt, Prompt]:
        """The same words about another picture."""
        (prompt,) = rankings(1, candidates=2, liked=0)
        pictures = [part for message in prompt for part in message.parts if isinstance(part, Picture)]
        inverted = Picture(ImageOps.invert(pictures[0].image), f"{pictures[0].key}-inverted")

        def swapped(part: str | Picture) -> str | Picture:
            return inverted if part is pictures[0] else part

        return prompt, tuple(Message(m.role, tuple(swapped(part) for part in m.parts)) for m in prompt)

    def test_the_picture_matters(self, opened: Open, in_process: TransformersModel) -> None:
        first, second = self.pair()
        model = opened()
        rows = model.score([first, second], LETTERS)
        assert largest_difference(rows[:1], rows[1:]) > 1e-3
        assert largest_difference(rows, in_process.score([first, second], LETTERS)) < 0.01

    def test_the_key_is_what_the_servers_caches_go_by(self, opened: Open) -> None:
        first, second = self.pair()
        model = opened()
        before = model.score([first], LETTERS)
        black = Image.new("RGB", (96, 96))
        relabelled = tuple(
            Message(m.role, tuple(Picture(black, p.key) if isinstance(p, Picture) else p for p in m.parts))
            for m in first
        )
        assert largest_difference(model.score([relabelled], LETTERS), before) < 1e-4
        assert largest_difference(model.score([second], LETTERS), before) > 1e-3

    @pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.png", "https://example.com/a.png", "file:///etc/hosts"])
    def test_the_server_fetches_no_address(self, vllm_server: Served, address: str) -> None:
        content = [{"type": "image_url", "image_url": {"url": address}}]
        body = {"model": "builtin", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
        answer = httpx.post(f"{vllm_server.url}/chat/completions", json=body, timeout=60, trust_env=False)
        assert answer.status_code >= 400
        assert "allowed" in answer.text


class TestRecommender:
    """The whole turn over the tiny shop."""

    @pytest.fixture
    def shop(self, tmp_path: Path, tiny_shop: TinyShop) -> Path:
        with Workspace.create(tmp_path / "shop", WorkspaceSettings(currency="EUR")) as workspace:
            index_catalog(workspace, tiny_shop.catalog, encoder=open_encoder("builtin"))
            workspace.log.import_file(tiny_shop.interactions)
        return tmp_path / "shop"

    def test_it_finds_the_workspaces_server_and_answers_as_in_process(self, shop: Path, vllm_server: Served) -> None:
        wish = {"user_id": "ann", "query": "a blue scarf", "k": 3}
        with recorded(shop, url=vllm_server.url, model="builtin", adapter=None), Recommender.open(shop) as served:
            theirs = served.recommend(**wish)
            assert isinstance(served.model, VllmModel)
        with Recommender.open(shop, engine="transformers") as in_process:
            ours = in_process.recommend(**wish)
        assert theirs.reranked
        assert [entry.item.item_id for entry in theirs] == [entry.item.item_id for entry in ours]
        assert [entry.reason for entry in theirs] == [entry.reason for entry in ours]
        assert [entry.score for entry in theirs] == pytest.approx([entry.score for entry in ours], abs=0.01)

    def test_the_log_names_the_adapter_that_ranked(self, shop: Path, vllm_server: Served) -> None:
        adapter = vllm_server.adapter.name
        with (
            recorded(
                shop, url=vllm_server.url, model="builtin", adapter=adapter, served_as=served_name(vllm_server.adapter)
            ),
            Recommender.open(shop) as recommender,
        ):
            assert recommender.recommend(user_id="ann", query="a lamp", k=2).reranked
            shown = [e for e in recommender.workspace.log.events() if e.type is EventType.IMPRESSION]
        assert {(event.model, event.adapter) for event in shown} == {("builtin", adapter)}

    def test_a_server_that_is_gone_leaves_the_retrievers_order(self, shop: Path) -> None:
        with stand_in() as server:
            url = server.url
        with Recommender.open(shop, engine="vllm", url=url) as recommender:
            answer = recommender.recommend(query="a blue scarf", k=3)
        assert not answer.reranked
        assert answer[0].item.item_id == "blue-scarf"
        assert "tastemaker serve" in str(answer.note)


@pytest.fixture(scope="class")
def served_workspace(starting_workspace: ServedWorkspace) -> ServedWorkspace:
    """`serve` in a process of its own: in bfloat16, and with log-probabilities renormalised by constraints."""
    starting_workspace.wait_until_ready()
    return starting_workspace


class TestServe:
    """In the order of the life of one server."""

    def test_other_commands_find_it(self, served_workspace: ServedWorkspace) -> None:
        assert find_server(served_workspace.folder) == served_workspace.plan.url
        record = find_server_record(served_workspace.folder)
        assert record is not None
        assert (record.model, record.adapter) == ("builtin", None)
        assert psutil.Process(record.pid).parent() == psutil.Process(served_workspace.process.pid)

    def test_bfloat16_has_the_same_first_place_as_in_process(
        self, served_workspace: ServedWorkspace, in_process: TransformersModel
    ) -> None:
        """On the lists that have a winner: what half precision rounds away decides nothing there."""
        asked = rankings(MANY_LISTS)
        exact = in_process.score(asked, LETTERS)
        decided = [row for row, scores in enumerate(exact) if lead(scores) > HALF_PRECISION]
        assert len(decided) >= MANY_LISTS // 4
        model = VllmModel(served_workspace.plan.url, timeout_s=300)
        theirs = model.score([asked[row] for row in decided], LETTERS)
        model.close()
        ours = TransformersModel.open("builtin", dtype="bfloat16").score([asked[row] for row in decided], LETTERS)
        assert first_places(ours) == first_places(theirs) == first_places([exact[row] for row in decided])

    def test_a_renormalising_server_gives_exact_differences(
        self, served_workspace: ServedWorkspace, prompts: Sequence[Prompt]
    ) -> None:
        exact, old = VllmModel(served_workspace.plan.url), VllmModel(served_workspace.plan.url, label_scores=False)
        for row, other in zip(exact.score(prompts, LETTERS), old.score(prompts, LETTERS), strict=True):
            assert [value - row[0] for value in row] == pytest.approx([value - other[0] for value in other], abs=0.02)
        exact.close()
        old.close()

    def test_asked_to_stop_it_leaves_nothing(self, served_workspace: ServedWorkspace) -> None:
        everything = psutil.Process(served_workspace.process.pid).children(recursive=True)
        assert len(everything) >= 4  # serve, its guard, the API server, the engine
        served_workspace.process.terminate()
        assert served_workspace.process.wait(60) == 0
        _, alive = psutil.wait_procs(everything, timeout=30)
        assert alive == []
        assert find_server(served_workspace.folder) is None
        assert not (served_workspace.folder / "vllm_server.json").exists()


def test_the_server_has_called_nobody(opened: Open, vllm_server: Served) -> None:
    opened().score(rankings(1, candidates=1, liked=0), ["A"])
    assert not vllm_server.connections.exists() or vllm_server.connections.read_text() == ""
