"""The two sheets of the page: earlier chats, and what is known about the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import TastemakerError
from ui.cards import sentence
from ui.i18n import Text, dictionaries, words
from ui.opinions import opinions, take_back
from ui.profile import profile_of, unsay
from ui.theme import asset, scripts

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from ui.chats import Chat
    from ui.line import Line
    from ui.memory import Memory

_MOST_CHATS = 50

Sheet = dict[str, Any]


def make_panel() -> gr.HTML:
    """The buttons that open the sheets, and the sheets."""
    return gr.HTML(
        value=None,
        html_template=asset("sheet.html"),
        js_on_load=scripts("dom", "sheet", "panel"),
        elem_id="tm-panel",
        apply_default_css=False,
        words=dictionaries(),
    )


class Panel:
    """What happens on the sheets. Every answer says for which sheet it is, and is newer than those before it."""

    def __init__(self, recommender: Recommender, line: Line, memory: Memory) -> None:
        """line: in which forgetting waits for its turn."""
        self._recommender = recommender
        self._line = line
        self._memory = memory
        self._version = 0

    def look(self, user_id: str, owner: str, looked: dict[str, Any]) -> Sheet:
        """A sheet was opened. looked: which one; for the chats, the ids of those that the browser has seen."""
        if looked.get("sheet") == "chats":
            ids = [str(chat_id) for chat_id in (looked.get("ids") or [])[-_MOST_CHATS:]]
            chats = self._memory.visits.earlier(ids, owner)
            return self._sheet("chats", chats=[{"id": chat.chat_id, "title": chat.title()} for chat in chats])
        return self._sheet("you", you=profile_of(self._recommender.workspace, user_id))

    def refuse(self, error: TastemakerError, looked: dict[str, Any] | None = None) -> Sheet:
        """What is wrong with what was pressed; the sheet stays as it is. looked: as `look` takes it."""
        name = "chats" if looked is not None and looked.get("sheet") == "chats" else "you"
        return self._sheet(name, note=sentence(str(error)))

    def take_back(self, user_id: str, chat: Chat, pressed: dict[str, Any]) -> Sheet:
        """A like, a dislike or something that was said is taken back."""
        workspace = self._recommender.workspace
        problem: Text | None = None
        try:
            match pressed:
                case {"item_id": str(item_id)}:
                    take_back(workspace, user_id, item_id)
                case {"attribute": str(attribute), "value": str(value)}:
                    unsay(workspace, user_id, attribute, value)
            chat.note_opinions(user_id, opinions(workspace, user_id))
        except TastemakerError as error:
            problem = words("not_saved", problem=sentence(str(error)))
        return self._sheet("you", you=profile_of(workspace, user_id), note=problem)

    def forget(self, user_id: str, chat: Chat) -> Sheet:
        """All that is kept of the person is erased, once what they asked in the chat before is answered."""
        try:
            told = chat.run(lambda: str(self._memory.forget(user_id, chat)), self._line.submit)
            note = words("forgotten", told=told)
        except TastemakerError as error:
            note = words("not_saved", problem=sentence(str(error)))
        return self._sheet("you", you=profile_of(self._recommender.workspace, user_id), note=note)

    def _sheet(self, name: str, **shown: Any) -> Sheet:
        self._version += 1
        return {"sheet": name, "version": self._version, **shown}
