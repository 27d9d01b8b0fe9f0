"""Low-rank layers fitted to lists of the colour shop: they learn, stop, go on, and refuse what cannot work."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Trainer

from agent.models.transformers import TransformersModel
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.checkpoints import newest_checkpoint
from finetune.examples import Example
from finetune.list_batches import ListBatches
from finetune.list_prompts import ListPrompts
from finetune.list_scores import model_scores
from finetune.list_trainer import Looks, Step
from finetune.lora import Fitted, fit_lora, save_layers, with_layers
from finetune.lora_settings import LoraTraining
from finetune.reason_batches import ReasonBatches
from retrieval.errors import ModelAnswerError, ModelUnavailableError, PromptTooLongError, SettingsError, StoreError
from retrieval.workspace import Workspace
from tests.conftest import SHAPES, TinyShop, fill

QUICK = LoraTraining(
    rank=4, warm_up=0.0, batch=4, epochs=4, evaluations=2, learning_rate=3e-3, half=False, report_to="none"
)
RERANK = RerankSettings(orders=1, history_items=2)
BLUE_IS_RIGHT = [
    Example("u", ("red-mug",), ("red-clock", f"blue-{shape}", "green-mug"), (0.5, 0.3, 0.1), 1, (0.0, 1.0, 0.0))
    for shape in SHAPES
] * 2


@pytest.fixture
def showcase(empty_workspace: Workspace, tiny_shop: TinyShop) -> Showcase:
    fill(empty_workspace, tiny_shop)
    return Showcase(empty_workspace)


class Bench:
    """A fresh built-in model, and the fitting of it."""

    def __init__(self, showcase: Showcase, folder: Path) -> None:
        self.engine = TransformersModel.open("builtin", device="cpu")
        self.prompts = ListPrompts(showcase, self.engine.info, RERANK)
        self.folder = folder
        self.steps: list[Step] = []

    def fit(self, settings: LoraTraining = QUICK, **options: Any) -> Fitted:
        return fit_lora(
            self.engine,
            BLUE_IS_RIGHT,
            BLUE_IS_RIGHT[:2],
            self.prompts,
            settings,
            rerank=RERANK,
            folder=self.folder,
            **{"progress": self.steps.append, **options},
        )

    def scores(self) -> list[float]:
        return [float(row[1]) for row in model_scores(self.engine, BLUE_IS_RIGHT[:4], self.prompts, RERANK)]


@pytest.fixture
def bench(showcase: Showcase, tmp_path: Path) -> Bench:
    return Bench(showcase, tmp_path / "checkpoints")


def test_the_model_learns_what_the_lists_say_and_the_adapter_is_what_it_learned(
    bench: Bench, showcase: Showcase, tmp_path: Path
) -> None:
    before = bench.scores()
    fitted = bench.fit()
    after = bench.scores()
    gains = [new - old for old, new in zip(before, after, strict=True)]
    assert min(gains) > -0.1, (before, after)
    assert sum(gains) / len(gains) > 0.25, (before, after)
    assert fitted.steps == 8
    assert [step.step for step in bench.steps] == list(range(1, 9))
    assert {step.steps for step in bench.steps} == {8}
    assert bench.steps[-1].per_s > 0
    save_layers(fitted.network, tmp_path / "adapter", base="builtin")
    served = TransformersModel.open("builtin", adapter=tmp_path / "adapter", device="cpu")
    again = model_scores(served, BLUE_IS_RIGHT[:4], ListPrompts(showcase, served.info, RERANK), RERANK)
    assert [float(row[1]) for row in again] == pytest.approx(after, abs=1e-3)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "builtin", "and no path of this machine"


def test_lists_too_long_for_the_model_are_told_in_less_detail(bench: Bench) -> None:
    full = bench.prompts.prompt(BLUE_IS_RIGHT[0], range(3))
    tokens = bench.engine.inputs([full])["input_ids"].shape[1]
    bench.engine.info = replace(bench.engine.info, max_prompt_tokens=tokens - 1)
    with pytest.raises(PromptTooLongError):
        bench.engine.inputs([full])
    assert bench.fit(replace(QUICK, epochs=1)).steps == 2


def test_only_low_rank_layers_of_the_language_model_are_trained(bench: Bench) -> None:
    network = with_layers(bench.engine, QUICK)
    trained = [name for name, weights in network.named_parameters() if weights.requires_grad]
    assert trained
    assert all("lora_" in name and "language_model" in name for name in trained)


def test_the_loss_is_the_models_own_word_on_the_letter(bench: Bench) -> None:
    letters = bench.engine.token_ids(("A", "B", "C"))
    batches = ListBatches(bench.engine, bench.prompts, letters)
    torch.manual_seed(0)
    batch = batches(BLUE_IS_RIGHT[:1])
    place = int(batch["right"].argmax())
    torch.manual_seed(0)
    order = torch.randperm(3).tolist()
    assert order[place] == 1
    said = bench.engine.score([bench.prompts.prompt(BLUE_IS_RIGHT[0], order)], ("A", "B", "C"))[0][place]
    with torch.no_grad():
        assert float(batches.loss(bench.engine.network, batch)) == pytest.approx(-said, abs=1e-3)


def test_with_a_prior_the_loss_is_of_what_the_product_adds_up(bench: Bench) -> None:
    letters = bench.engine.token_ids(("A", "B", "C"))
    alone, together = (ListBatches(bench.engine, bench.prompts, letters, prior=prior) for prior in (0.0, 50.0))
    with torch.no_grad():
        losses = []
        for batches in (alone, together):
            torch.manual_seed(0)
            losses.append(float(batches.loss(bench.engine.network, batches(BLUE_IS_RIGHT[:1]))))
    assert losses[1] == pytest.approx(50 * math.log(0.5 / 0.3), rel=0.2), "the prior prefers the red clock"


def test_a_run_that_was_cut_off_goes_on_at_its_last_whole_checkpoint(bench: Bench, showcase: Showcase) -> None:
    def killed(step: Step) -> None:
        if step.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.fit(progress=killed)
    shutil.copytree(bench.folder / "checkpoint-4", bench.folder / "checkpoint-6")
    (bench.folder / "checkpoint-6" / "trainer_state.json").unlink()
    again = Bench(showcase, bench.folder)
    assert again.fit().steps == 8
    assert [step.step for step in again.steps] == [5, 6, 7, 8]


def test_a_full_disk_is_told_and_the_last_good_checkpoint_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    save = Trainer._save_optimizer_and_scheduler

    def full(self: Trainer, folder: str) -> None:
        if folder.endswith("-8"):
            raise OSError(28, "No space left on device")
        save(self, folder)

    monkeypatch.setattr(Trainer, "_save_optimizer_and_scheduler", full)
    with pytest.raises(StoreError, match=r"No space left on device\); what was written before is kept: make room"):
        bench.fit()
    assert newest_checkpoint(bench.folder) == bench.folder / "checkpoint-4"


def test_kept_is_the_latest_look_within_one_standard_error_of_the_best(tmp_path: Path) -> None:
    best = np.linspace(0, 1, 100)
    shaken = best - 0.01 + 0.2 * np.tile([-1.0, 1.0], 50)  # behind by 0.01, one standard error is 0.02
    for step, (found, kept) in enumerate([(best - 0.3, True), (best, True), (shaken, True), (best - 0.01, False)], 1):
        assert Looks(tmp_path).add(step, found) == kept, f"step {step}, remembered by files alone"


def test_it_looks_at_the_end_wherever_the_looks_before_fell(bench: Bench) -> None:
    assert bench.fit(replace(QUICK, evaluations=3)).steps == 8
    assert sorted(path.stem for path in (bench.folder / "looks").iterdir()) == ["3", "6", "8"]


def test_a_loss_that_is_no_number_stops_and_the_last_good_checkpoint_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = ListBatches.loss
    asked: list[int] = []

    def breaking(self: ListBatches, model: Any, batch: dict[str, Any]) -> torch.Tensor:
        asked.append(1)
        return loss(self, model, batch) * (math.nan if len(asked) == 5 * QUICK.batch + 1 else 1.0)

    monkeypatch.setattr(ListBatches, "loss", breaking)
    with pytest.raises(ModelAnswerError, match=r"the loss is nan at step 6, .* lower learning_rate"):
        bench.fit()
    assert [path.name for path in bench.folder.glob("checkpoint-*")] == ["checkpoint-4"]


def test_a_first_loss_that_is_no_number_promises_no_checkpoint(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ListBatches, "loss", lambda *_: torch.tensor(math.nan))
    with pytest.raises(ModelAnswerError, match=r"the loss is nan at step 1, training has stopped; lower learning_rate"):
        bench.fit()


def test_two_looks_that_are_not_kept_end_the_training(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Looks, "add", lambda _self, step, _ndcg, write: step == 2)
    assert bench.fit(replace(QUICK, evaluations=LoraTraining().evaluations)).steps == 6


def test_too_little_memory_says_what_to_lower(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ListBatches, "loss", full)
    with pytest.raises(ModelUnavailableError, match="4 lists at a time; lower batch and raise accumulate"):
        bench.fit()


def test_four_bits_need_a_gpu() -> None:
    with pytest.raises(SettingsError, match=r"four_bit needs a GPU and bitsandbytes; the device is cpu"):
        TransformersModel.open("builtin", device="cpu", four_bit=True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"targets": r".*\.no_such_layer"}, r"no layer of builtin is called as targets='.*no_such_layer'"),
        ({"targets": r".*vision_tower.*q_proj"}, "names layers of the vision tower"),
        ({"report_to": "mlflow"}, "expected tensorboard, wandb, trackio or none"),
        ({"report_to": "wandb"}, "wandb, which is not installed"),
    ],
)
def test_what_cannot_work_is_told_with_what_to_do(bench: Bench, changes: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        bench.fit(replace(QUICK, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{"rank": 0}, {"lists": 1}, {"dropout": 1.0}, {"learning_rate": 0.0}])
def test_settings_are_checked(changes: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        LoraTraining(**changes)


def test_reasons_are_learned_beside_the_letters(bench: Bench) -> None:
    batches = ReasonBatches(bench.engine, bench.prompts, bench.prompts.facts())
    mugs = [example for example in BLUE_IS_RIGHT if "blue-mug" in example.candidates]

    def surprise() -> float:
        torch.manual_seed(0)
        batch = batches(mugs)
        assert batch is not None
        with torch.no_grad():
            return float(batches.loss(bench.engine.network, batch))

    torch.manual_seed(0)
    batch = batches(mugs)
    assert batch is not None
    answers = [row[row != -100] for row in batch["labels"]]
    told = bench.engine.processor.tokenizer.batch_decode(answers, skip_special_tokens=True)
    assert all("Red mug" in text and "mug" in text.replace("Red mug", "") for text in told), told
    assert [int(row[-1]) for row in answers] == [bench.engine.answer_ids("")[-1]] * len(mugs), "and end"
    before = surprise()
    bench.fit(replace(QUICK, reasons=1.0))
    assert surprise() < before - 0.1
