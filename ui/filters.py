"""The filter sheet of the chat page: values and bounds are picked, and the page's filter says what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import BusyError, FilterError, TastemakerError
from ui.cards import sentence
from ui.filter_sheet import Choice, choices_of, shown
from ui.i18n import TEXTS, dictionaries, words
from ui.picks import Pick, limit_text, named_in, picks_of, read_picks, where_of
from ui.theme import asset, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.recommender import Recommender

_SHARED_WORDS = ("close", "no_answer", "one_moment")

Update = dict[str, Any]


def make_filters() -> gr.HTML:
    """The button that opens the sheet, with how many attributes are filtered on, and the sheet."""
    return gr.HTML(
        value=None,
        html_template=asset("sheet.html"),
        js_on_load=scripts("dom", "sheet", "attributes", "filters"),
        elem_id="tm-filters",
        apply_default_css=False,
        filtered=0,
        words=dictionaries(*_SHARED_WORDS, *(key for key in TEXTS if key.startswith("filters"))),
    )


class Filters:
    """What happens on the sheet. The filter in the box is what counts; picks are another way to write it."""

    def __init__(self, recommender: Recommender, count: Callable[[gr.Request], None]) -> None:
        """count: counts something that was done on a page; raises BusyError when it was too much."""
        self._recommender = recommender
        self._count = count
        self._version = 0

    def wire(self, filters: gr.HTML, where: gr.Textbox) -> None:
        """Have the page's events do what they are for. where: the box that holds the filter."""
        options: dict[str, Any] = {"trigger_mode": "multiple", "queue": False}
        options |= {"api_visibility": "private", "show_progress": "hidden"}
        filters.offer(self.offer, [where], [filters], **options)
        filters.pick(self.pick, None, [filters, where], **options)
        filters.typed(self.follow, [where], [filters], **options)

    def offer(self, where: str | None, request: gr.Request) -> Update:
        """The sheet was opened: what can be picked, and what the filter in the box picks of it."""
        try:
            self._count(request)
            choices = choices_of(self._recommender)
            picks, told = self._read(_line(where), choices)
        except TastemakerError as error:
            return self._answer(note=sentence(str(error)))
        picked = {pick.name: pick.values for pick in picks or ()}
        return self._answer(attributes=[choice.view(picked.get(choice.name, ())) for choice in choices], **told)

    def pick(self, event: gr.EventData, request: gr.Request) -> tuple[Update, Any]:
        """Something was picked or taken out: the filter of all that is picked now."""
        try:
            self._count(request)
            picks = read_picks(event._data.get("picks") if isinstance(event._data, dict) else None)
            where = where_of(picks)
            return self._answer(**self._told(where, picks)), where
        except TastemakerError as error:
            return self._answer(note=sentence(str(error))), gr.skip()

    def follow(self, where: str | None, request: gr.Request) -> Any:
        """Another filter was typed: on how many attributes it filters; a wrong one says so when it is used."""
        try:
            self._count(request)
            return gr.update(filtered=len(named_in(_line(where))))
        except FilterError:
            return gr.update(filtered=0)
        except BusyError:
            return gr.skip()

    def _read(self, where: str, choices: Sequence[Choice]) -> tuple[Sequence[Pick] | None, dict[str, Any]]:
        """What a filter picks, None where that cannot be shown, and what the sheet shows of it."""
        try:
            spelled = picks_of(where)
            picks = None if spelled is None else shown(spelled, choices)
            return picks, self._told(where, picks)
        except FilterError as error:
            return None, {"picks": None, "note": sentence(str(error))}

    def _told(self, where: str, picks: Sequence[Pick] | None) -> dict[str, Any]:
        """How many items a filter lets through, and its picks. Raises FilterError."""
        fitting, total = self._recommender.count(where=where), self._recommender.count()
        return {
            "filtered": len(named_in(where)),
            "count": words("filters_through", count=f"{fitting:,}", total=f"{total:,}"),
            "picks": None if picks is None else [_view(pick) for pick in picks],
            "note": words("filters_unshown") if picks is None else None,
        }

    def _answer(self, *, filtered: int | None = None, **told: Any) -> Update:
        """An answer differs from the one before, or the page would not see it come."""
        self._version += 1
        update: Update = gr.update(value={"version": self._version, **told})
        return update if filtered is None else update | {"filtered": filtered}


def _view(pick: Pick) -> dict[str, Any]:
    bounds = {sign: limit_text(limit) for sign, limit in pick.bounds.items()}
    return {"name": pick.name, "values": list(pick.values), "bounds": bounds}


def _line(where: str | None) -> str:
    """What the box holds, without what no answer could hold."""
    return (where or "").encode("utf-8", "replace").decode().strip()
