"""Every figure of the built-in shop and models, on shoppers, items, looks and words that no training had.

`tastemaker evaluate --builtin` prints them. Rows are measured one by one, each with what it needs and nothing else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.adapters import ADAPTER_WEIGHTS
from finetune.builtin.bench import Bench, BuiltinSettings, encoder_hash, shop_hash
from finetune.builtin.figures import Figure
from retrieval.builtin import SHOP_FOLDER
from retrieval.errors import SettingsError, TastemakerError

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel


@dataclass(frozen=True, slots=True)
class BuiltinFigures:
    """All that was measured. seconds: by row. model, shop, image_encoder: hashes of what was measured.

    adapter: the shipped one's name and the first of the hash of its weights, where the shop's rows had it.
    """

    settings: BuiltinSettings
    figures: tuple[Figure, ...]
    seconds: Mapping[str, float]
    model: str
    adapter: str | None
    shop: str
    image_encoder: str


def evaluate_builtin(
    settings: BuiltinSettings,
    *,
    model: VisionLanguageModel | None = None,
    kept: Path | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> BuiltinFigures:
    """Measure the rows in turn; one that cannot be measured here is a figure without a value and a note why.

    model: another one than the settings'. kept: folder that keeps the indexed shop and the model's scores of shoppers'
    lists, so that a run with another alpha is quick. tell: told each row as it begins.
    Raises SettingsError, WeightsError.
    """
    unknown = [name for name in settings.only if name not in ROWS]
    if unknown:
        raise SettingsError(f"no row {', '.join(unknown)}; expected some of {', '.join(ROWS)}")
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    with Bench(settings, model, kept=kept) as bench:
        for name in settings.only or ROWS:
            tell(name)
            started = time.perf_counter()
            command = f"tastemaker evaluate --builtin --only {name}"
            figures += [replace(figure, command=command) for figure in _measured(bench, name)]
            seconds[name] = round(time.perf_counter() - started, 1)
        card = bench.adapter
        adapter = None if card is None else f"{card.name} {card.files[ADAPTER_WEIGHTS][:12]}"
        return BuiltinFigures(settings, tuple(figures), seconds, bench.model_hash, adapter, shop_hash(), encoder_hash())


def _measured(bench: Bench, name: str) -> list[Figure]:
    try:
        return ROWS[name](bench)
    except TastemakerError as error:
        return [Figure(name, math.nan, note=f"not measured: {error}")]


def as_json(found: BuiltinFigures) -> dict[str, Any]:
    """The figures as JSON takes them; what has no value is null."""
    rows = [{"figure": figure.name, **asdict(figure), "verdict": figure.verdict} for figure in found.figures]
    return {
        "schema_version": 1,
        "command": "tastemaker evaluate --builtin",
        "date": datetime.now(UTC).date().isoformat(),
        "model": found.model,
        "adapter": found.adapter,
        "shop": found.shop,
        "image_encoder": found.image_encoder,
        "settings": {name: _plain(value) for name, value in asdict(found.settings).items()},
        "seconds": dict(found.seconds),
        "figures": [{name: _plain(value) for name, value in row.items() if name != "name"} for row in rows],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if not math.isfinite(value) else round(value, 4)
    return str(value) if isinstance(value, Path) else value


def _rank(bench: Bench) -> list[Figure]:
    from finetune.builtin.boosted import boosted_points
    from finetune.builtin.measures_rank import measure_adapter, measure_rerank

    test, others = bench.shoppers
    lists = bench.lists("pictures", test)
    trees = boosted_points(bench.past, others, test, seed=bench.settings.seed)
    figures = measure_rerank(test, lists, bench.past.truth, alpha=bench.alpha, trees=trees)
    if bench.adapter is None:
        return figures
    bare = bench.lists("pictures", test, bare=True)
    alphas = {"alpha": bench.shop_model.info.alpha, "bare_alpha": bench.model.info.alpha}
    return figures + measure_adapter(test, lists, bare, **alphas)


def _rolling(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_rolling import list_scores, measure_rolling, window_lists

    test = {shopper.user_id: shopper.kind for shopper in bench.shoppers[0]}
    made = window_lists(bench.past, SHOP_FOLDER, bench.folder / "whole-shop")
    lists = [example for example in made if example.user_id in test]
    bare = None if bench.adapter is None else list_scores(bench.model, bench.past, lists, pictures=True)
    return measure_rolling(
        lists,
        visual=[test[example.user_id] == "visual" for example in lists],
        served=list_scores(bench.shop_model, bench.past, lists, pictures=True),
        blind=list_scores(bench.shop_model, bench.past, lists, pictures=False),
        bare=bare,
        alpha=bench.alpha,
        bare_alpha=bench.model.info.alpha,
    )


def _visual(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_rank import measure_pictures

    visual = [shopper for shopper in bench.shoppers[0] if shopper.kind == "visual"]
    return measure_pictures(visual, bench.lists("pictures", visual), bench.lists("text", visual), alpha=bench.alpha)


def _requests(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_rank import measure_requests

    test = bench.shoppers[0]
    return measure_requests(test, bench.lists("request", test), bench.past.truth, alpha=bench.alpha)


def _position(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_position import measure_positions

    gallery, paint = bench.gallery
    return measure_positions(bench.shop_model, gallery, paint, lists=bench.settings.lists, seed=bench.settings.seed)


def _reasons(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_reasons import measure_source, measure_true, measure_variety

    items = bench.past.workspace.items.all()
    return [
        *measure_true(bench.told, items, bench.past.truth),
        *measure_source(bench.told, "the shop", floor=0.85, aim=0.97),
        *measure_variety(bench.told),
    ]


def _unseen(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_reasons import measure_true_unseen

    return measure_true_unseen(bench.model, count=bench.settings.lists, seed=bench.settings.seed)


def _movielens(bench: Bench) -> list[Figure]:
    from finetune.builtin.film_reasons import film_reasons
    from finetune.builtin.measures_reasons import measure_source

    folder = bench.settings.movielens
    if folder is None:
        raise SettingsError("needs --movielens DIR, a folder with items.jsonl and interactions.csv")
    users = min(bench.settings.lists, bench.settings.users or bench.settings.lists)
    told = film_reasons(bench.model, folder, bench.folder / "films", users=users, seed=bench.settings.seed)
    return measure_source(told, "MovieLens", floor=0.5, aim=0.8)


def _look(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_look import measure_captions, measure_swapped

    hidden = [entry for entry in bench.seen if "pattern" not in entry.shown.item.attributes]
    telling = [entry for entry in bench.seen if "pattern" in entry.shown.item.attributes]
    lists = bench.settings.lists
    return [
        *measure_captions(bench.shop_model, hidden[:lists]),
        *measure_swapped(bench.shop_model, telling, count=lists, seed=bench.settings.seed),
    ]


def _dialogue(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_dialogue import measure_free, measure_unseen
    from retrieval.encoders import open_encoder

    settings, embed = bench.settings, open_encoder().embed_text
    return [
        *measure_unseen(bench.model, embed, count=settings.lists, seed=settings.seed),
        *measure_free(bench.model, embed),
    ]


def _safety(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_safety import measure_injections, random_lists

    lists = random_lists(bench.seen, count=bench.settings.lists, seed=bench.settings.seed)
    return measure_injections(bench.shop_model, lists, seed=bench.settings.seed)


def _images(bench: Bench) -> list[Figure]:
    from PIL import Image

    from finetune.builtin.measures_images import captions_of, measure_neighbours, measure_recall, pictures_of

    truth, encoder, where = bench.past.truth, bench.past.encoder, "held-out looks"
    pictures, looks = bench.held
    vectors = pictures_of(encoder, [Image.fromarray(picture) for picture in pictures])
    found = [
        *measure_recall(captions_of(encoder, looks), vectors, where),
        *measure_neighbours(vectors, looks, vectors, looks, where),
    ]
    shop = bench.past.store.get("image", list(truth.offers))
    held = [name for name in truth.test_items if name in shop]
    known = [name for name in shop if name not in set(held)]
    asked, others = (np.array([shop[n] for n in names], dtype=np.float64) for names in (held, known))
    mine, theirs = [truth.look(name) for name in held], [truth.look(name) for name in known]
    return [
        *found,
        *measure_recall(captions_of(encoder, mine), asked, "the shop's test items"),
        *measure_neighbours(asked, mine, others, theirs, "the shop's test items"),
    ]


def _speed(bench: Bench) -> list[Figure]:
    import torch

    from agent.prompts import Detail, reason_prompt
    from agent.reason_pattern import reason_pattern
    from finetune.builtin.measures_safety import random_lists
    from finetune.builtin.measures_speed import measure_speed

    count = min(bench.settings.lists, 40)
    lists = random_lists(bench.seen, count=count, seed=bench.settings.seed + 1)
    shown = {entry.shown.item.item_id: entry.shown for entry in bench.seen}
    told = [entry for entry in bench.told if entry.evidence][: 5 * count]
    reasons = [
        reason_prompt(
            shown.get(entry.item.item_id) or bench.past.showcase.shown(entry.item, bench.model.info.image_px),
            None,
            entry.evidence,
            Detail(),
        )
        for entry in told
    ]
    note = f"{torch.get_num_threads()} threads"
    patterns = [reason_pattern(entry.item, entry.evidence) for entry in told] if bench.model.info.guided else None
    return measure_speed(bench.model, lists, reasons, patterns=patterns, note=note)


def _vllm(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_safety import random_lists
    from finetune.builtin.measures_speed import measure_agreement, ranking_prompts
    from finetune.builtin.served_model import half_precision, served

    lists = random_lists(bench.seen, count=min(100, bench.settings.lists), seed=bench.settings.seed + 2)
    with served(bench.settings.model, bench.folder / "vllm.log") as server:
        return measure_agreement(half_precision(bench.settings.model), server, ranking_prompts(lists))


ROWS: Mapping[str, Callable[[Bench], list[Figure]]] = MappingProxyType(
    {
        "rank": _rank,
        "rolling": _rolling,
        "visual": _visual,
        "requests": _requests,
        "position": _position,
        "reasons": _reasons,
        "unseen": _unseen,
        "movielens": _movielens,
        "look": _look,
        "dialogue": _dialogue,
        "safety": _safety,
        "images": _images,
        "speed": _speed,
        "vllm": _vllm,
    }
)
"""The rows by name, in the order of the table."""
