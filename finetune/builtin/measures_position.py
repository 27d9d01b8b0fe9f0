"""Position bias: what it costs the best candidate of a list to stand last instead of first."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from agent.models.base import Picture
from agent.prompts import LETTERS, Detail, Shown
from agent.rerank import Contender, rerank
from agent.settings import RerankSettings
from finetune.builtin.figures import Figure, Floats, drawn
from finetune.builtin.gallery import Gallery
from finetune.builtin.rankings import Task, make_ranking
from finetune.builtin.schemas import Schema, held_out_schema, shop_schema
from retrieval.types import Candidate

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.models.base import VisionLanguageModel

Paint = Callable[[int], "Image"]
FIRST, LAST = 0, len(LETTERS) - 1


def measure_positions(
    model: VisionLanguageModel, gallery: Gallery, paint: Paint, *, lists: int, seed: int = 1
) -> list[Figure]:
    """By how much NDCG@10 differs between the target put first and twentieth, in the same lists otherwise.

    lists: of the drawn shop with pictures, and as many of unseen catalogues without. The model's word alone, as
    `agent.rerank` asks for it.
    """
    shop = _values(model, shop_schema, gallery, paint, lists, seed)
    unseen = _values(model, held_out_schema, None, paint, lists, seed)
    return [
        _figure("position bias on shop lists", *shop),
        _figure("position bias on unseen catalogues", *unseen),
    ]


def _values(
    model: VisionLanguageModel,
    schema: Callable[[random.Random], Schema],
    gallery: Gallery | None,
    paint: Paint,
    lists: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """(lists,) NDCG@10 with the target first, and with it last."""
    detail = Detail() if gallery is None else Detail().shorter()
    columns = []
    for place in (FIRST, LAST):
        task = Task(len(LETTERS), "request", gallery is not None, detail, shuffled_letters=False, target_place=place)
        rng = random.Random(f"{seed}/positions")  # noqa: S311
        values = []
        for _ in range(lists):
            example = make_ranking(rng, schema(rng), task, gallery)
            history, shown = ([_painted(one, paint) for one in told] for told in (example.history, example.shown))
            contenders = [Contender(Candidate(str(row), 1.0), one) for row, one in enumerate(shown)]
            ranked = rerank(model, history, example.request, contenders, settings=RerankSettings(alpha=0))
            ahead = [entry.candidate.item_id for entry in ranked].index(str(place))
            values.append(1 / math.log2(ahead + 2) if ahead < 10 else 0.0)
        columns.append(np.array(values))
    return columns[0], columns[1]


def _painted(shown: Shown, paint: Paint) -> Shown:
    """The item with a real picture in place of the gallery's row number."""
    if shown.picture is None:
        return shown
    return replace(shown, picture=Picture(paint(int(shown.picture.key)), f"row-{shown.picture.key}"))


def _figure(name: str, first: Floats, last: Floats) -> Figure:
    value, low, high = drawn(
        (first, last), lambda sums: 100 * np.abs(sums[:, 0] - sums[:, 1]) / np.maximum(sums.max(axis=1), 1e-9)
    )
    note = f"NDCG@10 of the target {first.mean():.3f} first, {last.mean():.3f} twentieth"
    return Figure(name, value, low, high, 15, 5, "%", len(first), note=note, lower_is_better=True)
