"""What a list costs to learn from, beside plain TRL supervised fine-tuning on the same lists, and what each learns.

All tune the built-in model by the same low-rank layers, learning rate and batches, in turns, so that all meet the same
machine; TRL sees each list as messages with pictures, as its documentation has it. On a CPU the product takes a batch's
lists one by one, which needs no padding; TRL takes them together, as it is set up, and in another arm one by one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agent.models.base import Message, Picture
from agent.models.transformers import TransformersModel
from agent.prompts import LETTERS
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.event_table import read_events
from finetune.examples import Example, ListSettings, training_lists
from finetune.list_batches import ListBatches
from finetune.list_prompts import ListPrompts
from finetune.lora import with_layers
from finetune.lora_settings import LoraTraining
from finetune.precision import computes_in_half, mixed_precision
from finetune.splits import last_wanted
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.bench.results import Figure, save
from ui.demo import prepare_demo

LISTS, HELD_OUT, BATCH = 96, 64, 8
WARM_UP = 2  # steps
SETTINGS = LoraTraining(rank=16, alpha=32, dropout=0.0, learning_rate=1e-3, batch=BATCH)


def built_in_lists(folder: Path) -> tuple[Workspace, Showcase, list[Example]]:
    """Lists of the built-in shop; what they ask for is known to the retrievers, which is all one here."""
    prepare_demo(folder)
    workspace = Workspace.open(folder)
    store = open_store(workspace)
    table = read_events(workspace)
    finder = CandidateFinder(workspace, store, open_encoder())
    lists = training_lists(
        last_wanted(table, 1, 2), table, finder, ListSettings(later=0.0, put_in=1.0), count=LISTS + HELD_OUT, seed=0
    )
    return workspace, Showcase(workspace, store), lists


def ours(engine: TransformersModel, prompts: ListPrompts) -> Callable[[Sequence[Example]], None]:
    """A step of the product's own training."""
    network = with_layers(engine, SETTINGS)
    batches = ListBatches(engine, prompts, engine.token_ids(LETTERS))
    optimizer = torch.optim.AdamW([each for each in network.parameters() if each.requires_grad], lr=1e-3)
    network.train()

    def step(examples: Sequence[Example]) -> None:
        optimizer.zero_grad(set_to_none=True)
        for example in examples:
            with mixed_precision("cpu"):
                loss = batches.loss(network, batches([example])) / len(examples)
            loss.backward()
        optimizer.step()

    return step


