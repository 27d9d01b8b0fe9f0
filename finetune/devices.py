"""Where training runs, checked before anything else is done."""

from __future__ import annotations

import torch

from retrieval.errors import SettingsError


def check_device(device: str) -> torch.device:
    """The device of that name. Raises SettingsError when torch cannot put anything there."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"device is {device}, and torch finds no such device here; use --device cpu") from error
