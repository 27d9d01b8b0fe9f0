"""What the built-in models are measured with: the shop before its window, pictures, lists, and the model itself."""

from __future__ import annotations

import hashlib
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from agent.registry import Adapters
from agent.shipped import BUILTIN
from finetune.builtin.draw_pack import seeded_looks
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, held_out_look
from finetune.builtin.gallery import Gallery
from retrieval.builtin import IMAGE_ENCODER, SHOP_FOLDER
from retrieval.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from agent.models.base import VisionLanguageModel
    from agent.registry import Card
    from finetune.builtin.drawing.look import Look
    from finetune.builtin.measures_look import Seen
    from finetune.builtin.past_shop import PastShop, Shopper
    from finetune.builtin.scored_lists import Arm, ScoredList
    from finetune.builtin.told_reasons import Told

_SHOP_ALPHA = 12.0
"""The prior's weight beside a model without an adapter: fitted on other shoppers, and less than it is served with
(`agent.models.presets`)."""
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
        if self.lists < 5 or (self.users is not None and self.users < 2) or self.fit_users < 2:
            raise SettingsError(
                f"lists is {self.lists}, users {self.users}, to fit on {self.fit_users}; expected 5, 2 and 2 or more"
            )


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
        """The model in this process, without an adapter."""
        if self._given is not None:
            return self._given
        from agent.models.transformers import TransformersModel

        opened = TransformersModel.open(self.settings.model)
        opened.info = replace(opened.info, alpha=_SHOP_ALPHA)
        return opened

    @cached_property
    def shop_model(self) -> VisionLanguageModel:
        """The model as the demo has it: the built-in one with the shipped adapter and its weight of the prior."""
        card = self.adapter
        if card is None:
            return self.model
        from agent.models.transformers import TransformersModel

        opened = TransformersModel.open("builtin", adapter=Adapters(BUILTIN).path(card.name), writes=card.writes)
        opened.info = replace(opened.info, alpha=card.alpha, popularity=card.popularity)
        return opened

    @cached_property
    def adapter(self) -> Card | None:
        """The shipped one; other models than the built-in one have none. Raises WeightsError for a damaged one."""
        shipped = Adapters(BUILTIN).all()
        if self._given is not None or self.settings.model != "builtin" or not shipped:
            return None
        return Adapters(BUILTIN).check(shipped[-1].name)

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
        """Pictures (n, px, px, 3) uint8 and looks of the held-out pack, or of looks drawn anew."""
        from finetune.builtin.draw_pack import load_pack
        from finetune.builtin.drawing.scene import draw

        if self.settings.held is not None:
            return load_pack(self.settings.held)
        looks = held_out_looks(_HELD_LOOKS, seed=_HELD_SEED)
        return np.stack([np.asarray(draw(look, px=_HELD_PX)) for look in looks]), looks

    @cached_property
    def gallery(self) -> tuple[Gallery, Callable[[int], Image]]:
        """The pack's combinations that training leaves out, and what paints them.

        Raises SettingsError for a pack in which some colour, pattern or category is not among them.
        """
        from PIL import Image

        pictures, looks = self.held
        rows = [row for row, look in enumerate(looks) if held_out_look(look)]
        gallery = Gallery.of([looks[row] for row in rows])
        if len(gallery.rows) < len(CATEGORIES) + 2 * len(COLOURS) + len(PATTERNS):
            raise SettingsError(f"{len(rows)} of the pack's looks are held out, too few to show everything; draw 6,000")
        return gallery, lambda row: Image.fromarray(pictures[rows[row]])

    @cached_property
    def seen(self) -> list[Seen]:
        """The shop's items that no training had, as the model is shown them, in a fixed random order."""
        from finetune.builtin.measures_look import Seen

        items = self.past.showcase.items(self.past.truth.test_items)
        shown = [self.past.showcase.shown(item, self.model.info.image_px) for item in items]
        found = [Seen(one, self.past.truth.look(one.item.item_id)) for one in shown if one.picture is not None]
        random.Random(self.settings.seed).shuffle(found)  # noqa: S311
        return found

    def lists(self, arm: Arm, shoppers: Sequence[Shopper], *, bare: bool = False) -> Mapping[str, ScoredList]:
        """The shop model's word on the shoppers' lists, from the file where it is known. bare: without its adapter."""
        from finetune.builtin.scored_lists import KeptLists, scored

        kept = KeptLists(self._kept, self.key(bare=bare))
        model = self.model if bare else self.shop_model
        return kept.all(shoppers, arm, lambda shopper: scored(model, self.past, shopper, arm))

    def key(self, *, bare: bool) -> str:
        """Names what scores depend on: the model, the shop, the image encoder and how prompts are written."""
        from agent import echoes, prompts
        from retrieval import picture_values

        card = None if bare else self.adapter
        adapter = "" if card is None else [*sorted(card.files.items()), card.popularity]
        told = f"{self.model_hash} {adapter} {shop_hash()} {encoder_hash()}".encode()
        written = "".join(inspect.getsource(module) for module in (prompts, echoes, picture_values)).encode()
        return hashlib.sha256(told + written).hexdigest()[:12]

    @cached_property
    def model_hash(self) -> str:
        from agent.models.presets import preset_of

        if self._given is not None:
            return self._given.info.name
        weights = sorted(Path(preset_of(self.settings.model).model_id).glob("*.safetensors"))
        return hashlib.sha256(b"".join(path.read_bytes() for path in weights)).hexdigest()

    @cached_property
    def alpha(self) -> float:
        """The prior's weight: given, or fitted on shoppers who are neither tested nor learned from, or served."""
        from finetune.builtin.measures_rank import fit_alpha
        from finetune.builtin.scored_lists import request_of

        if self.settings.alpha is not None:
            return self.settings.alpha
        if not self.settings.fit_alpha:
            return self.shop_model.info.alpha
        learned = set() if self.adapter is None else set(self.adapter.users)
        others = [s for s in self.shoppers[1] if s.user_id not in learned][: self.settings.fit_alpha]
        tastes, asked = self.lists("pictures", others), self.lists("request", others)
        rows = [*(tastes[s.user_id] for s in others), *(asked[s.user_id] for s in others)]
        answering = [request_of(s, self.past.truth)[1] for s in others]
        return fit_alpha(rows, [*(s.wanted for s in others), *answering])

    @cached_property
    def told(self) -> list[Told]:
        """What the agent of the demo recommends to test shoppers, every second one with a request in words."""
        from finetune.builtin.scored_lists import request_of
        from finetune.builtin.told_reasons import told_reasons

        asked = self.shoppers[0][: max(1, self.settings.lists)]
        requests = {s.user_id: request_of(s, self.past.truth)[0] if row % 2 else None for row, s in enumerate(asked)}
        return told_reasons(self.shop_model, self.past.workspace, self.past.finder, self.past.store, requests)


def held_out_looks(count: int, *, seed: int) -> list[Look]:
    """The first looks of a pack of this seed whose category, colour and pattern training leaves out together."""
    found = (look for look in seeded_looks(20 * count + 1_000, seed) if held_out_look(look))
    return list(islice(found, count))


def shop_hash() -> str:
    return hashlib.sha256((SHOP_FOLDER / "SHA256SUMS").read_bytes()).hexdigest()


def encoder_hash() -> str:
    return hashlib.sha256(IMAGE_ENCODER.read_bytes()).hexdigest()
