"""The four functions as typed endpoints of the page: for gradio_client, and for plain HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import gradio as gr
from gradio.events import api

from retrieval.errors import TastemakerError

if TYPE_CHECKING:
    from ui.programs import Programs

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 8
"""Calls that are in hand, waiting ones included; more stay in Gradio's queue. Each holds one of its 40 threads."""


def add_endpoints(programs: Programs) -> None:
    """Make the functions endpoints of the blocks that are being built: /recommend, /reply, /feedback, /similar."""
    for function in programs.functions():
        api(_speaking(function), api_name=function.__name__, concurrency_limit=AT_ONCE, concurrency_id="programs")


def _speaking(function: Callable[P, T]) -> Callable[P, T]:
    """The function whose expected errors reach the caller as a sentence, and no stack trace the server's log."""

    @wraps(function)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TastemakerError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return spoken
