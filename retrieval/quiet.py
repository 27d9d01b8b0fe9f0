"""The model libraries kept quiet: no reports to anyone, no progress bars, no words about what they deprecate."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def forbid_telemetry() -> None:
    """No library that this process imports from now on, nor a child process, reports its use to anyone.

    The hub's client reads the setting when it is imported, which other libraries do on the side: call this before.
    Where it has been imported already, it is told directly.
    """
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")
    hub: Any = sys.modules.get("huggingface_hub.constants")
    if hub is not None:
        hub.HF_HUB_DISABLE_TELEMETRY = True


def without_deprecations() -> None:
    """Leave out what the model libraries warn each other of: names that one of them uses and another will drop."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(accelerate|peft|transformers|trl)\.")


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Without the progress bars that transformers draws while it loads weights."""
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
