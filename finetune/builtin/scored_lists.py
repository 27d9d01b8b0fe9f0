"""What a model says of shoppers' lists, kept in a file, since one pass over all test shoppers takes minutes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agent.rerank import Contender, log_priors, rerank
from agent.settings import RerankSettings
from agent.shortlist import latest, shortlist
from finetune.builtin.visits import Wish

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from agent.prompts import Shown
    from agent.shortlist import Shortlist
    from finetune.builtin.past_shop import PastShop, Shopper
    from finetune.builtin.truth import Truth

LIST = 20
"""Candidates of one list."""

Arm = Literal["pictures", "text", "request"]
"""How lists are asked for: by taste; by taste and without any picture in the prompt; with a request in words."""


@dataclass(frozen=True, slots=True)
class ScoredList:
    """A shopper's candidates in the retriever's order. log_priors, log_probs: by candidate, natural logs."""

    user_id: str
    item_ids: tuple[str, ...]
    log_priors: tuple[float, ...]
    log_probs: tuple[float, ...]


def request_of(shopper: Shopper, truth: Truth) -> tuple[str, frozenset[str]]:
    """What the shopper asks for in words, and what of it that they wanted answers it.

    What they really asked in the window where the truth tells it, as it does of test shoppers; of others colour and
    category of something wanted.
    """
    wish = truth.wishes.get(shopper.user_id)
    if wish is not None and (answering := _answering(shopper, wish, truth)):
        return wish.text, answering
    target = truth.look(random.Random(shopper.user_id).choice(sorted(shopper.wanted)))  # noqa: S311
    wish = Wish("", target.category, "colour", target.colour)
    return wish.text, _answering(shopper, wish, truth)


def _answering(shopper: Shopper, wish: Wish, truth: Truth) -> frozenset[str]:
    asked = {"category": wish.category} | ({wish.attribute: wish.value} if wish.attribute else {})
    answering = set()
    for item_id in shopper.wanted:
        product = truth.offers[item_id].product
        has = {**product.row(), "colour": product.look.colour, "pattern": product.look.pattern}
        if asked.items() <= has.items():
            answering.add(item_id)
    return frozenset(answering)


def listed(past: PastShop, shopper: Shopper, arm: Arm, *, image_px: int) -> Shortlist:
    """The shopper's candidates as the arm shows them."""
    request = request_of(shopper, past.truth)[0] if arm == "request" else None
    query = past.finder.query(text=request, user_id=shopper.user_id)
    found = shortlist(past.finder, past.showcase, query, LIST, image_px=image_px)
    return replace(found, contenders=[_blind(c) for c in found.contenders]) if arm == "text" else found


def scored(model: VisionLanguageModel, past: PastShop, shopper: Shopper, arm: Arm) -> ScoredList:
    """One list, scored as `agent.rerank` scores it. Raises ModelError."""
    found = listed(past, shopper, arm, image_px=model.info.image_px)
    settings = RerankSettings(alpha=0)
    liked = latest(found, past.showcase, model.info.image_px, settings)
    if arm == "text":
        liked = [_unseen(shown) for shown in liked]
    ranked = rerank(model, liked, found.query.text, found.contenders, settings=settings)
    log_prob = {entry.candidate.item_id: entry.log_prob for entry in ranked}
    candidates = [contender.candidate for contender in found.contenders]
    ids = tuple(candidate.item_id for candidate in candidates)
    return ScoredList(shopper.user_id, ids, tuple(log_priors(candidates)), tuple(log_prob[item_id] for item_id in ids))


def _blind(contender: Contender) -> Contender:
    return replace(contender, shown=_unseen(contender.shown))


def _unseen(shown: Shown) -> Shown:
    return replace(shown, picture=None, look=None, seen={})


class KeptLists:
    """Scored lists in a JSON Lines file, written one by one: a run that is cut off goes on where it was.

    key: names what the scores depend on: model, shop, image encoder. A file for each key and arm; folder None keeps
    nothing.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._folder = folder
        self._key = key

    def all(
        self, shoppers: Sequence[Shopper], arm: Arm, score: Callable[[Shopper], ScoredList]
    ) -> Mapping[str, ScoredList]:
        """The shoppers' lists, by user; `score` is asked for those that are not there yet."""
        path = None if self._folder is None else self._folder / f"{arm}-{self._key}.jsonl"
        found = {entry.user_id: entry for entry in _read(path)}
        for shopper in shoppers:
            if shopper.user_id not in found:
                found[shopper.user_id] = entry = score(shopper)
                _append(path, entry)
        return {shopper.user_id: found[shopper.user_id] for shopper in shoppers}


def _read(path: Path | None) -> Iterator[ScoredList]:
    if path is None or not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            user_id, items, priors, log_probs = json.loads(line)
        except ValueError:
            continue  # the line that a run was cut off in
        yield ScoredList(user_id, tuple(items), tuple(priors), tuple(log_probs))


def _append(path: Path | None, entry: ScoredList) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
    with path.open("a", encoding="utf-8") as file:
        row = [entry.user_id, entry.item_ids, entry.log_priors, entry.log_probs]
        file.write(("" if whole else "\n") + json.dumps(row) + "\n")
