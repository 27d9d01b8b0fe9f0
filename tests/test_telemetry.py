"""Nothing calls home: whole commands run where every address beyond this machine is refused, and asking is counted."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from agent.shipped import take_shipped
from retrieval.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
AUDIT = ROOT / "tests" / "audit"
SHOP = ROOT / "retrieval" / "builtin" / "shop"
SETTINGS = (
    "ANONYMIZED_TELEMETRY",
    "DO_NOT_TRACK",
    "GRADIO_ANALYTICS_ENABLED",
    "HF_HUB_DISABLE_TELEMETRY",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
)
"""What would switch telemetry off from outside."""

FAR_AWAY = "192.0.2.1"
"""An address that is nobody's (RFC 5737)."""

PAGE = """
import sys
import httpx
from agent.recommender import Recommender
from ui.app import launch

with Recommender.open(sys.argv[1], shared=True) as recommender:
    page = launch(recommender, block=False)
    with httpx.Client(base_url=page.local_url, trust_env=False, timeout=300) as browser:
        assert "Tastemaker" in browser.get("/").text
        wish = browser.post("/gradio_api/call/recommend", json={"data": ["a lamp", "", "", 2, ""]}).json()
        print(browser.get("/gradio_api/call/recommend/" + wish["event_id"]).text)
    page.close()
"""


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in SETTINGS} | {"OMP_NUM_THREADS": "1"}


@cache
def _why_not_alone() -> str | None:
    """Why no process can be run without a network here; None when it can."""
    try:
        tried = subprocess.run(
            ["unshare", "-rn", sys.executable, str(AUDIT / "alone.py"), os.devnull, "true"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "needs unshare, of util-linux"
    return None if tried.returncode == 0 else f"needs a network namespace of its own: {tried.stderr[-200:]}"


@dataclass
class Watch:
    """Runs commands, and knows whom they called beyond this machine.

    called: by Python code, as the audit hook saw it. lost: how often any code asked the kernel for a way out; stays
    0 where no process can be run without a network.
    """

    folder: Path
    lost: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def called(self) -> list[str]:
        path = self.folder / "connections"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def run(self, *arguments: str) -> str:
        """What Python prints when it is run with these arguments."""
        command = [sys.executable, *arguments]
        counted = self.folder / "lost"
        if _why_not_alone() is None:
            command = ["unshare", "-rn", sys.executable, "-I", str(AUDIT / "alone.py"), str(counted), *command]
        environment = {"PYTHONPATH": str(AUDIT), "CONNECTIONS_FILE": str(self.folder / "connections")}
        done = subprocess.run(command, env=_environment() | environment, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        self.lost += int(counted.read_text()) if counted.exists() else 0
        self.said.append(done.stdout)
        return done.stdout


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


@pytest.fixture
def alone() -> None:
    """Skips the test where no process can be run without a network."""
    if (reason := _why_not_alone()) is not None:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """A small shop with an adapter that was indexed, asked from the command line, and asked on its page."""
    watch = Watch(tmp_path_factory.mktemp("watched"))
    lines = (SHOP / "items.jsonl").read_text(encoding="utf-8").splitlines()[:8]
    catalog, workspace = watch.folder / "items.jsonl", str(watch.folder / "shop")
    catalog.write_text("\n".join(lines).replace('"images/', '"no/'), encoding="utf-8")
    watch.run("-m", "ui.cli", "index", str(catalog), "--workspace", workspace)
    with Workspace.open(Path(workspace)) as made:
        take_shipped(made)
    watch.run("-m", "ui.cli", "recommend", "--workspace", workspace, "--query", "a lamp", "-k", "2", "--json")
    watch.run("-c", PAGE, workspace)
    return watch


def test_the_hook_sees_a_call_home(watch: Watch) -> None:
    watch.run(
        "-c", "import httpx, contextlib\nwith contextlib.suppress(httpx.HTTPError): httpx.get('http://example.com')"
    )
    assert watch.called == ["socket.getaddrinfo example.com"]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_the_kernel_counts_what_the_hook_cannot_see(watch: Watch, kind: str) -> None:
    watch.run("-I", "-c", f"import socket; socket.socket(type=socket.{kind}).connect_ex(('{FAR_AWAY}', 80))")
    assert watch.called == []
    assert watch.lost == 1


def test_index_recommend_and_the_page_work_without_a_network(shop: Watch) -> None:
    indexed, recommended, page = shop.said
    assert "8 added" in indexed
    assert '"reranked": true' in recommended
    assert '"reranked": true' in page.replace("\\", "")


def test_index_recommend_and_the_page_call_nobody(shop: Watch) -> None:
    assert shop.called == []


@pytest.mark.usefixtures("alone")
def test_their_native_code_calls_nobody_either(shop: Watch) -> None:
    assert shop.lost == 0


@pytest.mark.parametrize(
    "entry",
    [
        "import retrieval.encoders",
        "import agent.models.loading",
        "import agent.models.transformers",
        "import ui.app, retrieval.encoders",  # Gradio imports the hub's client before
        "import ui.cli, sys; sys.argv = ['tastemaker']; ui.cli.main()",
    ],
)
def test_the_hubs_telemetry_is_off_from_the_start(entry: str) -> None:
    code = (
        f"import contextlib\nwith contextlib.suppress(SystemExit): {entry}\n"
        "import huggingface_hub.constants as hub, os; print(hub.HF_HUB_DISABLE_TELEMETRY, os.environ['DO_NOT_TRACK'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("True 1\n")


def test_the_page_imported_alone_forbids_telemetry_before_the_hub_is_imported() -> None:
    code = "import ui.app, huggingface_hub.constants as hub; print(hub.HF_HUB_DISABLE_TELEMETRY)"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=_environment()
    )
    assert told.stdout == "True\n"
