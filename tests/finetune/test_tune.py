"""From a log to an adapter that is served: the colour shop, the built-in model, everything real."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pytest

from agent import rerank
from agent.forgetting import Learned, forget_person, to_retrain
from agent.models.base import Prompt
from agent.models.transformers import TransformersModel
from agent.opening import adapter_version, open_chosen_model
from agent.prompts import Detail, Shown, rank_prompt
from agent.recommender import Recommender
from agent.registry import Adapters
from agent.rollout import roll_back, use_adapter
from agent.settings import RecommenderSettings, RerankSettings
from finetune.examples import ListSettings
from finetune.list_trainer import Step
from finetune.lora_settings import LoraTraining
from finetune.tune import FOLDER, Told, Tuned, Tuning, _Contest, tune
from retrieval.candidates import CandidateFinder
from retrieval.errors import InteractionError, ModelUnavailableError, WorkspaceLockedError
from retrieval.locks import alone
from retrieval.store import VectorStore, open_store
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from tests.finetune.colour_shop import ENCODER, colour_shop

USERS = 45
QUICK = LoraTraining(
    rank=4,
    epochs=1,
    batch=8,
    evaluations=1,
    learning_rate=2e-3,
    half=False,
    report_to="none",
    lists=40,
    checked=45,
    asked=45,
)
LISTS = ListSettings(size=4, sampled=1, depth=6)
RERANK = RerankSettings(orders=1, history_items=2)


@pytest.fixture
def store(empty_workspace: Workspace, tiny_shop: TinyShop) -> Iterator[VectorStore]:
    with colour_shop(empty_workspace, tiny_shop, users=USERS) as store:
        yield store


TUNING = Tuning(training=QUICK, lists=LISTS, rerank=RERANK, device="cpu")


def tuned(workspace: Workspace, store: VectorStore, tuning: Tuning = TUNING, told: Told | None = None) -> Tuned:
    return tune(workspace, store, ENCODER, tuning, told=told or Told())


def serving(workspace: Workspace, store: VectorStore) -> Recommender:
    """What `Recommender.open` gives, with the encoder of this shop."""
    settings, path = RecommenderSettings(rerank=RERANK), workspace.path
    return Recommender(
        workspace,
        CandidateFinder(workspace, store, ENCODER),
        store,
        partial(open_chosen_model, path, settings),
        settings,
        version=partial(adapter_version, path, settings),
    )


def test_a_log_becomes_an_adapter_with_its_proof_which_then_answers(
    empty_workspace: Workspace, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    popularity: list[bool] = []

    def written(history: Sequence[Shown], request: None, candidates: Sequence[Shown], detail: Detail) -> Prompt:
        popularity.append(any(shown.wanted for shown in candidates))
        return rank_prompt(history, request, candidates, detail)

    monkeypatch.setattr(rerank, "rank_prompt", written)
    found = tuned(empty_workspace, store, told=Told(lists=lambda stage, done, total: told.append(stage)))
    adapters = Adapters(empty_workspace.path)
    card = adapters.check("lora-1")
    assert card == found.card
    assert (card.base, card.alpha, card.better) == ("builtin", found.comparison.alpha, found.comparison.better)
    assert card.newest_row == empty_workspace.log.newest_row()
    assert len(card.users) == 40
    rows = dict(found.comparison.rows)
    assert list(rows) == ["retriever", "base", "in use", "tuned", "tuned without pictures"]
    assert rows["in use"] == rows["base"], "no adapter was used"
    assert {figure.name for figure in card.figures} >= {"NDCG@10 tuned", "tuned over base", "share of lists changed"}
    assert list(dict.fromkeys(told))[:3] == ["training lists", "validation lists", "test lists"]
    assert [kind for kind, _ in groupby(popularity)] == [False, True], "the base is not told, the tuned one always"
    assert adapters.current() is None
    assert not (empty_workspace.path / FOLDER).exists()
    assert not list(empty_workspace.path.glob(".past-*"))

    use_adapter(empty_workspace.path, "lora-1")
    with serving(empty_workspace, store) as recommender:
        first = recommender.model
        assert recommender.recommend(user_id="user 3", k=2).reranked
        assert (first.info.adapter, first.info.alpha) == ("lora-1", card.alpha)
        assert first.info.popularity, "as it learned"
        roll_back(empty_workspace.path)
        assert recommender.model.info.adapter is None, "the one that runs has changed over"
        assert first.info.adapter == "lora-1", "who holds the one before goes on with it"


def test_a_run_that_was_cut_off_keeps_its_lists_and_who_is_forgotten_meanwhile_is_marked(
    empty_workspace: Workspace, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(stage: str, done: int, total: int) -> None:
        if stage.startswith("base:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuned(empty_workspace, store, told=Told(lists=killed))
    assert Adapters(empty_workspace.path).all() == []
    monkeypatch.setattr(CandidateFinder, "search", None)  # whoever makes lists again fails

    def forgets(stage: str, done: int, total: int) -> None:
        if stage.startswith("tuned:"):
            forget_person(empty_workspace, "user 3")

    found = tuned(empty_workspace, store, told=Told(lists=forgets))
    assert found.card.name == "lora-1"
    assert "user 3" not in found.card.users
    assert len(found.card.users) == 39
    assert to_retrain(empty_workspace.path) == (Learned("adapter", "lora-1"),)


@pytest.mark.parametrize("processes", [1, 2])
def test_accelerate_launches_as_many_processes_as_its_configuration_says(
    empty_workspace: Workspace, tiny_shop: TinyShop, tmp_path: Path, processes: int
) -> None:
    with colour_shop(empty_workspace, tiny_shop, users=USERS):
        pass
    config = tmp_path / "accelerate.yaml"
    kind, cpu = ("NO", "true") if processes == 1 else ("MULTI_GPU", "false")
    config.write_text(f"distributed_type: '{kind}'\nuse_cpu: {cpu}\nnum_processes: {processes}\nnum_machines: 1\n")
    steps: list[Step] = []
    with open_store(empty_workspace, serve=True) as store:
        told = Told(training=steps.append)
        twice = replace(TUNING, training=replace(QUICK, evaluations=2), accelerate=config)
        found = tuned(empty_workspace, store, twice, told)
    assert found.card.name == "lora-1"
    last = -(-QUICK.lists // (QUICK.batch * QUICK.accumulate * processes))
    assert [step.step for step in steps] == list(range(1, last + 1))
    looked = next(step.step for step in steps if step.ndcg is not None)
    assert looked == -(-last // 2) + 1, "told with the step after the first of two looks"


def test_two_runs_at_once_are_refused(empty_workspace: Workspace, store: VectorStore) -> None:
    with (
        alone(empty_workspace.path, doing="is tuning a model for", lock_name="lora"),
        pytest.raises(WorkspaceLockedError, match="is tuning a model for"),
    ):
        tuned(empty_workspace, store)


def test_too_small_a_log_says_how_much_is_needed(empty_workspace: Workspace, store: VectorStore) -> None:
    with pytest.raises(
        InteractionError, match=r"too few training cases: 0, of 45 users; expected 40 .* smaller `last`"
    ):
        tuned(empty_workspace, store, replace(TUNING, training=replace(QUICK, last=3)))
    with pytest.raises(InteractionError, match="too few training cases: 1, "):
        tuned(empty_workspace, store, replace(TUNING, users=frozenset({"user 3"})))


def test_in_four_bits_the_result_is_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: dict[str, object] = {}

    def full(_name: str, **options: object) -> None:
        opened.update(options)
        raise ModelUnavailableError("no memory")

    monkeypatch.setattr(TransformersModel, "open", full)
    tuning, nothing = replace(TUNING, training=replace(QUICK, four_bit=True)), cast("Any", None)
    with pytest.raises(ModelUnavailableError):
        _Contest(tuning, nothing, nothing, Told()).scores("base", None)
    assert opened["four_bit"]
