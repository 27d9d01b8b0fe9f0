"""Every figure of the built-in shop and models, on shoppers, items, looks and words that no training had.

`tastemaker evaluate --builtin` prints them. Rows are measured one by one, each with what it needs and nothing else.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from finetune.builtin.corpus import Gallery
from finetune.builtin.figures import Figure
from retrieval.builtin import IMAGE_ENCODER, SHOP_FOLDER
from retrieval.errors import SettingsError, TastemakerError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from agent.models.base import VisionLanguageModel
    from finetune.builtin.drawing.look import Look
    from finetune.builtin.measures_look import Seen
    from finetune.builtin.past_shop import PastShop, Shopper
    from finetune.builtin.scored_lists import Arm, ScoredList
    from finetune.builtin.told_reasons import Told

_HELD_SEED = 97
_HELD_LOOKS = 600
_HELD_PX = 96


@dataclass(frozen=True, slots=True)
class BuiltinSettings:
    """What is measured, and on how much.

    only: names of rows, empty for all. users: at most so many test shoppers, None for all. fit_users: other shoppers,
    for the gradient-boosted ranker. fit_alpha: so many of them to fit the prior's weight on, which costs a pass of the
    model; 0 uses the served weight. alpha: this weight instead. lists: of each measure that draws lists, prompts or
    pictures. model: "builtin" or a folder of such a model. held: a pack of `draw_pack` with a seed that no training
    had; drawn anew without one. movielens: folder with items.jsonl and interactions.csv.
    """

    only: tuple[str, ...] = ()
    users: int | None = None
    fit_users: int = 600
    fit_alpha: int = 0
    alpha: float | None = None
    lists: int = 200
    model: str = "builtin"
    held: Path | None = None
    movielens: Path | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        unknown = [name for name in self.only if name not in ROWS]
        if unknown:
            raise SettingsError(f"no row {', '.join(unknown)}; expected some of {', '.join(ROWS)}")
        if self.lists < 5 or (self.users is not None and self.users < 2) or self.fit_users < 2:
            raise SettingsError(
                f"lists is {self.lists}, users {self.users}, to fit on {self.fit_users}; expected 5, 2 and 2 or more"
            )


@dataclass(frozen=True, slots=True)
class BuiltinFigures:
    """All that was measured. seconds: by row. model, shop, image_encoder: hashes of what was measured."""

    settings: BuiltinSettings
    figures: tuple[Figure, ...]
    seconds: Mapping[str, float]
    model: str
    shop: str
    image_encoder: str


class Bench:
    """What the rows are measured with; each part is made when a row first asks for it. A context manager."""

    def __init__(
        self, settings: BuiltinSettings, model: VisionLanguageModel | None = None, *, kept: Path | None = None
    ) -> None:
        """model: another one than the settings'. kept: folder for the indexed shop and the model's scores of lists."""
        self.settings = settings
        self._given = model
        self._kept = kept
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def folder(self) -> Path:
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="tastemaker-evaluate-")))

    @cached_property
    def model(self) -> VisionLanguageModel:
        """The model in this process; a folder's answers are weighed against the prior as the built-in model's are."""
        if self._given is not None:
            return self._given
        from agent.models.presets import PRESETS
        from agent.models.transformers import TransformersModel

        opened = TransformersModel.open(self.settings.model)
        opened.info = replace(opened.info, alpha=PRESETS["builtin"].alpha)
        return opened

    @cached_property
    def past(self) -> PastShop:
        from finetune.builtin.past_shop import past_shop

        made = None if self._kept is None else self._kept / f"shop-{shop_hash()[:8]}-{encoder_hash()[:8]}"
        return self._stack.enter_context(past_shop(self.folder / "shop", made=made))

    @cached_property
    def shoppers(self) -> tuple[list[Shopper], list[Shopper]]:
        """Test shoppers, as many as the settings say, and those to fit on."""
        from finetune.builtin.past_shop import shoppers
        from finetune.builtin.truth import load_truth

        test, others = shoppers(load_truth(SHOP_FOLDER))
        return test[: self.settings.users], others[: self.settings.fit_users]

    @cached_property
    def held(self) -> tuple[NDArray[np.uint8], list[Look]]:
        """Pictures and looks of the held-out pack."""
        from finetune.builtin.draw_pack import draw_pack, load_pack

        if self.settings.held is not None:
            return load_pack(self.settings.held)
        return draw_pack(_HELD_LOOKS, px=_HELD_PX, seed=_HELD_SEED)

    @cached_property
    def gallery(self) -> tuple[Gallery, Callable[[int], Image]]:
        """The pack's combinations that training leaves out, and what paints them."""
        from PIL import Image

        from finetune.builtin.corpus import held_out_look

        pictures, looks = self.held
        rows = [row for row, look in enumerate(looks) if held_out_look(look)]
        return Gallery.of([looks[row] for row in rows]), lambda row: Image.fromarray(pictures[rows[row]])

    @cached_property
    def seen(self) -> list[Seen]:
        """The shop's items that no training had, as the model is shown them, in a fixed random order."""
        from finetune.builtin.measures_look import Seen

        items = self.past.showcase.items(self.past.truth.test_items)
        shown = [self.past.showcase.shown(item, self.model.info.image_px) for item in items]
        found = [Seen(one, self.past.truth.look(one.item.item_id)) for one in shown if one.picture is not None]
        random.Random(self.settings.seed).shuffle(found)  # noqa: S311
        return found

    def lists(self, arm: Arm, shoppers: Sequence[Shopper]) -> Mapping[str, ScoredList]:
        """The model's word on the shoppers' lists, from the file where it is known."""
        from finetune.builtin.scored_lists import KeptLists, scored

        kept = KeptLists(self._kept, self.key)
        return kept.all(shoppers, arm, lambda shopper: scored(self.model, self.past, shopper, arm))

    @cached_property
    def key(self) -> str:
        """Names what scores depend on: the model, the shop, the image encoder and how prompts are written."""
        from agent import prompts

        told = f"{self.model_hash} {shop_hash()} {encoder_hash()}".encode() + Path(prompts.__file__).read_bytes()
        return hashlib.sha256(told).hexdigest()[:12]

    @cached_property
    def model_hash(self) -> str:
        from agent.models.presets import preset_of

        if self._given is not None:
            return self._given.info.name
        weights = sorted(Path(preset_of(self.settings.model).model_id).glob("*.safetensors"))
        return hashlib.sha256(b"".join(path.read_bytes() for path in weights)).hexdigest()

    @cached_property
    def alpha(self) -> float:
        """The prior's weight: given, or fitted on shoppers who are not test shoppers, or served."""
        from finetune.builtin.measures_rank import fit_alpha
        from finetune.builtin.scored_lists import request_of

        if self.settings.alpha is not None:
            return self.settings.alpha
        if not self.settings.fit_alpha:
            return self.model.info.alpha
        others = self.shoppers[1][: self.settings.fit_alpha]
        tastes, asked = self.lists("pictures", others), self.lists("request", others)
        rows = [*(tastes[s.user_id] for s in others), *(asked[s.user_id] for s in others)]
        answering = [request_of(s, self.past.truth)[1] for s in others]
        return fit_alpha(rows, [*(s.wanted for s in others), *answering])

    @cached_property
    def told(self) -> list[Told]:
        """What the agent recommends to test shoppers, every second one with a request in words."""
        from finetune.builtin.scored_lists import request_of
        from finetune.builtin.told_reasons import told_reasons

        asked = self.shoppers[0][: max(1, self.settings.lists)]
        requests = {s.user_id: request_of(s, self.past.truth)[0] if row % 2 else None for row, s in enumerate(asked)}
        return told_reasons(self.model, self.past.workspace, self.past.finder, self.past.store, requests)


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
    figures: list[Figure] = []
    seconds: dict[str, float] = {}
    with Bench(settings, model, kept=kept) as bench:
        for name in settings.only or ROWS:
            tell(name)
            started = time.perf_counter()
            command = f"tastemaker evaluate --builtin --only {name}"
            figures += [replace(figure, command=command) for figure in _measured(bench, name)]
            seconds[name] = round(time.perf_counter() - started, 1)
        return BuiltinFigures(settings, tuple(figures), seconds, bench.model_hash, shop_hash(), encoder_hash())


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


