"""What a message changes: rules make a draft, and the model corrects it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.dialogue import parse_update, update_schema
from agent.linker import facets_in_question, link
from agent.prompts import update_prompt
from retrieval.errors import ModelAnswerError

if TYPE_CHECKING:
    from agent.dialogue import Facet, Update
    from agent.mentions import Embed
    from agent.models.base import VisionLanguageModel

_TOKENS = 160


def corrected(
    model: VisionLanguageModel,
    message: str,
    facets: Sequence[Facet],
    *,
    standing: str | None = None,
    shown: Sequence[str] = (),
    embed: Embed,
) -> Update:
    """The update that the model writes within the catalogue's schema; the draft where that cannot be read.

    The arguments are those of `agent.linker.link`.
    """
    draft = link(message, facets, standing=standing, shown=shown, embed=embed)
    asked = facets_in_question(message, facets, embed)
    prompt = update_prompt(asked, standing, shown, message, draft=draft)
    try:
        (text,) = model.generate([prompt], max_tokens=_TOKENS, schema=update_schema(asked))
        return parse_update(text, asked)
    except ModelAnswerError:
        return draft
