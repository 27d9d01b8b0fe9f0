"""Settings of the agent's stages. Each can be set by an environment variable, e.g. TASTEMAKER_RERANK__ALPHA=0.5."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from retrieval.errors import SettingsError

MAX_K = 100
"""Most recommendations in one answer."""

LEAST_CHARS = 24
"""An item told in fewer characters than this says nothing: prompts are not shortened further."""


class RerankSettings(BaseModel):
    """How a list is put in order.

    alpha: weight of the retriever's prior beside the model's log-probability; 0 is the model alone, None is what was
        fitted: the workspace's ranker where it has one, else what was fitted for the model, or 1.
    list_size: candidates in one prompt; longer lists are read in windows. history_items: liked items in the prompt.
    counted_items: latest liked items that candidates are told to have something in common with, those included.
    orders: in how many orders each list is read, 1 or 2; None is what suits the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    list_size: int = Field(default=20, ge=2, le=20)
    history_items: int = Field(default=8, ge=0, le=20)
    counted_items: int = Field(default=20, ge=0, le=100)
    orders: int | None = Field(default=None, ge=1, le=2)


class ReasonSettings(BaseModel):
    """How reasons are written.

    max_facts: pieces of evidence behind each. history_items: liked items that they may name, the latest ones.
    max_words: longer reasons are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_facts: int = Field(default=4, ge=1, le=10)
    history_items: int = Field(default=8, ge=0, le=20)
    max_tokens: int = Field(default=60, ge=8, le=256)
    max_words: int = Field(default=60, ge=5, le=200)


class VllmSettings(BaseModel):
    """How a vLLM server is asked.

    api_key: where the server wants one. timeout_s: longest wait for one answer. concurrency: most requests at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr | None = None
    timeout_s: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    concurrency: int = Field(default=16, ge=1)


class RecommenderSettings(BaseSettings):
    """What a Recommender uses unless its caller says otherwise.

    model, adapter: None leaves them to the server where one is used; else the built-in model without an adapter.
    candidates: how many are compared for one answer. understanding: who reads the messages of a conversation: rules,
    the model (which corrects what rules made of them), or auto: the model where it is one that follows instructions.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="TASTEMAKER_", env_nested_delimiter="__", env_ignore_empty=True
    )

    model: str | None = None
    engine: Literal["auto", "transformers", "vllm", "scripted"] = "auto"
    url: str | None = None
    adapter: Path | None = None
    candidates: int = Field(default=20, ge=1, le=MAX_K)
    understanding: Literal["auto", "rules", "model"] = "auto"
    rerank: RerankSettings = RerankSettings()
    reasons: ReasonSettings = ReasonSettings()
    vllm: VllmSettings = VllmSettings()

    @property
    def chosen_model(self) -> str:
        """The model's name, where no server decides."""
        return self.model or "builtin"

    def but(self, **given: object) -> RecommenderSettings:
        """The same settings with what is given and not None. Raises SettingsError that names what is wrong."""
        changed = {name: value for name, value in given.items() if value is not None}
        try:
            return RecommenderSettings.model_validate(self.model_dump() | changed)
        except ValidationError as error:
            raise SettingsError(_what_is_wrong(error)) from error


def load_settings() -> RecommenderSettings:
    """The settings from the environment. Raises SettingsError that names the variable."""
    try:
        return RecommenderSettings()
    except ValidationError as error:
        raise SettingsError(f"an environment variable TASTEMAKER_... is wrong: {_what_is_wrong(error)}") from error
    except UnreadableError as error:  # it names the group, and not the value, which may hold a key
        raise SettingsError(
            f"a variable TASTEMAKER_... is wrong: {error}; name a member, as in TASTEMAKER_RERANK__ALPHA=0.5"
        ) from error


def _what_is_wrong(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'__'.join(str(part) for part in first['loc'])} is {first['input']!r:.80}: {first['msg']}"