def plain(
    engine: TransformersModel, prompts: ListPrompts, folder: Path, at_once: int
) -> Callable[[Sequence[Example]], None]:
    """A step of TRL's SFTTrainer: pictures through the vision tower, logits of every position.

    at_once: so many lists go through the model together.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    network = with_layers(engine, SETTINGS)
    config = SFTConfig(
        output_dir=str(folder),
        max_length=None,
        use_cpu=True,
        bf16=computes_in_half("cpu"),
        completion_only_loss=True,
        gradient_checkpointing=False,
        report_to=[],
        per_device_train_batch_size=BATCH,
    )
    blank = {"prompt": [{"role": "user", "content": "?"}], "completion": [{"role": "assistant", "content": "A"}]}
    trainer = SFTTrainer(
        network,
        config,
        train_dataset=Dataset.from_list([{**blank, "images": []}]),
        processing_class=engine.processor,
    )
    optimizer = torch.optim.AdamW([each for each in network.parameters() if each.requires_grad], lr=1e-3)
    network.train()

    def step(examples: Sequence[Example]) -> None:
        optimizer.zero_grad(set_to_none=True)
        for begin in range(0, len(examples), at_once):
            rows = [_as_conversation(prompts, example) for example in examples[begin : begin + at_once]]
            with mixed_precision("cpu"):
                loss = trainer.compute_loss(network, trainer.data_collator(rows)) * len(rows) / len(examples)
            loss.backward()
        optimizer.step()

    return step


def _as_conversation(prompts: ListPrompts, example: Example) -> dict[str, Any]:
    order = torch.randperm(len(example.candidates)).tolist()
    prompt = prompts.prompt(example, order)
    images = [part.image for message in prompt for part in message.parts if isinstance(part, Picture)]
    answer = [{"role": "assistant", "content": [{"type": "text", "text": LETTERS[order.index(example.target)]}]}]
    return {"prompt": [_spelt(message) for message in prompt], "completion": answer, "images": images}


def _spelt(message: Message) -> dict[str, Any]:
    parts = [
        {"type": "image"} if isinstance(part, Picture) else {"type": "text", "text": part} for part in message.parts
    ]
    return {"role": message.role, "content": parts}


def held_out_loss(engine: TransformersModel, prompts: ListPrompts, lists: Sequence[Example]) -> np.ndarray[Any, Any]:
    """(n_lists,) cross-entropy of the letter, on orders drawn by one seed."""
    batches = ListBatches(engine, prompts, engine.token_ids(LETTERS))
    torch.manual_seed(1)
    engine.network.eval()
    with torch.no_grad():
        return np.array([float(batches.loss(engine.network, batches([example]))) for example in lists])


def main(folder: Path) -> None:
    workspace, showcase, lists = built_in_lists(folder)
    lists, held = lists[:LISTS], lists[LISTS:]
    engines = {name: TransformersModel.open("builtin", device="cpu") for name in ("ours", "plain", "one by one")}
    prompts = ListPrompts(showcase, engines["ours"].info, RerankSettings())
    for engine in engines.values():
        engine.inputs([prompts.prompt(lists[0], range(len(lists[0].candidates)))])  # checks kept features
    with tempfile.TemporaryDirectory() as scratch:
        torch.manual_seed(0)
        steps = {"ours": ours(engines["ours"], prompts)}
        for name, at_once in (("plain", BATCH), ("one by one", 1)):
            torch.manual_seed(0)
            steps[name] = plain(engines[name], prompts, Path(scratch), at_once)
        times: dict[str, list[float]] = {name: [] for name in steps}
        for begin in range(0, len(lists), BATCH):
            for name, step in steps.items():
                torch.manual_seed(begin)  # the same orders for both
                start = time.perf_counter()
                step(lists[begin : begin + BATCH])
                times[name].append((time.perf_counter() - start) / BATCH)
    losses = {name: held_out_loss(engine, prompts, held) for name, engine in engines.items()}
    workspace.close()
    ratios = {name: np.array(times[name][WARM_UP:]) / np.array(times["ours"][WARM_UP:]) for name in times}
    apart = losses["ours"] - losses["plain"]
    error = 1.96 * float(apart.std(ddof=1) / np.sqrt(len(apart)))
    save(
        "lora",
        [
            Figure("list, plain TRL SFT", _ms(times["plain"]), "ms", len(lists)),
            Figure("list, plain TRL SFT one by one", _ms(times["one by one"]), "ms", len(lists)),
            Figure("list, ours", _ms(times["ours"]), "ms", len(lists)),
            _faster("times faster than plain TRL SFT", ratios["plain"]),
            _faster("times faster than plain TRL SFT one by one", ratios["one by one"]),
            Figure("loss on other lists, plain TRL SFT", round(float(losses["plain"].mean()), 3), "nats", len(held)),
            Figure("loss on other lists, ours", round(float(losses["ours"].mean()), 3), "nats", len(held)),
            Figure(
                "loss on other lists, ours less plain",
                round(float(apart.mean()), 3),
                "nats",
                len(held),
                round(float(apart.mean()) - error, 3),
                round(float(apart.mean()) + error, 3),
            ),
        ],
    )


def _faster(name: str, ratios: np.ndarray[Any, Any]) -> Figure:
    return Figure(name, round(float(np.median(ratios)), 2), "x", len(ratios))


def _ms(seconds: Sequence[float]) -> float:
    return round(float(np.median(seconds[WARM_UP:])) * 1000, 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made))
