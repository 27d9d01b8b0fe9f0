"""A conversation in the terminal, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.cards import make_card, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent.conversation import Conversation, Reply

_MOST_CHARS = 2000


def talk(start: Callable[[], Conversation], lines: Iterable[str], say: Callable[[str], object]) -> None:
    """Answer the lines until they end or one says /quit. start: makes a new conversation. say: prints a line."""
    conversation = start()
    for line in lines:
        match line.strip():
            case "":
                continue
            case "/quit":
                return
            case "/new":
                conversation = start()
                say("A new conversation.")
            case "/undo":
                _say_reply(conversation.undo(), say)
            case command if command.startswith("/") and command[1:].isalpha():
                say(f"There is no {plain(command, 40)}; there are /undo, /new and /quit.")
            case message:
                _say_reply(conversation.reply(message), say)


def _say_reply(reply: Reply, say: Callable[[str], object]) -> None:
    say(plain(reply.text, _MOST_CHARS))
    for number, recommendation in enumerate(reply.recommendations or (), start=1):
        card = make_card(recommendation)
        say(f"{number}. {card.title}" + (f"  {card.detail}" if card.detail else ""))
        say(f"   {card.reason}")
    if reply.note:
        say(f"note: {plain(reply.note, _MOST_CHARS)}")
    if reply.offers:
        say("offers: " + ", ".join(plain(offer.label, 80) for offer in reply.offers))
    if reply.chips:
        say(" ".join(f"[{plain(chip.label, 80)}]" for chip in reply.chips))
