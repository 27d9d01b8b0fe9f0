from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.server_record import RECORD, find_server, find_server_record, recorded
from tests.agent.stand_in import Vllm, always, stand_in


def record_of(url: str, **changes: Any) -> dict[str, Any]:
    return {"url": url, "model": "builtin", "adapter": None, "pid": 1, "started": 0.0, **changes}


def test_a_server_is_found_while_it_runs_and_not_after(tmp_path: Path) -> None:
    with stand_in(Vllm(models=("builtin", "autumn"))) as server:
        with recorded(tmp_path, url=server.url, model="builtin", adapter="autumn"):
            found = find_server_record(tmp_path)
            assert found is not None
            assert (found.url, found.model, found.adapter) == (server.url, "builtin", "autumn")
            assert find_server(tmp_path) == server.url
        assert find_server(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_no_record_no_server(tmp_path: Path) -> None:
    assert find_server(tmp_path) is None
    assert find_server(tmp_path / "nowhere") is None


def test_a_server_that_is_down_is_not_found(tmp_path: Path) -> None:
    with stand_in() as server:
        url = server.url
    with recorded(tmp_path, url=url, model="builtin", adapter=None):
        assert find_server(tmp_path) is None


@pytest.mark.parametrize(
    "served", [Vllm(models=("llama",)), Vllm(instead={"/v1/models": always("<html>")}), Vllm(models=("autumn",))]
)
def test_another_server_on_the_same_port_is_not_taken_for_ours(tmp_path: Path, served: Vllm) -> None:
    with stand_in(served) as server, recorded(tmp_path, url=server.url, model="builtin", adapter="autumn"):
        assert find_server(tmp_path) is None


def test_a_record_of_a_dead_process_is_stale_though_the_server_answers(tmp_path: Path) -> None:
    with stand_in() as server:
        code = (
            "import os; from pathlib import Path; from agent.server_record import recorded\n"
            f"with recorded(Path({str(tmp_path)!r}), url={server.url!r}, model='builtin', adapter=None): os._exit(1)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1
        assert (tmp_path / RECORD).exists()
        assert find_server(tmp_path) is None


def test_the_record_of_a_successor_stays(tmp_path: Path) -> None:
    with recorded(tmp_path, url="http://127.0.0.1:9/v1", model="builtin", adapter=None):
        (tmp_path / RECORD).write_text(json.dumps(record_of("http://127.0.0.1:10/v1")))
    assert (tmp_path / RECORD).exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[" * 100_000,
        json.dumps({"url": "http://127.0.0.1:9/v1"}),
        json.dumps(record_of("http://127.0.0.1:9/v1", pid="1")),
        json.dumps(record_of("http://127.0.0.1:9/v1", started="now")),
        json.dumps(record_of("http://127.0.0.1:9/v1", pid=10**30)),
        json.dumps(record_of(17)),
        json.dumps(record_of("file:///etc/passwd")),
    ],
)
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    assert find_server(tmp_path) is None


def test_a_record_never_leads_to_another_machine(tmp_path: Path) -> None:
    with stand_in() as server, recorded(tmp_path, url=server.url, model="builtin", adapter=None):
        written = json.loads((tmp_path / RECORD).read_text())
        (tmp_path / RECORD).write_text(json.dumps({**written, "url": "http://models.example/v1"}))
        assert find_server(tmp_path) is None
