"""What a person can ask for on the page: by a message, or by pressing something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.media import decode_picture
from ui.cards import plain
from ui.chats import Said
from ui.comparing import side_by_side
from ui.examples import SURPRISE
from ui.i18n import Text, words
from ui.pictures import data_url
from ui.turns import Ask

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.dialogue_state import Chip
    from retrieval.types import Item, Recommendation
    from ui.chats import Chat

MAX_PICTURE_PX = 1024
_TEXT_CHARS, _TITLE_CHARS = 600, 80


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
        return Ask(asker.says(words("surprise")), lambda talk: talk.surprise())
    said = asker.says(text, None if picture is None else data_url(picture))
    return Ask(said, lambda talk: talk.reply(text, image=picture))


def pressed(asker: Asker, press: Mapping[str, Any], chat: Chat) -> Ask | None:
    """What the page's scripts say was pressed; None for what the chat has not."""
    match press:
        case {"kind": "undo"}:
            return Ask(asker.says(words("undo")), lambda talk: talk.undo(), goes_back=True)
        case {"kind": "remove", "key": key}:
            return next((_removal(asker, chip) for chip in chat.standing() if chip.key == key), None)
        case {"kind": "choose", "key": key}:
            return next((_choice(asker, offer) for offer in chat.offers() if offer.key == key), None)
        case {"kind": "similar" | "why" as kind, "turn_id": str(turn_id), "item_id": str(item_id)}:
            found = chat.recommended(turn_id, item_id)
            if found is None:
                return None
            return _similar(asker, found[1]) if kind == "similar" else _why(asker, found[1])
        case {"kind": "compare", "pair": [{"turn_id": str(), "item_id": str()}, {"turn_id": str(), "item_id": str()}]}:
            one, other = (chat.recommended(each["turn_id"], each["item_id"]) for each in press["pair"])
            return _comparison(asker, one[1].item, other[1].item) if one and other else None
    return None


def _removal(asker: Asker, chip: Chip) -> Ask:
    return Ask(asker.says(words("said_without", label=chip.label)), lambda talk: talk.remove(chip.key))


def _choice(asker: Asker, offer: Chip) -> Ask:
    return Ask(asker.says(offer.label), lambda talk: talk.choose(offer.key))


def _similar(asker: Asker, entry: Recommendation) -> Ask:
    said = asker.says(words("said_similar", title=_title(entry.item)))
    return Ask(said, lambda talk: talk.similar(entry.item.item_id))


def _why(asker: Asker, entry: Recommendation) -> Ask:
    said = asker.says(words("said_why", title=_title(entry.item)))
    return Ask(said, lambda talk: talk.why(entry), stage="why")


def _comparison(asker: Asker, one: Item, other: Item) -> Ask:
    said = asker.says(words("said_compare", one=_title(one), other=_title(other)))
    return Ask(said, lambda talk: talk.compare(one, other), table=side_by_side(one, other))


def _title(item: Item) -> str:
    return plain(item.title, _TITLE_CHARS) or item.item_id


def read_picture(file: Path) -> Image:
    """The attached picture, decoded; its copy in the upload folder is deleted. Raises MediaError."""
    try:
        return decode_picture(file.read_bytes(), max_px=MAX_PICTURE_PX)
    finally:
        file.unlink(missing_ok=True)
