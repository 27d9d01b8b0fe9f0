"""A family trained, saved, served and asked: the same lists by transformers in this process and by a vLLM server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from agent.adapters import served_name
from agent.base_hash import base_hash
from agent.models.base import Prompt
from agent.models.presets import PRESETS
from agent.models.transformers import TransformersModel
from agent.models.vllm import VllmModel
from agent.prompts import LETTERS, Detail
from agent.registry import Adapters
from agent.rollout import use_adapter
from agent.server_record import recorded
from agent.serving import VllmServer, plan_server
from agent.settings import RerankSettings
from agent.showing import Showcase
from finetune.examples import Example
from finetune.list_prompts import ListPrompts
from finetune.lora import fit_lora, save_layers
from finetune.lora_settings import LoraTraining
from retrieval.workspace import Workspace
from tests.agent.rankings import rankings
from tests.agent.test_registry import card
from tests.agent.test_vllm import lead
from tests.conformance.families import POSITIONS, Family
from tests.conftest import COLOURS, SHAPES

Rows = list[list[float]]

LISTS = 4
STEPS = 3
CLOSE = 0.01
"""Largest difference of two log-probabilities in float32."""

ROUNDING = 0.3
"""A first place that leads by more is the same in bfloat16, whose log-probabilities differ by less than half of it."""

_RERANK = RerankSettings(orders=1, history_items=2)
_TRAINING = LoraTraining(
    dropout=0.0, batch=2, epochs=1, evaluations=1, warm_up=0.0, learning_rate=1e-2, half=False, report_to="none"
)
_ITEMS = tuple(f"{colour}-{shape}" for shape in SHAPES for colour in COLOURS)
_BLUE = [place for place, item_id in enumerate(_ITEMS) if item_id.startswith("blue")]


@dataclass(frozen=True, slots=True)
class Tuned:
    """A family's checkpoint that the product knows by a preset's name, and an adapter that was trained on it."""

    name: str
    adapter: Path
    lists: Sequence[Prompt]


class Scores(NamedTuple):
    """Log-probabilities of the letters, by list, of the model alone and with its adapter."""

    base: Rows
    adapter: Rows


@contextmanager
def known(family: Family, folder: Path) -> Iterator[str]:
    """The name under which the product knows the family's checkpoint in the folder while the block runs.

    Its preset is the family's, but for the size of its thumbnails and the room for 20 of them.
    """
    name = f"tiny-{family.preset}"
    room = {"image_px": family.image_px, "max_prompt_tokens": POSITIONS - 256, "max_images": 32}
    PRESETS[name] = replace(PRESETS[family.preset], model_id=str(folder), **room)
    try:
        yield name
    finally:
        del PRESETS[name]


def train(name: str, workspace: Workspace, folder: Path) -> Path:
    """An adapter after three steps on lists of the workspace's twelve items, each with its picture."""
    engine = TransformersModel.open(name, device="cpu")
    relevance = tuple(float(place in _BLUE) for place in range(len(_ITEMS)))
    example = Example("u", ("blue-mug",), _ITEMS, (1.0,) * len(_ITEMS), _BLUE[1], relevance)
    fitted = fit_lora(
        engine,
        [example] * (STEPS * _TRAINING.batch),
        [example],
        ListPrompts(Showcase(workspace), engine.info, _RERANK),
        _TRAINING,
        rerank=_RERANK,
        folder=folder / "checkpoints",
    )
    assert fitted.steps == STEPS
    save_layers(fitted.network, folder / "adapter", base=name)
    return folder / "adapter"


def in_process(tuned: Tuned, dtype: str) -> Scores:
    """By transformers."""
    base = TransformersModel.open(tuned.name, device="cpu", dtype=dtype).score(tuned.lists, LETTERS)
    adapted = TransformersModel.open(tuned.name, device="cpu", dtype=dtype, adapter=tuned.adapter)
    return Scores(base, adapted.score(tuned.lists, LETTERS))


def served(tuned: Tuned, dtype: str, folder: Path) -> Scores:
    """By a vLLM server on this machine, into which the adapter is loaded while it runs."""
    folder.mkdir(exist_ok=True)
    plan = plan_server(tuned.name, dtype=dtype)
    with (
        VllmServer(plan.command, plan.environment, url=plan.url, log=folder / "log"),
        recorded(folder, url=plan.url, model=tuned.name, adapter=None),
    ):
        adapters = Adapters(folder)
        registered = adapters.register(tuned.adapter, replace(card(), base=tuned.name, base_hash=base_hash(tuned.name)))
        use_adapter(folder, registered.name)
        served = served_name(adapters.path(registered.name))
        return Scores(*(_asked(plan.url, tuned, adapter) for adapter in (None, served)))


def prepare(family: Family, name: str, workspace: Workspace, folder: Path) -> Tuned:
    lists = rankings(LISTS, liked=2, image_px=family.image_px, detail=Detail(70, 70))
    return Tuned(name, train(name, workspace, folder), lists)


def decided(one: Rows, other: Rows, exact: Rows) -> list[tuple[str, str]]:
    """The first places by both engines in half precision, of the lists that have a clear one in float32."""
    clear = [row for row, scores in enumerate(exact) if lead(scores) > ROUNDING]
    return [(_first(one[row]), _first(other[row])) for row in clear]


def _first(scores: Sequence[float]) -> str:
    return LETTERS[scores.index(max(scores))]


def _asked(url: str, tuned: Tuned, adapter: str | None) -> Rows:
    model = VllmModel(url, name=tuned.name, adapter=adapter, timeout_s=300.0)
    try:
        return model.score(tuned.lists, LETTERS)
    finally:
        model.close()
