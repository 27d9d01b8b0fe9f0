"""What a message changes: rules make a draft, and a model that is good at it corrects it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agent.dialogue import parse_update, update_schema
from agent.linker import facets_in_question, link
from agent.models.base import Form
from agent.prompts import update_prompt
from retrieval.errors import ModelError, TastemakerError

if TYPE_CHECKING:
    from agent.dialogue import Facet, Update
    from agent.mentions import Embed
    from agent.models.base import VisionLanguageModel

logger = logging.getLogger(__name__)

_TOKENS = 160


def understood(
    message: str,
    facets: Sequence[Facet],
    model: VisionLanguageModel | None,
    *,
    standing: str | None = None,
    shown: Sequence[str] = (),
    focus: int | None = None,
    embed: Embed,
) -> Update:
    """What the message changes. model: who is to correct what the rules make of it, None for nobody.

    The other arguments are those of `agent.linker.link`.
    """
    if model is None:
        return link(message, facets, standing=standing, shown=shown, focus=focus, embed=embed)
    return corrected(model, message, facets, standing=standing, shown=shown, focus=focus, embed=embed)


def understanding_model(how: str, model: Callable[[], VisionLanguageModel]) -> VisionLanguageModel | None:
    """The model that is to read messages; None where rules do. how: as `RecommenderSettings.understanding`."""
    if how == "rules":
        return None
    try:
        made = model()
    except TastemakerError as error:
        logger.warning("messages are understood by rules: %s", error)
        return None
    return made if how == "model" or made.info.understands else None


def corrected(
    model: VisionLanguageModel,
    message: str,
    facets: Sequence[Facet],
    *,
    standing: str | None = None,
    shown: Sequence[str] = (),
    focus: int | None = None,
    embed: Embed,
) -> Update:
    """The update that the model writes within the catalogue's schema; the draft where it cannot, or writes no update.

    The arguments are those of `agent.linker.link`.
    """
    draft = link(message, facets, standing=standing, shown=shown, focus=focus, embed=embed)
    asked = facets_in_question(message, facets, embed)
    prompt = update_prompt(asked, standing, shown, message, draft=draft)
    try:
        (text,) = model.generate([prompt], max_tokens=_TOKENS, form=Form(schema=update_schema(asked)))
        return parse_update(text, asked)
    except ModelError as error:
        logger.warning("a message is understood by rules: %s", error)
        return draft
