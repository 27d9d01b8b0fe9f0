"""What every engine checks before it trusts a model's words."""

from __future__ import annotations

import json
from collections.abc import Sequence

from retrieval.errors import ModelAnswerError


def single_tokens(model: str, choices: Sequence[str], tokens: Sequence[Sequence[int]]) -> list[int]:
    """The token id of each choice, out of the tokens that the model makes of it.

    Which tokens a text has is the tokenizer's word, and a server's may be wrong; so it is the model that cannot answer.
    Raises ModelAnswerError unless each choice is one token, and no two different choices are the same one.
    """
    choice_of: dict[int, str] = {}
    for choice, ids in zip(choices, tokens, strict=True):
        if len(ids) != 1:
            raise ModelAnswerError(f"the choice {choice!r} is {len(ids)} tokens of {model}; it must be one")
        other = choice_of.setdefault(ids[0], choice)
        if other != choice:
            raise ModelAnswerError(
                f"the choices {other!r} and {choice!r} are the same token {ids[0]} of {model}; they must differ"
            )
    return [ids[0] for ids in tokens]


def whole_json(text: str) -> str:
    """The text, which is JSON from end to end. Raises ModelAnswerError when it was cut off."""
    try:
        json.loads(text)
    except ValueError as error:
        raise ModelAnswerError(f"the JSON answer was cut off ({error}); allow more tokens") from error
    return text
