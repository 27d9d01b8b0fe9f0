"""What a person can ask for on the page: by a message, or by pressing something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.media import decode_picture
from ui.cards import plain
from ui.chats import Said
from ui.examples import SURPRISE
from ui.i18n import Text, words
from ui.pictures import data_url
from ui.turns import Ask

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue_state import Chip
    from ui.chats import Chat

MAX_PICTURE_PX = 1024
_TEXT_CHARS = 600


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and with which filter."""

    user_id: str
    where: str = ""

    def says(self, text: Text, picture: str | None = None) -> Said:
        """What the page shows of it."""
        return Said(plain(text, _TEXT_CHARS) if isinstance(text, str) else text, self.user_id, self.where, picture)


def message(asker: Asker, text: str, picture: Image | None = None) -> Ask:
    """What was typed, with a picture or without; nothing at all is a surprise."""
    if picture is None and text.strip() in {"", SURPRISE}:
        return Ask(asker.says(words("surprise")), lambda talk, told: talk.surprise(on_stage=told))
    said = asker.says(text, None if picture is None else data_url(picture))
    return Ask(said, lambda talk, told: talk.reply(text, image=picture, on_stage=told))


def removal(asker: Asker, chip: Chip) -> Ask:
    """The same without a part of what was wanted."""
    said = asker.says(words("said_without", label=chip.label))
    return Ask(said, lambda talk, told: talk.remove(chip.key, on_stage=told))


def undo(asker: Asker) -> Ask:
    """What was before the last search."""
    return Ask(asker.says(words("undo")), lambda talk, _: talk.undo(), undoes=True)


def pressed(asker: Asker, press: Mapping[str, Any], chat: Chat) -> Ask | None:
    """What the page's scripts say was pressed; None for what the chat has not."""
    match press:
        case {"kind": "undo"}:
            return undo(asker)
        case {"kind": "remove", "key": key}:
            return next((removal(asker, chip) for chip in chat.standing() if chip.key == key), None)
    return None


def read_picture(file: Path) -> Image:
    """The attached picture, decoded; its copy in the upload folder is deleted. Raises MediaError."""
    try:
        return decode_picture(file.read_bytes(), max_px=MAX_PICTURE_PX)
    finally:
        file.unlink(missing_ok=True)
