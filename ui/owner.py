"""The owner's page: what the workspace holds, how it is doing, and which adapter is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import TastemakerError
from retrieval.log_volume import log_volume
from ui.cards import sentence
from ui.gate import OWNER_PATH
from ui.identity import login_of
from ui.owner_adapters import COLUMNS, OwnerAdapters
from ui.owner_figures import (
    REPORT_COLUMNS,
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
        with blocks.route("Owner", OWNER_PATH, show_in_navbar=False), gr.Column(elem_id="tm-owner"):
            with gr.Row():
                gr.HTML("<h1>How it is doing</h1>", apply_default_css=False)
                gr.Button("To the chat", link="/", size="sm", scale=0)
                again = gr.Button("Look again", size="sm", scale=0)
            status, volume, days = self._standing()
            used = self._switch(private)
            report = self._reports(private)
            latency, stages = self._latency()
            everything = [status, volume, days, *used, *report, latency, stages]
            blocks.load(self.look_again, None, everything, **private)
            again.click(self.look_again, None, everything, **private)

    def _standing(self) -> tuple[gr.Dataframe, gr.Dataframe, gr.BarPlot]:
        with gr.Row():
            status = _table("Catalogue, index and models", ["what", "now"])
            volume = _table("The log", ["type", "events"])
        return status, volume, gr.BarPlot(x="day", y="events", y_lim=[0, None], title="Events by day, UTC", height=220)

    def _switch(self, private: dict[str, Any]) -> tuple[gr.Dataframe, gr.Dropdown, gr.HTML]:
        _heading("Adapters")
        table = _table("What there is", list(COLUMNS))
        with gr.Row():
            choice = gr.Dropdown(label="Adapter", choices=[], elem_id="tm-adapter")
            use = gr.Button("Use it", variant="primary", scale=0)
            back = gr.Button("Roll back", scale=0)
        told = gr.HTML(
            "", html_template="<p role='status'>{{value}}</p>", elem_id="tm-adapter-told", apply_default_css=False
        )
        outputs = [table, choice, told]
        use.click(self.use, [choice], outputs, **private)
        back.click(self.roll_back, None, outputs, **private)
        return table, choice, told

    def _reports(self, private: dict[str, Any]) -> tuple[gr.Dropdown, gr.HTML, gr.Dataframe, gr.BarPlot]:
        _heading("Evaluation")
        choice = gr.Dropdown(label="Run", choices=[], elem_id="tm-report")
        about = gr.HTML("", html_template="<p>{{value}}</p>", elem_id="tm-report-about", apply_default_css=False)
        table = _table("By system", list(REPORT_COLUMNS))
        plot = gr.BarPlot(x="system", y="NDCG@10", y_lim=[0, None], sort="-y", title="NDCG@10 by system", height=260)
        choice.input(self.report, [choice], [about, table, plot], **private)
        return choice, about, table, plot

    def _latency(self) -> tuple[gr.BarPlot, gr.Dataframe]:
        _heading("Answers")
        order = latency_points([])["took"].tolist()
        plot = gr.BarPlot(
            x="took",
            y="answers",
            y_lim=[0, None],
            sort=order,
            title="Time to answer, since this page started",
            height=220,
        )
        return plot, _table("Time by stage", ["stage", "median", "95th percentile", "longest"])

    # --- what happens -------------------------------------------------------------------------------------------

    def look_again(self, request: gr.Request) -> list[Any]:
        """Everything as it is now."""
        self._owners_only(request)
        recommender = self._recommender
        workspace, timings = recommender.workspace, recommender.latencies.latest()
        volume, names = log_volume(workspace.database), report_names(workspace.path)
        newest = names[0] if names else None
        return [
            self._status(),
            volume_rows(volume),
            volume_points(volume),
            *self._shown(""),
            gr.Dropdown(choices=names, value=newest),
            *self._reported(newest),
            latency_points(timings),
            latency_rows(timings),
        ]

    def report(self, name: str | None, request: gr.Request) -> list[Any]:
        """Another evaluation was chosen."""
        self._owners_only(request)
        return self._reported(name)

    def use(self, name: str | None, request: gr.Request) -> list[Any]:
        """Another adapter is to be used."""
        self._owners_only(request)
        return self._shown(self._adapters.use(name))

    def roll_back(self, request: gr.Request) -> list[Any]:
        """What was used before is to be used again."""
        self._owners_only(request)
        return self._shown(self._adapters.roll_back())

    def _status(self) -> Rows:
        """The rows of the first table; what cannot be told of a broken workspace is said in place of them."""
        try:
            return status_rows(self._recommender.status())
        except TastemakerError as error:
            return [["Problem", sentence(str(error))]]

    def _shown(self, told: str) -> list[Any]:
        adapters = self._adapters
        try:
            return [adapters.rows(), gr.Dropdown(choices=adapters.names(), value=adapters.used()), told]
        except TastemakerError as error:
            return [[], gr.skip(), sentence(str(error))]

    def _reported(self, name: str | None) -> list[Any]:
        found = read_report(self._recommender.workspace.path, name)
        return [found.about, found.rows, found.points]

    def _owners_only(self, request: gr.Request) -> None:
        if self._accounts is None:
            return
        account = self._accounts.get(login_of(request) or "")
        if account is None or not account.owner:
            raise gr.Error("this is for owners", print_exception=False)


def _heading(text: str) -> None:
    gr.HTML(f"<h2>{text}</h2>", apply_default_css=False)


def _table(label: str, headers: list[str]) -> gr.Dataframe:
    return gr.Dataframe(label=label, headers=headers, datatype="str", interactive=False, wrap=True, value=[])
