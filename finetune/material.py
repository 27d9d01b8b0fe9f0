"""What a workspace and its split have to make systems of, and which systems that is not enough for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.sparse import counts
from retrieval.store import open_store

if TYPE_CHECKING:
    from finetune.splits import Split
    from retrieval.fusion import FusionName
    from retrieval.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Material:
    """wanted: items that somebody wants before the test or the validation part. texts, pictures: whether any has a
    vector."""

    wanted: int
    texts: bool
    pictures: bool

    @classmethod
    def of(cls, workspace: Workspace, split: Split) -> Material:
        wanted = max(int((counts(split.baskets(part)) > 0).sum()) for part in (split.validation, split.test))
        with open_store(workspace) as store:
            return cls(wanted, store.count("text") > 0, store.count("image") > 0)


def fusion_fault(material: Material, fusion: FusionName) -> str | None:
    """Why there is nothing to fuse, or None; without content towers of every fusion are the same."""
    if fusion == "image" and not material.pictures:
        return "no item has an indexed picture"
    if not material.texts and not material.pictures:
        return "no item has an indexed text or picture"
    return None