def shop_hash() -> str:
    return hashlib.sha256((SHOP_FOLDER / "SHA256SUMS").read_bytes()).hexdigest()


def encoder_hash() -> str:
    return hashlib.sha256(IMAGE_ENCODER.read_bytes()).hexdigest()


def _rank(bench: Bench) -> list[Figure]:
    from finetune.builtin.boosted import boosted_points
    from finetune.builtin.measures_rank import measure_rerank

    test, others = bench.shoppers
    lists = bench.lists("pictures", test)
    trees = boosted_points(bench.past, others, test, seed=bench.settings.seed)
    return measure_rerank(test, lists, bench.past.truth, alpha=bench.alpha, trees=trees)


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
    return measure_positions(bench.model, gallery, paint, lists=bench.settings.lists, seed=bench.settings.seed)


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
        *measure_captions(bench.model, hidden[:lists]),
        *measure_swapped(bench.model, telling, count=lists, seed=bench.settings.seed),
    ]


def _dialogue(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_dialogue import measure_free, measure_unseen
    from retrieval.encoders import open_encoder

    settings = bench.settings
    return [
        *measure_unseen(bench.model, count=settings.lists, seed=settings.seed),
        *measure_free(bench.model, open_encoder().embed_text),
    ]


def _safety(bench: Bench) -> list[Figure]:
    from finetune.builtin.measures_safety import measure_injections, random_lists

    lists = random_lists(bench.seen, count=bench.settings.lists, seed=bench.settings.seed)
    return measure_injections(bench.model, lists, seed=bench.settings.seed)


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
    return measure_speed(bench.model, lists, reasons, note=note)


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
