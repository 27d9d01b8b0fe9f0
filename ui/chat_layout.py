"""What stands on the chat page, before anything happens on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr

from agent.feedback import ANONYMOUS
from retrieval.types import Money
from ui.cards import plain
from ui.examples import SURPRISE
from ui.filters import make_filters
from ui.i18n import Text, dictionaries, gradio_texts, words
from ui.identity import GUEST
from ui.panel import make_panel
from ui.theme import asset, scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.recommender import Recommender
    from retrieval.types import Item

MAX_USERS_LISTED = 200


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What things happen to on the chat page. wish: where one types."""

    user: gr.Dropdown
    panel: gr.HTML
    fresh: gr.Button
    feed: gr.HTML
    wish: gr.MultimodalTextbox
    filters: gr.HTML
    where: gr.Textbox


def make_chat_parts(recommender: Recommender, examples: Sequence[str], *, login: bool) -> ChatParts:
    """The chat page, in the blocks that are being built. login: whether people log in, and choose no name."""
    i18n = gradio_texts()
    with gr.Row(elem_id="tm-top"):
        gr.HTML(
            html_template=asset("header.html"),
            js_on_load=scripts("dom", "header"),
            elem_id="tm-brand",
            words=dictionaries("shade"),
            apply_default_css=False,
        )
        user = gr.Dropdown(
            choices=[] if login else [str(user) for user in _users(recommender)],
            label=i18n("you_are"),
            value=None,
            allow_custom_value=True,
            visible=not login,
            elem_id="tm-user",
        )
        panel = make_panel()
        fresh = gr.Button(i18n("new_chat"), elem_id="tm-fresh", size="sm")
        gr.Button(i18n("log_out"), link="/logout", visible=login, elem_id="tm-leave", size="sm")
    feed = _make_feed(recommender, examples, login=login)
    with gr.Column(elem_id="tm-composer"):
        wish = gr.MultimodalTextbox(
            label=i18n("your_wish"),
            show_label=False,
            placeholder=str(i18n("describe_it")),
            sources=["upload"],
            file_count="single",
            file_types=["image"],
            max_plain_text_length=100_000,
            lines=1,
            max_lines=5,
            autofocus=True,
            elem_id="tm-wish",
        )
        with gr.Row(elem_id="tm-narrow"):
            filters = make_filters()
            where = gr.Textbox(label=i18n("filter"), max_lines=1, elem_id="tm-where")
    return ChatParts(user, panel, fresh, feed, wish, filters, where)


def invitation(recommender: Recommender) -> Text:
    """What the empty page says under its headline; another process may have indexed since the last time."""
    item_count = recommender.workspace.items.count()
    if item_count == 0:
        return words("then_start", problem=words("nothing_items"))
    return words("invitation_one") if item_count == 1 else words("invitation", count=f"{item_count:,}")


def _make_feed(recommender: Recommender, examples: Sequence[str], *, login: bool) -> gr.HTML:
    items = recommender.workspace.items.all()
    names = _attribute_names(items)
    return gr.HTML(
        value=None,
        html_template=asset("feed.html"),
        js_on_load=scripts("dom", "cards", "feed"),
        elem_id="tm-feed",
        apply_default_css=False,
        words=dictionaries(),
        welcome={
            "login": login,
            "invitation": invitation(recommender),
            "filter_hint": words("filter_hint", example=_filter_hint(items, names)),
            "filter_on": words("filter_on", names=", ".join((*names, "title", "id"))[:400]),
            "examples": [words("surprise") if text == SURPRISE else plain(text, 80) for text in examples],
        },
    )


def _users(recommender: Recommender) -> list[str]:
    """Whom one may be at a click. Earlier guests are left out, or they would soon be all there is."""
    named = [user for user in recommender.users() if not user.startswith(GUEST) and user != ANONYMOUS]
    return sorted(named, key=_natural)[:MAX_USERS_LISTED]


def _attribute_names(items: Sequence[Item]) -> list[str]:
    return list(dict.fromkeys(plain(name, 30) for item in items[:500] for name in item.attributes))


def _filter_hint(items: Sequence[Item], names: Sequence[str]) -> str:
    """An example of a filter that this catalogue would take, short enough for a phone."""
    sample = items[:500]
    for name in names:
        values = [item.attributes[name] for item in sample if name in item.attributes]
        numbers = sorted(v.major if isinstance(v, Money) else v for v in values if isinstance(v, int | float | Money))
        if numbers:
            return f"{name} < {numbers[len(numbers) // 2]:.0f}"
    return f"{names[0]} = '…'" if names else "title contains '…'"


def _natural(user_id: str) -> tuple[int, int, str]:
    """Numbers by size first, then names by letters."""
    return (0, int(user_id), "") if user_id.isdecimal() else (1, 0, user_id)
