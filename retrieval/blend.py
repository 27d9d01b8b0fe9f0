"""A blend: the retrievers' lists as one, by weights fitted on what users wanted next (`finetune/blend.py`)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import StoreError, WorkspaceError

if TYPE_CHECKING:
    from retrieval.store import Hit

BLEND_NAME = "blend.json"


@dataclass(frozen=True, slots=True)
class Blend:
    """How likely an item is the next one wanted, by where the retrievers have it.

    The probability goes with the product over retrievers of rank to the power of -weight, ranks from 1; where a
    retriever has not found the item, its rank is depth + 1. weights: of the retrievers by name, 0 or more; one without
    a weight says nothing. depth: of the lists that they were fitted on. towers: version of those it was fitted for,
    None for none; with others it says nothing.
    """

    weights: Mapping[str, float]
    depth: int
    towers: str | None = None

    def strengths(self, found: Mapping[str, Sequence[Hit]]) -> dict[str, dict[str, float]]:
        """By item and retriever, 0 or more: what that retriever adds to the log-probability of the item."""
        strengths: dict[str, dict[str, float]] = {}
        for name, hits in found.items():
            weight = self.weights.get(name, 0.0)
            for rank, hit in enumerate(hits[: self.depth], start=1):
                strengths.setdefault(hit.item_id, {})[name] = weight * relevance(rank, self.depth)
        return strengths


def relevance(rank: int, depth: int) -> float:
    """log((depth + 1) / rank): how much a place in a list says, against not being in it."""
    return math.log((depth + 1) / rank)


def save_blend(blend: Blend, folder: Path) -> None:
    """Make this the blend of the workspace in the folder, on the disk whole or not at all. Raises StoreError."""
    path, fresh = folder / BLEND_NAME, folder / f".new-{BLEND_NAME}"
    try:
        with fresh.open("w", encoding="utf-8") as file:
            told = {"format": 1, "towers": blend.towers, "depth": blend.depth, "weights": dict(blend.weights)}
            json.dump(told, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error}); until it is, new towers are served with the standard weights: free "
            "some space and run again"
        ) from error


def forget_blend(folder: Path) -> None:
    """The workspace in the folder has no blend any more."""
    (folder / BLEND_NAME).unlink(missing_ok=True)


def load_blend(folder: Path) -> Blend | None:
    """The blend of the workspace in the folder; None while none has been fitted. Raises WorkspaceError: damaged."""
    path = folder / BLEND_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        weights = {str(name): float(weight) for name, weight in values["weights"].items()}
        blend = Blend(weights, int(values["depth"]), values.get("towers"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(f"{path} is damaged ({error}); run tastemaker finetune towers again") from error
    if blend.depth < 1 or not all(0 <= weight < math.inf for weight in blend.weights.values()):
        raise WorkspaceError(
            f"{path} has depth {blend.depth} and weights {dict(blend.weights)}, expected 1 or more and 0 or more; "
            "run tastemaker finetune towers again"
        )
    return blend


class BlendFile:
    """The blend of the workspace in a folder, read again when another process has fitted a new one."""

    def __init__(self, folder: Path, towers: Callable[[], str | None]) -> None:
        """towers: tells the version of those that count now, None for none."""
        self._folder = folder
        self._towers = towers
        self._read: tuple[tuple[int, int], Blend | None] | None = None

    def current(self) -> Blend | None:
        """The blend that counts now; None while none has been fitted for the towers. Raises WorkspaceError: damaged."""
        try:
            status = (self._folder / BLEND_NAME).stat()
        except FileNotFoundError:
            return None
        stamp = status.st_mtime_ns, status.st_ino
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, load_blend(self._folder)
        blend = self._read[1]
        return blend if blend is not None and blend.towers == self._towers() else None
