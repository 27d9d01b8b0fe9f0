"""One turn of the chat, from what was said to the cards."""

from __future__ import annotations

import queue
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import MediaError, TastemakerError
from retrieval.media import decode_picture
from ui.cards import latency_text, make_card, plain, sentence, share_text
from ui.chats import Said
from ui.examples import SURPRISE
from ui.nothing import why_nothing
from ui.pictures import data_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from agent.recommendations import Recommendations
    from agent.recommender import Recommender
    from ui.chats import Chat, Turn

CARDS = 5
MAX_PICTURE_PX = 1024
WAITING = "Others are being served; one moment…"
STAGES = {
    "retrieve": "Looking through the catalogue…",
    "rerank": "Comparing the best ones, pictures included…",
    "reasons": "Writing down why…",
}
FAULT = "Something broke on our side. The conversation is kept; please try again. (The server's log has the details.)"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person sent: their words, who they are, a filter, and the file of a picture."""

    text: str
    user_id: str
    where: str = ""
    picture: Path | None = None


def answer(recommender: Recommender, workers: ThreadPoolExecutor, chat: Chat, wish: Wish) -> Iterator[None]:
    """Answer the wish in a new turn of the chat; gives a sign whenever the chat has something new to show.

    What the person or the model did wrong becomes a sentence in the turn. A fault of ours does too, and is raised.
    """
    words = plain(wish.text, 600) or ("" if wish.picture else SURPRISE)
    turn = chat.say(Said(words, plain(wish.user_id, 80), plain(wish.where, 200)), WAITING)
    yield
    try:
        image = _picture(turn, wish.picture)
        yield from _work(recommender, workers, turn, wish, chat.session_id, image)
    except TastemakerError as error:
        turn.fail(sentence(str(error)))
    except Exception:
        turn.fail(FAULT)
        yield
        raise
    yield


def _picture(turn: Turn, file: Path | None) -> Image | None:
    """The attached picture, decoded; its copy in the upload folder is deleted."""
    if file is None:
        return None
    try:
        image = decode_picture(file.read_bytes(), max_px=MAX_PICTURE_PX)
    except MediaError as error:
        raise MediaError(f"your file cannot be used as a picture: {error}") from error
    finally:
        file.unlink(missing_ok=True)
    turn.said = replace(turn.said, picture=data_url(image))
    return image


def _work(
    recommender: Recommender, workers: ThreadPoolExecutor, turn: Turn, wish: Wish, session_id: str, image: Image | None
) -> Iterator[None]:
    """Recommend in another thread, and give a sign at each stage that it reaches."""
    query = None if wish.text in {"", SURPRISE} else wish.text
    told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    future: Future[Recommendations] = workers.submit(
        recommender.recommend,
        user_id=wish.user_id,
        query=query,
        image=image,
        where=wish.where or None,
        k=CARDS,
        source="ui",
        session_id=session_id,
        on_stage=told.put,
    )
    future.add_done_callback(lambda _: told.put(None))
    while (stage := told.get()) is not None:
        turn.stage = STAGES.get(stage, turn.stage)
        yield
    found = future.result()
    _show(turn, found)
    if not found:
        turn.answer = why_nothing(recommender.workspace, where=wish.where)


def _show(turn: Turn, found: Recommendations) -> None:
    turn.request_id = found.request_id
    turn.cards = tuple(make_card(recommendation) for recommendation in found)
    turn.answer = _headline(len(turn.cards))
    turn.notice = sentence(found.note) if found.note and turn.cards else None
    turn.footer = " · ".join(filter(None, (latency_text(found.timings_ms), share_text(turn.cards))))
    turn.stage = None


def _headline(count: int) -> str:
    return "One suggestion" if count == 1 else f"{count} suggestions"
