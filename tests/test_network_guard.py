"""The tests' own fence: sockets reach this machine, and nothing else."""

import os
import socket

import pytest

from tests.conftest import NetworkRefusedError


@pytest.mark.parametrize(
    "address", [("93.184.216.34", 80), ("8.8.8.8", 53), ("::ffff:8.8.8.8", 53), ("2001:db8::1", 1)]
)
def test_connecting_elsewhere_is_refused(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(NetworkRefusedError, match="stay on this machine"):
        sock.connect(address)


def test_looking_up_a_name_is_refused() -> None:
    with pytest.raises(NetworkRefusedError, match="huggingface"):
        socket.getaddrinfo("huggingface.co", 443)


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_the_hub_is_offline() -> None:
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
