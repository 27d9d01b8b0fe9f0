"""Settings of towers from what is typed: NAME=VALUE, for every setting of their shape and of their training."""

from __future__ import annotations

from collections.abc import Sequence

from finetune.options import parse_settings
from finetune.tower_fit import TowerTraining
from retrieval.two_towers import TowerSettings


def parse_options(given: Sequence[str]) -> tuple[TowerSettings, TowerTraining]:
    """As `finetune.options.parse_settings`. Raises SettingsError."""
    return parse_settings(given, TowerSettings, TowerTraining)
