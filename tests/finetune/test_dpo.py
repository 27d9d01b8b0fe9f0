"""Preferences put into low-rank layers by TRL, on the built-in model."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from agent.models.transformers import TransformersModel
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.dpo import PreferenceBatches, fit_preferences
from finetune.examples import Example
from finetune.list_prompts import ListPrompts
from finetune.list_scores import model_scores
from finetune.list_trainer import Step
from finetune.lora import with_layers
from finetune.lora_settings import LoraTraining
from finetune.preferences import Preference
from retrieval.errors import ModelUnavailableError
from retrieval.workspace import Workspace
from tests.conftest import SHAPES, TinyShop, fill

pytest.importorskip("trl")

SETTINGS = LoraTraining(rank=4, dropout=0.0, batch=4, half=False, preference_rate=3e-3, report_to="none")
RERANK = RerankSettings(orders=1, history_items=2)
SHOWN = [
    Example("u", ("red-mug",), ("red-clock", f"blue-{shape}", "green-mug"), (0.0,) * 3, -1, (0.0,) * 3)
    for shape in SHAPES
] * 2
BLUE_OVER_RED = [Preference(shown, 1, 0) for shown in SHOWN]


@pytest.fixture
def engine() -> TransformersModel:
    torch.manual_seed(0)
    return TransformersModel.open("builtin", device="cpu")


@pytest.fixture
def prompts(empty_workspace: Workspace, tiny_shop: TinyShop, engine: TransformersModel) -> ListPrompts:
    fill(empty_workspace, tiny_shop)
    return ListPrompts(Showcase(empty_workspace), engine.info, RERANK)


def margin(engine: TransformersModel, prompts: ListPrompts) -> float:
    """By how much blue is likelier than red, in nats, over the lists."""
    return sum(float(row[1] - row[0]) for row in model_scores(engine, SHOWN[:4], prompts, RERANK))


@pytest.mark.parametrize("helps", [True, False])
def test_what_was_preferred_is_preferred_unless_lists_get_worse(
    engine: TransformersModel, prompts: ListPrompts, tmp_path: Path, helps: bool
) -> None:
    network = with_layers(engine, SETTINGS)
    before = margin(engine, prompts)
    told = iter([0.5, 0.6 if helps else 0.4])
    steps: list[Step] = []
    ndcg = fit_preferences(
        engine,
        network,
        BLUE_OVER_RED,
        prompts,
        replace(SETTINGS, preference_epochs=2),
        validate=lambda: next(told),
        folder=tmp_path,
        seed=0,
        progress=steps.append,
    )
    assert [(step.step, step.steps, step.of) for step in steps] == [(n, 4, "pairs") for n in range(1, 5)]
    assert steps[-1].per_s > 0
    assert ndcg == (0.6 if helps else 0.5)
    after = margin(engine, prompts)
    assert after > before + 0.5 if helps else after == pytest.approx(before, abs=1e-4)
    assert list(network.peft_config) == ["default"], "the reference is gone"


def test_after_a_loss_that_is_no_number_the_layers_are_as_before(
    engine: TransformersModel,
    prompts: ListPrompts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from trl import DPOTrainer

    loss, asked = DPOTrainer.compute_loss, iter(range(1_000))

    def breaking(self: Any, *args: Any, **options: Any) -> Any:
        return loss(self, *args, **options) * (math.nan if next(asked) == 5 else 1.0)

    monkeypatch.setattr(DPOTrainer, "compute_loss", breaking)
    network = with_layers(engine, SETTINGS)
    before = margin(engine, prompts)
    told = iter([0.5, 0.9])
    ndcg = fit_preferences(
        engine, network, BLUE_OVER_RED, prompts, SETTINGS, validate=lambda: next(told), folder=tmp_path, seed=0
    )
    assert ndcg == 0.5
    assert margin(engine, prompts) == pytest.approx(before, abs=1e-4)
    assert list(network.peft_config) == ["default"]
    assert "nothing is learned from preferences: the loss is no number at step 2; lower" in caplog.text


def test_too_little_memory_says_what_to_lower(
    engine: TransformersModel, prompts: ListPrompts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PreferenceBatches, "__call__", full)
    with pytest.raises(ModelUnavailableError, match=r"learn from a pair .* preference_epochs=0"):
        fit_preferences(
            engine,
            with_layers(engine, SETTINGS),
            BLUE_OVER_RED,
            prompts,
            SETTINGS,
            validate=lambda: 0.5,
            folder=tmp_path,
            seed=0,
        )


def test_batches_end_with_the_letters_of_the_pair(engine: TransformersModel, prompts: ListPrompts) -> None:
    batches = PreferenceBatches(engine, BLUE_OVER_RED, prompts)
    torch.manual_seed(0)
    batch = batches([{"place": 0}, {"place": 1}])
    torch.manual_seed(0)
    orders = [torch.randperm(3).tolist() for _ in range(2)]
    letters = engine.token_ids(("A", "B", "C"))
    expected = [letters[order.index(place)] for place in (1, 0) for order in orders]
    assert batch["input_ids"][:, -1].tolist() == expected
    assert batch["completion_mask"].sum(dim=1).tolist() == [1] * 4
    assert bool(batch["completion_mask"][:, -1].all())
    assert batch["attention_mask"].shape == batch["input_ids"].shape
    for row, order in enumerate([*orders, *orders]):
        alone = engine.inputs([prompts.prompt(SHOWN[row % 2], order)])["input_ids"][0].tolist()
        assert batch["input_ids"][row, :-1].tolist()[-len(alone) :] == alone
