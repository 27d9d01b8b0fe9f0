"""A first look at what an adapter in a server says: a list, ranked as the product ranks, with it and without it."""

from __future__ import annotations

import secrets

from agent.models.base import Picture
from agent.models.vllm import VllmModel
from agent.prompts import Shown
from agent.rerank import Contender, rerank
from agent.settings import RerankSettings
from retrieval.errors import ModelAnswerError, WeightsError
from retrieval.types import Candidate, Item

_TIMEOUT_S = 300.0
_LIKED = Item("liked", "Wool scarf", {"colour": "blue"})
_CANDIDATES = [
    Item(f"{colour}-{thing}", f"{colour} {thing}", {"colour": colour})
    for colour in ("blue", "red")
    for thing in ("scarf", "lamp", "mug", "chair")
]


def check_moves(url: str, model: str, adapter: str, served_as: str) -> None:
    """Raises WeightsError unless the adapter's scores are numbers, and others than those of the model alone.

    adapter, served_as: what it is called, and what the server calls it.
    """
    salt = secrets.token_hex(16)  # both compute all of it: what comes out of a cache can differ in the last digits
    alone = _scores(VllmModel(url, name=model, timeout_s=_TIMEOUT_S, cache_salt=salt))
    try:
        tuned = _scores(
            VllmModel(url, name=model, adapter=adapter, served_as=[served_as], timeout_s=_TIMEOUT_S, cache_salt=salt)
        )
    except ModelAnswerError as error:
        raise WeightsError(f"the adapter {adapter} cannot rank a list ({error}); train it again") from error
    if tuned == alone:
        raise WeightsError(
            f"the adapter {adapter} changes no answer of {model}: it is untrained, or was trained on a model whose "
            "layers have other names; train it on this model"
        )


def _scores(model: VllmModel) -> dict[str, float]:
    """What the model says of each of the candidates, which it reads in one order, and is shown."""
    contenders = [Contender(Candidate(item.item_id, 1.0), _shown(item, model)) for item in _CANDIDATES]
    try:
        ranked = rerank(model, [_shown(_LIKED, model)], None, contenders, settings=RerankSettings(orders=1))
    finally:
        model.close()
    return {entry.candidate.item_id: entry.log_prob for entry in ranked}


def _shown(item: Item, model: VllmModel) -> Shown:
    """The item with a plain picture in its colour."""
    from PIL import Image

    side, colour = model.info.image_px, str(item.attributes["colour"])
    return Shown(item, Picture(Image.new("RGB", (side, side), colour), f"plain-{colour}-{side}"))
