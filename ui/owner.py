"""The owner's page: what the workspace holds, how it is doing, and which adapter is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import TastemakerError
from retrieval.log_volume import log_volume
from ui.cards import sentence
from ui.gate import OWNER_PATH
from ui.i18n import gradio_texts, sayer
from ui.identity import login_of
from ui.owner_adapters import OwnerAdapters
from ui.owner_figures import (
    Rows,
    latency_points,
    latency_rows,
    read_report,
    report_names,
    status_rows,
    volume_points,
    volume_rows,
)

if TYPE_CHECKING:
    from agent.recommender import Recommender
    from ui.accounts import Accounts
    from ui.i18n import Say


class OwnerPage:
    """The page's parts and what its buttons do. Each handler refuses who is no owner."""

    def __init__(self, recommender: Recommender, accounts: Accounts | None) -> None:
        """accounts: who is an owner; None where nobody logs in, and everybody is."""
        self._recommender = recommender
        self._accounts = accounts
        self._adapters = OwnerAdapters(recommender)

    def add_to(self, blocks: gr.Blocks) -> None:
        """Make it a page of the blocks that are being built, at /owner."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
        i18n = gradio_texts()
        with blocks.route("Owner", OWNER_PATH, show_in_navbar=False), gr.Column(elem_id="tm-owner"):
            with gr.Row():
                _heading("owner_title", level=1)
                gr.Button(i18n("owner_chat"), link="/", size="sm", scale=0)
                again = gr.Button(i18n("owner_again"), size="sm", scale=0)
            status, volume, days = self._standing()
            used = self._switch(private)
            report = self._reports(private)
            latency, stages = self._latency()
            everything = [status, volume, days, *used, *report, latency, stages]
            blocks.load(self.look_again, None, everything, **private)
            again.click(self.look_again, None, everything, **private)

    def _standing(self) -> tuple[gr.Dataframe, gr.Dataframe, gr.BarPlot]:
        with gr.Row():
            status, volume = _table("owner_status"), _table("owner_log")
        days = gr.BarPlot(x="day", y="events", y_lim=[0, None], title=str(gradio_texts()("owner_days")), height=220)
        return status, volume, days

    def _switch(self, private: dict[str, Any]) -> tuple[gr.Dataframe, gr.Dropdown, gr.HTML]:
        i18n = gradio_texts()
        _heading("owner_adapters")
        table = _table("owner_adapters_all")
        with gr.Row():
            choice = gr.Dropdown(label=i18n("owner_adapter"), choices=[], elem_id="tm-adapter")
            use = gr.Button(i18n("owner_use"), variant="primary", scale=0)
            back = gr.Button(i18n("owner_back"), scale=0)
        told = gr.HTML(
            "", html_template="<p role='status'>{{value}}</p>", elem_id="tm-adapter-told", apply_default_css=False
        )
        outputs = [table, choice, told]
        use.click(self.use, [choice], outputs, **private)
        back.click(self.roll_back, None, outputs, **private)
        return table, choice, told

    def _reports(self, private: dict[str, Any]) -> tuple[gr.Dropdown, gr.HTML, gr.Dataframe, gr.BarPlot]:
        i18n = gradio_texts()
        _heading("owner_evaluation")
        choice = gr.Dropdown(label=i18n("owner_run"), choices=[], elem_id="tm-report")
        about = gr.HTML("", html_template="<p>{{value}}</p>", elem_id="tm-report-about", apply_default_css=False)
        table = _table("owner_systems")
        plot = gr.BarPlot(
            x="system", y="NDCG@10", y_lim=[0, None], sort="-y", title=str(i18n("owner_ndcg")), height=260
        )
        choice.input(self.report, [choice], [about, table, plot], **private)
        return choice, about, table, plot

    def _latency(self) -> tuple[gr.BarPlot, gr.Dataframe]:
        _heading("owner_answers")
        title = str(gradio_texts()("owner_latency"))
        return gr.BarPlot(x="took", y="answers", y_lim=[0, None], title=title, height=220), _table("owner_stages")

    # --- what happens -------------------------------------------------------------------------------------------

    def look_again(self, request: gr.Request) -> list[Any]:
        """Everything as it is now."""
        say = self._owners_only(request)
        recommender = self._recommender
        workspace, timings = recommender.workspace, recommender.latencies.latest()
        volume, names = log_volume(workspace.database), report_names(workspace.path)
        newest, took = names[0] if names else None, latency_points(timings, say)
        return [
            _filled(self._status(say), say, "what", "now"),
            _filled(volume_rows(volume, say), say, "type", "events"),
            gr.BarPlot(volume_points(volume), x_title=say("owner_day"), y_title=say("owner_events")),
            *self._shown("", say),
            gr.Dropdown(choices=names, value=newest),
            *self._reported(newest, say),
            gr.BarPlot(took, sort=took["took"].tolist(), x_title=say("owner_took"), y_title=say("owner_answer_count")),
            _filled(latency_rows(timings, say), say, "stage", "median", "p95", "longest"),
        ]

    def report(self, name: str | None, request: gr.Request) -> list[Any]:
        """Another evaluation was chosen."""
        return self._reported(name, self._owners_only(request))

    def use(self, name: str | None, request: gr.Request) -> list[Any]:
        """Another adapter is to be used."""
        say = self._owners_only(request)
        return self._shown(self._adapters.use(name, say), say)

    def roll_back(self, request: gr.Request) -> list[Any]:
        """What was used before is to be used again."""
        say = self._owners_only(request)
        return self._shown(self._adapters.roll_back(say), say)

    def _status(self, say: Say) -> Rows:
        """The rows of the first table; what cannot be told of a broken workspace is said in place of them."""
        try:
            return status_rows(self._recommender.status(), say)
        except TastemakerError as error:
            return [[say("owner_problem"), sentence(str(error))]]

    def _shown(self, told: str, say: Say) -> list[Any]:
        adapters, columns = self._adapters, ("name", "state", "trained", "measured", "verdict")
        try:
            rows = _filled(adapters.rows(say), say, *columns)
            return [rows, gr.Dropdown(choices=adapters.names(), value=adapters.used()), told]
        except TastemakerError as error:
            return [_filled([], say, *columns), gr.skip(), sentence(str(error))]

    def _reported(self, name: str | None, say: Say) -> list[Any]:
        found = read_report(self._recommender.workspace.path, name, say)
        headers = [say("owner_system"), "NDCG@10", say("owner_interval"), "recall@10", say("owner_seconds")]
        return [
            found.about,
            {"headers": headers, "data": found.rows},
            gr.BarPlot(found.points, x_title=say("owner_system")),
        ]

    def _owners_only(self, request: gr.Request) -> Say:
        """Says things in the owner's language. Raises gradio's Error to who is no owner."""
        say = sayer(request.headers.get("accept-language", ""))
        account = None if self._accounts is None else self._accounts.get(login_of(request) or "")
        if self._accounts is None or (account is not None and account.owner):
            return say
        raise gr.Error(say("owner_only"), print_exception=False)


def _heading(key: str, level: int = 2) -> None:
    gr.HTML(f"<h{level}>{gradio_texts()(key)}</h{level}>", apply_default_css=False)


def _table(key: str) -> gr.Dataframe:
    label = str(gradio_texts()(key))
    return gr.Dataframe(label=label, datatype="str", interactive=False, wrap=True, value=[])


def _filled(rows: Rows, say: Say, *columns: str) -> dict[str, Any]:
    """A table's rows under their headers, as Gradio takes them."""
    return {"headers": [say(f"owner_{column}") for column in columns], "data": rows}
