"""A workspace's adapters: what each one is, which one is used, and what was used before it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from agent.adapters import read_adapter
from agent.base_hash import base_hash
from retrieval.errors import SettingsError, StoreError, WeightsError

CARD = "card.json"
POINTER = "current.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = "lora-"
_DRAFT = ".draft-"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its 95% interval, where it has one."""

    name: str
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of an adapter.

    base, base_hash: the model that it belongs to. data_hash: of the lists that it learned from. settings: of its
    training. alpha: weight of the retrievers' prior beside it. figures: as measured. better: whether it was better than
    what was used before, beyond doubt, on lists that it has not seen. users: whom it learned from. newest_row: of the
    log when it was trained. created: ISO 8601, UTC. files: SHA-256 of each file of the adapter, by name.
    """

    name: str
    base: str
    base_hash: str
    data_hash: str
    settings: Mapping[str, Any]
    alpha: float
    figures: tuple[Figure, ...]
    better: bool
    users: tuple[str, ...]
    newest_row: int
    created: str
    files: Mapping[str, str]

    @property
    def popularity(self) -> bool:
        """Whether it learned from lists that tell how widely each candidate is wanted."""
        return self.settings.get("popularity") is True

    @property
    def writes(self) -> bool:
        """Whether it learned to write reasons; one that learned to rank alone writes worse than without it."""
        return self.settings.get("reasons") != 0


class Adapters:
    """The adapters of the workspace in a folder. Several processes may look and change at the same time."""

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / "adapters"

    def all(self) -> list[Card]:
        """The cards of all adapters that can be read, oldest first."""
        cards = [card for name in self._names() if (card := card_in(self.path(name))) is not None]
        return sorted(cards, key=lambda card: (card.created, card.name))

    def damaged(self) -> list[str]:
        """The names of adapters whose cards cannot be read."""
        return [name for name in self._names() if card_in(self.path(name)) is None]

    def _names(self) -> list[str]:
        names = sorted(path.parent.name for path in self.folder.glob(f"*/{CARD}"))
        return [name for name in names if _NAME.fullmatch(name)]

    def card(self, name: str) -> Card:
        """The adapter's card. Raises SettingsError for a name that there is not, WeightsError for a damaged card."""
        if name not in self:
            known = ", ".join(card.name for card in self.all()) or "none"
            raise SettingsError(f"there is no adapter {name!r:.80} in {self.folder}; there are: {known}")
        return _read_card(self.folder / name / CARD)

    def __contains__(self, name: str) -> bool:
        return _NAME.fullmatch(name) is not None and (self.folder / name / CARD).is_file()

    def known(self, name: str) -> Card | None:
        """The adapter's card; None where there is none that can be read."""
        return card_in(self.path(name)) if name in self else None

    def path(self, name: str) -> Path:
        """The adapter's folder, as peft and vLLM load it. Each adapter has its own for good."""
        return self.folder / name

    @property
    def pointer(self) -> Path:
        """The file that changes whenever another adapter is used."""
        return self.folder / POINTER

    def current(self) -> str | None:
        """The name of the adapter that is used, None for the model without one."""
        return self._used()[-1]

    def register(self, made: Path, card: Card) -> Card:
        """Take the adapter in this folder, which is copied, among the workspace's under the card's name, or the next
        free one where that is empty. It is not used yet. Returns the card as it was written.
        """
        read_adapter(made)
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"{_DRAFT}*"):
            shutil.rmtree(left, ignore_errors=True)
        card = replace(card, name=card.name or self._next_name())
        self.check_name(card.name)
        draft = self.folder / f"{_DRAFT}{card.name}"
        draft.mkdir()
        for file in made.iterdir():
            if file.is_file() and file.name != CARD:
                shutil.copyfile(file, draft / file.name)  # not its mode: what is shipped may be read-only
        card = replace(card, files=_hashes(draft))
        (draft / CARD).write_text(_as_text(card), encoding="utf-8")
        draft.rename(self.folder / card.name)
        return card

    def check_name(self, name: str) -> None:
        """Raises SettingsError where a new adapter cannot be called so."""
        if not _NAME.fullmatch(name) or (self.folder / name).exists():
            raise SettingsError(f"an adapter cannot be called {name!r:.80}: it is taken, or no plain name")

    def check(self, name: str, *, base: str | None = None) -> Card:
        """The card of an adapter that can be used as it lies there.

        base: the model that is to use it; its own when None. Raises WeightsError for files that are damaged, that no
        server takes, or for another base model.
        """
        card = self.card(name)
        for file, expected in card.files.items():
            path = self.folder / name / file
            found = _sha256(path) if path.is_file() else "no file"
            if found != expected:
                raise WeightsError(
                    f"{path} is damaged: its SHA-256 is {found}, expected {expected}; delete the adapter {name} and "
                    "train it again"
                )
        read_adapter(self.folder / name)
        check_base(card, base or card.base)
        return card

    def point_to(self, name: str | None) -> None:
        """Use this adapter from now on, or none; whole or not at all. Checks nothing, see `check`."""
        try:
            used = self._used()
        except WeightsError:  # what was used before is lost
            used = []
        if used[-1:] != [name]:
            self._write([*used, name], self._tried())

    def set_aside(self, name: str) -> None:
        """An adapter that is not used, and not to be used unless somebody says so."""
        self._write(self._used(), [*self._tried(), name])

    def waiting(self) -> Card | None:
        """The newest adapter that is better than what was used and never was used itself.

        Its run was killed, or a server did not answer, before it could be. None where a later one was used or set
        aside.
        """
        cards, tried = self.all(), self._tried()
        last = max((place for place, card in enumerate(cards) if card.name in tried), default=-1)
        return next((card for card in reversed(cards[last + 1 :]) if card.better), None)

    def before(self) -> str | None:
        """What was used before the current one, None for no adapter. Raises SettingsError when nothing was."""
        used = self._used()
        if len(used) < 2:
            raise SettingsError(f"no other adapter was used before in {self.folder}; there is nothing to go back to")
        return used[-2]

    def roll_back(self) -> None:
        """Use again what was used before; see `before`."""
        self.before()
        self._write(self._used()[:-1], self._tried())

    def delete(self, name: str) -> None:
        """Remove an adapter that is not used. Raises SettingsError for the one that is."""
        if name not in self:
            self.card(name)  # says which there are
        if name == self.current():
            raise SettingsError(f"the adapter {name} is in use; use another one, or roll back, before you delete it")
        used, tried = self._used(), self._tried()
        self._write([each for each in used if each != name], [each for each in tried if each != name])
        shutil.rmtree(self.folder / name)

    def forget(self, user_id: str) -> None:
        """Take a person off the cards of the adapters that learned from them. Raises StoreError."""
        for card in self.all():
            if user_id in card.users:
                kept = replace(card, users=tuple(each for each in card.users if each != user_id))
                draft = self.folder / card.name / f".{CARD}"
                try:
                    draft.write_text(_as_text(kept), encoding="utf-8")
                    draft.replace(self.folder / card.name / CARD)
                except OSError as error:
                    raise StoreError(f"the card of the adapter {card.name} cannot be written ({error})") from error

    def _used(self) -> list[str | None]:
        """Names in the order in which they were used, the current one last; None is the model without an adapter."""
        try:
            used = list(json.loads(self.pointer.read_text(encoding="utf-8"))["used"])
        except FileNotFoundError:
            return [None]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"{self.pointer} is damaged ({error}); say again which adapter is to be used") from error
        there = [name for name in used if name is None or (isinstance(name, str) and _NAME.fullmatch(name))]
        return there or [None]

    def _tried(self) -> list[str]:
        """Names of adapters that were ever used or set aside; of all where that cannot be told."""
        try:
            return [str(name) for name in json.loads(self.pointer.read_text(encoding="utf-8"))["tried"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError):
            return self._names()

    def _write(self, used: Sequence[str | None], tried: Sequence[str]) -> None:
        shortened = [name for place, name in enumerate(used) if place == 0 or used[place - 1] != name]
        told = {"used": shortened, "tried": sorted({*tried, *(name for name in used if name is not None)})}
        draft = self.pointer.with_suffix(f".{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(json.dumps(told))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.pointer)
        except OSError as error:
            raise StoreError(f"{self.pointer} cannot be written ({error}); the adapter before stays in use") from error

    def _next_name(self) -> str:
        taken = [
            int(path.name[len(_PREFIX) :]) for path in self.folder.glob(f"{_PREFIX}*") if path.name[5:].isdecimal()
        ]
        return f"{_PREFIX}{max(taken, default=0) + 1}"


def card_in(adapter: Path) -> Card | None:
    """The card in an adapter's folder; None where there is none that can be read."""
    try:
        return _read_card(adapter / CARD)
    except WeightsError:
        return None


def check_base(card: Card, base: str) -> None:
    """Raises WeightsError unless the adapter was trained on this model."""
    if base_hash(base) != card.base_hash:
        raise WeightsError(
            f"the adapter {card.name} was trained on another model than {base} (its base is {card.base}, hash "
            f"{card.base_hash[:12]}); train one on this model"
        )


def _read_card(path: Path) -> Card:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        values = {field.name: told[field.name] for field in fields(Card)}
        values |= {"figures": tuple(Figure(**each) for each in told["figures"]), "users": tuple(told["users"])}
        card = Card(**values)
        tables = isinstance(card.files, dict) and isinstance(card.settings, dict)
        if not (tables and isinstance(card.alpha, int | float) and card.alpha >= 0):
            raise ValueError("its values are not what they should be")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(f"{path} is damaged ({error}); delete the adapter's folder and train it again") from error
    return card if card.name == path.parent.name else replace(card, name=path.parent.name)


def _as_text(card: Card) -> str:
    return json.dumps(asdict(card), indent=2, ensure_ascii=False)


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
