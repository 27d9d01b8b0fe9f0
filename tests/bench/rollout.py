"""One `adapters use` while a real vLLM server works at 70% of what it can: what fails, and what it costs.

Both adapters, the one that is served before and the one after it, are small random numbers: what is measured is the
change, and any adapter changes over alike. No list is asked for twice in the same order: a server answers what it has
answered before out of its cache, many times faster, and no shop lives on that.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from agent.base_hash import base_hash
from agent.models.base import Prompt
from agent.models.transformers import TransformersModel
from agent.prompts import LETTERS
from agent.recommender import Recommender
from agent.registry import Adapters, Card
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.event_table import read_events
from finetune.examples import asked_lists
from finetune.list_prompts import ListPrompts
from finetune.lora import save_layers, with_layers
from finetune.lora_settings import LoraTraining
from finetune.splits import last_wanted
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.errors import TastemakerError
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.bench.results import Figure, quantiles, save
from ui.demo import prepare_demo

LISTS, ORDERS = 100, 12
CLIENTS = 8
BEFORE, AFTER = "lora-1", "lora-2"
SATURATION_S, LOADED_S, BEFORE_S = 20.0, 45.0, 15.0
LOAD = 0.7


@dataclass(frozen=True, slots=True)
class Answer:
    """When a request was due, in seconds from the start; how long it took from then on; who answered; what failed."""

    due_s: float
    seconds: float
    adapter: str | None
    error: str = ""


def prepared(folder: Path) -> list[Prompt]:
    """The built-in shop in the folder with two adapters, the first in use. Returns lists of 20, with pictures."""
    prepare_demo(folder)
    engine = TransformersModel.open("builtin", device="cpu")
    with Workspace.open(folder) as workspace, open_store(workspace) as store:
        table = read_events(workspace)
        finder = CandidateFinder(workspace, store, open_encoder())
        lists = asked_lists(last_wanted(table, 0, 1), table, finder, size=20, count=LISTS, seed=0)
        prompts = ListPrompts(Showcase(workspace, store), engine.info, RerankSettings())
        asked = [
            prompts.prompt(example, np.random.default_rng(seed).permutation(len(example.candidates)).tolist())
            for seed in range(ORDERS)
            for example in lists
        ]
    torch.manual_seed(0)
    network, adapters = with_layers(engine, LoraTraining()), Adapters(folder)
    for adapter in (BEFORE, AFTER):
        for name, weights in network.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weights, std=0.02)
        with tempfile.TemporaryDirectory() as made:
            save_layers(network, Path(made) / "adapter", base="builtin")
            card = Card(adapter, "builtin", base_hash("builtin"), "", {}, engine.info.alpha, (), False, (), 0, "", {})
            adapters.register(Path(made) / "adapter", card)
    adapters.point_to(BEFORE)
    return asked


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """`tastemaker serve` in a process of its own, once it answers."""
    command = [sys.executable, "-u", "-m", "ui.cli", "serve", "--workspace", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            next(line for line in process.stdout if "serving at" in line)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=60)


class Load:
    """Requests to a recommender's model, whichever it is at the time."""

    def __init__(self, recommender: Recommender, prompts: Sequence[Prompt]) -> None:
        self._recommender = recommender
        self._prompts = iter(prompts)
        self._start = time.perf_counter()

    def now_s(self) -> float:
        return time.perf_counter() - self._start

    def ask(self, due_s: float) -> Answer:
        """The next list, scored."""
        adapter, error = None, ""
        try:
            model = self._recommender.model
            adapter = model.info.adapter
            (scores,) = model.score([next(self._prompts)], LETTERS)
            error = "" if all(map(math.isfinite, scores)) else f"scores are {scores}"
        except TastemakerError as failure:
            error = str(failure)
        return Answer(due_s, self.now_s() - due_s, adapter, error)

    def saturation_per_s(self) -> float:
        """Lists per second of so many clients who ask again at once."""
        ends_s = self.now_s() + SATURATION_S

        def client(_: int) -> int:
            asked = 0
            while self.now_s() < ends_s:
                self.ask(self.now_s())
                asked += 1
            return asked

        with ThreadPoolExecutor(CLIENTS) as clients:
            return sum(clients.map(client, range(CLIENTS))) / SATURATION_S

    def steady(self, per_s: float, seconds: float) -> list[Answer]:
        """Requests at even distances, whether the ones before are answered or not."""
        begins_s = self.now_s()
        with ThreadPoolExecutor(64) as requests:
            futures = []
            for number in range(round(per_s * seconds)):
                due_s = begins_s + number / per_s
                time.sleep(max(0.0, due_s - self.now_s()))
                futures.append(requests.submit(self.ask, due_s))
            return [future.result() for future in futures]


def use(folder: Path) -> None:
    """The command itself."""
    command = [sys.executable, "-m", "ui.cli", "adapters", "use", AFTER, "--workspace", str(folder)]
    subprocess.run(command, check=True)


def measured(folder: Path, prompts: Sequence[Prompt]) -> list[Figure]:
    with Recommender.open(folder) as recommender:
        load = Load(recommender, prompts)
        for _ in range(LISTS):  # what is read of pictures is kept from then on
            load.ask(load.now_s())
        most = load.saturation_per_s()
        spans: list[float] = []

        def change_over() -> None:
            time.sleep(BEFORE_S)
            spans.append(load.now_s())
            use(folder)
            spans.append(load.now_s())

        changing = threading.Thread(target=change_over)
        changing.start()
        answers = load.steady(LOAD * most, LOADED_S)
        changing.join()
    begin, end = spans
    parts = {
        "before": [answer for answer in answers if answer.due_s < begin],
        "while it changes over": [answer for answer in answers if begin <= answer.due_s < end],
        "after": [answer for answer in answers if answer.due_s >= end],
    }
    failed = [answer for answer in answers if answer.error]
    for answer in failed[:3]:
        print(answer, file=sys.stderr)
    by_adapter = [float(answer.adapter == AFTER) for answer in parts["after"]]
    return [
        Figure("most lists per second", round(most, 2), "lists/s", CLIENTS),
        Figure("load, share of that", LOAD, "", len(answers)),
        Figure("failed requests", len(failed), "requests", len(answers)),
        Figure("the change itself", round(end - begin, 1), "s", 1),
        Figure("answered by the new adapter after it", round(float(np.mean(by_adapter)), 3), "", len(by_adapter)),
        *(figure for name, part in parts.items() for figure in quantiles(name, [a.seconds for a in part])),
    ]


def main(folder: Path) -> None:
    prompts = prepared(folder)
    with served(folder):
        save("rollout", measured(folder, prompts))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made_folder:
        main(Path(made_folder) / "shop")
