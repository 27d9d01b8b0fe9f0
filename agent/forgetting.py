"""Forgetting a person: what the workspace holds of them goes, what learned from them is to be trained again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.registry import Adapters
from retrieval.blend import BLEND_NAME
from retrieval.erasing import Erased, erase_user
from retrieval.errors import StoreError, WorkspaceError, WorkspaceLockedError
from retrieval.locks import alone

if TYPE_CHECKING:
    from retrieval.workspace import Workspace

_LEFT = {
    "lora": ("tuning", ".past-lora-*"),
    "ranker": (".past-ranker-*",),
    "simulation": (".past-simulation-*",),
    "towers": ("towers/.past-towers-*",),
}
"""By the lock of who learns: what a run that was cut off leaves, with what people did in it."""
RETRAIN_NAME = "retrain.json"
_RANKER = "ranker.json"


@dataclass(frozen=True, slots=True)
class Learned:
    """Something that was trained on the log. kind: towers, adapter, blend or ranker. name: within its kind."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is gone, and what had learned from it and is marked for retraining."""

    erased: Erased
    to_retrain: tuple[Learned, ...]

    def __str__(self) -> str:
        gone = self.erased
        counts = {"event": gone.events, "stated preference": gone.preferences, "refused row": gone.rejected_rows}
        some = [f"{count:,} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count]
        told = f"erased: {', '.join(some) or 'nothing, since nothing was kept'}"
        if not self.to_retrain:
            return f"{told}; nothing was trained on them"
        names = ", ".join(f"{learned.kind} {learned.name}" for learned in self.to_retrain)
        return f"{told}; trained on them, and marked for retraining: {names}"


def forget_person(workspace: Workspace, user_id: str) -> Forgotten:
    """Erase the person's events, stated preferences and refused rows; mark what may have learned from them.

    An adapter's card says whether it learned from the person, and forgets them too. Whatever else was made after the
    first thing that they did counts as trained on it: rather once too often. The marks name no person,
    and are written first: a failure between the two leaves nothing unmarked. What cut-off runs have left goes as well;
    a run that is at work removes its own when it ends. Raises StoreError.
    """
    first, adapters = _first_deed(workspace, user_id), Adapters(workspace.path)
    known = {Learned("adapter", card.name): user_id in card.users for card in adapters.all()}
    learned = [
        each for each, made in _artefacts(workspace.path) if known.get(each, first is not None and made >= first)
    ]
    if learned:
        _mark(workspace.path, learned)
    erased = erase_user(workspace, user_id)
    adapters.forget(user_id)
    _clear_runs(workspace.path)
    return Forgotten(erased, tuple(learned))


def to_retrain(folder: Path) -> tuple[Learned, ...]:
    """What is served in the workspace in the folder, and was trained on people who have been forgotten since.

    Raises WorkspaceError when the marks cannot be read.
    """
    made = dict(_artefacts(folder))
    return tuple(each for each, since in _marks(folder).items() if each in made and made[each] <= since)


def _clear_runs(folder: Path) -> None:
    for lock_name, left in _LEFT.items():
        with suppress(WorkspaceLockedError), alone(folder, doing="is forgetting somebody in", lock_name=lock_name):
            for path in (each for pattern in left for each in folder.glob(pattern)):
                try:
                    shutil.rmtree(path)
                except OSError as error:
                    raise StoreError(f"{path}, left by a run that was cut off, cannot be removed ({error})") from error


def _first_deed(workspace: Workspace, user_id: str) -> datetime | None:
    deeds = workspace.log.history(user_id)
    return min((event.timestamp for event in deeds), default=None)


def _artefacts(folder: Path) -> Iterator[tuple[Learned, datetime]]:
    """What was trained, and when it was made."""
    adapters = (folder / "adapters").glob("**/adapter_model.safetensors")
    files = [("adapter", str(path.parent.relative_to(folder / "adapters")), path) for path in adapters]
    files += [("towers", path.stem, path) for path in (folder / "towers").glob("*.safetensors")]
    files += [(name.removesuffix(".json"), name, folder / name) for name in (BLEND_NAME, _RANKER)]
    for kind, name, path in sorted(files):
        if path.is_file():
            yield Learned(kind, name), datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _marks(folder: Path) -> dict[Learned, datetime]:
    path = folder / RETRAIN_NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {Learned(each["kind"], each["name"]): datetime.fromisoformat(each["since"]) for each in told}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{path} cannot be read ({error}); delete it, and train again all that is served"
        ) from error


def _mark(folder: Path, learned: list[Learned]) -> None:
    """Note on the disk that these are to be trained again, beside those that were noted before."""
    now, made = datetime.now(UTC), dict(_artefacts(folder))
    marks = {each: since for each, since in _marks(folder).items() if each in made and made[each] <= since}
    marks |= dict.fromkeys(learned, now)
    told = [{**asdict(each), "since": since.isoformat()} for each, since in marks.items()]
    path, fresh = folder / RETRAIN_NAME, folder / f".new-{RETRAIN_NAME}"
    try:
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(told, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); what was trained is not marked") from error
