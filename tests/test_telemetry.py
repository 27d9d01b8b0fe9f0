"""Nothing calls home: whole commands run under a hook that writes down every address beyond this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHOP = ROOT / "retrieval" / "builtin" / "shop"


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python processes write refused addresses to tmp_path/connections."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "GRADIO_ANALYTICS_ENABLED", "DO_NOT_TRACK")
    }
    return kept | {
        "PYTHONPATH": str(ROOT / "tests" / "audit"),
        "CONNECTIONS_FILE": str(tmp_path / "connections"),
        "OMP_NUM_THREADS": "1",
    }


def _run(watched: dict[str, str], *command: str) -> str:
    return subprocess.run(
        [sys.executable, *command], env=watched, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def _connections(watched: dict[str, str]) -> list[str]:
    path = Path(watched["CONNECTIONS_FILE"])
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_the_hook_sees_a_call_home(watched: dict[str, str]) -> None:
    _run(
        watched,
        "-c",
        "import httpx, contextlib\nwith contextlib.suppress(httpx.HTTPError): httpx.get('http://example.com')",
    )
    assert _connections(watched) == ["socket.getaddrinfo example.com"]


def test_index_and_recommend_call_nobody(watched: dict[str, str], tmp_path: Path) -> None:
    lines = (SHOP / "items.jsonl").read_text(encoding="utf-8").splitlines()[:8]
    catalog = tmp_path / "items.jsonl"
    catalog.write_text("\n".join(lines).replace('"images/', '"no/'), encoding="utf-8")
    workspace = str(tmp_path / "shop")
    _run(watched, "-m", "ui.cli", "index", str(catalog), "--workspace", workspace)
    answer = _run(
        watched, "-m", "ui.cli", "recommend", "--workspace", workspace, "--query", "a lamp", "-k", "2", "--json"
    )
    assert '"reranked": true' in answer
    assert _connections(watched) == []


def test_the_page_calls_nobody(watched: dict[str, str]) -> None:
    code = (
        "import ui.app, gradio, time\n"
        "with gradio.Blocks(analytics_enabled=None) as page: gradio.Markdown('x')\n"
        "page.launch(prevent_thread_lock=True, quiet=True)\n"
        "page.close()\n"
        "import threading\n"
        "[t.join(10) for t in threading.enumerate() if t is not threading.current_thread() and not t.daemon]\n"
    )
    _run(watched, "-c", code)
    assert _connections(watched) == []
