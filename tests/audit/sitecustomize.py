"""Put on PYTHONPATH by a test: writes down every address beyond this machine that is asked for, and refuses it."""

import ipaddress
import os
import sys
from pathlib import Path

_LOOPBACK_NAMES = {"localhost", "", "::1", "::", "0.0.0.0"}


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    try:
        return name in _LOOPBACK_NAMES or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not _is_local(host):
        with Path(os.environ["CONNECTIONS_FILE"]).open("a", encoding="utf-8") as file:
            file.write(f"{event} {host}\n")
        raise OSError(f"refused by the test: {host}")


if "CONNECTIONS_FILE" in os.environ:
    sys.addaudithook(_watch)
