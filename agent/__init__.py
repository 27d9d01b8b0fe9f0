"""The agent: rerank candidates with a vision-language model, and say why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.conversation import Conversation
    from agent.recommender import Recommender

__all__ = ["Conversation", "Recommender"]

_HOMES = {"Conversation": "agent.conversation", "Recommender": "agent.recommender"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
