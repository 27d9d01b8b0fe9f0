"""What a recommender stands on: how much is in the catalogue and in the index, and which models are in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.models.base import ModelInfo
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

SPACES = ("text", "image", "content", "behaviour")


@dataclass(frozen=True, slots=True)
class Status:
    """items, withdrawn: of the catalogue. vectors: how many items have one, by space. towers: the version that counts.

    encoder: by the workspace's settings. refused: files that tell rows which were refused.
    """

    items: int
    withdrawn: int
    vectors: Mapping[str, int]
    encoder: str
    towers: str | None
    refused: int
    model: ModelInfo

    @property
    def waiting(self) -> int:
        """Items that no search by meaning can find yet: the index lacks them."""
        return max(0, self.items - self.vectors["content"])


def status_of(workspace: Workspace, store: VectorStore, model: ModelInfo) -> Status:
    """The state of now. Raises StoreError, EncoderMismatchError when the vectors cannot be used."""
    items, every = workspace.items.count(), workspace.items.count(withdrawn=True)
    folder = workspace.rejects_folder
    return Status(
        items=items,
        withdrawn=every - items,
        vectors={space: store.count(space) for space in SPACES},
        encoder=workspace.settings.encoder,
        towers=store.towers_version,
        refused=sum(1 for _ in folder.glob("*")) if folder.is_dir() else 0,
        model=model,
    )
