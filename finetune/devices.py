"""Where training runs, checked before anything else is done."""

from __future__ import annotations

import argparse

import torch

from retrieval.errors import SettingsError


def check_device(device: str) -> torch.device:
    """The device of that name. Raises SettingsError when torch cannot put anything there."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"device is {device}, and torch finds no such device here; use --device cpu") from error


def device_option(text: str) -> str:
    """The device that is asked for on a command line of argparse, which tells in one line what is wrong with it."""
    try:
        check_device(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
