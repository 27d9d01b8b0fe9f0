"""Ports, checked before anything is loaded for them."""

from __future__ import annotations

from retrieval.errors import SettingsError

MAX_PORT = 65535


def check_port(port: int | None) -> None:
    """Raises SettingsError for a number that no port has; None is any free one."""
    if port is not None and not 1 <= port <= MAX_PORT:
        raise SettingsError(f"port is {port}; expected a number from 1 to {MAX_PORT}")
